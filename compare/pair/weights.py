"""The map of weights of a pair: found, shown, proved, and used in both directions.

The common layout is JAX's; every entry has a label, PyTorch's path. PyTorch's second
bias of a recurrent layer is *folded*: JAX's bias is b_ih + b_hh, and on the way back
b_ih has all of it and b_hh is 0. Arrays are handed on as views where they can be: a
model is not doubled in memory, and nobody may write into them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from math import prod
from typing import Any

import numpy as np

from compare.pair import weights_find
from compare.pair.layers import Option
from compare.pair.match_links import Link
from compare.pair.moves import Moves, Part, Shape, apply, undo
from compare.pair.parts import Leaf, Module
from compare.pair.weights_find import Unmapped

State = dict[str, np.ndarray]

HELD = "no partner: held at 0"
KEPT = "no partner: stays as it is"


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
    """Constants without a partner; their values are those that `keeping` was told."""
    constants: Mapping[str, Mapping[str, np.ndarray]] = field(default_factory=dict)

    def keeping(
        self, torch_state: Mapping[str, np.ndarray], jax_state: Mapping[str, np.ndarray]
    ) -> "WeightMap":
        """The map with the values of what has no partner, for `to_jax`, `to_torch`."""
        constants = {
            "torch": {path: torch_state[path] for path in self.kept_torch},
            "jax": {path: jax_state[path] for path in self.kept_jax},
        }
        return replace(self, constants=constants)

    def _constants(self, side: str, state: State) -> State:
        """In the precision of the state."""
        floats = [value.dtype for value in state.values() if value.dtype.kind == "f"]
        return {
            path: value.astype(floats[0])
            if floats and value.dtype.kind == "f"
            else value
            for path, value in self.constants.get(side, {}).items()
        }

    def to_jax(self, torch_state: Mapping[str, np.ndarray]) -> State:
        """JAX's state; raises KeyError naming a leaf that the state lacks."""
        self._complete("torch", torch_state)
        state: State = {}
        for entry in self.entries:
            if not entry.jax:
                continue
            value = entry.laid_out(torch_state[entry.torch])
            if entry.folded or entry.jax_part:
                state.setdefault(
                    entry.jax, np.zeros(self.jax_shapes[entry.jax], value.dtype)
                )
            if entry.folded:
                state[entry.jax] = state[entry.jax].copy()
                place = entry.piece(state[entry.jax])
                place += value
            elif entry.jax_part:
                entry.piece(state[entry.jax])[...] = value
            else:
                state[entry.jax] = value
        return state | self._constants("jax", state)

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
        return state | self._constants("torch", state)

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
            replace(entry, moves=option.moves, transform=_words(entry, option.words))
            if entry.label == label
            else entry
            for entry in self.entries
        )
        return replace(self, entries=entries)


def _words(entry: Entry, words: str) -> str:
    return f"{entry.torch_part}, {words}" if entry.torch_part else words


def find(
    torch_leaves: Sequence[Any],
    torch_modules: Sequence[Any],
    jax_leaves: Sequence[Any],
    jax_modules: Sequence[Any],
    *,
    rename: Mapping[str, str | None] | None = None,
    transform: Mapping[str, Any] | None = None,
) -> WeightMap:
    """Find the map, from names, layer types, order of definition and shapes.

    `rename` takes patterns of PyTorch paths, of leaves or layers, to JAX paths (None:
    it has no partner and stays as it is); `transform` functions that rearrange a leaf.
    Raises Unmapped, with all that has no partner or several, and ValueError for a
    rename or a transform that meets nothing.
    """
    torch, jax = _own(torch_leaves, torch_modules), _own(jax_leaves, jax_modules)
    found = weights_find.links(
        torch,
        jax,
        rename=rename or {},
        transform=transform or {},
    )
    entries = _entries(found.links)
    choices = tuple(
        Choice(entry.label, entry.torch, entry.jax, (link.option, *link.others))
        for entry, link in zip(entries, _ordered(found.links), strict=True)
        if link.others
    )
    kept = tuple(
        Entry(leaf.path, "", leaf.path, KEPT, leaf.shape, (), kept=True, how=why)
        for leaf, why in found.kept_torch
    )
    return WeightMap(
        (*entries, *kept),
        *(
            {leaf.path: leaf.shape for leaf in leaves if leaf.kind != "counter"}
            for leaves, _ in (torch, jax)
        ),
        _notes(entries, found),
        choices,
        tuple(entry.torch for entry in kept),
        tuple(leaf.path for leaf, _ in found.kept_jax),
    )


def _own(leaves: Sequence[Any], modules: Sequence[Any]) -> weights_find.Side:
    """What a side tells, as plain data of ours."""
    names = [field.name for field in fields(Leaf)]
    return (
        [Leaf(*(getattr(leaf, name) for name in names)) for leaf in leaves],
        [Module(one.path, one.type, dict(one.settings)) for one in modules],
    )


def _ordered(links: Sequence[Link]) -> list[Link]:
    """Folded ones last: they are added to what is there."""
    return sorted(links, key=lambda link: link.folded)


def _entries(links: Sequence[Link]) -> list[Entry]:
    parts: dict[str, list[int]] = {}
    for link in links:
        start = link.torch.part.start if link.torch.part else 0
        parts.setdefault(link.torch.leaf.path, []).append(start)
    entries = []
    for link in _ordered(links):
        path, part = link.torch.leaf.path, link.torch.part
        label = f"{path}[{sorted(parts[path]).index(part.start)}]" if part else path
        entry = Entry(
            path,
            link.jax.leaf.path if link.jax else "",
            label,
            "",
            link.torch.shape,
            link.jax.shape if link.jax else (),
            link.option.moves,
            part,
            link.jax.part if link.jax else None,
            link.folded,
            link.how,
        )
        entries.append(replace(entry, transform=_words(entry, _transform(link))))
    return entries


def _transform(link: Link) -> str:
    if link.jax is None:
        return HELD
    place = f" into {link.jax.part}" if link.jax.part else ""
    words = "added to the first bias" if link.folded else link.option.words
    return words + place


def _notes(entries: Sequence[Entry], found: weights_find.Found) -> tuple[str, ...]:
    notes = [
        f"{path}: PyTorch trains two biases where JAX has one, their sum; the sum "
        "moves twice as far under SGD, and decay acts on each; b_hh starts at 0"
        for path in dict.fromkeys(entry.torch for entry in entries if entry.folded)
    ]
    notes += [
        f"{entry.torch} ({entry.torch_part}): JAX's cell has no hidden bias for n, "
        "inside the product with r; it is held at 0, and its gradient has no partner"
        for entry in entries
        if not entry.jax
    ]
    for side, kept in (("PyTorch", found.kept_torch), ("JAX", found.kept_jax)):
        notes += [f"{side} {leaf.path} stays as it is: {why}" for leaf, why in kept]
    return (*notes, *found.notes)


def prove(weights: WeightMap, torch_state: Mapping[str, np.ndarray]) -> list[str]:
    """Every element of every leaf on both sides exactly once, and the same bits back.

        to_torch(to_jax(s)) = s,  with b_ih + b_hh in b_ih where they are folded

    Returns what is wrong. Holds one counter for one leaf at a time.
    """
    wrong: list[str] = []
    kept = {"torch": weights.kept_torch, "jax": weights.kept_jax}
    for side, shapes in (("torch", weights.torch_shapes), ("jax", weights.jax_shapes)):
        by_leaf: dict[str, list[Entry]] = {}
        for entry in weights.entries:
            if side == "torch" or not entry.folded:
                by_leaf.setdefault(getattr(entry, side), []).append(entry)
        for path, shape in shapes.items():
            if path not in kept[side]:
                wrong += _covered(side, path, shape, by_leaf.get(path, []))
    return wrong or _round_trip(weights, torch_state)


def _covered(side: str, path: str, shape: Shape, entries: Sequence[Entry]) -> list[str]:
    counts = np.zeros(shape, np.uint8)
    for entry in entries:
        part = entry.torch_part if side == "torch" else entry.jax_part
        place = part.of(counts) if part else counts[...]
        place += 1
    if (counts == 1).all():
        return []
    missed, twice = int((counts == 0).sum()), int((counts > 1).sum())
    return [
        f"{side} {path} {shape}: {missed} of {prod(shape)} elements are not mapped and "
        f"{twice} more than once"
    ]


def _round_trip(weights: WeightMap, state: Mapping[str, np.ndarray]) -> list[str]:
    jax_state = weights.to_jax(state)
    wrong = [
        f"jax {path}: it comes as {jax_state[path].shape}, and JAX has {shape}"
        for path, shape in weights.jax_shapes.items()
        if path not in weights.kept_jax and jax_state[path].shape != shape
    ]
    if wrong:
        return wrong
    back = weights.to_torch(jax_state)
    again = weights.to_jax(back)
    changed = {e.jax for e in weights.entries if e.folded}
    loose = {
        e.torch for e in weights.entries if e.folded or e.jax in changed or not e.jax
    }
    wrong += [
        f"torch {path}: not the same bits after the way to JAX and back"
        for path in weights.torch_shapes
        if path not in (loose | set(weights.kept_torch))
        and not _same(back[path], state[path])
    ]
    wrong += [
        f"jax {path}: not the same bits after the way to PyTorch and back"
        for path in jax_state
        if not _same(again[path], jax_state[path])
    ]
    return wrong


def _same(left: np.ndarray, right: np.ndarray) -> bool:
    """The same bits: NaN equals itself, and 0 is not −0."""
    if left.shape != right.shape or left.dtype != right.dtype:
        return False
    kind = f"u{left.dtype.itemsize}" if left.dtype.kind == "f" else left.dtype
    return all(
        np.array_equal(a.view(kind), b.view(kind))
        for a, b in zip(_rows(left), _rows(right), strict=True)
    )


def _rows(array: np.ndarray) -> list[np.ndarray]:
    """Contiguous pieces, so that a transposed view is not copied whole."""
    if array.ndim < 2:
        return [np.ascontiguousarray(array)]
    return [np.ascontiguousarray(row) for row in array]


__all__ = ["Choice", "Entry", "Unmapped", "WeightMap", "find", "prove"]
