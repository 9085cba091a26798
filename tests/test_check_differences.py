"""Documented differences of a lesson, on made-up traces: there, gone, or another."""

from dataclasses import replace

import numpy as np
import pytest
from lesson_traces import X, check, lesson, of, raised, returned, sides

from compare.noise import PRECISIONS
from compare.result import verdict
from compare.spec import Difference

GONE = "the documented difference is gone: by design"


def outcome(rows) -> tuple[str, bool]:
    """The lesson's verdict, and whether a difference is called gone."""
    return verdict(rows), any(row.why == GONE for row in rows)


KINDS = dict.fromkeys(PRECISIONS, ("int32[3]", "int64[3]"))


@pytest.mark.parametrize(
    ("jax", "torch", "kinds", "expected"),
    [
        ("int32[3]", "int64[3]", KINDS, ("differs", False)),
        ("int32[3]", "int32[3]", KINDS, ("semantic", True)),
        ("int64[3]", "int64[3]", KINDS, ("semantic", True)),
        ("int32[3]", "int16[3]", KINDS, ("semantic", True)),
        ("int64[3]", "int32[3]", KINDS, ("semantic", True)),
        # Equal kinds are no difference, whatever is documented.
        ("a", "a", {"float64": ("a", "a"), "float32": ("a", "a")}, ("semantic", True)),
        # A precision that is left out must agree.
        ("a", "b", {"float64": ("a", "b")}, ("semantic", False)),
    ],
)
def test_kinds_that_are_documented(jax, torch, kinds, expected):
    spec = lesson(differences={"f": Difference("by design", kinds=kinds)})
    rows = check(spec, sides(returned(X, jax), returned(X, torch)))
    assert outcome(rows) == expected


def test_a_documented_kind_passes_with_its_reason_and_fails_with_both():
    spec = lesson(differences={"f": Difference("by design", kinds=KINDS)})
    good = check(spec, sides(returned(X, "int32[3]"), returned(X, "int64[3]")))
    bad = check(spec, sides(returned(X, "int32[3]"), returned(X, "int16[3]")))
    assert of(good, leaf="kind").why == "by design"
    assert of(bad, leaf="kind").why == (
        "JAX: int32[3], PyTorch: int16[3]; documented are int32[3] and int64[3]"
    )


RAISES = Difference(
    "by design",
    kinds=dict.fromkeys(PRECISIONS, ("array", "raises IndexError")),
    jax=lambda given: {"": given["x"][::-1]},
)


@pytest.mark.parametrize(
    ("jax", "torch", "expected"),
    [
        (returned(X[::-1]), raised("IndexError"), ("differs", False)),
        (returned(X[::-1]), raised("TypeError"), ("semantic", True)),
        (returned(X[::-1]), returned(X[::-1]), ("semantic", True)),
        (raised("IndexError"), raised("IndexError"), ("semantic", True)),
        # What the side that returns gives is stated, and checked.
        (returned(X), raised("IndexError"), ("semantic", False)),
    ],
)
def test_a_documented_exception(jax, torch, expected):
    rows = check(lesson(differences={"f": RAISES}), sides(jax, torch))
    assert outcome(rows) == expected


def test_an_exception_whose_counterpart_is_not_stated_fails():
    """Else nothing would be known of what the other side returns."""
    spec = lesson(differences={"f": replace(RAISES, jax=None)})
    rows = check(spec, sides(returned(X), raised("IndexError")))
    assert verdict(rows) == "semantic"


# What PyTorch must return; the worker has put it in place of JAX's own outputs.
DOUBLE = Difference("by design", relation=lambda jax, given: {"": 2 * jax[""]})


@pytest.mark.parametrize(
    ("own", "torch", "expected"),
    [
        (X, 2 * X, ("differs", False)),
        (X, 2 * X + 2.0**-49, ("differs", False)),
        (X, 3 * X, ("semantic", True)),
        (X, X, ("semantic", True)),
        # The relation holds of equal numbers: there is no difference any more.
        (0 * X, 0 * X, ("bitwise", True)),
    ],
)
def test_a_documented_relation(own, torch, expected):
    spec = lesson(differences={"f": DOUBLE})
    rows = check(spec, sides(returned(2 * own, own=own), returned(torch)))
    found, gone = outcome(rows)
    assert gone == expected[1]
    assert found == ("semantic" if gone else expected[0])
    assert of(rows[:-1] if gone else rows).verdict == expected[0]


def test_a_relation_may_change_the_shape():
    matrix = np.arange(6.0).reshape(2, 3)
    spec = lesson(differences={"f": DOUBLE})
    rows = check(spec, sides(returned(matrix.T, own=matrix), returned(matrix.T)))
    assert outcome(rows) == ("differs", False)


STATED = Difference(
    "by design", jax=lambda given: {"": X}, torch=lambda given: {"": 2 * given["x"]}
)


@pytest.mark.parametrize(
    ("jax", "torch", "expected"),
    [
        (X, 2 * X, ("differs", False)),
        (X, X, ("semantic", True)),
        (2 * X, X, ("semantic", False)),
        (2 * X, 2 * X, ("semantic", True)),
        (X, 2 * X + 1e-9, ("semantic", False)),
    ],
)
def test_documented_values_of_both_sides(jax, torch, expected):
    rows = check(
        lesson(differences={"f": STATED}), sides(returned(jax), returned(torch))
    )
    assert outcome(rows) == expected


def test_a_stated_value_is_judged_of_its_own_side():
    rows = check(lesson(differences={"f": STATED}), sides(returned(X), returned(3 * X)))
    assert of(rows, quantity="f of jax").verdict == "bitwise"
    assert of(rows, quantity="f of jax").why == "by design"
    bad = of(rows, quantity="f of torch")
    assert (bad.verdict, bad.index) == ("semantic", [2])
    assert bad.why == "PyTorch has 6.0, the oracle 4.0 at [2]"


def test_a_difference_of_a_function_that_is_not_there():
    spec = lesson(differences={"g": Difference("by design", kinds=KINDS)})
    rows = check(spec, sides(returned(X), returned(X)))
    (row,) = (row for row in rows if row.quantity == "g")
    assert row.verdict == "semantic"
    assert row.why == "a difference is documented, but no twin has this function"
