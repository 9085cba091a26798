"""Pictures of a training: the data, what was fitted, the loss.

Altair draws them and vl-convert turns them into files, without a browser.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import altair as alt
import numpy as np

from compare.fault import NAMES
from compare.predictions import PLANE
from compare.spec import Arrays
from compare.train import Plan, Trained

SIDE = 300
"""Width and height of a panel, in pixels at scale 1."""
# Told apart by the colour-blind too: Okabe and Ito, Color Universal Design, 2008.
BLUE, ORANGE, GREY = "#0072B2", "#D55E00", "#666666"


def draw(
    plan: Plan,
    found: Sequence[Trained],
    path: Path,
    *,
    data: Arrays,
    truth: Arrays | None,
) -> None:
    """Save one picture: the data with what was fitted, and the losses of all runs."""
    names = plan.labels
    panels = [
        panel
        for label, one in zip(names, found, strict=True)
        for panel in _picture(plan, one, label, data, truth)
    ]
    if plan.steps:
        panels.append(_losses(plan, found, names))
    title = f"{plan.example} ({NAMES[plan.framework]}, {plan.steps} steps)"
    whole = alt.concat(*panels, columns=3).properties(title=title)
    each = "independent"
    whole = whole.resolve_scale(color=each, fill=each, shape=each)
    whole.configure_view(stroke=None).save(path, scale_factor=2)


def _rows(**columns: Any) -> alt.Data:
    lists = [np.asarray(values).ravel().tolist() for values in columns.values()]
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*lists, strict=True)]
    return alt.Data(values=rows)


def _picture(
    plan: Plan, one: Trained, label: str, data: Arrays, truth: Arrays | None
) -> list[Any]:
    layers = []
    if plan.spec.picture == "line":
        layers = _line(data, truth, one.predictions[""] if plan.steps else None)
    elif plan.spec.picture == "plane":
        layers = _plane(data, one.predictions["plane"] if plan.steps else None)
    if not layers:
        return []
    title = label or ("data and fit" if plan.steps else "data")
    return [alt.layer(*layers).properties(width=SIDE, height=SIDE, title=title)]


def _line(
    data: Arrays, truth: Arrays | None, fitted: np.ndarray | None
) -> list[alt.Chart]:
    """The points; the dashed line that they were made with; the fitted line."""
    x = data["x"][:, -1]
    lines = {"true line": None if truth is None else truth[""], "fitted line": fitted}
    names = ["data", *(name for name, y in lines.items() if y is not None)]
    colour = alt.Color("name:N", title=None).scale(
        domain=names, range=[BLUE, GREY, ORANGE][: len(names)]
    )
    shared = {"x": alt.X("x:Q"), "y": alt.Y("y:Q").scale(zero=False), "color": colour}
    layers = [
        alt.Chart(_rows(x=x, y=data["y"], name=["data"] * len(x)))
        .mark_circle(size=25)
        .encode(**shared)
    ]
    for name, y in lines.items():
        if y is not None:
            dash = [6, 4] if name == "true line" else [1, 0]
            layers.append(
                alt.Chart(_rows(x=x, y=y, name=[name] * len(x)))
                .mark_line(strokeDash=dash, strokeWidth=2)
                .encode(**shared)
            )
    return layers


def _plane(data: Arrays, probabilities: np.ndarray | None) -> list[alt.Chart]:
    """The points by class, on the probability of label 1."""
    layers = []
    if probabilities is not None:
        layers.append(_surface(probabilities))
    label = ["0" if y < 0.5 else "1" for y in data["y"]]
    points = alt.Chart(_rows(x=data["x"][:, 0], y=data["x"][:, 1], label=label))
    layers.append(
        points.mark_point(size=30, filled=True, stroke="white", strokeWidth=0.7).encode(
            x=_axis("x:Q", PLANE[0]),
            y=_axis("y:Q", PLANE[1]),
            fill=alt.Fill("label:N").scale(domain=["0", "1"], range=[BLUE, ORANGE]),
            shape=alt.Shape("label:N").scale(
                domain=["0", "1"], range=["circle", "square"]
            ),
        )
    )
    return layers


def _surface(probabilities: np.ndarray) -> alt.Chart:
    """One rectangle for each point of the grid; bands, so that ½ is an edge."""
    count = int(np.sqrt(probabilities.size))
    centres = [np.linspace(*side, count) for side in PLANE]
    x, y = (axis.ravel() for axis in np.meshgrid(*centres))
    # A little wider than the distance, lest the seams shine through.
    half = [0.52 * (side[1] - side[0]) / (count - 1) for side in PLANE]
    rows = _rows(
        x=x - half[0], x2=x + half[0], y=y - half[1], y2=y + half[1], p=probabilities
    )
    bands = alt.Color("p:Q", title="p(label 1)").scale(
        type="quantize",
        domain=[0, 1],
        scheme=alt.SchemeParams(name="blueorange", count=8),
    )
    return (
        alt.Chart(rows)
        .mark_rect(clip=True, strokeWidth=0)
        .encode(
            x=_axis("x:Q", PLANE[0]),
            x2="x2:Q",
            y=_axis("y:Q", PLANE[1]),
            y2="y2:Q",
            color=bands,
        )
    )


def _axis(field: str, domain: tuple[float, float]) -> Any:
    channel = alt.X if field.startswith("x") else alt.Y
    scaled = channel(field, title=field[0]).scale(domain=domain, nice=False)
    return scaled.axis(grid=False)


def _losses(plan: Plan, found: Sequence[Trained], names: Sequence[str]) -> Any:
    """The loss of every run before every step."""
    kind = "log" if plan.spec.log_loss else "linear"
    loss = alt.Y("loss:Q").scale(type=kind, zero=False).axis(tickCount=6)
    if kind == "log":
        loss = loss.axis(tickCount=6, format="~g")
    layers = []
    for label, one in zip(names, found, strict=True):
        steps = np.arange(len(one.losses))
        rows = _rows(step=steps, loss=one.losses, run=[label] * len(steps))
        line = alt.Chart(rows).mark_line(strokeWidth=1.5, clip=True)
        colour = alt.Color("run:N", title=None, sort=None) if label else alt.value(BLUE)
        layers.append(line.encode(x="step:Q", y=loss, color=colour))
    return alt.layer(*layers).properties(width=SIDE, height=SIDE, title="loss")
