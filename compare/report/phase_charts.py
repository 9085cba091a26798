"""Where the time goes before the first step, and when compiling has paid for itself."""

from collections.abc import Iterator, Mapping, Sequence
from math import isfinite

import altair as alt

from compare.report.cells import (
    NAME_WIDTH,
    at_one_size,
    mode_of,
    positive,
    timed,
    why_not,
)
from compare.report.chart import INK, Figure, Missing, draw, rows, slug
from compare.result import Run
from compare.show_times import whole
from compare.timing import Timing

# Greys for what every program needs, then from light to dark what a compiler does, then
# the calls: every neighbour differs in lightness too, and all read on black and white.
PARTS = {
    "import": "#7d8590",
    "device start": "#b3bac2",
    "host to device": "#5c636b",
    "trace": "#56b4a9",
    "lower": "#2b7a9e",
    "compile": "#8c5fb0",
    "first call": "#d99a2b",
    "second call": "#b5651d",
}
"""In the order of time. What a compiler does is no part of `first call` here."""
COMPILER = ("trace", "lower", "compile")
_PLOT = 250


def phases(run: Run, example: str) -> Figure:
    """Seconds until the second step is done, by what they went into."""
    name, title = f"phases-{slug(example)}", "From the import to the second call"
    all_ = at_one_size(run, example)
    found = [bar for timing in timed(all_) for bar in _bars(timing)]
    bars = [bar for bar in found if any(bar[2].values())]
    if not bars:
        return Missing(name, title, why_not(all_))
    total = max(sum(parts.values()) for _, _, parts, _ in bars)
    chart = alt.layer(_stacks(bars), _ends(bars, total))
    chart = chart.properties(width=_PLOT, height={"step": 13})
    told = "; ".join(
        f"{mode} {cache} {sum(parts.values()):.3g} s{after and ', ' + after}"
        for mode, cache, parts, after in bars
    )
    return draw(chart, name, title=title, describes=f"Seconds in all: {told}.")


_Bar = tuple[str, str, Mapping[str, float], str]


def _bars(timing: Timing) -> Iterator[_Bar]:
    """Mode, cache, seconds by phase, and after how many steps compiling has paid."""
    mode = mode_of(timing)
    yield mode, "cold", _apart(timing.phases), _pays(timing.pays_after)
    yield mode, "warm", _apart(timing.warm_phases), _pays(timing.pays_after_warm)


def _apart(told: Mapping[str, float]) -> dict[str, float]:
    """The compiler works inside of the calls: what is its is taken out of them."""
    found = {name: positive(told.get(name)) or 0.0 for name in PARTS}
    inside = sum(found[name] for name in COMPILER)
    for call in ("first call", "second call"):
        own = min(inside, found[call])
        inside, found[call] = inside - own, found[call] - own
    return found


def _pays(steps: float | None) -> str:
    if steps is None or not isfinite(steps):
        return ""
    return "pays at once" if steps <= 0 else f"pays after {whole(steps)} steps"


def _axes(bars: Sequence[_Bar]) -> tuple[alt.Y, alt.YOffset]:
    modes = list(dict.fromkeys(mode for mode, *_ in bars))
    axis = alt.Axis(
        title=None, labelLimit=NAME_WIDTH, ticks=False, domain=False, labelPadding=8
    )
    scale = alt.Scale(paddingInner=0.25, paddingOuter=0.1)
    return (
        alt.Y("mode:N", sort=modes, axis=axis, scale=scale),
        alt.YOffset("cache:N", sort=["cold", "warm"]),
    )


def _stacks(bars: Sequence[_Bar]) -> alt.Chart:
    """One rectangle for each phase that took any time."""
    edges = []
    for mode, cache, parts, _ in bars:
        at = 0.0
        for phase, seconds in parts.items():
            if seconds:
                edges.append((mode, cache, phase, at, at + seconds, seconds))
            at += seconds
    names = ("mode", "cache", "phase", "begin", "end", "seconds")
    data = rows(**dict(zip(names, zip(*edges, strict=True), strict=True)))
    y, offset = _axes(bars)
    legend = alt.Legend(title=None, columns=4, symbolType="square", labelLimit=90)
    scale = alt.Scale(domain=list(PARTS), range=list(PARTS.values()))
    return (
        alt.Chart(data)
        .mark_bar()
        .encode(
            y=y,
            yOffset=offset,
            x=alt.X("begin:Q", title="seconds", axis=alt.Axis(tickCount=5)),
            x2="end:Q",
            color=alt.Color("phase:N", scale=scale, legend=legend),
            tooltip=["mode:N", "cache:N", "phase:N", "seconds:Q"],
        )
    )


def _ends(bars: Sequence[_Bar], total: float) -> alt.Chart:
    """Which cache, and when it pays; the axis leaves room for it."""
    y, offset = _axes(bars)
    data = rows(
        mode=[mode for mode, *_ in bars],
        cache=[cache for _, cache, *_ in bars],
        end=[sum(parts.values()) for _, _, parts, _ in bars],
        says=[f"{cache}, {after}" if after else cache for _, cache, _, after in bars],
    )
    return (
        alt.Chart(data)
        .mark_text(align="left", dx=4, fontSize=9, color=INK)
        .encode(
            y=y,
            yOffset=offset,
            x=alt.X("end:Q", scale=alt.Scale(domain=[0, 1.55 * total], nice=False)),
            text="says:N",
        )
    )
