"""Lessons: kinds and values, on made-up traces."""

from dataclasses import replace

import numpy as np
import pytest
from lesson_traces import SIDES, X, check, lesson, of, raised, returned, sides, trace

from compare.check import Incomparable
from compare.noise import PRECISIONS
from compare.result import verdict
from compare.spec import Difference, Expected
from compare.trace import Key, by_side


def test_what_agrees_passes_in_kind_and_value_in_both_precisions():
    rows = check(lesson(), sides(returned(X), returned(X)))
    assert [(row.leaf, row.precision, row.verdict) for row in rows] == [
        ("kind", "float64", "bitwise"),
        ("kind", "float32", "bitwise"),
        ("", "float64", "bitwise"),
        ("", "float32", "bitwise"),
    ]
    assert {row.phase for row in rows} == {"outputs"}


def test_every_leaf_is_compared_at_the_floor():
    jax = returned({"a": X, "b.0": X})
    torch = returned({"a": X, "b.0": X + np.array([0, 0, 1e-9])})
    rows = check(lesson(), sides(jax, torch))
    assert of(rows, leaf="a").verdict == "bitwise"
    assert of(rows, leaf="b.0").verdict == "semantic"
    assert of(rows, leaf="b.0").index == [2]


def test_copies_that_move_widen_the_floor():
    jax, torch = returned(X, sensitivity=1e-10), returned(X + 1e-9)
    assert of(check(lesson(), sides(jax, torch))).verdict == "rounding"


@pytest.mark.parametrize(
    ("jax", "torch", "said"),
    [
        (
            returned(X, "float64[3]"),
            returned(X, "int64[3]"),
            "JAX: float64[3], PyTorch: int64[3], and no difference is documented",
        ),
        (
            raised("TypeError"),
            returned(X, "float64[3]"),
            "JAX: raises TypeError, PyTorch: float64[3], and no difference is docu",
        ),
        # Raising alike is undocumented too: a lesson should teach something.
        (
            raised("TypeError"),
            raised("TypeError"),
            "JAX: raises TypeError, PyTorch: raises TypeError, and no difference is",
        ),
    ],
)
def test_kinds_that_differ_or_raise_fail(jax, torch, said):
    rows = check(lesson(), sides(jax, torch))
    for precision in ("float64", "float32"):
        kind = of(rows, leaf="kind", precision=precision)
        assert kind.verdict == "semantic"
        assert kind.why.startswith(said)


REFUSED = lesson(refused={"f": "ValueError"})


def test_what_both_must_refuse_passes_in_both_precisions():
    rows = check(REFUSED, sides(raised("ValueError"), raised("ValueError")))
    assert [(row.leaf, row.precision, row.verdict, row.why) for row in rows] == [
        ("kind", "float64", "bitwise", ""),
        ("kind", "float32", "bitwise", ""),
    ]


@pytest.mark.parametrize(
    ("jax", "torch"),
    [
        (raised("ValueError"), raised("TypeError")),
        (raised("TypeError"), raised("ValueError")),
        (raised("TypeError"), raised("TypeError")),
        (raised("ValueErrors"), raised("ValueErrors")),
        (raised("ValueError warns UserWarning"), raised("ValueError")),
        (raised("ValueError"), returned(X)),
        (returned(X), raised("ValueError")),
        (returned(X), returned(X)),
    ],
    ids=lambda made: made[0],
)
def test_what_is_not_refused_as_stated_fails(jax, torch):
    rows = check(REFUSED, sides(jax, torch))
    for precision in PRECISIONS:
        kind = of(rows, leaf="kind", precision=precision)
        assert kind.verdict == "semantic"
        assert kind.why == (
            f"JAX: {jax[0]}, PyTorch: {torch[0]}; both must raise ValueError"
        )


@pytest.mark.parametrize("side", SIDES)
def test_what_is_refused_must_be_in_every_precision(side):
    traces = sides(raised("ValueError"), raised("ValueError"))
    traces[side].facts["kinds"]["f"] = "float64[3]"
    (row,) = [r for r in check(REFUSED, traces) if r.verdict == "semantic"]
    assert (row.leaf, row.precision) == ("kind", side[1])


def test_a_refusal_that_is_not_stated_for_this_function_does_not_count():
    rows = check(
        lesson(refused={"g": "ValueError"}),
        sides(raised("ValueError"), raised("ValueError")),
    )
    assert of(rows, leaf="kind").why.endswith("no difference is documented")
    assert of(rows, quantity="g").why == (
        "a refusal is documented, but no twin has this function"
    )


@pytest.mark.parametrize(
    ("jax", "torch"), [("ValueError", "ValueError"), ("ValueError", "TypeError")]
)
def test_what_both_refuse_alike_is_no_difference(jax, torch):
    kinds = dict.fromkeys(PRECISIONS, (f"raises {jax}", f"raises {torch}"))
    spec = replace(REFUSED, differences={"f": Difference("by design", kinds=kinds)})
    rows = check(spec, sides(raised(jax), raised(torch)))
    assert verdict(rows) == "semantic"
    assert any("difference is gone" in row.why for row in rows)


def test_a_kind_may_differ_in_one_precision_only():
    traces = sides(returned(X), returned(X))
    traces["torch", "float32"].facts["kinds"]["f"] = "float16[3]"
    rows = check(lesson(), traces)
    assert of(rows, leaf="kind").verdict == "bitwise"
    assert of(rows, leaf="kind", precision="float32").verdict == "semantic"


def test_a_function_that_one_side_lacks_fails():
    """Once for its kind, once for each of its leaves."""
    traces = sides(returned(X), returned(X))
    for precision in ("float64", "float32"):
        traces["torch", precision] = trace("torch", precision, {})
    rows = check(lesson(), traces)
    assert of(rows, leaf="kind").why.startswith("JAX: array, PyTorch: nothing")
    assert of(rows).why == "torch has no outputs f  None"
    assert verdict(rows) == "semantic"


def test_a_leaf_that_one_side_lacks_fails():
    rows = check(lesson(), sides(returned({"a": X, "b": X}), returned({"a": X})))
    assert of(rows, leaf="b").verdict == "semantic"
    assert "torch has no outputs f b" in of(rows, leaf="b").why


def test_a_shape_that_differs_fails_and_is_told():
    rows = check(lesson(), sides(returned(X), returned(X[:, np.newaxis])))
    assert of(rows).verdict == "semantic"
    assert "shape (3,) in JAX and (3, 1) in PyTorch" in of(rows).why


def test_a_worse_float32_is_named():
    traces = sides(returned(X), returned(X))
    traces["torch", "float32"].arrays[Key("outputs", "f")] += np.float32(1e-3)
    found = of(check(lesson(), traces), precision="float32")
    assert found.verdict == "precision"
    assert found.why.startswith("PyTorch is")


@pytest.mark.parametrize("side", SIDES)
def test_a_kind_that_changes_under_rounding_fails(side):
    traces = sides(returned(X), returned(X))
    traces[side].facts["unstable"] = {"f": "bool[], and int64[] in a copy"}
    rows = [row for row in check(lesson(), traces) if row.verdict == "semantic"]
    assert [(row.precision, row.phase) for row in rows] == [(side[1], "outputs")]
    assert rows[0].why == (
        f"{side[0]} changes its kind under rounding: bool[], and int64[] in a copy"
    )


def test_a_function_that_needs_a_gpu_is_skipped_with_its_third_opinion():
    traces = by_side(trace(f, p, {}, skipped={"f": "needs a GPU"}) for f, p in SIDES)
    spec = lesson(expected=(Expected("f", lambda given: {"": X}, "NumPy"),))
    assert {(r.verdict, r.why) for r in check(spec, traces)} == {
        ("skipped", "needs a GPU")
    }


def test_nothing_compared_is_a_failure():
    traces = by_side(trace(f, p, {}) for f, p in SIDES)
    assert verdict(check(lesson(), traces)) == "semantic"


@pytest.mark.parametrize("lacking", [["jax"], ["torch"], ["jax", "torch"]])
def test_a_leaf_that_a_float32_run_lacks_fails(lacking):
    traces = sides(returned(X), returned(X))
    for side in lacking:
        del traces[side, "float32"].arrays[Key("outputs", "f")]
    found = of(check(lesson(), traces), precision="float32")
    assert found.verdict == "semantic"
    assert found.why.startswith("shapes in float32 are ")


@pytest.mark.parametrize("side", SIDES)
def test_a_function_that_is_not_the_same_twice_fails(side):
    traces = sides(returned(X), returned(X))
    traces[side].facts["not repeatable"] = [["outputs", "f", "", None]]
    (row,) = [row for row in check(lesson(), traces) if row.verdict == "semantic"]
    assert (row.phase, row.quantity, row.precision) == ("outputs", "f", side[1])
    name = {"jax": "JAX", "torch": "PyTorch"}[side[0]]
    assert row.why == f"{name} gives other bits when run again"


@pytest.mark.parametrize("side", SIDES)
def test_a_trace_that_is_absent_is_refused(side):
    traces = sides(returned(X), returned(X))
    del traces[side]
    with pytest.raises(Incomparable, match=f"there is no {side[0]} {side[1]} trace"):
        check(lesson(), traces)


def test_traces_of_different_runs_are_refused():
    traces = sides(returned(X), returned(X))
    traces["torch", "float32"] = replace(traces["torch", "float32"], run="run 2")
    with pytest.raises(Incomparable):
        check(lesson(), traces)
