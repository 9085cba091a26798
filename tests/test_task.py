"""Tasks: how much of a training is run, and at which checkpoints."""

import pickle
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compare import registry
from compare.fault import Edit
from compare.spec import Training
from compare.task import FULL, NORMAL, QUICK, Effort, Task

SPEC = registry.load("line_linear")


def spec(**changes) -> Training:
    return replace(SPEC, checkpoints=(), **changes)


@pytest.mark.parametrize(
    ("effort", "steps", "float64_steps", "expected"),
    [
        (NORMAL, 500, 200, (500, 200)),
        (NORMAL, 100, 200, (100, 100)),  # no longer than the run itself
        (QUICK, 500, 200, (40, 20)),
        (QUICK, 10, 200, (10, 10)),
        (FULL, 500, 200, (500, 500)),
        (Effort(steps=50), 500, 200, (50, 50)),
        (Effort(steps=900), 500, 200, (500, 200)),  # never more than the spec's
        (Effort(float64_steps=30), 500, 200, (500, 30)),
    ],
)
def test_steps(effort, steps, float64_steps, expected):
    made = spec(steps=steps, float64_steps=float64_steps)
    assert (effort.steps_of(made), effort.float64_steps_of(made)) == expected


@pytest.mark.parametrize(
    ("checkpoints", "steps", "expected"),
    [
        # Log-spaced: 1000^(i/3) is 1, 10, 100, 1000, counted from 0.
        (4, 1000, (0, 9, 99, 999)),
        (3, 100, (0, 9, 99)),
        (1, 100, (0,)),
        (12, 1, (0,)),
        (12, 3, (0, 1, 2)),
    ],
)
def test_checkpoints_are_log_spaced(checkpoints, steps, expected):
    assert Effort(checkpoints=checkpoints).checkpoints_of(spec(steps=steps)) == expected


def test_the_specs_own_checkpoints_are_added_where_they_are_run():
    made = replace(SPEC, steps=100, checkpoints=(0, 5, 99, 100, 3000))
    assert Effort(checkpoints=2).checkpoints_of(made) == (0, 5, 99)
    assert Effort(checkpoints=2, steps=10).checkpoints_of(made) == (0, 5, 9)


@given(st.integers(1, 20), st.integers(1, 5000))
def test_the_first_and_the_last_step_are_checkpoints(checkpoints, steps):
    chosen = Effort(checkpoints=checkpoints).checkpoints_of(spec(steps=steps))
    assert chosen[0] == 0
    assert chosen[-1] == (steps - 1 if checkpoints > 1 else 0)
    assert [*chosen] == sorted(set(chosen))
    assert len(chosen) <= checkpoints


def test_a_dozen_checkpoints_unless_asked_otherwise():
    assert len(NORMAL.checkpoints_of(spec(steps=4000))) == 12


def test_any_executor_can_carry_a_task():
    task = Task(
        "maps",
        "line_linear",
        "torch",
        "float32",
        3,
        "run 1",
        effort=QUICK,
        edit=Edit("a", "b"),
    )
    assert pickle.loads(pickle.dumps(task)) == task
