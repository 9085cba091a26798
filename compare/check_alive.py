"""A run in which nothing happens proves nothing, unless just that is to be seen."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from compare import noise
from compare.check import Sides, exact
from compare.check_steps import LOSS, WHOLE_RUN
from compare.result import Row
from compare.spec import Training


def check_alive(spec: Training, sides: Sides) -> Iterator[Row]:
    """Loss, gradients and parameters move, but for what the spec says stands still."""
    yield from _losses(spec, sides)
    for (side, precision), trace in sides.items():
        if precision != "float64":
            continue
        for phase, what in (("gradients", "gradient"), ("update", "update")):
            largest: dict[str, float] = {}
            for key, value in trace.arrays.items():
                if key.phase == phase and key.quantity == what:
                    size = float(noise.largest(value))
                    largest[key.leaf] = max(size, largest.get(key.leaf, 0.0))
            for leaf, size in largest.items():
                # What stands still has a gradient all the same.
                still = phase == "update" and leaf in spec.still
                yield from _row(phase, f"{what} of {side}", leaf, size > 0, still=still)


def _losses(spec: Training, sides: Sides) -> Iterator[Row]:
    """Where all parameters stand still, the loss is the same bits at every step."""
    still = spec.still >= spec.parameters.keys()
    for (side, precision), trace in sides.items():
        losses = trace.arrays.get(WHOLE_RUN, trace.arrays.get(LOSS, np.zeros(0)))
        if len(losses) > 1:
            moves = bool(np.any(losses != losses[0]))
            what = f"loss of {side}"
            for row in _row("trajectory", what, "", moves, still=still):
                yield replace(row, precision=precision)


def _row(
    phase: str, what: str, leaf: str, moves: bool, *, still: bool
) -> Iterator[Row]:
    """Nothing is said of what moves as it should."""
    if still:
        why = "moves, and must stand still" if moves else ""
        yield exact(phase, f"{what} stands still", ok=not moves, leaf=leaf, why=why)
    elif not moves:
        when = "the same at every step" if phase == "trajectory" else "always zero"
        why = f"is {when}: nothing is proved"
        yield exact(phase, f"{what} moves", ok=False, leaf=leaf, why=why)
