"""One quantity, two sides, one floor: which verdict, and what it says."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compare.check import (
    Incomparable,
    Pair,
    exact,
    judge,
    pair,
    repeatable,
    same_run,
)
from compare.fault import FRAMEWORKS
from compare.noise import PRECISIONS
from compare.task import Task
from compare.trace import Key, Trace, by_side

KEY = Key("gradients", "gradient", "linear.weight", 3)
TASK = Task("maps", "line", "jax", "float64", 0, "run 1")
SIDES = [*product(FRAMEWORKS, PRECISIONS)]
FLOOR = 2.0**-50  # 4 · 2⁻⁵² of a leaf whose largest value is 1


def leaf(*values: float) -> np.ndarray:
    return np.array(values)


def sides(jax64, torch64, jax32=None, torch32=None, *, sensitivity=0.0, scale=0.0):
    """Traces of one leaf; a side without a value has no trace."""
    values = {
        ("jax", "float64"): jax64,
        ("torch", "float64"): torch64,
        ("jax", "float32"): jax32,
        ("torch", "float32"): torch32,
    }
    return by_side(
        Trace(
            "line",
            framework,
            precision,
            0,
            "run 1",
            arrays={KEY: np.asarray(value, precision)},
            sensitivity={KEY: np.asarray(sensitivity)},
            scale={KEY: scale},
        )
        for (framework, precision), value in values.items()
        if value is not None
    )


def verdict(left, right, **options) -> str:
    return judge(pair(sides(left, right, **options), KEY)).verdict


# -------------------------------------------------------------------- both traces


def four():
    """Traces of all four sides, of the task's run."""
    return sides(leaf(1), leaf(1), leaf(1), leaf(1))


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize(
    ("field", "value"), [("run", "run 2"), ("seed", 1), ("example", "moons")]
)
def test_traces_of_different_runs_are_never_compared(field, value, side):
    both = four()
    same_run(both, TASK)
    both[side] = replace(both[side], **{field: value})
    with pytest.raises(Incomparable) as told:
        same_run(both, TASK)
    assert str(told.value) == (
        f"the {side[0]} {side[1]} trace has {field} {value!r}, "
        f"expected {getattr(TASK, field)!r}"
    )


@pytest.mark.parametrize(
    ("field", "value"), [("run", "run 2"), ("seed", 1), ("example", "moons")]
)
def test_traces_that_are_all_of_another_run_are_refused_too(field, value):
    """They agree with each other, but not with the data that the task tells of."""
    with pytest.raises(Incomparable, match=f"has {field} .*, expected {value!r}"):
        same_run(four(), replace(TASK, **{field: value}))


@pytest.mark.parametrize("side", SIDES)
def test_a_framework_without_a_precision_is_refused(side):
    both = four()
    del both[side]
    with pytest.raises(Incomparable, match=f"there is no {side[0]} {side[1]} trace"):
        same_run(both, TASK)


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_a_framework_alone_has_both_precisions(framework):
    alone = {side: trace for side, trace in four().items() if side[0] == framework}
    same_run(alone, TASK)
    del alone[framework, "float32"]
    with pytest.raises(Incomparable, match=f"there is no {framework} float32 trace"):
        same_run(alone, TASK)


# ------------------------------------------------------------------- the same twice


def test_sides_that_repeat_their_bits_have_no_rows():
    both = four()
    both["jax", "float64"].facts["not repeatable"] = []
    assert [*repeatable(both, TASK)] == []


@pytest.mark.parametrize("side", SIDES)
def test_a_side_that_is_not_the_same_twice_fails(side):
    both, other = four(), Key("loss", "loss", "", 0)
    # As JSON gives them back: lists, not keys.
    both[side].facts["not repeatable"] = [list(KEY), list(other)]
    rows = [*repeatable(both, TASK)]
    assert [Key(r.phase, r.quantity, r.leaf, r.step) for r in rows] == [KEY, other]
    name = {"jax": "JAX", "torch": "PyTorch"}[side[0]]
    assert {(r.verdict, r.precision, r.why) for r in rows} == {
        ("semantic", side[1], f"{name} gives other bits when run again")
    }


@pytest.mark.parametrize(("device", "count"), [("cpu", 4), ("gpu", 0)])
def test_a_gpu_may_add_in_any_order(device, count):
    both = four()
    for trace in both.values():
        trace.facts["not repeatable"] = [list(KEY)]
    assert len([*repeatable(both, replace(TASK, device=device))]) == count


# ------------------------------------------------------------------- a missing side


@pytest.mark.parametrize("side", ["jax", "torch"])
def test_a_missing_quantity_names_the_side(side):
    both = sides(leaf(1), leaf(1))
    both[side, "float64"].arrays.clear()
    with pytest.raises(KeyError, match=f"{side} has no gradients gradient linear.weig"):
        pair(both, KEY)


def test_shapes_that_differ_are_not_broadcast():
    both = sides(np.ones((3, 1)), np.ones((1, 4)))
    with pytest.raises(KeyError, match=r"shape \(3, 1\) in JAX and \(1, 4\) in PyT"):
        pair(both, KEY)


def test_the_floor_of_a_pair_takes_each_term_from_both_sides():
    """Whichever side it is on, the largest sensitivity, error and scale count."""
    narrow = leaf(1 + 2.0**-10).astype(np.float32)
    for wide in ("jax", "torch"):
        both = four()
        assert pair(both, KEY).floor == FLOOR
        both[wide, "float64"].scale[KEY] = 2.0
        assert pair(both, KEY).floor == 2 * FLOOR
        both[wide, "float32"].arrays[KEY] = narrow
        assert pair(both, KEY).floor == 2.0**-39
        both[wide, "float64"].sensitivity[KEY] = np.asarray(1e-4)
        assert pair(both, KEY).floor == 1e-4


# ------------------------------------------------------------------------ verdicts


@pytest.mark.parametrize(
    ("left", "right", "options", "expected"),
    [
        (1.0, 1.0, {}, "bitwise"),
        (0.0, -0.0, {}, "rounding"),
        (0.0, 0.0, {}, "bitwise"),
        # Below 1 the ulp is 2⁻⁵³: a score of exactly 32, and the next number.
        (1.0, 1.0 - 2.0**-45, {}, "rounding"),
        (1.0, 1.0 - 2.0**-45 - 2.0**-53, {}, "semantic"),
        (1.0 - 2.0**-45 - 2.0**-53, 1.0, {}, "semantic"),
        (0.0, 1e-300, {}, "semantic"),
        # A floor of a thousandth of the value, and the next number.
        (1.0, 0.75, {"sensitivity": 1e-3}, "semantic"),
        (1.0, 1.0 - 2.0**-10, {"sensitivity": 1e-3}, "rounding"),
        (1.0, 1.0 - 2.0**-10, {"sensitivity": np.nextafter(1e-3, 1)}, "unresolved"),
        (1.0, 1.0, {"sensitivity": 0.5}, "bitwise"),
        (1.0, 31.0, {"sensitivity": 0.5}, "semantic"),
        (0.0, 2.0**-60, {"scale": 1.0}, "unresolved"),
        # What is not finite agrees with itself only.
        (np.nan, np.nan, {}, "bitwise"),
        (np.nan, -np.nan, {}, "rounding"),
        (np.inf, np.inf, {}, "bitwise"),
        (np.inf, -np.inf, {}, "semantic"),
        (np.nan, 1.0, {"sensitivity": 0.5}, "semantic"),
        (1.0, np.inf, {"sensitivity": 0.5}, "semantic"),
        (np.nan, np.inf, {}, "semantic"),
    ],
)
def test_verdict_of_a_number(left, right, options, expected):
    assert verdict(left, right, **options) == expected


def test_nan_is_compared_place_by_place():
    assert verdict(leaf(np.nan, 1, 2), leaf(np.nan, 1, 2 + 2.0**-51)) == "rounding"
    assert verdict(leaf(np.nan, 1, 2), leaf(1, np.nan, 2)) == "semantic"


@pytest.mark.parametrize(
    ("dtype", "expected"), [(np.int64, "bitwise"), (np.int32, "rounding")]
)
def test_the_same_integers_are_bitwise_in_the_same_type_only(dtype, expected):
    both = sides(1, 1)
    both["jax", "float64"].arrays[KEY] = np.arange(5)
    both["torch", "float64"].arrays[KEY] = np.arange(5).astype(dtype)
    assert judge(pair(both, KEY)).verdict == expected


@pytest.mark.parametrize("value", [2**45, 2**53, 2**62])
def test_integers_that_differ_are_never_rounding(value):
    both = sides(1, 1)
    both["jax", "float64"].arrays[KEY] = np.array([value])
    both["torch", "float64"].arrays[KEY] = np.array([value + 1])
    assert judge(pair(both, KEY)).verdict == "semantic"


def test_a_row_tells_where_and_what():
    """Distinct sizes of all axes, so that a wrong order of them is seen."""
    left = np.ones((2, 3, 5))
    right = left.copy()
    right[1, 2, 3] = 1.5
    right[0, 1, 4] = 1.25
    row = judge(pair(sides(left, right, sensitivity=1e-4), KEY))
    assert (row.phase, row.quantity, row.leaf, row.step) == tuple(KEY)
    assert (row.precision, row.verdict) == ("float64", "semantic")
    assert (row.error, row.floor, row.score) == (0.5, 1e-4, 0.5 / 1e-4)
    assert (row.index, row.jax, row.torch) == ([1, 2, 3], 1.0, 1.5)
    assert row.why == "JAX has 1.0, PyTorch 1.5 at [1, 2, 3]"


def test_a_scalar_has_no_index():
    row = judge(pair(sides(1.0, 2.0), KEY))
    assert (row.index, row.why) == ([], "JAX has 1.0, PyTorch 2.0")


def test_the_index_of_a_thinned_leaf_is_that_of_the_whole():
    both = sides(leaf(1, 1, 1), leaf(1, 4, 1))
    for trace in both.values():
        trace.places[KEY] = np.array([0, 17, 34])
        trace.shapes[KEY] = (5, 7)
    row = judge(pair(both, KEY))
    assert (row.index, row.jax, row.torch) == ([2, 3], 1.0, 4.0)  # 17 = 2 · 7 + 3


def test_a_leaf_without_elements_is_bitwise():
    row = judge(pair(sides(np.zeros((0, 3)), np.zeros((0, 3))), KEY))
    assert (row.verdict, row.index, row.score) == ("bitwise", [], 0.0)


@pytest.mark.parametrize(
    ("side", "name", "jax", "torch"),
    [("jax", "JAX", 1.0, None), ("torch", "PyTorch", None, 1.0)],
)
def test_other_names_than_the_frameworks_are_told(side, name, jax, torch):
    """A row's `jax` and `torch` hold what that framework has, and nothing else."""
    whole = pair(sides(1.0, 2.0), KEY)
    row = judge(replace(whole, names=(side, "the oracle")))
    assert row.why == f"{name} has 1.0, the oracle 2.0"
    assert (row.jax, row.torch) == (jax, torch)


@pytest.mark.parametrize(
    ("left", "right", "sensitivity", "expected"),
    [
        (1.0, 1.0, 0.0, ("differs", "by design")),
        (1.0, 1.0 - 2.0**-50, 0.0, ("differs", "by design")),
        (1.0, 2.0, 0.0, ("semantic", "JAX has 1.0, PyTorch 2.0")),
        (1.0, 1.5, 0.5, ("unresolved", "the floor is more than a thousandth of the")),
    ],
)
def test_a_documented_relation_passes_as_differs(left, right, sensitivity, expected):
    whole = pair(sides(left, right, sensitivity=sensitivity), KEY)
    row = judge(whole, passing="differs", why="by design")
    assert row.verdict == expected[0]
    assert row.why.startswith(expected[1])


@given(st.floats(2.0**-500, 2.0**500), st.floats(0, 64), st.sampled_from([-1.0, 1.0]))
def test_a_score_does_not_depend_on_the_size_of_the_numbers(size, score, sign):
    right = size - sign * score * FLOOR * size
    row = judge(pair(sides(size, right), KEY))
    floor = FLOOR * max(size, right)
    assert row.floor == floor
    assert row.score == abs(size - right) / floor
    assert (row.verdict == "semantic") == (row.score > 32)


# ------------------------------------------------------------------- row by row


def by_row(left, right, sensitivity) -> Pair:
    return pair(sides(left, right, sensitivity=sensitivity), KEY)


def test_the_first_failing_row_is_reported_not_the_worst():
    left = np.ones((4, 3))
    right = left.copy()
    right[1, 2], right[3, 0] = 1.5, 100.0
    row = judge(by_row(left, right, np.zeros(4)))
    assert (row.verdict, row.step, row.index) == ("semantic", 1, [2])
    assert (row.jax, row.torch, row.error) == (1.0, 1.5, 0.5)
    assert row.floor == 1.5 * FLOOR


def test_without_a_failure_the_row_of_the_largest_score_is_reported():
    right = np.ones((4, 3))
    right[1, 0], right[2, 1] = 1 - 2.0**-50, 1 - 2.0**-48
    row = judge(by_row(np.ones((4, 3)), right, np.zeros(4)))
    assert (row.verdict, row.step, row.index, row.score) == ("rounding", 2, [1], 4.0)


def test_unresolved_rows_are_left_aside_while_others_are_resolved():
    left, right = np.ones(4), leaf(1, 1 - 2.0**-50, 1 - 2.0**-50, 1.25)
    row = judge(by_row(left, right, leaf(0, 0, 2.0**-49, 0.125)))
    assert (row.verdict, row.step, row.score) == ("rounding", 1, 1.0)


def test_rows_of_which_none_is_resolved_are_unresolved():
    left, right = np.ones(3), leaf(1.25, 1.5, 1.0)
    row = judge(by_row(left, right, leaf(0.125, 0.125, 0.125)))
    assert (row.verdict, row.step, row.score) == ("unresolved", 1, 4.0)
    assert row.why == "the floor is more than a thousandth of the value"


def test_a_failing_row_counts_even_where_its_floor_is_high():
    row = judge(by_row(np.ones(3), leaf(1, 1, 1e9), leaf(0, 0, 1e-1)))
    assert (row.verdict, row.step) == ("semantic", 2)


def test_cutting_keeps_the_first_rows():
    right = np.ones((4, 3))
    right[2] = 7.0
    whole = by_row(np.ones((4, 3)), right, np.zeros(4))
    assert judge(whole).step == 2
    assert judge(whole.cut(3)).step == 2
    assert judge(whole.cut(2)).verdict == "bitwise"


def test_a_leaf_judged_as_a_whole_is_not_cut():
    whole = pair(sides(np.ones((4, 3)), np.ones((4, 3))), KEY)
    assert whole.cut(2) is whole


# ---------------------------------------------------------------- exact comparisons


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"ok": True}, ("bitwise", 0.0)),
        ({"ok": True, "passing": "differs"}, ("differs", 0.0)),
        ({"ok": False}, ("semantic", None)),
        ({"ok": False, "passing": "differs"}, ("semantic", None)),
        ({"ok": False, "error": 0.25}, ("semantic", 0.25)),
    ],
)
def test_an_exact_row_has_neither_floor_nor_score(options, expected):
    row = exact("data", "received", why="because", leaf="x", step=2, **options)
    assert (row.verdict, row.error) == expected
    assert (row.floor, row.score) == (None, None)
    assert (row.phase, row.quantity, row.leaf, row.step) == ("data", "received", "x", 2)
    assert (row.precision, row.why) == ("float64", "because")
