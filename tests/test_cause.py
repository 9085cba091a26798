"""What a mismatch is likely due to: its phase, and how the two values stand."""

import pytest
from made_up_runs import row

from compare.cause import PHASES, likely
from compare.result import PHASES as ALL


def test_every_phase_says_something():
    assert PHASES.keys() == set(ALL)


@pytest.mark.parametrize("phase", ALL)
def test_the_first_phase_that_differs_says_where_to_look(phase):
    assert likely(row(phase, verdict="semantic")) == PHASES[phase]


@pytest.mark.parametrize(
    ("jax", "torch", "expected"),
    [
        (1.5, -1.5, "a sign"),
        (1.5, 3.0, "a factor of 2"),
        (3.0, 1.5, "a factor of 2"),
        (0.25, 16.0, "a factor of 64: a sum in the place of a mean?"),
        (16.0, 0.25, "a factor of 64: a sum in the place of a mean?"),
        (1.0, 1.0 + 1e-9, "by 1e-09 of themselves"),
        (-2.0, -2.002, "by 0.001 of themselves"),
    ],
)
def test_a_simple_ratio_is_named(jax, torch, expected):
    told = likely(row("loss", verdict="semantic", jax=jax, torch=torch))
    assert told.startswith(PHASES["loss"])
    assert expected in told


@pytest.mark.parametrize(
    ("jax", "torch"),
    [
        (1.0, 1.37),
        (1.0, 2.5),
        (0.0, 1.0),
        (1.0, 0.0),
        (None, 1.0),
        (1.0, None),
        (1.0, float("inf")),
        (float("nan"), 1.0),
        (5e-324, 1e300),
        (1e300, 5e-324),
        (float("inf"), 1.0),
        (1.0, 5001.0),
        (1.0, 1.0),
        (-1.0, 64.0),
    ],
)
def test_no_ratio_is_made_up(jax, torch):
    told = likely(row("loss", verdict="semantic", jax=jax, torch=torch))
    assert told == PHASES["loss"]


def test_a_crash_and_an_unknown_phase_have_no_cause():
    assert likely(row("loss", verdict="crashed", jax=1.0, torch=2.0)) == ""
    assert likely(row("of another version", verdict="semantic")) == ""
