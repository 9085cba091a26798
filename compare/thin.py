"""Traces cut down to what decides their rows, so that a run's folder stays small."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from compare.trace import Key, Trace

DRAWN = frozenset({"predictions"})
"""Phases that are drawn from the saved traces, so that they are needed whole."""


def thin(
    traces: Sequence[Trace], *, at_most: int = 1_000, keep: int = 256
) -> tuple[Trace, ...]:
    """Traces with large leaves cut down to the elements that decide their rows.

    Kept of each leaf of more than `at_most` elements, at the same places in all traces:
    the largest magnitude of each trace, the largest distance and the first unequal bits
    of each pair, the first place of every pattern of what is not finite, and `keep`
    elements at even distances. A check of the thinned traces gives the same rows as a
    check of the whole ones. Predictions stay whole: they are drawn.
    """
    arrays = [dict(trace.arrays) for trace in traces]
    places: dict[Key, np.ndarray] = {}
    shapes: dict[Key, tuple[int, ...]] = {}
    for key in {key: None for trace in traces for key in trace.arrays}:
        holders = [held for held in arrays if key in held]
        shape = holders[0][key].shape
        judged_whole = all(np.ndim(t.sensitivity.get(key, 0.0)) == 0 for t in traces)
        same_shape = all(held[key].shape == shape for held in holders)
        large = key.phase not in DRAWN and holders[0][key].size > at_most
        if not (judged_whole and same_shape and large):
            continue
        chosen = _decisive([held[key].ravel() for held in holders], keep)
        places[key], shapes[key] = chosen, shape
        for held in holders:
            held[key] = held[key].ravel()[chosen]
    return tuple(
        replace(
            trace,
            arrays=held,
            places={key: places[key] for key in held if key in places},
            shapes={key: shapes[key] for key in held if key in shapes},
        )
        for trace, held in zip(traces, arrays, strict=True)
    )


def _decisive(leaves: Sequence[np.ndarray], keep: int) -> np.ndarray:
    size = leaves[0].size
    chosen = set(np.linspace(0, size - 1, keep).astype(int).tolist())
    finite = [np.isfinite(leaf) for leaf in leaves]
    whole = [bool(known.all()) for known in finite]
    for leaf, known in zip(leaves, finite, strict=True):
        chosen.add(int(np.argmax(np.where(known, np.abs(leaf), -1.0))))
    if not all(whole):
        chosen.update(_patterns(leaves))
    for i, left in enumerate(leaves):
        for j, right in enumerate(leaves[:i]):
            with np.errstate(invalid="ignore"):  # inf − inf; such places are masked
                distance = np.abs(left.astype(np.float64) - right)
            if not (whole[i] and whole[j]):
                distance = np.where(finite[i] & finite[j], distance, -1.0)
            chosen.add(int(np.argmax(distance)))
            if left.dtype == right.dtype:
                unequal = np.flatnonzero(_bits(left) != _bits(right))
                chosen.update(unequal[:1].tolist())
    return np.array(sorted(chosen))


def _patterns(leaves: Sequence[np.ndarray]) -> list[int]:
    """The first place of every pattern of NaN, inf, −inf and finite over the leaves."""
    codes = np.zeros(leaves[0].size, np.int64)
    for leaf in leaves:
        kinds = [np.isnan(leaf), leaf == np.inf, leaf == -np.inf]
        codes = 4 * codes + np.select(kinds, [1, 2, 3], 0)
    return np.unique(codes, return_index=True)[1].tolist()


def _bits(leaf: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(leaf).view(np.dtype(f"u{leaf.dtype.itemsize}"))
