"""The rounding floor and what it is made of."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from compare import noise

EPS = 2.0**-52
EPS32 = 2.0**-23
ZERO = np.zeros(())
FLOOR = 4 * EPS  # term (c) of a leaf whose largest value is 1


def array(*values: float) -> np.ndarray:
    return np.array(values)


# ---------------------------------------------------------------- perturbed copies


@pytest.mark.parametrize("precision", noise.PRECISIONS)
def test_every_float_moves_by_one_ulp_with_both_signs(precision):
    value = np.full((3, 40), 1.0, precision)
    moved = noise.perturb({"x": value}, np.random.default_rng(1), precision=precision)
    ulp = np.finfo(precision).eps
    assert moved["x"].dtype == value.dtype
    assert set(moved["x"].ravel().tolist()) == {float(1 - ulp), float(1 + ulp)}


@given(
    hnp.arrays(np.float64, (2, 5), elements=st.floats(2.0**-900, 2.0**900, width=64)),
    st.integers(0, 2**32 - 1),
)
def test_the_factor_is_one_ulp_whatever_the_size(value, seed):
    moved = noise.perturb(
        {"x": value}, np.random.default_rng(seed), precision="float64"
    )
    up, down = value * (1 + EPS), value * (1 - EPS)
    assert np.all((moved["x"] == up) | (moved["x"] == down))
    assert np.all(moved["x"] != value)


@pytest.mark.parametrize("precision", noise.PRECISIONS)
def test_perturbed_float32_moves_by_its_own_ulp_only_in_float32(precision):
    """An array in another precision than the run's is moved by the run's ulp."""
    value = np.ones(7, np.float32)
    moved = noise.perturb({"x": value}, np.random.default_rng(0), precision=precision)
    assert bool(np.all(moved["x"] != value)) == (precision == "float32")


@pytest.mark.parametrize(
    "value",
    [
        np.arange(6),
        np.arange(6, dtype=np.uint8),
        np.array([True, False]),
        np.zeros(4),
        array(-0.0, 0.0),
        array(np.inf, -np.inf),
    ],
    ids=["int", "uint8", "bool", "zeros", "signed zeros", "infinite"],
)
def test_what_is_no_nonzero_float_stays(value):
    moved = noise.perturb({"x": value}, np.random.default_rng(0), precision="float64")
    assert moved["x"].dtype == value.dtype
    assert moved["x"].tobytes() == value.tobytes()


def test_discrete_floats_stay_and_others_do_not():
    given = {"labels": array(0.5, 1.0), "x": array(0.5, 1.0, 2.0)}
    moved = noise.perturb(
        given,
        np.random.default_rng(0),
        precision="float64",
        discrete=frozenset({"labels"}),
    )
    assert moved["labels"].tobytes() == given["labels"].tobytes()
    assert np.all(moved["x"] != given["x"])


def test_perturbing_is_repeatable_and_leaves_its_input_alone():
    value = np.ones(64)
    first, same, other = (
        noise.perturb({"x": value}, np.random.default_rng(seed), precision="float64")
        for seed in (5, 5, 6)
    )
    assert first["x"].tobytes() == same["x"].tobytes()
    assert first["x"].tobytes() != other["x"].tobytes()
    assert np.all(value == 1.0)


# ---------------------------------------------------------------------- distances


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        (1.0, 1.5, 0.5),
        (-1.0, 1.0, 2.0),
        (np.inf, np.inf, 0.0),
        (-np.inf, -np.inf, 0.0),
        (np.nan, np.nan, 0.0),
        (np.inf, -np.inf, np.inf),
        (np.nan, np.inf, np.inf),
        (np.nan, 1.0, np.inf),
        (1.0, np.nan, np.inf),
        (np.inf, 1.0, np.inf),
        (0.0, -0.0, 0.0),
    ],
)
def test_distance(left, right, expected):
    assert noise.distance(array(left), array(right)).tolist() == [expected]


def test_distance_of_float32_values_is_taken_in_float64():
    # 2²⁴ + 1 is no float32: a float32 difference would be 16,777,216.
    left, right = np.array([2.0**24], np.float32), np.array([-1.0], np.float32)
    assert noise.distance(left, right).tolist() == [2.0**24 + 1]


def test_distance_of_booleans_and_integers():
    assert noise.distance(np.array([True]), np.array([False])).tolist() == [1.0]
    assert noise.distance(np.array([-3]), np.array([4])).tolist() == [7.0]
    # In float64, 2⁵³ + 1 is 2⁵³.
    assert noise.distance(np.array([2**53]), np.array([2**53 + 1])).tolist() == [1.0]
    assert noise.distance(np.array(2**53), np.array(2**53)) == 0


@pytest.mark.parametrize(("rows", "expected"), [(False, 8.0), (True, [3.0, 8.0, 0.0])])
def test_largest_finite_magnitude(rows, expected):
    values = np.array([[1.0, -3.0], [-8.0, np.inf], [np.nan, 0.0]])
    assert noise.largest(values, rows=rows).tolist() == expected


@pytest.mark.parametrize(("rows", "expected"), [(False, 9.0), (True, [2.0, 9.0])])
def test_largest_distance(rows, expected):
    left = np.array([[[1.0], [2.0], [3.0]], [[4.0], [5.0], [6.0]]])
    right = np.array([[[1.0], [2.5], [1.0]], [[4.0], [14.0], [7.0]]])
    found = noise.largest_distance(left, right, rows=rows)
    assert found.tolist() == expected


def test_a_leaf_without_elements_has_size_and_distance_zero():
    nothing = np.zeros((3, 0))
    assert noise.largest(nothing) == 0
    assert noise.largest_distance(nothing, nothing) == 0
    assert noise.largest(nothing, rows=True).tolist() == [0, 0, 0]


# ------------------------------------------------------------------------- floors


# (b) is 2⁻²⁹ of a float32 error: 2⁻²⁹ · 2⁻¹⁰ = 2⁻³⁹ is far above 4 · 2⁻⁵² = 2⁻⁵⁰.
OFF = np.array([1.0 + 2.0**-10, 0.25], np.float32)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, FLOOR),
        ({"sensitivity": 3e-9}, 3e-9),
        ({"jax32": OFF}, 2.0**-39),
        ({"torch32": OFF}, 2.0**-39),
        ({"scale": 8.0}, 8 * FLOOR),
        ({"torch": array(-16.0, 0.25)}, 16 * FLOOR),
        ({"sensitivity": 3e-9, "jax32": OFF, "scale": 8.0}, 3e-9),
        ({"sensitivity": 1e-15, "jax32": OFF, "scale": 8.0}, 2.0**-39),
        ({"sensitivity": 1e-15, "jax32": OFF, "scale": 2.0**20}, 2.0**20 * FLOOR),
        ({"sensitivity": FLOOR / 2, "scale": 0.5}, FLOOR),
    ],
)
def test_the_float64_floor_is_the_largest_of_its_terms(options, expected):
    jax, torch = array(1.0, 0.25), options.get("torch", array(1.0, 0.25))
    floor = noise.float64_floor(
        (jax, torch),
        (options.get("jax32"), options.get("torch32")),
        sensitivity=np.asarray(options.get("sensitivity", 0.0)),
        scale=options.get("scale", 0.0),
    )
    assert float(floor) == expected


@pytest.mark.parametrize(
    ("narrow", "expected"),
    [
        (np.array([1.0 + 2.0**-7, 0.5]), 2.0**-36),  # 0.8 %: counts
        (np.array([1.0 + 2.0**-6, 0.5]), FLOOR),  # 1.6 %: worthless
        (np.array([np.inf, 0.5]), FLOOR),
        (np.array([1.0, np.nan]), FLOOR),
    ],
    ids=["0.8 %", "1.6 %", "inf", "nan"],
)
def test_a_worthless_float32_run_does_not_loosen_float64(narrow, expected):
    value = array(1.0, 0.5)
    floor = noise.float64_floor(
        (value, value), (narrow.astype(np.float32), None), sensitivity=ZERO
    )
    assert float(floor) == expected


@pytest.mark.parametrize(
    ("errors", "expected"),
    [
        ((0.0, 2.0**-10), 2.0**-39),
        ((2.0**-10, 0.0), 2.0**-39),
        ((2.0**-10, 2.0**-13), 2.0**-39),
        ((2.0**-13, 2.0**-10), 2.0**-39),
        ((2.0**-10, None), 2.0**-39),  # nothing known of the other
        ((2.0**-7, 2.0**-6), 2.0**-36),  # the other, 1.6 % off, is worthless
        ((2.0**-6, 2.0**-7), 2.0**-36),
    ],
)
def test_the_larger_useful_float32_error_of_both_sides_counts(errors, expected):
    value = array(1.0, 0.25)
    narrow = [
        None if e is None else np.array([1 + e, 0.25], np.float32) for e in errors
    ]
    assert noise.float64_floor((value, value), narrow, sensitivity=ZERO) == expected


def test_float32_errors_count_row_by_row():
    value = np.array([[1.0, 0.5], [4.0, 1.0], [1.0, 1.0]])
    left, right = value.astype(np.float32), value.astype(np.float32)
    left[:2, 1] += 2.0**-10
    right[1, 0] += 2.0**-10
    floor = noise.float64_floor((value, value), (left, right), sensitivity=np.zeros(3))
    assert floor.tolist() == [2.0**-39, 2.0**-39, FLOOR]


@pytest.mark.parametrize(
    ("narrow", "expected"),
    [
        (array(1.0, 2.0), 0.0),
        (array(1.0, 2.0 + 2.0**-6), 2.0**-6),  # 0.8 % of the largest value
        (array(1.0, 2.0 + 2.0**-5), 0.0),  # 1.6 %
        (array(1.0, np.nan), 0.0),
        (array(np.inf, 2.0), 0.0),
    ],
)
def test_a_float32_error_is_useful_up_to_one_percent(narrow, expected):
    wide = array(1.0, 2.0)
    assert noise.useful(narrow.astype(np.float32), wide) == expected
    rows = noise.useful(np.stack([narrow, wide]), np.stack([wide, wide]), rows=True)
    assert rows.tolist() == [expected, 0.0]


def test_a_float32_run_of_another_shape_is_not_broadcast():
    value = array(1.0, 1.0)
    floor = noise.float64_floor((value, value), (OFF[:1], None), sensitivity=ZERO)
    assert float(floor) == FLOOR


def test_amplification_is_measured_against_each_sides_own_value():
    """PyTorch's float32 is right for PyTorch's float64, whatever JAX's says."""
    floor = noise.float64_floor(
        (array(1.0), array(1024.0)),
        (np.array([1.0], np.float32), np.array([1024.0], np.float32)),
        sensitivity=ZERO,
    )
    assert float(floor) == 1024 * FLOOR


def test_a_vector_of_sensitivities_gives_a_floor_for_every_row():
    value = np.array([[1.0, 0.5], [4.0, -8.0], [1.0, 1.0]])
    narrow = value.astype(np.float32)
    narrow[0, 1] += 2.0**-10
    floor = noise.float64_floor(
        (value, value), (None, narrow), sensitivity=array(0.0, 0.0, 2e-9)
    )
    assert floor.tolist() == [2.0**-39, 8 * FLOOR, 2e-9]


@pytest.mark.parametrize(
    ("sensitivity", "scale", "expected"),
    [
        (0.0, 0.0, 3 * 4 * EPS32),  # the largest value of either side is 3
        (1e-3, 0.0, 1e-3),
        (0.0, 64.0, 64 * 4 * EPS32),
        (1e-9, 2.0, 3 * 4 * EPS32),
    ],
)
def test_the_float32_floor(sensitivity, scale, expected):
    pair = [np.array([1.0, 2.0], np.float32), np.array([-3.0, 2.0], np.float32)]
    floor = noise.float32_floor(pair, sensitivity=np.asarray(sensitivity), scale=scale)
    assert float(floor) == expected


def test_the_float32_floor_has_rows_too():
    pair = [np.array([[1.0, 2.0], [0.0, 8.0]]), np.array([[4.0, 0.0], [0.0, 0.0]])]
    floor = noise.float32_floor(pair, sensitivity=np.zeros(2), scale=5.0)
    assert floor.tolist() == [5 * 4 * EPS32, 8 * 4 * EPS32]


@given(
    hnp.arrays(np.float64, (4, 3), elements=st.floats(-1e3, 1e3)),
    st.floats(0, 1),
    st.floats(0, 1e6),
)
def test_a_floor_never_falls_below_any_of_its_terms(value, sensitivity, scale):
    narrow = value.astype(np.float32)
    floor = noise.float64_floor(
        (value, -value),
        (narrow, None),
        sensitivity=np.asarray(sensitivity),
        scale=scale,
    )
    error = np.abs(narrow - value).max()
    assert floor >= sensitivity
    assert floor >= FLOOR * max(np.abs(value).max(), scale)
    # Rounding to float32 is never off by 1 %, save for numbers below its range.
    assert floor >= 2.0**-29 * error or np.abs(value).max() < 2.0**-126


def test_integers_have_no_ulp():
    """2⁴⁰ and its neighbour differ, though float64 numbers of that size may not."""
    value = np.array([2**40])
    for scale, expected in ((0.0, 0.0), (8.0, 8 * FLOOR)):
        floor = noise.float64_floor(
            (value, value + 1), (None, None), sensitivity=ZERO, scale=scale
        )
        assert float(floor) == expected
