"""What `twinnets train --out` has trained: a panel for each value, and all losses."""

from pathlib import Path
from typing import Any

import altair as alt
import numpy as np
from jaxtyping import Float

from compare import trained
from compare.fault import FRAMEWORKS, NAMES
from compare.report import chart, layers
from compare.report.chart import COLOURS, Figure, Missing, decades, draw, rows, slug
from compare.report.curves import POWERS, counted
from compare.report.pictures import (
    NotDrawn,
    at_points,
    finite,
    over_plane,
    true_line,
)
from compare.spec import Arrays, Training, prepare
from compare.trained import Kept

WIDTH = 130
"""Of a panel, in pixels; two beside each other."""
PANELS = 8
"""At most, and as many losses; of more runs, some at even distances."""
POINTS = 100
"""Of the data on a surface, at most about so many."""
# Okabe and Ito, the blue a little lighter, so that all can be read on dark too.
_COLOURS = (
    *("#3B8BC6", "#D55E00", "#009E73", "#CC79A7"),
    *("#E69F00", "#56B4E9", "#999999", "#B8860B"),
)
_DASHES = ([1, 0], [6, 3], [2, 2], [8, 2, 2, 2])
_POINTS = 120
"""Of one line of losses."""


def figures(folder: Path, name: str, spec: Training, *, seed: int) -> list[Figure]:
    """A figure for each framework of which something was trained."""
    found = [_figure(folder, name, spec, side, seed) for side in FRAMEWORKS]
    return [figure for figure in found if figure is not None]


def _figure(
    folder: Path, name: str, spec: Training, side: str, seed: int
) -> Figure | None:
    called, title = f"{slug(name)}--trained-{side}", f"Trained alone in {NAMES[side]}"
    try:
        kept = trained.load(folder, name, side)
        if kept is None:
            return None
        if kept.seed != seed:
            raise NotDrawn(f"trained with seed {kept.seed}, the run has seed {seed}")
        made, told = _drawn(kept, spec, prepare(spec, seed).data)
    except (OSError, ValueError) as error:
        return Missing(called, title, f"what was trained cannot be drawn: {error}")
    return draw(made, called, title=title, describes=told)


def _drawn(kept: Kept, spec: Training, data: Arrays) -> tuple[Any, str]:
    """Panels above the losses of all runs, and what they show; raises `NotDrawn`."""
    runs = len(kept.losses)
    chosen = np.unique(np.linspace(0, runs - 1, min(runs, PANELS)).round().astype(int))
    losses = kept.losses[chosen].astype(np.float64)
    usable = np.isfinite(losses) & ((losses > 0) | (not spec.log_loss))
    losses = np.where(usable, losses, np.nan)
    parts, lost = [], []
    for run, own in zip(chosen.tolist(), losses, strict=True):
        try:
            parts.append(_panel(kept, run, spec, data, own[np.newaxis]))
        except NotDrawn as error:
            lost.append(f"{_called(kept, run)}: {error}")
    whole = [_apart(alt.concat(*parts, columns=2, spacing=12))] if parts else []
    if usable.any():
        labels = [_called(kept, run) for run in chosen.tolist()]
        every = _losses(losses, labels, list(_COLOURS[: len(labels)]), spec, "loss")
        whole.append(every.properties(width=chart.WIDTH, height=chart.HEIGHT))
    if not whole:
        raise NotDrawn("; ".join(lost))
    return _apart(alt.vconcat(*whole)), _told(kept, chosen.tolist(), lost)


def _apart(several: Any) -> Any:
    """Each with colours of its own."""
    each = "independent"
    return several.resolve_scale(color=each, strokeDash=each, strokeWidth=each)


def _told(kept: Kept, chosen: list[int], lost: list[str]) -> str:
    runs, steps = kept.losses.shape
    ends = [
        f"{_called(kept, run)}: {kept.metric_name} {kept.metrics[run]:.4g}"
        for run in chosen
    ]
    ways = "1 run" if runs == 1 else f"{runs} runs"
    told = f"{ways} of {counted(steps)}"
    told += f", of which {len(chosen)} are drawn" if len(chosen) < runs else ""
    told += f". {'; '.join(ends)}."
    return told + (f" Without a panel: {'; '.join(lost)}." if lost else "")


def _called(kept: Kept, run: int) -> str:
    return kept.labels[run] or "as it is"


def _panel(
    kept: Kept, run: int, spec: Training, data: Arrays, losses: Float[np.ndarray, "1 _"]
) -> Any:
    """One run: the surface, the line or the loss."""
    lines = [kept.labels[run], f"{kept.metric_name} {kept.metrics[run]:.4g}"]
    looks = {"fontSize": 10, "anchor": "start", "limit": WIDTH + 40}
    title = alt.TitleParams([line for line in lines if line], **looks)
    height = layers.height_of(WIDTH)
    leaf = {"plane": "plane", "line": ""}.get(spec.picture or "")
    if leaf is None:
        if np.isnan(losses).all():
            raise NotDrawn("no loss is finite")
        colour = COLOURS[NAMES[kept.framework]]
        only = _losses(losses, [""], [colour], spec)
        return only.properties(width=WIDTH, height=height, title=title)
    if leaf not in kept.predictions:
        raise NotDrawn("there are no predictions")
    found = finite(kept.predictions[leaf][run])
    if leaf == "plane":
        some = {name: data[name][:: _every(data)] for name in ("x", "y")}
        surface = layers.surface(over_plane(found), layers.BANDS, top=1.0, width=WIDTH)
        drawn = [surface, *layers.labelled(some, size=2.5)]
    else:
        fitted = {NAMES[kept.framework]: at_points(found, data)}
        drawn = layers.lines(data, fitted, true_line(spec, data), key=False)
    return alt.layer(*drawn).properties(width=WIDTH, height=height, title=title)


def _every(data: Arrays) -> int:
    return -(-len(data["x"]) // POINTS)


def _losses(
    losses: Float[np.ndarray, "runs steps"],
    labels: list[str],
    colours: list[str],
    spec: Training,
    title: str | None = None,
) -> Any:
    """The loss before every step of some runs; with a key where it has a title."""
    scale = alt.Scale(zero=False, nice=False)
    axis = alt.Axis(tickCount=4, format="~g")
    if spec.log_loss:
        scale = alt.Scale(type="log", nice=False)
        axis = alt.Axis(values=decades(losses), labelExpr=POWERS)
    all_steps = alt.Scale(domain=[0, max(1, losses.shape[1] - 1)], nice=False)
    few = alt.Axis(grid=False, tickCount=4, tickMinStep=1, format=",d")
    key = alt.Legend(columns=2, symbolSize=200) if title else None
    dashes = [_DASHES[run % len(_DASHES)] for run in range(len(labels))]
    hues = alt.Scale(domain=labels, range=colours)
    strokes = alt.Scale(domain=labels, range=dashes)
    at = chart.kept(losses, at_most=_POINTS)
    lines = [
        alt.Chart(rows(step=at, loss=one[at], run=[label] * len(at)))
        .mark_line(strokeWidth=1.5)
        .encode(
            x=alt.X(
                "step:Q", title="step" if title else None, scale=all_steps, axis=few
            ),
            y=alt.Y("loss:Q", title=title, scale=scale, axis=axis),
            color=alt.Color("run:N", title=None, sort=None, scale=hues, legend=key),
            strokeDash=alt.StrokeDash(
                "run:N", title=None, sort=None, scale=strokes, legend=key
            ),
        )
        for label, one in zip(labels, losses, strict=True)
    ]
    return alt.layer(*lines)
