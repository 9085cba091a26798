"""Starting parameters: bounds, the zero unit, streams."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compare.initial import Given, Normal, Uniform, draw, linear


def drawn(start, seed=0) -> np.ndarray:
    return draw({"p": start}, np.random.default_rng(seed))["p"]


@given(
    st.tuples(st.integers(1, 6), st.integers(1, 6)),
    st.floats(1e-6, 1e6),
    st.integers(0, 2**32 - 1),
)
def test_uniform_stays_within_its_bound(shape, bound, seed):
    value = drawn(Uniform(shape, bound), seed)
    assert value.shape == shape
    assert value.dtype == np.float64
    assert np.all(np.abs(value) <= bound)


def test_uniform_reaches_for_both_bounds_and_normal_beyond():
    uniform, normal = drawn(Uniform((1000,), 0.5)), drawn(Normal((1000,)))
    assert uniform.min() < -0.49
    assert uniform.max() > 0.49
    assert np.abs(normal).max() > 2.5
    # The variance of ±bound is bound² / 3. A sample's variance is off by √(2/n) of it
    # for normal numbers, by less for uniform ones: five times that.
    assert abs(normal.var() - 1) < 5 * np.sqrt(2 / 1000)
    assert abs(uniform.var() - 0.25 / 3) < 5 * np.sqrt(2 / 1000) * 0.25 / 3


@pytest.mark.parametrize("start", [Uniform((3, 5), 0.5, 2), Normal((3, 5), 2)])
def test_everything_that_leads_into_the_zero_unit_is_zero(start):
    value = drawn(start)
    zero = np.zeros((3, 5), bool)
    zero[:, 2] = True
    assert np.array_equal(value == 0, zero)


def test_the_bias_of_the_zero_unit_is_zero():
    assert np.flatnonzero(drawn(Uniform((4,), 0.5, 3)) == 0).tolist() == [3]


def test_the_zero_unit_does_not_change_the_others():
    """It is set after drawing, so the same seed gives the same other numbers."""
    with_unit, without = drawn(Normal((3, 5), 0)), drawn(Normal((3, 5)))
    assert np.array_equal(with_unit[:, 1:], without[:, 1:])


def test_without_a_zero_unit_nothing_starts_at_zero_or_one():
    for start in (Uniform((50, 20), 1.0), Normal((50, 20))):
        assert not np.isin(drawn(start), [0.0, 1.0]).any()


def test_a_linear_layer_in_the_canonical_layout():
    """±1/√inputs, as PyTorch draws; x @ weight has a weight (inputs, outputs)."""
    layer = linear("net.first", 16, outputs=3, zero_unit=1)
    assert layer == {
        "net.first.weight": Uniform((16, 3), 0.25, 1),
        "net.first.bias": Uniform((3,), 0.25, 1),
    }
    assert linear("a", 16, outputs=3)["a.bias"] == Uniform((3,), 0.25, None)


def test_given_numbers_are_copied_in_float64():
    numbers = np.array([[1, 2, 3]], np.float32)
    start = Given(numbers)
    value = drawn(start)
    assert start.shape == (1, 3)
    assert value.dtype == np.float64
    assert value.tolist() == [[1, 2, 3]]
    value[0, 0] = 9
    assert numbers[0, 0] == 1


def test_parameters_are_drawn_one_after_the_other():
    """No two parameters share their numbers, and a seed repeats all of them."""
    layer = {"a": Normal((4,)), "b": Normal((4,)), "c": Uniform((4,), 1.0)}
    first, same, other = (draw(layer, np.random.default_rng(s)) for s in (1, 1, 2))
    assert [*first] == ["a", "b", "c"]
    assert not np.any(first["a"] == first["b"])
    assert all(np.array_equal(first[name], same[name]) for name in layer)
    assert not any(np.any(first[name] == other[name]) for name in layer)
    rng = np.random.default_rng(1)
    assert np.array_equal(first["a"], rng.standard_normal(4))
    assert np.array_equal(first["b"], rng.standard_normal(4))
