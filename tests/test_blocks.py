"""Passes over large arrays piece by piece give what one pass over all of them gives."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compare import noise
from compare.blocks import BLOCK, blocks
from compare.trace import same_bits

SHAPES = [(), (0, 3), (7,), (BLOCK,), (BLOCK + 1,), (301, 257), (5, 163, 211)]
TURNED = pytest.mark.parametrize("turned", [False, True], ids=["alike", "turned"])
EVERY = pytest.mark.parametrize("shape", SHAPES, ids=str)


def numbers(shape: tuple[int, ...], *, seed: int, turned: bool = False) -> np.ndarray:
    """Random numbers; turned ones lie in memory the other way round."""
    drawn = np.asarray(np.random.default_rng(seed).standard_normal(shape))
    return drawn.copy(order="F") if turned else drawn


@TURNED
@EVERY
def test_every_place_comes_once_with_its_partner(shape, turned):
    left = np.arange(np.prod(shape, dtype=int)).reshape(shape)
    right = np.asfortranarray(left) if turned else left.copy()
    seen = [np.zeros(0, int)]
    for one, other in blocks(left, right):
        np.testing.assert_array_equal(one, other)
        assert one.size <= BLOCK
        seen.append(one.ravel().copy())
    assert sorted(np.concatenate(seen).tolist()) == list(range(left.size))


@EVERY
def test_in_order_places_come_as_their_indices(shape):
    left = np.asfortranarray(numbers(shape, seed=1))
    seen = [piece.ravel().copy() for (piece,) in blocks(left, in_order=True)]
    np.testing.assert_array_equal(np.concatenate(seen), left.ravel())


@TURNED
@EVERY
@pytest.mark.parametrize("odd", [None, np.nan, np.inf])
def test_sizes_and_distances_are_those_of_the_whole(shape, turned, odd):
    left = numbers(shape, seed=2)
    right = numbers(shape, seed=3, turned=turned)
    if odd is not None and left.size:
        left[tuple(size - 1 for size in shape)] = odd
    apart = noise.distance(left, right)
    assert noise.largest_distance(left, right) == apart.max(initial=0.0)
    finite = np.where(np.isfinite(left), np.abs(left), 0.0)
    assert noise.largest(left) == finite.max(initial=0.0)
    if left.size:
        assert noise.farthest(left, right) == np.argmax(apart)


def test_of_equal_distances_the_first_place_is_told():
    left = np.zeros((301, 257))
    right = left.copy(order="F")
    right[290, 3] = right[4, 200] = 2.0
    assert noise.farthest(left, right) == 4 * 257 + 200


@TURNED
@EVERY
def test_one_bit_is_told(shape, turned):
    left = numbers(shape, seed=4, turned=turned)
    right = numbers(shape, seed=4)
    assert same_bits(left, right)
    if left.size:
        place = tuple(size - 1 for size in shape)
        right[place] = np.nextafter(right[place], np.inf)
        assert not same_bits(left, right)
        left[place], right[place] = 0.0, -0.0
        assert not same_bits(left, right)


@given(st.sampled_from(noise.PRECISIONS), st.integers(0, 2**32 - 1))
def test_a_copy_is_the_one_of_one_draw_for_all(precision, seed):
    value = numbers((2, BLOCK + 3), seed=5).astype(precision)
    drawn, once = np.random.default_rng(seed), np.random.default_rng(seed)
    moved = noise.perturb({"x": value}, drawn, precision=precision)["x"]
    up = once.integers(0, 2, value.shape, np.int8)
    unit = noise.ULP[precision]
    due = (value * np.where(up, 1.0 + unit, 1.0 - unit)).astype(precision)
    assert same_bits(moved, due)
    assert drawn.random() == once.random()
