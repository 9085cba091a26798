"""A chart, drawn twice: Vega-Lite for a browser, and SVG for paper and without scripts.

Colours are the names of CSS variables, so that both follow the page's theme. All charts
are narrow enough for a telephone: a page sets several beside each other instead.
"""

import hashlib
import re
from dataclasses import dataclass
from math import isfinite
from typing import Any

import altair as alt
import numpy as np
import vl_convert
from jaxtyping import Float, Int

from compare.report.svg import pruned
from compare.report.text import seen

WIDTH, HEIGHT = 280, 160
"""Of what lies between the axes, in pixels."""
POINTS = 180
"""Of one line, at most about so many."""
INK, MUTED, FAINT = "var(--ink)", "var(--muted)", "var(--line)"
JAX, TORCH = "var(--jax)", "var(--torch)"
GOOD, OPEN, BAD = "var(--good)", "var(--open)", "var(--bad)"
COLOURS = {"JAX": JAX, "PyTorch": TORCH}
_DIGITS = 4
_PLAIN = {"titleFontWeight": "normal", "labelFontSize": 11}
_INKED = {"labelColor": INK, "titleColor": INK, **_PLAIN}
LOOKS = {
    "aria": False,
    "background": "transparent",
    "font": "system-ui, sans-serif",
    "view": {"stroke": None},
    "axis": {
        **_INKED,
        "titleFontSize": 12,
        "domainColor": MUTED,
        "tickColor": MUTED,
        "gridColor": FAINT,
    },
    "legend": {**_INKED, "titleFontSize": 11, "orient": "top"},
    "header": _INKED,
    "title": {"color": INK, "fontSize": 12, "fontWeight": "normal"},
}
"""Vega-Lite's configuration for all charts. To set it by Altair takes longer than the
chart itself, for each setting copies all of it."""


@dataclass(frozen=True)
class Chart:
    """`name` is its own in the page; `describes` is for those who cannot see it."""

    name: str
    title: str
    describes: str
    spec: dict[str, Any]
    svg: str


@dataclass(frozen=True)
class Missing:
    """A chart that cannot be drawn, with the reason."""

    name: str
    title: str
    why: str


Figure = Chart | Missing


def slug(name: str) -> str:
    """An example's identifier in a page, from any name.

    It has no two hyphens beside each other: those begin its parts. What differs in
    other characters than small letters and digits would be alike, so a digest is added.
    """
    plain = re.sub("[^a-z0-9]+", "-", name.lower()).strip("-")[:60].strip("-")
    if re.fullmatch("[a-z0-9]+(_[a-z0-9]+)*", name) and len(name) <= 60:
        return f"example-{plain}"
    digest = hashlib.sha256(name.encode(errors="replace")).hexdigest()[:8]
    return "-".join(filter(None, ("example", plain, digest)))


def draw(chart: Any, name: str, *, title: str, describes: str) -> Chart:
    """An Altair chart in the page's looks; its title stands above it, in the page."""
    spec = _seen(chart.to_dict(validate=False) | {"config": LOOKS})
    svg = pruned(vl_convert.vegalite_to_svg(spec), name)
    return Chart(name, title, describes, spec, svg)


def _seen(part: Any) -> Any:
    """Without characters that XML forbids: at those the drawing library aborts."""
    if isinstance(part, dict):
        return {seen(name): _seen(value) for name, value in part.items()}
    if isinstance(part, list):
        return [_seen(value) for value in part]
    return seen(part, lines=False) if isinstance(part, str) else part


def decades(*values: np.ndarray) -> list[float]:
    """Powers of ten for a logarithmic axis, at most about six of them."""
    found = np.concatenate([np.ravel(value) for value in values])
    found = found[np.isfinite(found) & (found > 0)]
    if not found.size:
        return [1.0]
    low, high = np.floor(np.log10(found.min())), np.ceil(np.log10(found.max()))
    apart = max(1, int(np.ceil((high - low) / 6)))
    return [float(f"1e{int(power)}") for power in np.arange(low, high + 1, apart)]


def rows(**columns: Any) -> alt.Data:
    """Columns of equal length as a chart's data, in four digits; null for no number."""
    lists = [np.asarray(values).ravel().tolist() for values in columns.values()]
    found = zip(*lists, strict=True)
    # Altair copies lists at every step of making a chart, and leaves tuples alone.
    return alt.Data(
        values=tuple(dict(zip(columns, map(_short, row), strict=True)) for row in found)
    )


def _short(value: Any) -> Any:
    if not isinstance(value, float):
        return value
    return float(f"{value:.{_DIGITS}g}") if isfinite(value) else None


def kept(
    series: Float[np.ndarray, "series steps"], at_most: int = POINTS
) -> Int[np.ndarray, "kept"]:
    """Steps to draw of many: of each stretch the first, and every line's extremes.

    What is not finite counts as no extreme. The last step is always kept.
    """
    steps = series.shape[1]
    if steps <= at_most:
        return np.arange(steps)
    pieces = max(1, at_most // (2 * len(series) + 1))
    chosen = {steps - 1}
    for piece in np.array_split(np.arange(steps), pieces):
        chosen.add(int(piece[0]))
        for line in series[:, piece]:
            known = np.isfinite(line)
            if known.any():
                chosen.add(int(piece[np.argmin(np.where(known, line, np.inf))]))
                chosen.add(int(piece[np.argmax(np.where(known, line, -np.inf))]))
    return np.array(sorted(chosen))
