"""Every sample of a step's time, in the order of time: drift, outliers, processes."""

from collections.abc import Sequence

import altair as alt
import numpy as np

from compare.report.cells import at_one_size, colour, mode_of, positive, timed, why_not
from compare.report.chart import Figure, Missing, draw, kept, rows, slug
from compare.result import Run
from compare.timing import Timing

PANEL = (150, 60)
"""Pixels between the axes of one mode."""
MANY = 60
"""Samples of one mode that are drawn, about; the extremes of each block are."""
_NUMBER = "format(datum.value, '.6~g')"
# Ordered, of about one lightness, which is far from white and from black alike.
BLOCKS = ("#7f63b8", "#3f82c4", "#1f9a8a", "#7d9a2c", "#c78a1c", "#d0603f")


def samples(run: Run, example: str) -> Figure:
    """A panel for each mode; every block, a process of its own, is a line."""
    name, title = f"samples-{slug(example)}", "Every sample of a step, in order"
    all_ = at_one_size(run, example)
    found = [(timing, _blocks(timing)) for timing in timed(all_)]
    found = [(timing, blocks) for timing, blocks in found if blocks]
    if not found:
        return Missing(name, title, why_not(all_))
    panels = [_panel(timing, blocks) for timing, blocks in found]
    chart = alt.concat(*panels, columns=2, spacing=8)
    told = ", ".join(
        f"{mode_of(timing)} {sum(map(len, blocks))} samples in {len(blocks)} blocks"
        for timing, blocks in found
    )
    says = f"Microseconds a step; a colour and a line for each process: {told}."
    return draw(chart, name, title=title, describes=says)


def _blocks(timing: Timing) -> list[list[float]]:
    """Positive finite seconds, by block; what has none is left out."""
    told = [worker.samples.get("step", []) for worker in timing.workers]
    clean = [[seconds for seconds in block if positive(seconds)] for block in told]
    return [block for block in clean if block]


def _panel(timing: Timing, blocks: Sequence[Sequence[float]]) -> alt.Chart:
    """Samples one after another, a gap after each block."""
    at_most = max(8, MANY // len(blocks))
    places, micros, numbers, begin = [], [], [], 0
    for number, block in enumerate(blocks):
        chosen = kept(np.array([block]), at_most)
        places += (begin + chosen).tolist()
        micros += (np.array(block)[chosen] / 1e-6).tolist()
        numbers += [number] * len(chosen)
        begin += len(block) + 2
    hues = [BLOCKS[number % len(BLOCKS)] for number in range(len(blocks))]
    x = alt.Axis(labels=False, ticks=False, grid=False, title=None)
    y = alt.Axis(tickCount=3, labelExpr=_NUMBER, minExtent=40, title=None)
    scale = alt.Scale(zero=False, nice=True)
    title = alt.TitleParams(
        f"{mode_of(timing)}, µs",
        color=colour(mode_of(timing)),
        anchor="start",
        frame="group",
    )
    return (
        alt.Chart(rows(at=places, micro=micros, block=numbers))
        .mark_line(strokeWidth=1.4, point=_lonely(blocks))
        .encode(
            x=alt.X("at:Q", axis=x, scale=alt.Scale(domain=[-1, begin], nice=False)),
            y=alt.Y("micro:Q", axis=y, scale=scale),
            color=alt.Color(
                "block:O",
                scale=alt.Scale(domain=list(range(len(blocks))), range=hues),
                legend=None,
            ),
        )
        .properties(width=PANEL[0], height=PANEL[1], title=title)
    )


def _lonely(blocks: Sequence[Sequence[float]]) -> bool:
    """One sample alone is no line."""
    return any(len(block) == 1 for block in blocks)
