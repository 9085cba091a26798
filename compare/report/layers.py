"""What the pictures of a training are laid of: points, lines, surfaces.

A surface is one small PNG, for ten thousand rectangles are too large for a page. It
cannot follow the page's theme, so its colours, and those of the points on it, are ones
that can be told apart on both, by the colour-blind too.
"""

from collections.abc import Mapping, Sequence
from math import isqrt
from typing import Any

import altair as alt
import numpy as np
from jaxtyping import Float, UInt8

from compare.predictions import PLANE
from compare.report import png
from compare.report.chart import COLOURS, INK, MUTED, rows
from compare.spec import Arrays

# ColorBrewer's PRGn, an even number, so that ½ is an edge; blue and orange are the
# frameworks'. Brewer and Harrower, colorbrewer2.org.
BANDS = (
    *("#40004b", "#762a83", "#9970ab", "#c2a5cf", "#e7d4e8"),
    *("#d9f0d3", "#a6dba0", "#5aae61", "#1b7837", "#00441b"),
)
# Six of viridis: Smith and van der Walt, 2015.
GROWING = ("#440154", "#414487", "#2a788e", "#22a884", "#7ad151", "#fde725")
TRUE = "true line"
LIGHT, DARK = "#ffffff", "#000000"
_DASHES = {"JAX": [1, 0], "PyTorch": [8, 6], TRUE: [2, 3]}
_WIDTHS = {"JAX": 5, "PyTorch": 3, TRUE: 1.2}


def grid(values: np.ndarray) -> Float[np.ndarray, "side side"] | None:
    """Values over the plane, the lowest row first; None where they are no square."""
    side = isqrt(values.size)
    return values.reshape(side, side) if side > 1 and side**2 == values.size else None


def cells(
    values: Float[np.ndarray, "side side"], colours: Sequence[str], *, top: float
) -> UInt8[np.ndarray, "side side"]:
    """The band of each value between 0 and `top`, the highest row first.

    What lies outside has the first or the last band; what is not finite, none.
    """
    edges = np.linspace(0, top, len(colours) + 1)[1:-1]
    bands = np.where(np.isfinite(values), np.digitize(values, edges), len(colours))
    return bands[::-1].astype(np.uint8)


def surface(
    values: Float[np.ndarray, "side side"],
    colours: Sequence[str],
    *,
    top: float,
    width: int,
) -> alt.Chart:
    """Values over the plane between 0 and `top`, for a panel of this width."""
    address = png.uri(png.encode(cells(values, colours, top=top), colours))
    centre = {side: sum(ends) / 2 for side, ends in zip("xy", PLANE, strict=True)}
    # The outer cells' centres are the plane's edges: half of each cell is beyond them.
    beyond = len(values) / (len(values) - 1)
    return (
        alt.Chart(alt.Data(values=[centre | {"url": address}]))
        .mark_image(
            width=width * beyond,
            height=height_of(width) * beyond,
            aspect=False,
            smooth=False,
            clip=True,
        )
        .encode(x=along("x", PLANE[0]), y=along("y", PLANE[1]), url="url:N")
    )


def height_of(width: int) -> int:
    """Of a panel over the plane, so that both axes have one scale."""
    (left, right), (low, high) = PLANE
    return round(width * (high - low) / (right - left))


def along(field: str, domain: tuple[float, float] | None = None) -> Any:
    """An axis of the pictures, over this domain or what there is."""
    channel = {"x": alt.X, "y": alt.Y}[field]
    scale = alt.Scale(zero=False, padding=5)
    if domain is not None:
        scale = alt.Scale(domain=domain, nice=False)
    axis = alt.Axis(grid=domain is None, tickCount=4, titleAngle=0, titlePadding=6)
    return channel(f"{field}:Q", title=field, scale=scale, axis=axis)


def key_of(colours: Sequence[str], *, top: float, title: str, width: int) -> alt.Chart:
    """What the bands of a surface mean: a picture has no scale of its own."""
    scale = alt.Scale(type="quantize", domain=[0, top], range=list(colours))
    legend = alt.Legend(title=title, format=".2~g", gradientLength=width)
    return _unseen(value=[0.0]).encode(
        color=alt.Color("value:Q", scale=scale, legend=legend)
    )


def _unseen(**columns: Any) -> alt.Chart:
    """What a key is made of, in the middle of the plane and not drawn."""
    middle = {side: sum(ends) / 2 for side, ends in zip("xy", PLANE, strict=True)}
    count = len(next(iter(columns.values())))
    data = rows(**columns, **{side: [at] * count for side, at in middle.items()})
    return alt.Chart(data).mark_point(opacity=0, stroke=MUTED).encode(x="x:Q", y="y:Q")


def dots(x: np.ndarray, y: np.ndarray, *, cap: str, rims: dict[str, float]) -> Any:
    """Points as a line with a gap after each, drawn in these colours and widths.

    What is left between two gaps is a line's cap, round or square: a tenth of what a
    mark of its own would take. A line is sorted by x, so a gap has the x of its point.
    """
    gap = np.full(np.size(y), np.nan)
    data = rows(x=np.repeat(x, 2), y=np.column_stack([np.ravel(y), gap]))
    line = alt.Chart().encode(x="x:Q", y="y:Q")
    looks = {
        "invalid": "break-paths-show-path-domains",
        "strokeCap": cap,
        "clip": True,
    }
    marks = [
        line.mark_line(stroke=colour, strokeWidth=width, **looks)
        for colour, width in rims.items()
    ]
    return alt.layer(*marks, data=data)


def labelled(data: Arrays, *, size: float = 4.0) -> list[Any]:
    """The points of both labels: light circles and dark squares, each with a rim."""
    ones = np.ravel(data["y"]) > 0.5
    x, y = data["x"].T
    return [
        dots(x[~ones], y[~ones], cap="round", rims={DARK: size + 1.5, LIGHT: size}),
        dots(x[ones], y[ones], cap="square", rims={LIGHT: size + 1.5, DARK: size}),
    ]


def key_of_labels() -> alt.Chart:
    """Which points have which label."""
    fills, shapes = (
        alt.Scale(range=[LIGHT, DARK]),
        alt.Scale(range=["circle", "square"]),
    )
    legend = alt.Legend(title=None, orient="bottom", symbolOpacity=1)
    return _unseen(label=["label 0", "label 1"]).encode(
        fill=alt.Fill("label:N", scale=fills, legend=legend),
        shape=alt.Shape("label:N", scale=shapes, legend=legend),
    )


def lines(
    data: Arrays,
    fitted: Mapping[str, np.ndarray],
    truth: np.ndarray | None,
    *,
    key: bool = True,
) -> list[Any]:
    """The points, the fitted lines by their names, and on top the true one."""
    x = data["x"][:, -1]
    order = np.argsort(x)
    drawn = dict(fitted) if truth is None else {**fitted, TRUE: truth}
    names = list(drawn)
    legend = alt.Legend(symbolSize=300) if key else None

    def told(channel: Any, values: list[Any]) -> Any:
        scale = alt.Scale(domain=names, range=values)
        return channel("line:O", title=None, scale=scale, legend=legend)

    told_apart = {
        "color": told(alt.Color, [COLOURS.get(name, INK) for name in names]),
        "strokeDash": told(alt.StrokeDash, [_DASHES[name] for name in names]),
        "strokeWidth": told(alt.StrokeWidth, [_WIDTHS[name] for name in names]),
    }
    axes = {"x": along("x"), "y": along("y")}
    found = [dots(x, data["y"], cap="round", rims={MUTED: 4.0})]
    for name, y in drawn.items():
        values = rows(x=x[order], y=np.ravel(y)[order], line=[name] * len(x))
        found.append(alt.Chart(values).mark_line().encode(**axes, **told_apart))
    return found
