"""The proof of a map: all is mapped, once, and comes back bit by bit."""

from collections.abc import Mapping, Sequence
from math import prod

import numpy as np

from compare.pair.weights.map import Entry, WeightMap
from compare.pair.weights.moves import Shape
from compare.trace import same_bits


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
        and not same_bits(back[path], state[path])
    ]
    wrong += [
        f"jax {path}: not the same bits after the way to PyTorch and back"
        for path in jax_state
        if not same_bits(again[path], jax_state[path])
    ]
    return wrong
