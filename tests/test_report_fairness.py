"""Under which conditions modes were timed; and what a step takes, as a table."""

from dataclasses import replace

import pytest
from made_up_times import EXAMPLE, lost, ratio, run, sampled, timing

from compare.report.fairness import Manifest, Unlike, fairness, unlike
from compare.report.steady import Steady, steady
from compare.timing import Timing, Typical

SAME = {"dtype": "float32", "device": "cpu"}
NOT = {"compiled": "no"}

# ---------------------------------------------------------------------------- fairness


def test_modes_and_examples_that_are_alike_share_a_row():
    given = [
        timing(mode, 1e-3, 1e-3, example=example)
        for mode in ("JAX jit", "PyTorch eager")
        for example in ("a", "b")
    ]
    assert fairness(run(*given)) == [
        Manifest(["JAX jit", "PyTorch eager"], ["a", "b"], SAME, NOT)
    ]


def test_what_differs_has_a_row_of_its_own():
    told = {"compiled": "step"}
    jit = replace(timing("JAX jit", 1e-3), workers=[sampled(1e-3, idiom=told)])
    found = fairness(run(jit, timing("PyTorch eager", 1e-3)))
    assert [(row.modes, row.idiom) for row in found] == [
        (["JAX jit"], told),
        (["PyTorch eager"], NOT),
    ]


def test_workers_of_one_mode_that_differ_are_told():
    odd = sampled(1e-3, conditions={"dtype": "bfloat16"})
    jit = replace(timing("JAX jit", 1e-3), workers=[sampled(1e-3), odd])
    assert [row.conditions["dtype"] for row in fairness(run(jit))] == [
        "float32",
        "bfloat16",
    ]


def test_controls_and_what_has_no_times_have_no_conditions():
    given = [timing("JAX jit again", 1e-3), lost("JAX scan", "failed", "it died")]
    assert fairness(run(*given)) == []


def test_what_is_unlike_is_told_once():
    both = "JAX jit", "PyTorch eager"
    ratios = [
        ratio(*both, 0.5, example="a", unlike=["x"]),
        ratio(*both, 0.5, example="b", unlike=["x"]),
        ratio(*both, 0.5, example="c", unlike=["x", "y"]),
        ratio(*both, 0.5, example="d"),
    ]
    assert unlike(run(ratios=ratios)) == [
        Unlike(*both, ["a", "b"], ["x"]),
        Unlike(*both, ["c"], ["x", "y"]),
    ]


# ------------------------------------------------------------------------ as a table


def test_what_a_step_takes():
    """Of 1 ms: 10⁶ operations are 1 GFLOP/s, of the 107.4 of a large product."""
    (row,) = steady(run(timing("JAX jit", 1e-3, 1e-3)), EXAMPLE)
    assert row == Steady(
        "JAX jit",
        "equivalent",
        step="1000",
        reach="± 0.0%",
        latency="1500",
        forward="250",
        backward="750",
        speed="1",
        of_product="0.9%",
        memory="500",
    )


def test_what_was_not_timed_has_its_reason_and_the_control_is_left_out():
    given = run(
        timing("JAX jit again", 1e-3),
        lost("JAX scan", "left out", "nothing changes"),
        timing("JAX jit", 1e-3, example="other"),
    )
    assert steady(given, EXAMPLE) == [Steady("JAX scan", "left out", "nothing changes")]


def test_sizes_that_were_swept_are_rows():
    given = run(replace(timing("JAX jit", 1e-3), batch=64))
    assert [row.mode for row in steady(given, EXAMPLE)] == ["JAX jit batch 64"]


NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("changes", "empty"),
    [
        ({"fraction": NAN, "speed": INF}, {"of_product": "", "speed": ""}),
        ({"fraction": None, "speed": None}, {"of_product": "", "speed": ""}),
        ({"typical": {"step": Typical(1e-3, 0.0, NAN)}}, {"reach": "", "latency": ""}),
        ({"typical": {"step": Typical(NAN, None, None)}}, {"step": ""}),
        ({"typical": {}}, {"step": ""}),
        ({"workers": []}, {"memory": ""}),
    ],
)
def test_what_is_no_number_is_empty(changes, empty):
    odd: Timing = replace(timing("JAX jit", 1e-3), **changes)
    (row,) = steady(run(odd), EXAMPLE)
    assert {name: getattr(row, name) for name in empty} == empty
