"""A forest plot: how many times as fast, with its interval, a row each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil, exp, floor, log2
from typing import Any

import altair as alt

from compare.report.cells import NAME_WIDTH
from compare.report.chart import INK, MUTED, rows

PLOT = 230
"""Pixels between the axes; names and numbers stand to both sides."""
ROW = 20
"""Pixels of a row."""
TICKS = 8
"""At most about so many, at powers of two."""
FAR = 8.0
"""Intervals and bands are cut at so many times the outermost points."""
NONE = "transparent"
LEGEND = alt.Legend(title=None, symbolStrokeWidth=2, columns=2, offset=20)
# Vega's language has no fractions.
_LABEL = (
    "datum.value == 0.5 ? '½' : datum.value == 0.25 ? '¼' : datum.value == 0.125 ? '⅛'"
    " : datum.value < 1 ? '1/' + format(1 / datum.value, '.4~g')"
    " : format(datum.value, '.4~g')"
)


@dataclass(frozen=True)
class Look:
    """Of a kind of row: colour and shape; an open one is not known."""

    colour: str
    shape: str
    filled: bool = True


@dataclass(frozen=True)
class Line:
    """`times` as fast, a positive number; what is within `band` of 1 is noise.

    `band` is of the log. `kind` names a look; `says` is shown where one points at it.
    """

    label: str
    times: float
    low: float | None
    high: float | None
    band: float | None
    kind: str
    says: str
    mark: str = ""
    """After the number."""


@dataclass(frozen=True)
class End:
    """What stands over the side below 1, or above."""

    text: str
    colour: str


def forest(
    lines: Sequence[Line],
    looks: Mapping[str, Look],
    *,
    ends: tuple[End, End],
    title: str,
    width: int = PLOT,
) -> alt.LayerChart:
    """A row for each line, in their order; needs at least one."""
    low, high = _span(lines)
    scale = alt.Scale(type="log", base=2, domain=[low, high], nice=False)
    names = alt.Axis(
        labelLimit=NAME_WIDTH, ticks=False, domain=False, labelPadding=8, title=None
    )
    base = alt.Chart().encode(
        y=alt.Y("label:N", sort=None, axis=names, scale=alt.Scale(padding=0))
    )
    axis = alt.Axis(
        values=_ticks(low, high), labelExpr=_LABEL, labelFlush=False, domain=False
    )
    x = alt.X("times:Q", title=title, scale=scale, axis=axis)
    kinds = {line.kind for line in lines}
    found = {kind: look for kind, look in looks.items() if kind in kinds}
    layers = [
        base.mark_bar(color=MUTED, opacity=0.25, height={"band": 1}).encode(
            x=alt.X("from:Q", scale=scale), x2="to:Q"
        ),
        alt.Chart(rows(at=[1.0]))
        .mark_rule(color=MUTED, strokeWidth=1.2)
        .encode(x=alt.X("at:Q", scale=scale)),
        base.mark_rule(strokeWidth=2.4, strokeCap="round").encode(
            x=alt.X("low:Q", scale=scale), x2="high:Q", color=_colour(found)
        ),
        _points(base, x, found),
        base.mark_text(align="left", fontSize=11, color=INK).encode(
            x=alt.value(width + 8), text="number:N"
        ),
        *(_end(end, scale, at) for at, end in enumerate(ends)),
    ]
    data = _data(lines, low, high)
    height = ROW * len(lines)
    return alt.LayerChart(data=data, layer=layers, width=width, height=height)


def _span(lines: Sequence[Line]) -> tuple[float, float]:
    """Half to double at least, and room for every point and for most intervals."""
    points = [line.times for line in lines]
    far = [*points, *(each for one in lines for each in (one.low, one.high) if each)]
    low = max(min(far), min(points) / FAR)
    high = min(max(far), max(points) * FAR)
    return min(0.5, low / 1.15), max(2.0, high * 1.15)


def _ticks(low: float, high: float) -> list[float]:
    """Powers of two, 1 among them."""
    first, last = ceil(log2(low)), floor(log2(high))
    apart = ceil((last - first + 1) / TICKS)
    first = -(-first // apart) * apart
    return [2.0**power for power in range(first, last + 1, apart)]


def _data(lines: Sequence[Line], low: float, high: float) -> alt.Data:
    def within(value: float) -> float:
        return min(max(value, low), high)

    bands = [line.band or 0.0 for line in lines]
    return rows(
        label=[line.label for line in lines],
        times=[line.times for line in lines],
        low=[within(line.low or line.times) for line in lines],
        high=[within(line.high or line.times) for line in lines],
        **{"from": [within(exp(-min(band, 50.0))) for band in bands]},
        to=[within(exp(min(band, 50.0))) for band in bands],
        kind=[line.kind for line in lines],
        number=[f"{_three(line.times)} ×{line.mark}" for line in lines],
        says=[line.says for line in lines],
    )


def _three(number: float) -> str:
    """Three digits, zeros too, so that they stand below each other."""
    return f"{number:#.3g}".removesuffix(".")


def _scale(looks: Mapping[str, Look], part: list[Any]) -> alt.Scale:
    return alt.Scale(domain=list(looks), range=part)


def _colour(looks: Mapping[str, Look]) -> alt.Color:
    scale = _scale(looks, [look.colour for look in looks.values()])
    return alt.Color("kind:N", scale=scale, legend=LEGEND)


def _points(base: Any, x: alt.X, looks: Mapping[str, Look]) -> alt.Chart:
    """One legend tells colour, shape and filling."""
    scales = [
        _scale(looks, [one.colour if one.filled else NONE for one in looks.values()]),
        _scale(looks, [one.shape for one in looks.values()]),
    ]
    return base.mark_point(size=60, strokeWidth=2, opacity=1).encode(
        x=x,
        color=_colour(looks),
        fill=alt.Fill("kind:N", scale=scales[0], legend=LEGEND),
        shape=alt.Shape("kind:N", scale=scales[1], legend=LEGEND),
        tooltip=[alt.Tooltip("label:N"), alt.Tooltip("says:N")],
    )


def _end(end: End, scale: alt.Scale, at: int) -> alt.Chart:
    align, shift = ("right", -8) if at == 0 else ("left", 8)
    return (
        alt.Chart(rows(at=[1.0]))
        .mark_text(align=align, dx=shift, dy=-10, color=end.colour, fontSize=12)
        .encode(x=alt.X("at:Q", scale=scale), y=alt.value(0), text=alt.value(end.text))
    )
