"""A trace: what one twin did, in plain NumPy."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np

from compare.blocks import blocks
from compare.noise import Precision

Step = int | str | None


class Key(NamedTuple):
    """Names one quantity; `step` is a training step, the name of a probe, or None."""

    phase: str
    quantity: str
    leaf: str = ""
    step: Step = None


@dataclass(frozen=True)
class Trace:
    """What one twin did in one framework and precision.

    `sensitivity` says how far the perturbed copies moved from the run itself: one
    number, or one per row of the leading axis where rows are judged one by one.
    `scale` is the size of the number whose ulp bounds a quantity, where that is not
    the quantity itself (an update is known to an ulp of the parameter). `places` holds
    the flat indices that a thinned leaf was taken from, `shapes` its whole shape.
    """

    example: str
    framework: str
    precision: Precision
    seed: int
    run: str
    arrays: dict[Key, np.ndarray] = field(default_factory=dict)
    sensitivity: dict[Key, np.ndarray] = field(default_factory=dict)
    scale: dict[Key, float] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    places: dict[Key, np.ndarray] = field(default_factory=dict)
    shapes: dict[Key, tuple[int, ...]] = field(default_factory=dict)


def merge(traces: Sequence[Trace]) -> Trace:
    """One trace of several tasks of the same run, framework and precision."""
    first = traces[0]
    arrays, sensitivity, scale, facts = {}, {}, {}, {}
    for trace in traces:
        arrays |= trace.arrays
        sensitivity |= trace.sensitivity
        scale |= trace.scale
        for name, value in trace.facts.items():
            if isinstance(value, dict):
                facts[name] = facts.get(name, {}) | value
            elif isinstance(value, list):
                facts[name] = [*facts.get(name, []), *value]
            else:
                facts[name] = value
    return replace(
        first, arrays=arrays, sensitivity=sensitivity, scale=scale, facts=facts
    )


def same_bits(left: np.ndarray, right: np.ndarray) -> bool:
    """Whether two arrays have the same shape, type and bits."""
    if left.shape != right.shape or left.dtype != right.dtype:
        return False
    return all(one.tobytes() == other.tobytes() for one, other in blocks(left, right))


def by_side(traces: Iterable[Trace]) -> Mapping[tuple[str, str], Trace]:
    """Traces by (framework, precision)."""
    return {(trace.framework, trace.precision): trace for trace in traces}
