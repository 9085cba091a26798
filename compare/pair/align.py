"""Which module of one model is which of the other's, by the leaves that they hold."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from compare.pair.both import Both
from compare.pair.layout import Layout


@dataclass(frozen=True)
class Aligned:
    """One call of a layer that both models have, with what was seen of it.

    `axes` turn PyTorch's arrays into JAX's; one that has no partner is left out.
    """

    torch: Any
    jax: Any
    start: int
    """Which of PyTorch's calls is the first to end at or inside of it."""
    end: int
    """Which of PyTorch's calls it is, by the order in which they end."""
    inputs: tuple[tuple[int, int, tuple[int, ...]], ...]
    outputs: tuple[tuple[int, int, tuple[int, ...]], ...]
    """Index in PyTorch, index in JAX, axes."""

    @property
    def depth(self) -> int:
        """How many layers stand around it."""
        return self.torch.path.count(".") + bool(self.torch.path)

    @property
    def key(self) -> tuple[str, int]:
        """PyTorch's path and which call of it."""
        return self.torch.path, self.torch.number


def modules(both: Both, torch: Sequence[Any], jax: Sequence[Any]) -> dict[str, str]:
    """PyTorch's paths to JAX's, of modules that were called and hold the same leaves.

    Where several stand around the same leaves, the innermost are partners first, and
    the two whole models in any case.
    """
    first = _holding({c.path for c in torch}, both, "torch", ".")
    second = _holding({c.path for c in jax}, both, "jax", "/")
    found = {"": ""} if _called("", torch) and _called("", jax) else {}
    for labels, paths in first.items():
        others = second.get(labels, [])
        inner = zip(reversed(paths), reversed(others), strict=False)
        found |= {path: other for path, other in inner if path and other}
    return found


def _called(path: str, calls: Sequence[Any]) -> bool:
    return any(call.path == path for call in calls)


def _holding(
    paths: set[str], both: Both, side: str, joint: str
) -> Mapping[frozenset[str], list[str]]:
    """Paths by the labels of the leaves below them, outer ones first."""
    held: dict[str, set[str]] = {path: set() for path in paths}
    for entry in both.map.entries:
        parts = getattr(entry, side).split(joint)[:-1]
        for depth in range(len(parts) + 1):
            path = joint.join(parts[:depth])
            if path in held:
                held[path].add(entry.label)
    found: dict[frozenset[str], list[str]] = {}
    for path in sorted(held, key=lambda path: (path.count(joint), path)):
        if held[path]:
            found.setdefault(frozenset(held[path]), []).append(path)
    return found


def calls(both: Both, torch: Sequence[Any], jax: Sequence[Any]) -> list[Aligned]:
    """Calls of partners, in the order in which PyTorch's start."""
    partner = modules(both, torch, jax)
    known = {(call.path, call.number): call for call in jax}
    starts = dict(_starts(torch))
    found = []
    for end, call in enumerate(torch):
        other = known.get((partner.get(call.path, "\0"), call.number))
        if other is None:
            continue
        inputs = tuple(_fitting(both.layout, call.inputs, other.inputs))
        outputs = tuple(_fitting(both.layout, call.outputs, other.outputs))
        if outputs:
            start = starts[call.path, call.number]
            found.append(Aligned(call, other, start, end, inputs, outputs))
    return sorted(found, key=lambda one: (one.start, one.depth))


def _fitting(
    layout: Layout, torch: Sequence[np.ndarray], jax: Sequence[np.ndarray]
) -> Iterator[tuple[int, int, tuple[int, ...]]]:
    """Arrays in order: each of PyTorch's with JAX's next that has its axes."""
    taken = 0
    for index, first in enumerate(torch):
        for other in range(taken, len(jax)):
            axes = _axes(layout, first.shape, jax[other].shape)
            if axes is not None:
                yield index, other, axes
                taken = other + 1
                break


def _axes(
    layout: Layout, torch: tuple[int, ...], jax: tuple[int, ...]
) -> tuple[int, ...] | None:
    if len(torch) != len(jax):
        return None
    try:
        return layout.fits(torch, jax)
    except ValueError:
        return None


def _starts(ended: Sequence[Any]) -> Iterator[tuple[tuple[str, int], int]]:
    """The first call to end at or inside of each, of calls as they ended."""
    last: dict[str, int] = {}
    for end, call in enumerate(ended):
        first = last.get(call.path, -1) + 1
        inside = (at for at in range(first, end) if within(ended[at].path, call.path))
        yield (call.path, call.number), next(inside, end)
        last[call.path] = end


def within(path: str, outer: str) -> bool:
    """Whether a PyTorch module stands inside of another one; all do in the model."""
    return path != outer and (not outer or path.startswith(outer + "."))


def around(aligned: Sequence[Aligned], path: str) -> tuple[str, str]:
    """The nearest aligned layer around a path, on both sides; "" is the whole model."""
    outer = [one for one in aligned if within(path, one.torch.path)]
    if not outer:
        return "", ""
    nearest = max(outer, key=lambda one: one.depth)
    return nearest.torch.path, nearest.jax.path
