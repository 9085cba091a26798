"""Rearrangements lose nothing: back again, every bit is where it was."""

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np
import pytest
from hypothesis import given as drawn
from hypothesis import strategies as st

from compare.pair.weights.moves import (
    Flipped,
    Gathered,
    Moves,
    Part,
    Reshaped,
    Transposed,
    apply,
    given,
    undo,
)

SHAPES = st.lists(st.integers(1, 4), min_size=1, max_size=4).map(tuple)
KINDS = st.lists(st.sampled_from("trfg"), max_size=4)
SEEDS = st.integers(0, 999)


def chain(shape: tuple[int, ...], kinds: list[str], seed: int) -> Moves:
    """Moves one after the other, of these kinds, that fit the shape."""
    rng, moves = np.random.default_rng(seed), list[Any]()
    for kind in kinds:
        order = tuple(int(axis) for axis in rng.permutation(len(shape)))
        after = tuple(shape[axis] for axis in order)
        some = order[: int(rng.integers(1, len(order) + 1))]
        moves.append(
            {
                "t": Transposed(order),
                "r": Reshaped(shape, after),
                "f": Flipped(some),
                "g": Gathered(rng.permutation(prod(shape)), shape, after),
            }[kind]
        )
        shape = shape if kind == "f" else after
    return tuple(moves)


@drawn(SHAPES, KINDS, SEEDS)
def test_moves_and_back(shape: tuple[int, ...], kinds: list[str], seed: int) -> None:
    moves = chain(shape, kinds, seed)
    array = np.arange(prod(shape)).reshape(shape)
    moved = apply(moves, array)
    assert sorted(moved.ravel()) == list(range(array.size))
    np.testing.assert_array_equal(undo(moves, moved), array)


@drawn(SHAPES, KINDS, SEEDS)
def test_a_function_is_learnt_from_indices(
    shape: tuple[int, ...], kinds: list[str], seed: int
) -> None:
    moves = chain(shape, kinds, seed)
    learnt = given(lambda array: apply(moves, array), shape)
    values = np.random.default_rng(0).standard_normal(shape)
    np.testing.assert_array_equal(learnt.apply(values), apply(moves, values))
    np.testing.assert_array_equal(learnt.undo(learnt.apply(values)), values)


COMPUTING: dict[str, Callable[[Any], Any]] = {
    "doubles": lambda x: 2 * x,
    "halves": lambda x: x / 2,
    "shifts": lambda x: x - 1,
    "repeats": lambda x: np.repeat(x, 2, axis=0),
    "leaves out": lambda x: x[1:],
    "takes one twice": lambda x: x[[0, 0, 2]],
    "adds up": lambda x: x.sum(axis=1),
    "makes words of it": lambda x: x.astype(str),
    "NaN": lambda x: x * np.nan,
}


@pytest.mark.parametrize("name", COMPUTING)
def test_a_function_that_computes_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="must only rearrange"):
        given(COMPUTING[name], (3, 2))


def test_a_function_that_makes_floats_of_indices_may_rearrange() -> None:
    assert given(lambda x: x.T.astype(float), (3, 2)).after == (2, 3)


def test_what_can_be_a_view_is_one_and_a_flip_has_no_negative_strides() -> None:
    array = np.zeros((3, 4))
    moves = (Transposed((1, 0)), Reshaped((4, 3), (2, 2, 3)))
    assert np.shares_memory(apply(moves, array), array)
    assert np.shares_memory(Part(1, 1, 3).of(array), array)
    assert all(stride > 0 for stride in Flipped((0, 1)).apply(array).strides)


@pytest.mark.parametrize("start, stop", [(-1, 2), (2, 2), (1, 5)])
def test_a_part_that_does_not_fit_is_refused(start: int, stop: int) -> None:
    assert Part(1, 0, 4).shape((3, 4)) == (3, 4)
    with pytest.raises(ValueError, match="does not fit"):
        Part(1, start, stop).shape((3, 4))
