"""Documented differences of a lesson, on made-up traces: there, gone, or another."""

from dataclasses import replace

import numpy as np
import pytest
from lesson_traces import X, check, lesson, of, raised, returned, sides, trace

from compare.noise import PRECISIONS
from compare.result import verdict
from compare.spec import Difference
from compare.trace import Key

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


def test_a_documented_exception_needs_no_stated_counterpart():
    """What the other side returns may be a number without meaning."""
    spec = lesson(differences={"f": replace(RAISES, jax=None)})
    rows = check(spec, sides(returned(X), raised("IndexError")))
    assert outcome(rows) == ("differs", False)
    assert {row.leaf for row in rows} == {"kind"}


@pytest.mark.parametrize(
    "kinds", [{}, {"float32": ("array", "raises IndexError")}, KINDS]
)
def test_a_value_that_one_side_lacks_without_a_documented_exception_fails(kinds):
    spec = lesson(differences={"f": Difference("by design", kinds=kinds)})
    rows = check(spec, sides(returned(X), raised("IndexError")))
    found = of(row for row in rows if row.why != GONE)
    assert (found.verdict, found.why) == ("semantic", "torch has no outputs f  None")


def test_both_values_are_compared_where_a_documented_exception_is_not_raised():
    spec = lesson(differences={"f": replace(RAISES, jax=None)})
    rows = check(spec, sides(returned(X), returned(X + 1e-6)))
    found = of(row for row in rows if row.why != GONE)
    assert found.why.startswith("JAX has ")
    assert outcome(rows) == ("semantic", True)


def test_an_exception_that_is_documented_in_float32_only():
    kinds = {"float32": ("array", "raises IndexError")}
    spec = lesson(differences={"f": Difference("by design", kinds=kinds)})
    traces = sides(returned(X), returned(X))
    traces["torch", "float32"] = trace("torch", "float32", {"f": raised("IndexError")})
    rows = check(spec, traces)
    assert of(rows).verdict == "bitwise"
    assert outcome(rows) == ("differs", False)


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


@pytest.mark.parametrize("side", ["jax", "torch"])
@pytest.mark.parametrize(
    ("by", "expected"),
    [
        # The floor is 4 · 2⁻²³ of a leaf whose largest value is 2 or 4: ulps of it.
        (16, "differs"),
        (128, "differs"),
        (130, "semantic"),
        (None, "semantic"),
    ],
)
def test_a_stated_value_is_checked_in_float32_too(side, by, expected):
    traces, key = sides(returned(X), returned(2 * X)), Key("own", "f")
    arrays, size = traces[side, "float32"].arrays, {"jax": 2, "torch": 4}[side]
    if by is None:
        del arrays[key]
    else:
        arrays[key] = arrays[key] - [0, 0, np.float32(by * size * 2.0**-23)]
    rows = check(lesson(differences={"f": STATED}), traces)
    found = of(rows, quantity=f"f of {side}", precision="float32")
    assert found.verdict == ("semantic" if expected == "semantic" else "rounding")
    assert outcome(rows) == (expected, False)
    assert of(rows, quantity=f"f of {side}").verdict == "bitwise"


def test_a_stated_value_is_not_asked_of_the_precision_that_raises():
    both = ("raises IndexError", "array")
    spec = replace(STATED, kinds=dict.fromkeys(PRECISIONS, both), torch=None)
    rows = check(
        lesson(differences={"f": spec}), sides(raised("IndexError"), returned(X))
    )
    assert not [row for row in rows if row.quantity == "f of jax"]
    assert outcome(rows) == ("differs", False)


def test_a_difference_of_a_function_that_is_not_there():
    spec = lesson(differences={"g": Difference("by design", kinds=KINDS)})
    rows = check(spec, sides(returned(X), returned(X)))
    (row,) = (row for row in rows if row.quantity == "g")
    assert row.verdict == "semantic"
    assert row.why == "a difference is documented, but no twin has this function"
