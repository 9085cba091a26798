"""What rows amount to: verdicts, and the first failure."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compare.result import (
    ORDER,
    PHASES,
    Example,
    Row,
    Run,
    failures,
    first_failure,
    in_order,
    largest_score,
    missing,
    only,
    passed,
    unresolved,
    verdict,
)


def row(verdict="rounding", phase="loss", *, step=None, score=1.0, **values) -> Row:
    found = Row(phase, "loss", "", step, "float64", 0.0, 1.0, score, verdict)
    return replace(found, **values)


# ------------------------------------------------------------------------ verdicts


def test_verdicts_from_best_to_worst():
    """The design's table, `skipped` first since it proves and hides nothing."""
    assert ORDER == (
        "skipped",
        "bitwise",
        "rounding",
        "differs",
        "precision",
        "unresolved",
        "semantic",
        "crashed",
    )


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        ([], "skipped"),
        (["skipped"], "skipped"),
        (["skipped", "bitwise"], "bitwise"),
        (["bitwise", "rounding"], "rounding"),
        (["differs", "rounding"], "differs"),
        (["precision", "differs"], "precision"),
        (["semantic", "precision"], "semantic"),
        (["crashed", "semantic"], "crashed"),
        # Of a quantity with other rows, unresolved ones are left aside …
        (["unresolved", "bitwise"], "bitwise"),
        (["unresolved", "semantic"], "semantic"),
        # … but not where there is nothing else.
        (["unresolved"], "unresolved"),
        (["unresolved", "unresolved"], "unresolved"),
        (["unresolved", "skipped"], "unresolved"),
    ],
)
def test_the_worst_row_is_the_verdict(verdicts, expected):
    rows = [row(verdict) for verdict in verdicts]
    assert verdict(rows) == expected
    assert verdict(reversed(rows)) == expected
    assert verdict(iter(rows)) == expected


@pytest.mark.parametrize(
    ("others", "expected"),
    [("precision", "unresolved"), ("semantic", "semantic"), ("crashed", "crashed")],
)
def test_an_unresolved_quantity_counts_beside_others(others, expected):
    rows = [row("unresolved", "loss"), row(others, "update")]
    assert verdict(rows) == expected
    assert unresolved(rows) == ("loss loss",)


def test_float32_that_is_too_coarse_to_tell_is_no_agreement():
    assert verdict([replace(row("unresolved"), precision="float32")]) == "unresolved"


def test_a_skipped_row_does_not_resolve_a_quantity():
    rows = [row("unresolved", "loss"), row("skipped", "loss"), row("bitwise", "data")]
    assert unresolved(rows) == ("loss loss",)


@pytest.mark.parametrize(
    "other", [{"phase": "update"}, {"quantity": "train_step"}, {"leaf": "w"}]
)
def test_no_other_leaf_resolves_a_leaf(other):
    rows = [row("unresolved", leaf="b"), row("bitwise", **{"leaf": "b"} | other)]
    assert verdict(rows) == "unresolved"
    assert unresolved(rows) == ("loss loss b",)


@pytest.mark.parametrize("resolved", ["bitwise", "rounding", "precision", "semantic"])
def test_one_step_resolves_a_leaf(resolved):
    rows = [row("unresolved", step=0), row(resolved, step=3), row("unresolved", step=9)]
    assert verdict(rows) == resolved
    assert unresolved(rows) == ()


def test_float32_neither_resolves_nor_is_asked_to():
    wide, narrow = row("unresolved"), row("bitwise", precision="float32")
    assert verdict([wide, narrow]) == "unresolved"
    assert unresolved([wide, narrow]) == ("loss loss",)
    wide, narrow = row("bitwise"), row("unresolved", precision="float32")
    assert verdict([wide, narrow]) == "bitwise"
    assert unresolved([wide, narrow]) == ()


def test_all_that_is_not_resolved_is_named_once_in_order():
    rows = [row("unresolved", leaf=leaf, step=s) for leaf in "ba" for s in (0, 3)]
    assert unresolved(iter(rows)) == ("loss loss b", "loss loss a")


@pytest.mark.parametrize(
    ("name", "usual", "strict"),
    [
        ("bitwise", True, True),
        ("rounding", True, True),
        ("differs", True, True),
        ("skipped", True, True),
        ("precision", True, False),
        ("unresolved", False, False),
        ("semantic", False, False),
        ("crashed", False, False),
    ],
)
def test_what_passes(name, usual, strict):
    assert passed(name) is usual
    assert passed(name, strict=True) is strict


# ------------------------------------------------------------------ the first failure


def test_phases_in_the_order_in_which_a_fault_travels():
    """The design's section 4."""
    assert PHASES == (
        "data",
        "parameters",
        "outputs",
        "loss",
        "gradients",
        "state",
        "update",
        "trajectory",
        "predictions",
        "oracle",
    )


@pytest.mark.parametrize(
    ("rows", "first"),
    [
        ([("update", 0), ("loss", 9), ("oracle", 0)], ("loss", 9)),
        ([("loss", 10), ("loss", 9)], ("loss", 9)),
        ([("loss", 3), ("loss", None)], ("loss", None)),
        ([("loss", "a probe"), ("loss", 500)], ("loss", 500)),
        ([("something new", 0), ("oracle", 5)], ("oracle", 5)),
    ],
)
def test_the_first_failure_is_by_phase_and_then_by_step(rows, first):
    for order in (rows, rows[::-1]):
        failing = [row("semantic", phase, step=step) for phase, step in order]
        found = first_failure([row("bitwise", "data"), *failing])
        assert (found.phase, found.step) == first


def test_of_rows_at_one_place_the_loudest_is_first():
    rows = [row("semantic", score=s) for s in (40.0, 1e9, 50.0)]
    assert first_failure(rows).score == 1e9
    exact = row("semantic", score=None, leaf="exact")
    assert first_failure([*rows, exact]).leaf == "exact"


def test_only_failing_rows_are_failures():
    passing = ("skipped", "bitwise", "rounding", "differs", "precision", "unresolved")
    assert first_failure([row(name) for name in passing]) is None
    assert first_failure([row("precision"), row("crashed")]).verdict == "crashed"


def test_the_first_failure_of_every_phase_in_order():
    rows = [
        row("crashed", "update", step=3),
        row("semantic", "loss", step=9),
        row("semantic", "loss", step=2, score=50.0),
        row("precision", "gradients"),
        row("semantic", "update", step=1),
    ]
    found = [(r.phase, r.step) for r in failures(iter(rows))]
    assert found == [("loss", 2), ("update", 1)]
    assert failures([row("bitwise")]) == []


some_rows = st.fixed_dictionaries(
    {
        "verdict": st.sampled_from(ORDER),
        "phase": st.sampled_from([*PHASES, "later"]),
        "step": st.none() | st.integers(0, 50) | st.text(max_size=2),
        "score": st.none() | st.floats(0, 1e9),
    }
)


@given(st.lists(some_rows, max_size=6))
def test_sorted_rows_name_the_same_first_failure(drawn):
    """So the first failing row of run.json is the one that is shown."""
    rows = [row(**values) for values in drawn]
    ordered = sorted(rows, key=in_order)
    failing = [r for r in ordered if r.verdict in ("semantic", "crashed")]
    expected = first_failure(rows)
    assert (failing[0] if failing else None) == expected
    assert first_failure(ordered) == expected


def test_the_largest_score_is_of_rows_that_passed():
    rows = [
        row("rounding", score=3.0),
        row("differs", score=4.0),
        row("bitwise", score=None),
        row("semantic", score=1e6),
        row("unresolved", score=20.0),
        row("rounding", score=9.0, precision="float32"),
    ]
    assert largest_score(rows) == 4.0
    assert largest_score(rows, precision="float32") == 9.0
    assert largest_score(rows[2:4]) is None


def test_a_run_that_was_cut_off_says_what_is_missing():
    """It is written after every example, so that a killed one leaves a run.json."""
    done = Example("a", "lesson", "bitwise", 1.0, [row("bitwise")])
    told = {"examples": ["a", "b", "c"]}
    found = Run(seed=0, environment=told, examples=[done])
    assert missing(found) == ["b", "c"]
    assert missing(only(found, ["a"])) == []
    assert missing(only(found, ["a", "c"])) == ["c"]
    assert missing(replace(found, environment={})) == []
    assert missing(replace(found, environment={"examples": "none"})) == []
