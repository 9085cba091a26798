"""The picture of a divergence: differences as dots, the floor, the band above it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt
import numpy as np
from jaxtyping import Bool, Float

from compare import noise
from compare.report import chart
from compare.report.chart import rows
from compare.report.curves import POWERS, step_axis, ticks

_LIMIT = f"{noise.LIMIT:.0f}"
_DOT, _BEYOND = "difference of the losses", "more than rounding"
_FLOOR, _BAND = "floor, as measured", f"rounding: up to {_LIMIT} floors"
_CHECKPOINT = "checkpoint"
_TITLE = "|JAX − PyTorch|"
_LOOKS = {
    _DOT: (chart.INK, "circle", 1.0),
    _BEYOND: (chart.BAD, "circle", 1.0),
    _FLOOR: (chart.GOOD, "stroke", 1.0),
    _BAND: (chart.GOOD, "square", 0.2),
    _CHECKPOINT: (chart.MUTED, "triangle-up", 1.0),
}
"""Colour, shape in the legend, opacity."""
_LEAST, _MOST = 1e-290, 1e290
"""What a logarithmic axis can show with some room around it."""


@dataclass(frozen=True)
class Apart:
    """|JAX − PyTorch| of every step's loss, its floor, and where runs are compared."""

    difference: Float[np.ndarray, "steps"]
    floor: Float[np.ndarray, "steps"]
    neither: Bool[np.ndarray, "steps"]
    """Steps where neither framework's loss is finite."""
    horizon: int

    @property
    def scores(self) -> Float[np.ndarray, "steps"]:
        """Differences in floors; 0/0 = 0."""
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            scores = np.where(self.difference == 0, 0.0, self.difference / self.floor)
        return np.nan_to_num(scores, nan=np.inf, posinf=np.inf)

    @property
    def beyond(self) -> Bool[np.ndarray, "steps"]:
        """Differences that rounding does not explain, up to the horizon."""
        compared = np.arange(len(self.floor)) < self.horizon
        return compared & ~self.neither & (self.scores > noise.LIMIT)


@dataclass(frozen=True)
class _Edges:
    """The axis of the differences: `bottom` and `top` have room around the rest."""

    bottom: float
    low: float
    top: float

    def inside(self, values: np.ndarray) -> Float[np.ndarray, "..."]:
        """What lies beyond an edge stands at it."""
        return np.clip(values, self.bottom, self.top)

    def axis(self, *, zero: bool) -> alt.Y:
        """The axis, whose bottom is labelled 0 where some are."""
        values, labels = ticks(np.array([self.low, self.top])), POWERS
        if zero:
            values = [self.bottom, *values]
            labels = f"datum.value < {self.low!r} ? '0' : {POWERS}"
        scale = alt.Scale(type="log", domain=[self.bottom, self.top], nice=False)
        axis = alt.Axis(values=values, labelExpr=labels)
        return alt.Y(type="quantitative", title=_TITLE, scale=scale, axis=axis)


def drawn(apart: Apart, checkpoints: Sequence[int]) -> Any:
    """The chart; differences of 0 and infinite ones stand at its edges."""
    edges, beyond = _edges(apart), apart.beyond
    shown = np.where(apart.neither, np.nan, edges.inside(apart.difference))
    at = chart.kept(np.stack([shown, np.minimum(apart.scores, _MOST)]))
    floor = np.clip(apart.floor, 0, _MOST)
    columns = {
        "step": np.arange(len(floor)),
        "floor": edges.inside(floor),
        "band": edges.inside(noise.LIMIT * floor),
        "within": np.where(beyond, np.nan, shown),
    }
    used = [_DOT, _FLOOR, _BAND]
    if beyond.any():
        used.insert(1, _BEYOND)
        columns["beyond"] = np.where(beyond, shown, np.nan)
    if checkpoints:
        used.append(_CHECKPOINT)
    data = rows(**{name: column[at] for name, column in columns.items()})
    y = edges.axis(zero=bool((apart.difference == 0).any()))
    layers = [
        *_lines(y, used, bottom=edges.bottom),
        *_marks(checkpoints, used),
        *_horizon(apart),
    ]
    x = step_axis(len(floor))
    whole = alt.layer(*layers, data=data).encode(x=x)
    return whole.properties(width=chart.WIDTH, height=chart.HEIGHT)


def _edges(apart: Apart) -> _Edges:
    floor = np.clip(apart.floor, 0, _MOST)
    found = np.concatenate([apart.difference, floor, noise.LIMIT * floor])
    found = np.clip(found[np.isfinite(found) & (found > 0)], _LEAST, _MOST)
    low, high = np.log10([found.min(), found.max()]) if found.size else (-16.0, -15.0)
    span = max(1.0, high - low)
    powers = low - 0.12 * span, low - 0.03 * span, high + 0.08 * span
    return _Edges(*(float(10.0 ** np.clip(power, -305, 305)) for power in powers))


def _lines(y: alt.Y, used: list[str], *, bottom: float) -> list[Any]:
    """The band up to 32 floors, the floor in it, and the differences as dots."""

    def encoded(mark: alt.Chart, field: str, name: str, **more: Any) -> alt.Chart:
        axis = y.copy(deep=False)
        axis.shorthand = f"{field}:Q"
        return mark.encode(y=axis, color=_colour(name, used), **more)

    base = alt.Chart()
    area = base.mark_area(opacity=_LOOKS[_BAND][2])
    line = base.mark_line(strokeWidth=1.5, strokeCap="round")
    layers = [
        encoded(area, "band", _BAND, y2=alt.Y2Datum(bottom)),
        encoded(line, "floor", _FLOOR),
        encoded(_dots(base, "within", width=3.0), "within", _DOT),
    ]
    if _BEYOND in used:
        layers.append(encoded(_dots(base, "beyond", width=6.0), "beyond", _BEYOND))
    return layers


def _dots(base: alt.Chart, field: str, *, width: float) -> alt.Chart:
    """Points as one path, which is short: a line broken after each, with round ends."""
    twice = base.transform_calculate(part="[0, 1]").transform_flatten(["part"])
    broken = {field: f"datum.part ? null : datum.{field}"}
    marked = twice.transform_calculate(**broken)
    return marked.mark_line(strokeWidth=width, strokeCap="round")


def _marks(checkpoints: Sequence[int], used: list[str]) -> list[Any]:
    """Checkpoints below the axis, which also give the legend its shapes.

    A line that had them would have a point at every step.
    """
    columns = list(zip(*(_LOOKS[name] for name in used), strict=True))
    shapes = alt.Scale(domain=used, range=list(columns[1]))
    opacities = alt.Scale(type="ordinal", domain=used, range=list(columns[2]))
    return [
        alt.Chart(rows(step=list(checkpoints)))
        .mark_point(filled=True, size=20)
        .encode(
            y=alt.value(chart.HEIGHT + 4),
            color=_colour(used[-1], used),
            shape=alt.ShapeDatum(used[-1], title=None, scale=shapes),
            opacity=alt.OpacityDatum(used[-1], title=None, scale=opacities),
        )
    ]


def _horizon(apart: Apart) -> list[Any]:
    """A rule with its name, where runs have a horizon."""
    if apart.horizon == len(apart.floor):
        return []
    base = alt.Chart(rows(step=[apart.horizon]))
    late = apart.horizon > len(apart.floor) / 2
    align, beside = ("right", -4) if late else ("left", 4)
    text = base.mark_text(text="horizon", align=align, dx=beside, color=chart.INK)
    rule = base.mark_rule(strokeDash=[4, 3], color=chart.INK)
    return [rule, text.encode(y=alt.value(6))]


def _colour(name: str, used: list[str]) -> alt.ColorDatum:
    legend = alt.Legend(columns=2, columnPadding=12, symbolSize=60)
    scale = alt.Scale(domain=used, range=[_LOOKS[each][0] for each in used])
    return alt.ColorDatum(name, title=None, scale=scale, legend=legend)
