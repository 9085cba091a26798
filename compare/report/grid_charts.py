"""Examples by modes, a number in each field: part of the machine's limit; memory."""

from collections.abc import Callable, Sequence
from math import isfinite, sqrt

import altair as alt

from compare.fault import FRAMEWORKS, NAMES
from compare.report.cells import (
    NAME_WIDTH,
    at_one_size,
    colour,
    drops,
    mode_of,
    percent,
    timed,
)
from compare.report.chart import INK, Figure, Missing, draw, rows
from compare.result import Run
from compare.timing import MODES, Timing

ROW, COLUMN = 18, 38
"""Pixels of a field, at most."""
PLOT = 270
"""Pixels of all columns together, at most."""
DARKEST = 0.5
"""A number is read on this much of its framework's colour."""
HELD = {"process": "MB of the process", "device": "MB of the device's memory"}
_NONE = "no example has times: `twinnets time` takes them"


def fraction(run: Run) -> Figure:
    """How near every mode comes to the speed of a product of two large matrices.

    Operations count as they are written: with some left out the part is too large.
    """
    name, title = "fraction", "Part of the speed of a large product, in percent"
    fields = _fields(run, lambda timing: timing.fraction)
    if not fields:
        return Missing(name, title, _NONE)
    less = {
        (name, mode_of(timing))
        for name in dict.fromkeys(timing.example for timing in run.timings)
        for timing in at_one_size(run, name)
        if drops(timing)
    }
    whole = [field for field in fields if field[:2] not in less]
    best = max(whole, key=lambda field: field[2], default=None)
    says = (
        f"Nearest comes {best[1]} in {best[0]}, {percent(best[2])} %." if best else ""
    )
    heading = "percent; * operations were left out" if less else "percent"
    numbers = [
        percent(part) + "*" * ((example, mode) in less)
        for example, mode, part in fields
    ]
    return draw(_grid(fields, numbers, heading), name, title=title, describes=says)


def memory(run: Run) -> Figure:
    """The most that any worker of a mode held, by who says so."""
    name, title = "memory", "Peak of memory, in MB"
    panels = {part: _fields(run, _peak(part)) for part in HELD}
    panels = {part: fields for part, fields in panels.items() if fields}
    if not panels:
        return Missing(name, title, _NONE)
    grids = [
        _grid(fields, [_mega(size) for *_, size in fields], HELD[part])
        for part, fields in panels.items()
    ]
    most = [
        f"{mode} in {example} with {_mega(size)} {HELD[part]}"
        for part, fields in panels.items()
        for example, mode, size in [max(fields, key=lambda field: field[2])]
    ]
    chart = alt.vconcat(*grids) if len(grids) > 1 else grids[0]
    return draw(chart, name, title=title, describes=f"Most has {'; '.join(most)}.")


_Field = tuple[str, str, float]


def _fields(run: Run, told: Callable[[Timing], float | None]) -> list[_Field]:
    """Example, mode and number, where there is one."""
    names = dict.fromkeys(timing.example for timing in run.timings)
    found = [
        (name, mode_of(timing), told(timing))
        for name in names
        for timing in timed(at_one_size(run, name))
    ]
    return [
        (name, mode, number)
        for name, mode, number in found
        if number is not None and isfinite(number) and number >= 0
    ]


def _peak(part: str) -> Callable[[Timing], float | None]:
    def peak(timing: Timing) -> float | None:
        held = [worker.memory.get(part) for worker in timing.workers]
        return max((float(size) for size in held if size), default=None)

    return peak


def _mega(size: float) -> str:
    return f"{size / 1e6:.0f}" if 1e7 <= size < 1e12 else f"{size / 1e6:.2g}"


def _order(modes: Sequence[str]) -> list[str]:
    known = [f"{NAMES[side]} {mode}" for side in FRAMEWORKS for mode in MODES[side]]
    return [mode for mode in known if mode in modes] + sorted(set(modes) - set(known))


def _grid(
    fields: Sequence[_Field], numbers: Sequence[str], title: str
) -> alt.LayerChart:
    """The larger the number, the more of its framework's colour, by its root."""
    modes = _order([mode for _, mode, _ in fields])
    most = max(number for *_, number in fields) or 1.0
    data = rows(
        example=[example for example, *_ in fields],
        mode=[mode for _, mode, _ in fields],
        colour=[colour(mode) for _, mode, _ in fields],
        strength=[DARKEST * sqrt(number / most) for *_, number in fields],
        number=list(numbers),
    )
    x = alt.Axis(orient="top", labelAngle=-90, title=None, domain=False, ticks=False)
    y = alt.Axis(labelLimit=NAME_WIDTH, title=None, domain=False, ticks=False)
    base = alt.Chart(data).encode(
        x=alt.X("mode:N", sort=modes, axis=x, scale=alt.Scale(padding=0.04)),
        y=alt.Y("example:N", sort=None, axis=y, scale=alt.Scale(padding=0.08)),
    )
    shades = base.mark_rect().encode(
        color=alt.Color("colour:N", scale=None),
        opacity=alt.Opacity("strength:Q", scale=None),
        tooltip=["example:N", "mode:N", "number:N"],
    )
    texts = base.mark_text(fontSize=10, color=INK).encode(text="number:N")
    return alt.LayerChart(
        layer=[shades, texts],
        title=title,
        width=min(COLUMN * len(modes), PLOT),
        height=ROW * len({example for example, *_ in fields}),
    )
