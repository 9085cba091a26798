"""The loss of a training in both frameworks, step by step."""

from typing import Any

import altair as alt
import numpy as np
from jaxtyping import Bool, Float

from compare.check import Sides
from compare.check_steps import LOSS, WHOLE_RUN
from compare.fault import FRAMEWORKS, NAMES
from compare.report import chart
from compare.report.chart import Figure, Missing, draw, rows, slug
from compare.trace import Key

# The upper line is thin and broken: both are seen though they lie on each other.
_WIDTHS = {"JAX": 2.5, "PyTorch": 2.0}
_DASHES = {"JAX": [1, 0], "PyTorch": [4, 6]}
POWERS = (
    "datum.value >= 1e-3 && datum.value < 1e4"
    " ? format(datum.value, '~g') : format(datum.value, '~e')"
)
"""Labels of a logarithmic axis: what is near one reads better without a power."""


class NotThere(ValueError):
    """Numbers that a curve needs and the traces lack, with the reason."""


def loss(name: str, sides: Sides, *, log: bool) -> Figure:
    """Both float32 losses of the whole run; `Missing` where there is none to draw."""
    called, title = f"{slug(name)}--loss", "Loss"
    try:
        values, steps = _losses(sides)
    except NotThere as error:
        return Missing(called, title, str(error))
    lost = ~np.isfinite(values)
    below = ~lost & (values <= 0) if log else np.zeros_like(lost)
    shown = np.where(lost | below, np.nan, values)
    if np.isnan(shown).all():
        kind = "finite and above 0" if log else "finite"
        return Missing(called, title, f"no loss of the float32 run is {kind}")
    told = _tell(shown, steps)
    told += left_out({"not finite": lost, "not above 0": below}, steps)
    return draw(_chart(shown, log=log), called, title=title, describes=told)


def series(sides: Sides, precision: str, *keys: Key) -> list[Float[np.ndarray, "_"]]:
    """The first of these keys that a side has, of JAX and PyTorch; raises `NotThere`.

    Each is a number for every step, of at least one.
    """
    found = []
    for side in FRAMEWORKS:
        if (side, precision) not in sides:
            raise NotThere(f"there is no {precision} trace of {NAMES[side]}")
        arrays = sides[side, precision].arrays
        held = [arrays[key] for key in keys if key in arrays]
        if not held:
            raise NotThere(f"the {precision} trace of {NAMES[side]} has no loss")
        if held[0].ndim != 1 or not held[0].size or held[0].dtype.kind not in "biuf":
            raise NotThere(
                f"the {precision} losses of {NAMES[side]} are not one number for each "
                f"step: {held[0].dtype} of shape {held[0].shape}"
            )
        found.append(held[0].astype(np.float64))
    return found


def _losses(sides: Sides) -> tuple[Float[np.ndarray, "2 steps"], list[int]]:
    """Both losses, the shorter one ending in NaN, and how many steps each has."""
    found = series(sides, "float32", WHOLE_RUN, LOSS)
    steps = [len(one) for one in found]
    values = np.full((2, max(steps)), np.nan)
    for row, one in zip(values, found, strict=True):
        row[: len(one)] = one
    return values, steps


def left_out(why: dict[str, Bool[np.ndarray, "2 steps"]], steps: list[int]) -> str:
    """What is not drawn, and of whom, with its first step; nothing where all is."""
    said = []
    for reason, where in why.items():
        for side, row, count in zip(FRAMEWORKS, where, steps, strict=True):
            if many := int(row[:count].sum()):
                losses = "1 loss" if many == 1 else f"{many:,} losses"
                is_are = "is" if many == 1 else "are"
                first = int(np.flatnonzero(row[:count])[0])
                said.append(
                    f"{losses} of {NAMES[side]} that {is_are} {reason}"
                    f" (the first at step {first:,})"
                )
    return f" Left out: {'; '.join(said)}." if said else ""


def counted(steps: int) -> str:
    """A number of steps in words."""
    return "1 step" if steps == 1 else f"{steps:,} steps"


def _tell(shown: Float[np.ndarray, "2 steps"], steps: list[int]) -> str:
    parts = []
    for side, row in zip(FRAMEWORKS, shown, strict=True):
        known = row[np.isfinite(row)]
        if known.size:
            parts.append(f"{NAMES[side]}'s from {known[0]:.4g} to {known[-1]:.4g}")
    length = " and ".join(counted(count) for count in sorted(set(steps)))
    return f"The float32 loss over {length}: {', '.join(parts)}."


def _chart(shown: Float[np.ndarray, "2 steps"], *, log: bool) -> Any:
    at = chart.kept(shown)
    data = rows(step=at, JAX=shown[0, at], PyTorch=shown[1, at])
    scale = alt.Scale(type="linear", zero=False, padding=4)
    axis = alt.Axis(tickCount=5, format="~g")
    if log:
        least, most = np.nanmin(shown), np.nanmax(shown)
        if least == most:  # one height alone has room around it
            least, most = least / 2, most * 2
        edges = np.array([least, most])
        scale = alt.Scale(type="log", domain=edges.tolist(), nice=False, padding=4)
        axis = alt.Axis(values=ticks(edges), labelExpr=POWERS)
    names = list(_WIDTHS)
    colours = alt.Scale(domain=names, range=[chart.COLOURS[name] for name in names])
    dashes = alt.Scale(domain=names, range=[_DASHES[name] for name in names])
    layers = [
        (_dot(name) if len(at) == 1 else _line(name)).encode(
            x=step_axis(shown.shape[1]),
            y=alt.Y(f"{name}:Q", title="loss", scale=scale, axis=axis),
            color=alt.ColorDatum(name, title=None, scale=colours),
            strokeDash=alt.StrokeDashDatum(name, title=None, scale=dashes),
        )
        for name in names
    ]
    whole = alt.layer(*layers, data=data)
    return whole.properties(width=chart.WIDTH, height=chart.HEIGHT)


def _line(name: str) -> alt.Chart:
    # Round ends make dots of points that have no neighbours.
    look = {"strokeWidth": _WIDTHS[name], "strokeCap": "round", "strokeJoin": "round"}
    return alt.Chart().mark_line(**look)


def _dot(name: str) -> alt.Chart:
    """One step alone, as no line can be."""
    return alt.Chart().mark_point(filled=True, size=15 * _WIDTHS[name] ** 2, opacity=1)


def ticks(edges: Float[np.ndarray, "2"]) -> list[float]:
    """Powers of ten between two positive numbers; of few decades also 2 and 5."""
    low, high = edges
    found = chart.decades(edges)
    if len(found) < 4:
        found = [digit * power for power in found for digit in (1, 2, 5)]
    return [tick for tick in found if low <= tick <= high]


def step_axis(steps: int) -> alt.X:
    """Steps from 0 on; one step alone stands in the middle."""
    edges = [0.0, steps - 1.0] if steps > 1 else [-1.0, 1.0]
    axis = alt.Axis(grid=False, tickCount=5, format=",d")
    if steps <= 5:
        axis.values = list(range(steps))
    scale = alt.Scale(domain=edges, nice=False)
    return alt.X("step:Q", title="step", scale=scale, axis=axis)
