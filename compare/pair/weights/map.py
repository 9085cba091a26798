"""The map of weights of a pair, shown and used in both directions.

The common layout is JAX's; every entry has a label, PyTorch's path. PyTorch's second
bias of a recurrent layer is *folded*: JAX's bias is b_ih + b_hh, and on the way back
b_ih has all of it and b_hh is 0. Arrays are handed on as views where they can be: a
model is not doubled in memory, and nobody may write into them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from compare.pair.weights.layers import Option
from compare.pair.weights.moves import Moves, Part, Shape, apply, undo

State = dict[str, np.ndarray]


@dataclass(frozen=True)
class Entry:
    """One array of PyTorch, or a part of it, and where it is in JAX ("": nowhere)."""

    torch: str
    jax: str
    label: str
    transform: str
    torch_shape: Shape
    jax_shape: Shape
    moves: Moves = ()
    torch_part: Part | None = None
    jax_part: Part | None = None
    folded: bool = False
    how: str = ""
    kept: bool = False

    def laid_out(self, leaf: np.ndarray) -> np.ndarray:
        """This entry of a PyTorch leaf, as JAX has it."""
        return apply(self.moves, self.torch_part.of(leaf) if self.torch_part else leaf)

    def piece(self, leaf: np.ndarray) -> np.ndarray:
        """This entry of a JAX leaf."""
        return self.jax_part.of(leaf) if self.jax_part else leaf

    def returned(self, leaf: np.ndarray) -> np.ndarray:
        """This entry of a JAX leaf, as PyTorch has it."""
        return undo(self.moves, self.piece(leaf))


@dataclass(frozen=True)
class Choice:
    """An entry whose layout its shape does not settle; the first option is in use."""

    label: str
    torch: str
    jax: str
    options: tuple[Option, ...]


@dataclass(frozen=True)
class WeightMap:
    """Every leaf of both models exactly once. `open` is what probing has to settle."""

    entries: tuple[Entry, ...]
    torch_shapes: Mapping[str, Shape]
    jax_shapes: Mapping[str, Shape]
    notes: tuple[str, ...] = ()
    open: tuple[Choice, ...] = ()
    kept_torch: tuple[str, ...] = ()
    kept_jax: tuple[str, ...] = ()
    """Constants without a partner: `to_jax` and `to_torch` do not give them."""

    def to_jax(self, torch_state: Mapping[str, np.ndarray]) -> State:
        """JAX's state; raises KeyError naming a leaf that the state lacks."""
        self._complete("torch", torch_state)
        state = self.first(torch_state)
        for entry in self.entries:
            if entry.folded and entry.jax:
                state[entry.jax] = state[entry.jax].copy()
                place = entry.piece(state[entry.jax])
                place += entry.laid_out(torch_state[entry.torch])
        return state

    def first(self, torch_values: Mapping[str, np.ndarray]) -> State:
        """JAX's leaves of what is given, without second biases.

        A gradient has the layout of its parameter, but that of two biases is no sum.
        """
        found: State = {}
        for entry in self.entries:
            if not entry.jax or entry.folded or entry.torch not in torch_values:
                continue
            value = entry.laid_out(torch_values[entry.torch])
            if entry.jax_part is None:
                found[entry.jax] = value
                continue
            shape = self.jax_shapes[entry.jax]
            whole = found.setdefault(entry.jax, np.zeros(shape, value.dtype))
            entry.piece(whole)[...] = value
        return found

    def to_torch(self, jax_state: Mapping[str, np.ndarray]) -> State:
        """PyTorch's state; raises KeyError naming a leaf that the state lacks."""
        self._complete("jax", jax_state)
        kind = next((value.dtype for value in jax_state.values()), np.dtype(float))
        state: State = {}
        for entry in self.entries:
            if entry.kept:
                continue
            shape = self.torch_shapes[entry.torch]
            empty = entry.folded or not entry.jax
            value = None if empty else entry.returned(jax_state[entry.jax])
            dtype = kind if value is None else value.dtype
            if entry.torch_part is None and value is not None:
                state[entry.torch] = value
                continue
            whole = state.setdefault(entry.torch, np.zeros(shape, dtype))
            if value is not None:
                (entry.torch_part.of(whole) if entry.torch_part else whole)[...] = value
        return state

    def _complete(self, side: str, state: Mapping[str, np.ndarray]) -> None:
        needed = {getattr(entry, side) for entry in self.entries if not entry.kept}
        if missing := sorted(needed - state.keys() - {""}):
            raise KeyError(f"the {side} state lacks {', '.join(missing)}")

    def canonical(
        self, side: str, values: Mapping[str, np.ndarray], *, folded: bool = False
    ) -> State:
        """Values of one side by label in JAX's layout, of some leaves or of all.

        With `folded`, second biases too: their gradient must be that of the first.
        Raises KeyError naming what is no leaf of that side.
        """
        if side not in ("torch", "jax"):
            raise ValueError(f'side must be "torch" or "jax", not {side!r}')
        known = self.torch_shapes if side == "torch" else self.jax_shapes
        if strange := sorted(values.keys() - known.keys()):
            raise KeyError(f"{side} has no leaf {', '.join(strange)}")
        take = Entry.laid_out if side == "torch" else Entry.piece
        return {
            entry.label: take(entry, values[path])
            for entry in self.entries
            if entry.jax
            and (folded or not entry.folded)
            and not entry.kept
            and (path := getattr(entry, side)) in values
        }

    def table(self) -> list[dict[str, Any]]:
        """What the report shows: paths, shapes, transform, and how it was found."""
        return [
            {
                "torch": entry.torch,
                "jax": entry.jax,
                "torch_shape": list(entry.torch_shape),
                "jax_shape": list(entry.jax_shape),
                "transform": entry.transform,
                "note": entry.how,
            }
            for entry in self.entries
        ]

    def choose(self, label: str, option: Option) -> "WeightMap":
        """The map with another layout of one entry."""
        entries = tuple(
            replace(
                entry,
                moves=option.moves,
                transform=in_words(entry.torch_part, option.words),
            )
            if entry.label == label
            else entry
            for entry in self.entries
        )
        return replace(self, entries=entries)


def in_words(part: Part | None, words: str) -> str:
    """An arrangement, and of what part of a leaf."""
    return f"{part}, {words}" if part else words
