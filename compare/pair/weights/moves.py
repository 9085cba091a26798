"""Rearrangements of one array into another, each with its inverse.

    undo(moves, apply(moves, x)) = x, bit by bit

Nothing here computes: every element of the result is an element of the array. What can
be a view is one.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Transposed:
    """Axes in another order, as `numpy.transpose` takes them."""

    axes: tuple[int, ...]

    def apply(self, array: np.ndarray) -> np.ndarray:
        return array.transpose(self.axes)

    def undo(self, array: np.ndarray) -> np.ndarray:
        return array.transpose(np.argsort(self.axes))


@dataclass(frozen=True)
class Reshaped:
    """Another shape, elements in C order."""

    before: Shape
    after: Shape

    def apply(self, array: np.ndarray) -> np.ndarray:
        return array.reshape(self.after)

    def undo(self, array: np.ndarray) -> np.ndarray:
        return array.reshape(self.before)


@dataclass(frozen=True)
class Flipped:
    """Some axes backwards. A copy: PyTorch takes no negative strides."""

    axes: tuple[int, ...]

    def apply(self, array: np.ndarray) -> np.ndarray:
        return np.flip(array, self.axes).copy()

    def undo(self, array: np.ndarray) -> np.ndarray:
        return self.apply(array)


@dataclass(frozen=True, eq=False)
class Gathered:
    """Any other order: element i of the result is element `sources[i]`."""

    sources: np.ndarray
    before: Shape
    after: Shape

    def apply(self, array: np.ndarray) -> np.ndarray:
        return array.reshape(-1)[self.sources].reshape(self.after)

    def undo(self, array: np.ndarray) -> np.ndarray:
        result = np.empty(prod(self.before), array.dtype)
        result[self.sources] = array.reshape(-1)
        return result.reshape(self.before)


Move = Transposed | Reshaped | Flipped | Gathered
Moves = tuple[Move, ...]


def apply(moves: Sequence[Move], array: np.ndarray) -> np.ndarray:
    """All moves, the first one first."""
    for move in moves:
        array = move.apply(array)
    return array


def undo(moves: Sequence[Move], array: np.ndarray) -> np.ndarray:
    """All moves backwards, the last one first."""
    for move in reversed(moves):
        array = move.undo(array)
    return array


def given(function: Callable[[Any], Any], before: Shape) -> Gathered:
    """The rearrangement that a user's function makes, learnt from indices.

    Raises ValueError where it leaves out, repeats or computes elements.
    """
    size = prod(before)
    indices = np.arange(size).reshape(before)
    result = np.asarray(function(indices.copy()))
    whole = result.dtype.kind in "iu" or (
        result.dtype.kind == "f" and np.array_equal(result, np.rint(result))
    )
    sources = result.reshape(-1).astype(np.int64) if whole else np.empty(0, np.int64)
    counts = np.zeros(size, np.uint8)
    if sources.size == size and size and 0 <= sources.min() <= sources.max() < size:
        counts[sources] = 1
    if sources.size != size or not counts.all():
        raise ValueError(
            f"the function must only rearrange: of an array of shape {before} it makes "
            f"one of shape {result.shape} in which not every element is found exactly "
            "once; transpose, reshape, flip or index, and compute nothing"
        )
    return Gathered(sources, before, result.shape)


@dataclass(frozen=True)
class Part:
    """A piece of an array: `start` to `stop` along one axis."""

    axis: int
    start: int
    stop: int

    def of(self, array: np.ndarray) -> np.ndarray:
        """The piece, as a view."""
        return array[(slice(None),) * self.axis + (slice(self.start, self.stop),)]

    def shape(self, whole: Shape) -> Shape:
        """The piece's shape; raises ValueError where it does not fit."""
        if not 0 <= self.start < self.stop <= whole[self.axis]:
            raise ValueError(f"{self} does not fit into an array of shape {whole}")
        length = self.stop - self.start
        return (*whole[: self.axis], length, *whole[self.axis + 1 :])

    def __str__(self) -> str:
        kind = "rows" if self.axis == 0 else f"axis {self.axis},"
        return f"{kind} {self.start}:{self.stop}"
