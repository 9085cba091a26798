"""A pair's traces → rows."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from compare import noise
from compare.check import Sides, exact, repeatable
from compare.check_steps import judged
from compare.fault import FRAMEWORKS, NAMES
from compare.pair.both import Both
from compare.result import Row
from compare.task import Task
from compare.trace import Key

VANISHES = {"float64": 1e-9, "float32": 1e-5}
"""A floor below this part of the largest of its kind is nothing beside it.

By the precision that the quantity was computed in, some of it at least.
"""
Kind = tuple[str, str, Any]
"""Phase, quantity and step: all leaves of it."""


@dataclass(frozen=True)
class Spot:
    """An operation in less than float64 inside of the float64 run."""

    side: str
    step: str
    operation: str
    where: str
    phases: tuple[str, ...]
    names: frozenset[str]

    @property
    def told(self) -> str:
        """Side, operation and source line."""
        return f"{NAMES[self.side]}: {self.operation}, {self.where}"


def spots_of(
    both: Both, step: str, side: str, found: Sequence[Any], names: Mapping[str, str]
) -> list[Spot]:
    """What a side found, with the names of leaves and outputs as rows have them."""
    labels: dict[str, list[str]] = {}
    for entry in both.map.entries:
        own = entry.jax if side == "jax" else entry.torch
        labels.setdefault(own, []).append(entry.label)
    for name in names:
        labels.setdefault(name, []).append(names[name])
    return [
        Spot(
            side,
            step,
            spot.operation,
            spot.where,
            spot.phases,
            frozenset(one for name in spot.names for one in labels.get(name, [name])),
        )
        for spot in found
    ]


def rows(both: Both, sides: Sides, task: Task, found: Sequence[Spot]) -> list[Row]:
    """All rows that compare what both models did."""
    folded = {entry.label: entry for entry in both.map.entries if entry.folded}
    made: list[Row] = [*repeatable(sides, task)]
    _without_infinities(sides)
    for key in {key: None for trace in sides.values() for key in trace.arrays}:
        if _lone_slot(key, sides):
            continue
        for row in judged(sides, key, _depends(key, found)):
            by_design = key.leaf in folded and row.verdict in ("rounding", "bitwise")
            made.append(replace(row, verdict="differs") if by_design else row)
    made = [*_vanishing(made, sides, found), *_alive(sides)]
    return [*made, *_void(made)]


def key_of(row: Row) -> Key:
    """What a row compares."""
    return Key(row.phase, row.quantity, row.leaf, row.step)


def _without_infinities(sides: Sides) -> None:
    """Infinities of an output that stand at the same places everywhere are masks: 0."""
    for key in list(sides["torch", "float64"].arrays):
        found = [trace.arrays.get(key) for trace in sides.values()]
        if key.phase != "outputs" or any(value is None for value in found):
            continue
        signs = [np.sign(v) * np.isinf(v) for v in found if v is not None]
        alike = all(np.array_equal(signs[0], other) for other in signs)
        if alike and signs[0].any() and not signs[0].all():
            for trace in sides.values():
                value = trace.arrays[key]
                trace.arrays[key] = np.where(np.isinf(value), 0.0, value)


def lone_slots(sides: Sides) -> list[str]:
    """Parts of an optimizer's state that only one side has, or calls so."""
    keys = {key: None for trace in sides.values() for key in trace.arrays}
    return list(dict.fromkeys(k.quantity for k in keys if _lone_slot(k, sides)))


def _lone_slot(key: Key, sides: Sides) -> bool:
    """What it holds shows in the updates, which both sides have."""
    if key.phase != "state" or key.quantity == "buffer":
        return False
    return not all(key in sides[side, "float64"].arrays for side in FRAMEWORKS)


def _depends(key: Key, found: Sequence[Spot]) -> list[str]:
    """Operations in low precision that a quantity depends on.

    An optimizer's step is handed the same numbers on both sides, in full precision.
    """
    part = _part(key)
    mode = "eval" if key.step == "eval" else "train"
    mine = [
        spot.told
        for spot in found
        if part in spot.phases
        and (spot.step == mode or part == "update")
        and (not spot.names or part in ("loss", "update") or key.leaf in spot.names)
    ]
    return sorted(set(mine))


def _part(key: Key) -> str:
    """Which part of a step makes a quantity, in a side's words."""
    if key.phase == "state":
        return "buffers" if key.quantity == "buffer" else "update"
    return key.phase


def _vanishing(
    made: Sequence[Row], sides: Sides, found: Sequence[Spot]
) -> Iterator[Row]:
    """Rows that are zero but for rounding say so, where others of their kind are not.

    The gradient of a bias that a softmax or a batch norm takes away again is zero in
    exact arithmetic; a floor of the size of its value is no reason to doubt it, if that
    floor is nothing beside the gradients of other leaves.
    """
    sizes: dict[Kind, float] = {}
    for row in made:
        if row.verdict != "unresolved" or row.precision != "float64":
            yield row
            continue
        kind, narrow = _kind(key_of(row)), _depends(key_of(row), found)
        if kind not in sizes:
            sizes[kind] = _size(sides, kind)
        part = VANISHES["float32" if narrow else "float64"]
        if row.floor is None or row.floor > part * sizes[kind]:
            yield row
            continue
        why = "zero but for rounding on both sides"
        yield replace(row, verdict="precision" if narrow else "rounding", why=why)


def _kind(key: Key) -> Kind:
    return key.phase, key.quantity, key.step


def _size(sides: Sides, kind: Kind) -> float:
    """The largest number of a kind, in any leaf of either side."""
    return max(
        float(noise.largest(value))
        for trace in sides.values()
        for key, value in trace.arrays.items()
        if _kind(key) == kind
    )


def _void(made: Sequence[Row]) -> Iterator[Row]:
    """A phase of a point of which nothing was resolved has proved nothing."""
    phases: dict[tuple[str, Any], set[str]] = {}
    for row in made:
        if row.precision == "float64":
            phases.setdefault((row.phase, row.step), set()).add(row.verdict)
    for (phase, step), verdicts in phases.items():
        if verdicts == {"unresolved"}:
            why = "nothing was compared: rounding is of the size of the values"
            yield exact(phase, "rows", ok=False, step=step, why=why)


def _alive(sides: Sides) -> Iterator[Row]:
    """Gradients that are zero everywhere prove nothing about the backward pass."""
    alive: dict[Any, bool] = {}
    for framework in FRAMEWORKS:
        for key, value in sides[framework, "float64"].arrays.items():
            if key.phase == "gradients":
                alive[key.step] = alive.get(key.step) or bool(value.any())
    for step, moves in alive.items():
        if not moves:
            yield exact(
                "gradients",
                "alive",
                ok=False,
                step=step,
                why="every gradient is 0 on both sides: nothing was compared",
            )
