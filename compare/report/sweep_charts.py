"""Seconds a step by the size of the batch, the fitted line, and where lines cross.

t = overhead + operations / throughput
"""

from collections.abc import Mapping, Sequence
from math import sqrt

import altair as alt
import numpy as np
from jaxtyping import Float

from compare.report.cells import colour, mode_of, positive, shape, timed, why_not
from compare.report.chart import (
    INK,
    MUTED,
    WIDTH,
    Figure,
    Missing,
    decades,
    draw,
    rows,
    slug,
)
from compare.result import Run
from compare.timing import Sweep, Timing

HEIGHT = 220
BETWEEN = 30
"""Points of a line, which is curved on logarithmic axes."""


def sweeps(run: Run, example: str) -> Figure | None:
    """None where nothing was timed at other sizes than the spec's own."""
    name, title = f"sweep-{slug(example)}", "Microseconds a step by batch size"
    all_ = [
        timing
        for timing in run.timings
        if timing.example == example and timing.batch and timing.batch > 0
    ]
    if not all_:
        return None
    found = timed(all_)
    if not found:
        return Missing(name, title, why_not(all_))
    lines = [one for one in run.sweeps if one.example == example and _drawn(one)]
    sizes = sorted({timing.batch for timing in found if timing.batch})
    layers = [*_fits(lines, found), *_crossed(run, example, sizes), *_points(found)]
    chart = alt.layer(*layers).properties(width=WIDTH + 40, height=HEIGHT)
    return draw(chart, name, title=title, describes=_says(run, example, lines))


def _drawn(line: Sweep) -> bool:
    return bool(line.sizes) and min(line.sizes) > 0


def _says(run: Run, example: str, lines: Sequence[Sweep]) -> str:
    told = [
        f"{mode_of(line)} {line.overhead / 1e-6:.3g} µs a step before work"
        for line in lines
    ]
    for one in run.crossovers:
        if one.example == example:
            at = positive(one.batch)
            where = "at no batch size" if at is None else f"at a batch of {at:.3g}"
            told.append(f"{one.left} and {one.right} take the same time {where}")
    return f"{'; '.join(told) or 'Too few sizes for a line'}."


def _axis(found: Sequence[Timing]) -> tuple[alt.X, alt.Y]:
    sizes = sorted({timing.batch for timing in found if timing.batch})
    micro = np.array([timing.typical["step"].seconds for timing in found]) / 1e-6
    ticks = alt.Axis(
        values=sizes,
        labelExpr="format(datum.value, 'd')",
        labelOverlap=True,
        grid=False,
    )
    powers = alt.Axis(values=decades(micro), format="~g")
    log = alt.Scale(type="log", nice=False)
    return (
        alt.X("batch:Q", title="rows of a batch", scale=log, axis=ticks),
        alt.Y("micro:Q", title="µs a step", scale=alt.Scale(type="log"), axis=powers),
    )


def _hue(modes: Sequence[str]) -> alt.Color:
    scale = alt.Scale(domain=modes, range=[colour(mode) for mode in modes])
    return alt.Color("mode:N", scale=scale, legend=alt.Legend(title=None, columns=3))


def _points(found: Sequence[Timing]) -> list[alt.Chart]:
    """What was measured, with its interval."""
    modes = list(dict.fromkeys(map(mode_of, found)))
    steps = [timing.typical["step"] for timing in found]
    data = rows(
        mode=[mode_of(timing) for timing in found],
        batch=[timing.batch for timing in found],
        micro=[step.seconds / 1e-6 for step in steps],
        low=[(positive(step.low) or step.seconds) / 1e-6 for step in steps],
        high=[(positive(step.high) or step.seconds) / 1e-6 for step in steps],
    )
    x, y = _axis(found)
    base = alt.Chart(data).encode(x=x, color=_hue(modes))
    scale = alt.Scale(domain=modes, range=[shape(mode) for mode in modes])
    return [
        base.mark_rule(strokeWidth=1.5).encode(y=alt.Y("low:Q"), y2="high:Q"),
        base.mark_point(size=45, filled=True, opacity=1).encode(
            y=y,
            shape=alt.Shape("mode:N", scale=scale),
            tooltip=["mode:N", "batch:Q", "micro:Q"],
        ),
    ]


def _fits(lines: Sequence[Sweep], found: Sequence[Timing]) -> list[alt.Chart]:
    """Every mode's line, between its smallest and its largest size."""
    work = {t.batch: t.operations for t in found if t.batch and positive(t.operations)}
    if not lines or not work:
        return []
    parts = [(mode_of(line), *_fitted(line, work)) for line in lines]
    data = rows(
        mode=[mode for mode, sizes, _ in parts for _ in sizes],
        batch=np.concatenate([sizes for _, sizes, _ in parts]),
        micro=np.concatenate([seconds for _, _, seconds in parts]) / 1e-6,
    )
    x, y = _axis(found)
    modes = list(dict.fromkeys(map(mode_of, found)))
    line = alt.Chart(data).mark_line(strokeWidth=1.3, opacity=0.8)
    return [line.encode(x=x, y=y, color=_hue(modes))]


def _fitted(
    line: Sweep, work: Mapping[int, float | None]
) -> tuple[Float[np.ndarray, "sizes"], Float[np.ndarray, "sizes"]]:
    """Sizes, and seconds at them; a line that goes below 0 cannot be drawn there."""
    known = sorted(work)
    sizes = np.geomspace(min(line.sizes), max(line.sizes), BETWEEN)
    operations = np.interp(sizes, known, [work[size] or 0.0 for size in known])
    speed = positive(line.throughput)
    seconds = line.overhead + (operations / speed if speed else 0.0 * operations)
    return sizes, np.where(seconds > 0, seconds, np.nan)


def _crossed(run: Run, example: str, sizes: Sequence[int]) -> list[alt.Chart]:
    """A rule where two modes take the same time, as far as that is on the axis."""
    layers = []
    for one in run.crossovers:
        at = positive(one.batch)
        if one.example == example and at and sizes[0] <= at <= sizes[-1]:
            says = [f"{one.left} =", one.right, f"at {at:.3g}"]
            layers += _rule(at, says, left=at > sqrt(sizes[0] * sizes[-1]))
    return layers


def _rule(at: float, says: Sequence[str], *, left: bool) -> list[alt.Chart]:
    """A rule with words beside it, on the side where there is more room."""
    base = alt.Chart(rows(batch=[at])).encode(x=alt.X("batch:Q"))
    align, shift = ("right", -5) if left else ("left", 5)
    text = base.mark_text(baseline="top", fontSize=10, color=INK, align=align, dx=shift)
    return [
        base.mark_rule(color=MUTED, strokeDash=[4, 3]),
        text.encode(y=alt.value(2), text=alt.value(says)),
    ]
