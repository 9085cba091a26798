"""The charts of a training: its loss, its divergence, and the scores of every leaf."""

from collections.abc import Sequence
from typing import Any

import altair as alt

from compare.check import Sides
from compare.report import chart
from compare.report.chart import Figure, Missing, draw, rows, slug
from compare.report.curves import loss
from compare.report.divergence import divergence
from compare.report.leaf_scores import (
    LOST,
    MUCH,
    NONE,
    PHASES,
    SMALL,
    SOME,
    UNCLEAR,
    Cell,
    cells,
    told,
    worst,
)
from compare.result import Example
from compare.spec import Training

LEAVES, POINTS = 12, 20
"""Of one panel at most; those with the worst scores are drawn."""
_LOOKS = {
    NONE: (chart.GOOD, 0.1),
    SMALL: (chart.GOOD, 0.3),
    SOME: (chart.GOOD, 0.6),
    MUCH: (chart.GOOD, 1.0),
    LOST: (chart.BAD, 1.0),
    UNCLEAR: (chart.MUTED, 0.5),
}
"""Colour and opacity of a class, from best to worst."""
_SIGNS = {LOST: "×", UNCLEAR: "?"}
"""What is not fine needs no colours to be seen."""
_ROW, _GAP = 15, 0.12
"""Height of a leaf in pixels, and how much of it lies between two."""


def figures(example: Example, spec: Training, sides: Sides) -> list[Figure]:
    """The figures that need a training's traces: loss and divergence."""
    return [
        loss(example.name, sides, log=spec.log_loss),
        divergence(example, sides),
    ]


def heat_map(example: Example) -> Figure:
    """Scores of gradients and updates, by leaf and by checkpoint; needs rows only."""
    name, title = f"{slug(example.name)}--scores", "Scores of every leaf"
    found = cells(example)
    if not found:
        why = "the run has no float64 scores of gradients or updates"
        return Missing(name, title, why)
    leaves = worst(found, "leaf", at_most=LEAVES)
    points = worst(found, "point", at_most=POINTS)
    shown = [cell for cell in found if cell.leaf in leaves and cell.point in points]
    phases = [phase for phase in PHASES if any(c.phase == phase for c in shown)]
    panels = [
        _panel(phase, shown, points, labels=phase == phases[-1]) for phase in phases
    ]
    whole = alt.vconcat(*panels, spacing=12)
    return draw(whole, name, title=title, describes=told(found, shown))


def _panel(
    phase: str, found: Sequence[Cell], points: Sequence[str], *, labels: bool
) -> Any:
    """One phase; `labels` of its points stand below the last panel only."""
    used = _used(found)
    here = [cell for cell in found if cell.phase == phase]
    leaves = sorted({cell.leaf for cell in here})
    data = rows(
        leaf=[cell.leaf for cell in here],
        point=[cell.point for cell in here],
        score=[float("nan") if c.score is None else c.score for c in here],
        kind=[cell.kind for cell in here],
        verdict=[cell.verdict for cell in here],
    )
    looks: dict[str, Any] = {
        "ticks": False,
        "domain": False,
        "labels": labels,
        "labelLimit": 70,
    }
    across = alt.Scale(domain=list(points), paddingInner=_GAP, paddingOuter=0)
    down = alt.Scale(domain=leaves, paddingInner=_GAP, paddingOuter=0)
    names = alt.Axis(labelLimit=110, ticks=False, domain=False)
    cell = alt.Chart().encode(
        x=alt.X("point:N", scale=across)
        .title("step or probe" if labels else None)
        .axis(labelAngle=-60, labelOverlap=False, **looks),
        y=alt.Y("leaf:N", title=None, scale=down, axis=names),
    )
    tips = ["leaf:N", alt.Tooltip("point:N", title="step"), "score:Q", "verdict:N"]
    layers = [cell.mark_rect().encode(**_colours(used), tooltip=tips)]
    for kind, sign in _SIGNS.items():
        if any(each.kind == kind for each in here):
            marked = cell.transform_filter(alt.datum.kind == kind)
            layers.append(marked.mark_text(text=sign, color=chart.INK, fontSize=12))
    return alt.layer(*layers, data=data).properties(
        width=chart.WIDTH,
        height=_ROW * len(leaves),
        title=alt.Title(PHASES[phase], anchor="start", frame="group", offset=4),
    )


def _used(found: Sequence[Cell]) -> list[str]:
    """All classes, but for the unresolved where none is."""
    kinds = {cell.kind for cell in found}
    return [name for name in _LOOKS if name != UNCLEAR or name in kinds]


def _colours(used: Sequence[str]) -> dict[str, Any]:
    colours, opacities = zip(*(_LOOKS[name] for name in used), strict=True)
    shared: dict[str, Any] = {
        "title": "score: difference in floors",
        "legend": alt.Legend(columns=6, symbolType="square", columnPadding=8),
    }
    # Without a type of its own, a scale of numbers would have its range in even steps.
    opacity = alt.Scale(type="ordinal", domain=list(used), range=list(opacities))
    colour = alt.Scale(domain=list(used), range=list(colours))
    return {
        "color": alt.Color("kind:O", scale=colour, **shared),
        "opacity": alt.Opacity("kind:O", scale=opacity, **shared),
    }
