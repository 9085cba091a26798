"""Float32 judged against float64, and float32 inside a float64 run."""

import numpy as np
import pytest

from compare.check import in_float32, judge_float32, pair
from compare.trace import Key, Trace, by_side

KEY = Key("outputs", "predict", "", 0)
FLOOR = 2.0**-21  # 4 · 2⁻²³ of a leaf whose largest value is 1
LARGE = 2.0**-10  # above ten floors, 10 · 2⁻²¹


def sides(jax64, torch64, jax32, torch32, **options):
    """Traces of one leaf; a side without a value has none in its trace."""
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
            arrays={} if value is None else {KEY: np.asarray(value, precision)},
            sensitivity={KEY: np.asarray(options.get("sensitivity", 0.0))},
            scale={KEY: options.get("scale", 0.0)},
        )
        for (framework, precision), value in values.items()
    )


def row(jax64, torch64, jax32, torch32, **options):
    return judge_float32(sides(jax64, torch64, jax32, torch32, **options), KEY)


@pytest.mark.parametrize(
    ("jax32", "torch32", "expected"),
    [
        (1.0, 1.0, "bitwise"),
        (1.0, 1.0 + 2.0**-23, "rounding"),
        # Both are off alike: by ten times as much, and by a bit more.
        (1.0 + 2.0**-17, 1.0 + 10 * 2.0**-17, "rounding"),
        (1.0 + 2.0**-17, 1.0 + 10 * 2.0**-17 + 2.0**-23, "precision"),
        # One is exact: the other has ten floors, and then a bit more. 40 · 2⁻²³.
        (1.0 - 80 * 2.0**-24, 1.0, "rounding"),
        (1.0 - 81 * 2.0**-24, 1.0, "precision"),
    ],
)
def test_a_sides_error_is_judged_by_the_others_or_the_floor(jax32, torch32, expected):
    assert row(1.0, 1.0, jax32, torch32).verdict == expected
    assert row(1.0, 1.0, torch32, jax32).verdict == expected


@pytest.mark.parametrize("side", ["JAX", "PyTorch"])
def test_precision_names_the_worse_side(side):
    values = (1 + LARGE, 1.0) if side == "JAX" else (1.0, 1 + LARGE)
    found = row(1.0, 1.0, *values)
    assert found.verdict == "precision"
    # 2⁻¹⁰ is 9.77e-4; the floor is 2⁻²¹ of the largest float32 value.
    assert found.why.startswith(f"{side} is 9.77e-04 off its own float64")
    assert found.why.endswith("0.00e+00")
    assert (found.error, found.floor) == (LARGE, FLOOR * (1 + LARGE))
    assert found.score == LARGE / (FLOOR * (1 + LARGE))
    assert (found.precision, found.phase, found.step) == ("float32", "outputs", 0)


def test_each_side_is_measured_against_its_own_float64():
    """What the float64 runs differ by is no matter of float32."""
    assert row(1.0, 2.0, 1.0, 2.0).verdict == "bitwise"


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, "precision"),
        ({"sensitivity": LARGE / 10}, "rounding"),
        ({"sensitivity": LARGE / 11}, "precision"),
        ({"scale": 256.0}, "rounding"),
    ],
)
def test_the_floor_is_the_float32_floor(options, expected):
    assert row(1.0, 1.0, 1 + LARGE, 1.0, **options).verdict == expected


def test_a_floor_of_the_size_of_the_value_resolves_nothing():
    found = row(1.0, 1.0, 1.0 - 2.0**-12, 1.0, sensitivity=2.0**-9)
    assert (found.verdict, found.why) == (
        "unresolved",
        "float32 rounding is of the size of the value",
    )
    assert row(1.0, 1.0, 1.0, 1.0, sensitivity=2.0**-9).verdict == "bitwise"


INF, NAN = np.inf, np.nan


@pytest.mark.parametrize(
    ("jax64", "torch64", "jax32", "torch32", "expected", "named"),
    [
        # Both overflow alike: nothing to measure there, but elsewhere.
        ([1e300, 1], [1e300, 1], [INF, 1], [INF, 1], "bitwise", ""),
        ([1e300, 1], [1e300, 1], [INF, 1], [INF, 1 + LARGE], "precision", "PyTorch"),
        ([1e300, 1], [1e300, 1], [NAN, 1], [NAN, 1], "bitwise", ""),
        # One overflows and the other does not.
        ([1e30, 1], [1e30, 1], [INF, 1], [1e30, 1], "semantic", "JAX"),
        ([1e30, 1], [1e30, 1], [1e30, 1], [NAN, 1], "semantic", "PyTorch"),
        # Not alike: each is infinitely far off.
        ([1e300, 1], [1e300, 1], [INF, 1], [NAN, 1], "semantic", "JAX"),
        # Infinite in float64 too, on both sides.
        ([INF, 1], [INF, 1], [INF, 1], [INF, 1], "bitwise", ""),
        # Finite in float32 where float64 is not.
        ([INF, 1], [INF, 1], [1, 1], [INF, 1], "semantic", "JAX"),
    ],
)
def test_overflow_in_float32(jax64, torch64, jax32, torch32, expected, named):
    found = row(jax64, torch64, jax32, torch32)
    assert found.verdict == expected
    assert found.why.startswith(named) and bool(found.why) == bool(named)


@pytest.mark.parametrize(
    ("narrow", "shape"),
    [(None, "None"), (np.ones(3), "(3,)"), (np.ones((2, 1)), "(2, 1)")],
)
def test_a_float32_value_that_is_absent_or_of_another_shape_fails(narrow, shape):
    for jax32, torch32, said in (
        (narrow, np.ones(2), f"[{shape}, (2,)]"),
        (np.ones(2), narrow, f"[(2,), {shape}]"),
        (narrow, narrow, f"[{shape}, {shape}]"),  # also where both sides lost it
    ):
        found = row(np.ones(2), np.ones(2), jax32, torch32)
        assert (found.verdict, found.precision) == ("semantic", "float32")
        assert (found.phase, found.quantity, found.leaf, found.step) == tuple(KEY)
        assert found.why == f"shapes in float32 are {said}, in float64 (2,)"


# bfloat16's unit roundoff is 2¹⁶ times float32's: 2¹⁶ · 2⁻²¹ is 2⁻⁵.
@pytest.mark.parametrize(
    ("jax32", "torch32", "options", "expected"),
    [
        (1 - 2.0**-5, 1.0, {}, "precision"),
        (1 - 2.0**-5 - 2.0**-24, 1.0, {}, "semantic"),
        (1 - 2.0**-3, 1.0, {}, "semantic"),
        # A floor that is four times as high, or the other's error.
        (1 - 2.0**-3, 1.0, {"sensitivity": 2.0**-19}, "precision"),
        (1 - 2.0**-3, 1.0, {"scale": 4.0}, "precision"),
        (1 - 2.0**-3, 1 - 2.0**-19, {}, "precision"),
        (1 - 2.0**-3 - 2.0**-24, 1 - 2.0**-19, {}, "semantic"),
    ],
)
def test_what_even_bfloat16_cannot_explain_fails(jax32, torch32, options, expected):
    for sides32, name in (((jax32, torch32), "JAX"), ((torch32, jax32), "PyTorch")):
        found = row(1.0, 1.0, *sides32, **options)
        assert found.verdict == expected
        assert found.why.startswith(f"{name} is ")
        said = found.why.endswith(": more than bfloat16 could explain")
        assert said == (expected == "semantic")


# -------------------------------------------------- float32 inside a float64 run

OPS = ["jax: softmax in float32", "torch: sum in float32"]


def inside(left, right, *, jax32=None, torch32=None, **options):
    both = sides(left, right, jax32, torch32, **options)
    return in_float32(both, pair(both, KEY), OPS)


@pytest.mark.parametrize(
    ("left", "right", "options", "expected"),
    [
        # What agrees at the float64 floor is judged as usual …
        (1.0, 1.0, {}, "bitwise"),
        (1.0, 1.0 - 2.0**-45, {}, "rounding"),
        (1.0, 1.0 - 2.0**-15, {"sensitivity": 2.0**-20}, "rounding"),
        (1.0, 1.0 - 2.0**-8, {"sensitivity": 2.0**-9}, "unresolved"),
        # … and what does not is judged by the float32 floor.
        (1.0, 1.0 - 2.0**-45 - 2.0**-53, {}, "precision"),
        (1.0, 1.0 - 2.0**-16, {}, "precision"),  # 32 float32 floors
        (1.0, 1.0 - 2.0**-16 - 2.0**-53, {}, "semantic"),
        (1.0, 1.0 - 2.0**-15, {"scale": 2.0}, "precision"),
        # The float32 runs themselves are 2⁻¹² off: 32 times as much is like them.
        (1.0, 1.0 - 2.0**-8, {"jax32": 1.0 - 2.0**-12}, "precision"),
        (1.0, 1.0 - 2.0**-8, {"torch32": 1.0 - 2.0**-8 - 2.0**-12}, "precision"),
        (1.0, 0.5, {"jax32": 1.0 - 2.0**-12}, "semantic"),
        # The drift of a worthless run, more than 1 % off, widens nothing.
        (1.0, 0.75, {"jax32": 1.0 - 2.0**-7}, "unresolved"),  # 0.8 %
        (1.0, 0.75, {"jax32": 1.0 - 2.0**-6}, "semantic"),  # 1.6 %
        (1.0, 0.5, {"jax32": 0.75}, "semantic"),
        (1.0, 0.75, {"torch32": 0.25}, "semantic"),
    ],
)
def test_what_depends_on_a_float32_operation(left, right, options, expected):
    assert inside(left, right, **options).verdict == expected


def test_the_operations_are_named():
    assert inside(1.0, 1.0 - 2.0**-20).why == (
        "jax: softmax in float32; torch: sum in float32: "
        "what float32 cannot show is not seen"
    )


def test_what_agrees_all_the_same_names_no_operation():
    assert inside(1.0, 1.0).why == inside(1.0, 1.0 - 2.0**-50).why == ""


@pytest.mark.parametrize("side", ["jax", "torch"])
def test_the_scale_of_either_side_counts_in_float32(side):
    both = sides(1.0, 1.0 - 2.0**-15, None, None)
    assert in_float32(both, pair(both, KEY), OPS).verdict == "semantic"
    both[side, "float64"].scale[KEY] = 2.0
    assert in_float32(both, pair(both, KEY), OPS).verdict == "precision"


def test_a_failure_is_told_instead_of_the_operations():
    assert inside(1.0, 0.5).why == "JAX has 1.0, PyTorch 0.5"


def test_the_drift_of_a_run_is_taken_row_by_row():
    """Row 2 has drifted in float32 by 2⁻¹¹, row 1 has not."""
    ones, drifted = np.ones(3), np.array([1, 1, 1 - 2.0**-11])
    off = 2.0**-8
    late = inside(ones, ones - [0, 0, off], jax32=drifted, sensitivity=np.zeros(3))
    early = inside(ones, ones - [0, off, 0], jax32=drifted, sensitivity=np.zeros(3))
    assert (late.verdict, late.step) == ("precision", 2)
    assert (early.verdict, early.step) == ("semantic", 1)


def test_copies_of_the_float32_runs_that_moved_count():
    both = sides(1.0, 1.0 - 2.0**-15, 1.0, 1.0 - 2.0**-15)
    assert in_float32(both, pair(both, KEY), OPS).verdict == "semantic"
    both["torch", "float32"].sensitivity[KEY] = np.asarray(2.0**-20)
    assert in_float32(both, pair(both, KEY), OPS).verdict == "precision"


def test_drift_counts_in_a_run_that_is_cut_at_the_horizon():
    ones, drifted = np.ones(4), np.array([1, 1 - 2.0**-11, 1, 1])
    both = sides(ones, ones - [0, 2.0**-8, 0, 0], drifted, None, sensitivity=ones * 0)
    whole = pair(both, KEY)
    assert in_float32(both, whole, OPS).verdict == "precision"
    assert in_float32(both, whole.cut(3), OPS).verdict == "precision"
