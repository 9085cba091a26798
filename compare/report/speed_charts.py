"""Who is faster: in every example, and of one example in every mode."""

from collections.abc import Mapping, Sequence

import altair as alt

from compare.answer import as_fast, fastest, speed
from compare.ratios import reference
from compare.report.cells import at_one_size, drops, positive, timed, why_not
from compare.report.chart import (
    BAD,
    GOOD,
    INK,
    JAX,
    MUTED,
    OPEN,
    TORCH,
    Figure,
    Missing,
    draw,
    slug,
)
from compare.report.forest import PLOT, End, Line, Look, forest
from compare.result import Run
from compare.timing import Ratio

LOOKS = {
    "JAX faster": Look(JAX, "circle"),
    "PyTorch faster": Look(TORCH, "square"),
    "the same": Look(MUTED, "diamond"),
    "undecided": Look(OPEN, "triangle-up", filled=False),
}
"""Of verdicts on two frameworks."""
AGAIN = "itself, again"
AGAINST = {
    "faster": Look(GOOD, "circle"),
    "slower": Look(BAD, "square"),
    "the same": Look(MUTED, "diamond"),
    "undecided": Look(OPEN, "triangle-up", filled=False),
    AGAIN: Look(INK, "circle", filled=False),
}
"""Of verdicts on two modes, and of the control."""
BAND = "The grey band is noise: so far may a mode differ from itself in this run."
DROPPED = "*"
"""At a number to which a compiler has helped by leaving out operations."""
VERDICTS = ("FASTER", "SLOWER", "SAME", "UNDECIDED")
"""In the order of the looks."""


def headline(run: Run) -> Figure:
    """How many times as fast JAX is as PyTorch, in every example."""
    name, title = "headline", "How many times as fast JAX is as PyTorch"
    lines = _headlines(run)
    if not lines:
        why = "no example was timed in both frameworks: `twinnets time` does that"
        return Missing(name, title, why)
    says = f"{speed(run)}; a row an example, each framework in its fastest mode."
    says += f" {_notes(lines)}"
    return draw(headline_chart(run), name, title=title, describes=says)


def headline_chart(run: Run, *, width: int = PLOT) -> alt.LayerChart:
    """The chart of `headline`, not yet drawn; raises ValueError where it has no row."""
    lines = _headlines(run)
    if not lines:
        raise ValueError("run: expected an example timed in both frameworks, got none")
    ends = End("← PyTorch faster", TORCH), End("JAX faster →", JAX)
    title = "times as fast as PyTorch, fastest mode of each"
    return forest(lines, LOOKS, ends=ends, title=title, width=width)


def ratios_of(run: Run, example: str) -> Figure:
    """How many times as fast every mode is as the mode that all are held against."""
    name, title = f"ratios-{slug(example)}", "Every mode against the reference"
    all_ = at_one_size(run, example)
    found = timed(all_)
    if not found:
        return Missing(name, title, why_not(all_))
    base = str(reference([timing.cell for timing in found]))
    lines = [
        _line(run, ratio, ratio.subject, _kind(ratio, AGAINST))
        for ratio in run.ratios
        if (ratio.example, ratio.reference) == (example, base) and positive(ratio.ratio)
    ]
    if not lines:
        return Missing(name, title, f"nothing was timed beside {base}")
    lines = sorted(lines, key=lambda line: -line.times)
    ends = End("← slower", BAD), End("faster →", GOOD)
    chart = forest(lines, AGAINST, ends=ends, title=f"times as fast as {base}")
    told = ", ".join(f"{one.label} {one.times:.3g} × ({one.kind})" for one in lines)
    says = f"Times as fast as {base}: {told}. {_notes(lines)}"
    return draw(chart, name, title=f"{title}, {base}", describes=says)


def _headlines(run: Run) -> list[Line]:
    """The fastest first."""
    lines = [
        _line(run, ratio, ratio.example, _kind(ratio, LOOKS))
        for ratio in fastest(run)
        if positive(ratio.ratio)
    ]
    return sorted(lines, key=lambda line: -line.times)


def _notes(lines: Sequence[Line]) -> str:
    marked = any(line.mark for line in lines)
    return BAND + (f" {DROPPED} A compiler has left out operations." if marked else "")


def _kind(ratio: Ratio, looks: Mapping[str, Look]) -> str:
    if ratio.subject == f"{ratio.reference} again":
        return AGAIN
    return list(looks)[VERDICTS.index(ratio.verdict)]


def _drops(run: Run, ratio: Ratio) -> bool:
    """Whether one of the two does less than is written."""
    both = ratio.subject, ratio.reference
    return any(
        timing.example == ratio.example and str(timing.cell) in both and drops(timing)
        for timing in run.timings
    )


def _line(run: Run, ratio: Ratio, label: str, kind: str) -> Line:
    """How many times as fast is one over the ratio of seconds."""
    low, high = positive(ratio.low), positive(ratio.high)
    bounds = (1 / high, 1 / low) if low and high else (None, None)
    times, interval = as_fast(ratio)
    both = f"{ratio.subject} / {ratio.reference}: {times:.3g} ×"
    parts = [both, *([interval] if interval else []), *ratio.unlike]
    mark = DROPPED if _drops(run, ratio) else ""
    return Line(
        label, times, *bounds, positive(ratio.band), kind, "; ".join(parts), mark
    )
