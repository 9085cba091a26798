"""What a step takes in every mode of an example, as the cells of a table."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite

from compare.report.cells import percent, positive, timed
from compare.result import Run
from compare.show_times import interval, memory, micro
from compare.timing import Timing, Typical


@dataclass(frozen=True)
class Steady:
    """One mode; a quantity that it has not is "", and `why` says why it has none.

    Times are in µs, `speed` in GFLOP/s, `memory` in MB.
    """

    mode: str
    outcome: str
    why: str = ""
    step: str = ""
    reach: str = ""
    """How far the 95 % interval of `step` reaches to either side."""
    latency: str = ""
    forward: str = ""
    backward: str = ""
    """Forward and backward."""
    speed: str = ""
    of_product: str = ""
    memory: str = ""


def steady(run: Run, example: str) -> list[Steady]:
    """Every mode of an example, at every size that was timed, with times or without."""
    return [
        _row(timing)
        for timing in run.timings
        if timing.example == example and not timing.control
    ]


def _row(timing: Timing) -> Steady:
    if not timed([timing]):
        why = timing.why or "the run has no seconds a step of it"
        return Steady(str(timing.cell), timing.outcome, why)
    found = timing.typical
    return Steady(
        str(timing.cell),
        timing.outcome,
        timing.why,
        _micro(found, "step"),
        _reach(found["step"]),
        _micro(found, "latency"),
        _micro(found, "forward"),
        _micro(found, "forward + backward"),
        "" if (speed := positive(timing.speed)) is None else f"{speed / 1e9:.3g}",
        _part(timing.fraction),
        memory(timing),
    )


def _micro(found: Mapping[str, Typical], name: str) -> str:
    if name not in found or not positive(found[name].seconds):
        return ""
    return micro(found[name].seconds)


def _reach(step: Typical) -> str:
    return interval(step) if positive(step.low) and positive(step.high) else ""


def _part(fraction: float | None) -> str:
    if fraction is None or not isfinite(fraction):
        return ""
    return f"{percent(fraction)}%"
