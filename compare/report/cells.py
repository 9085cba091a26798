"""Which timings of an example a chart is of, and how framework and mode look.

Hue tells the framework and shape the mode, so that nobody needs to tell shades apart.
"""

from collections.abc import Sequence

from compare.fault import NAMES
from compare.ratios import LEFT_OUT
from compare.report.chart import COLOURS
from compare.result import Run
from compare.show_times import shown
from compare.timing import MODES, Sweep, Timing

MARKS = ("circle", "square", "triangle-up", "diamond", "triangle-down")
"""Shapes of the modes of one framework, in the order of `MODES`."""
LARGEST = 1e100
"""What is larger is no measurement, and its square is no number."""
NAME_WIDTH = 130
"""Pixels of an axis that has names; what is longer is cut."""


def positive(value: float | None) -> float | None:
    """A number that a logarithmic axis can show, or None."""
    return value if value is not None and 1 / LARGEST < value < LARGEST else None


def at_one_size(run: Run, example: str) -> list[Timing]:
    """What was timed of an example at its own size, or else at the smallest swept."""
    found = [t for t in run.timings if t.example == example and not t.control]
    sizes = {timing.batch for timing in found}
    if None in sizes or not sizes:
        return [timing for timing in found if timing.batch is None]
    least = min(size for size in sizes if size is not None)
    return [timing for timing in found if timing.batch == least]


def timed(timings: Sequence[Timing]) -> list[Timing]:
    """Those of them that have seconds a step."""
    return [
        timing
        for timing in shown(timings)
        if "step" in timing.typical and positive(timing.typical["step"].seconds)
    ]


def why_not(timings: Sequence[Timing]) -> str:
    """Why none of them has times."""
    told = [f"{t.cell}: {t.outcome}, {t.why}" for t in timings if t.why]
    return "; ".join(told) or "the run has no times of it: `twinnets time` takes them"


def drops(timing: Timing) -> bool:
    """Whether its compiler leaves out operations that the step has as written."""
    told = [worker.operations for worker in timing.workers]
    return any(
        (written := each.get("written"))
        and (compiled := each.get("compiled")) is not None
        and compiled < LEFT_OUT * written
        for each in told
    )


def percent(part: float) -> str:
    """A part in percent; of what is tiny only the size matters."""
    if part >= 1e3:
        return f"{part * 100:.2g}"
    if part >= 0.01 or part == 0:
        return f"{part * 100:.0f}"
    return f"{part * 100:.1f}" if part >= 5e-4 else "< 0.1"


def mode_of(timing: Timing | Sweep) -> str:
    """Framework and mode, as they are printed."""
    return f"{NAMES[timing.framework]} {timing.mode}"


def colour(mode: str) -> str:
    """Of what `mode_of` tells, its framework's."""
    return COLOURS[mode.split()[0]]


def shape(mode: str) -> str:
    """Of what `mode_of` tells, by its place among the modes of its framework."""
    framework, _, own = mode.partition(" ")
    known = next(list(MODES[side]) for side in MODES if NAMES[side] == framework)
    return MARKS[known.index(own) % len(MARKS)] if own in known else MARKS[-1]
