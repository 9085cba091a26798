"""Timings for the terminal: what a step takes, where the rest goes, who is faster."""

import math
from collections.abc import Iterable, Iterator, Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from compare import answer
from compare.fault import NAMES
from compare.result import Run
from compare.timing import Claim, Ratio, Timing, Typical

STYLES = {
    "FASTER": "green",
    "SLOWER": "yellow",
    "SAME": "cyan",
    "UNDECIDED": "magenta",
}
PHASES = {
    "import": "import",
    "device start": "start",
    "host to device": "move",
    "trace": "trace",
    "lower": "lower",
    "compile": "compile",
    "first call": "1st",
    "second call": "2nd",
}
"""In the order of time, with their headings."""
WIDTH = 110
"""Columns where there is no terminal."""


def console_of() -> Console:
    """As wide as the terminal; where there is none, wide enough for the tables."""
    console = Console()
    return console if console.is_terminal else Console(width=WIDTH)


def show_times(run: Run) -> None:
    """Everything that was timed, example by example."""
    console = console_of()
    for name in dict.fromkeys(timing.example for timing in run.timings):
        timings = [t for t in run.timings if t.example == name]
        console.print(f"\n[bold]{escape(name)}[/]", highlight=False)
        console.print(_steady(timings))
        console.print(_setup(timings))
        for line in _left(timings):
            console.print(line, highlight=False)
        for part in _ratios([r for r in run.ratios if r.example == name]):
            console.print(
                part, highlight=False, style="dim" if isinstance(part, str) else None
            )
        for claim in run.claims:
            if claim.example == name and claim.holds is not True:
                console.print(_claimed(claim), highlight=False)
    for line in (*_sweeps(run), *_changes(run)):
        console.print(line, highlight=False)
    console.print(f"\n[bold]{answer.speed(run)}[/]", highlight=False)
    console.print(answer.claims(run), highlight=False)
    console.print(f"[dim]{LEGEND}[/]", highlight=False)


LEGEND = (
    "step: steps in a row, one wait at the end; latency: each step waited for. of "
    "product: part of the speed of\na product of two large matrices. pays after: steps "
    "until compiling has paid for itself against eager steps,\nwith a cold and with a "
    "warm cache of the compiler; warm 1st: the first call with a warm one. MB: peak of "
    "the process, of the device's\nallocator where it has one, and what XLA says that "
    "a program needs."
)


def table_of(*headings: str) -> Table:
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for place, heading in enumerate(headings):
        table.add_column(heading, justify="right" if place else "left", no_wrap=True)
    return table


def shown(timings: Iterable[Timing]) -> list[Timing]:
    return [t for t in timings if t.outcome == "equivalent" and not t.control]


def _steady(timings: Sequence[Timing]) -> Table:
    quantities = ("step", "95 %", "latency", "forward", "and back")
    table = table_of("µs", *quantities, "GFLOP/s", "of product", "MB")
    for timing in shown(timings):
        found = timing.typical
        table.add_row(
            str(timing.cell),
            micro(found["step"].seconds),
            interval(found["step"]),
            *(
                micro(found[name].seconds) if name in found else ""
                for name in ("latency", "forward", "forward + backward")
            ),
            f"{(timing.speed or 0) / 1e9:.3g}",
            f"{timing.fraction:.0%}" if timing.fraction is not None else "",
            memory(timing),
        )
    return table


def memory(timing: Timing) -> str:
    """Peaks of the process and of the device's allocator; what the compiler says."""
    held = [
        max((worker.memory.get(name) or 0 for worker in timing.workers), default=0)
        for name in ("process", "device", "compiler")
    ]
    return " / ".join(f"{found / 1e6:.3g}" for found in held if found)


def _setup(timings: Sequence[Timing]) -> Table:
    table = table_of("ms", *PHASES.values(), "warm 1st", "pays after")
    for timing in shown(timings):
        after = (timing.pays_after, timing.pays_after_warm)
        counts = ["–" if steps is None else whole(steps) for steps in after]
        table.add_row(
            str(timing.cell),
            *(_milli(timing.phases[name]) for name in PHASES),
            _milli(timing.warm_phases.get("first call")),
            " / ".join(counts) if after != (None, None) else "",
        )
    return table


def whole(steps: float) -> str:
    """A number of steps, rounded up."""
    return f"{math.ceil(steps):,}".replace(",", " ")


def micro(seconds: float) -> str:
    """Microseconds in three digits, or in whole ones."""
    found = seconds / 1e-6
    return f"{found:.3g}" if found < 1000 else f"{found:.0f}"


def _milli(seconds: float | None) -> str:
    if seconds is None:
        return ""
    found = seconds / 1e-3
    return f"{found:.2g}" if 0 < found < 10 else f"{found:.0f}"


def interval(typical: Typical) -> str:
    """How far the interval reaches; nothing of one block alone."""
    if typical.low is None or typical.high is None:
        return ""
    reach = math.sqrt(typical.high / typical.low) - 1
    return f"± {reach:.1%}"


def _left(timings: Iterable[Timing]) -> Iterable[str]:
    """Why a mode has no times, and where a compiled one is in pieces."""
    for timing in shown(timings):
        breaks = timing.workers[0].counts["graph breaks"]
        if breaks:
            yield f"{timing.cell}: {breaks} graph breaks"
        if not all(worker.settled for worker in timing.workers):
            yield f"{timing.cell}: still drifting when it was timed"
    for timing in timings:
        if timing.outcome != "equivalent":
            why = escape(timing.why)
            yield f"[magenta]{timing.cell}[/] {timing.outcome}: {why}"


def _ratios(found: Sequence[Ratio]) -> Iterator[Table | str]:
    """Who is how much faster; what is not alike, below."""
    table = table_of("", "", "× as fast as", "95 %", "", "unlike")
    notes: dict[str, int] = {}
    for ratio in found:
        note = "; ".join(ratio.unlike)
        if note:
            notes.setdefault(note, len(notes) + 1)
        again = ratio.subject == f"{ratio.reference} again"
        verdict = f"[{STYLES[ratio.verdict]}]{ratio.verdict}[/]"
        times, reach = answer.as_fast(ratio)
        table.add_row(
            ratio.subject,
            ratio.reference,
            f"{times:.3g}",
            reach,
            "[dim]A/A[/]" if again else verdict,
            f"({notes[note]})" if note else "",
        )
    yield table
    if found and found[0].band is not None:
        noise = math.expm1(found[0].band)
        yield f"noise ± {noise:.1%}: so far may the controls of this run (A/A) differ"
        yield "from what they repeat; only what lies beyond is FASTER or SLOWER"
    for note, number in notes.items():
        yield f"({number}) not like for like: {escape(note)}"


def _sweeps(run: Run) -> Iterator[Table | str]:
    """What a step costs before it computes, and where the faster one changes."""
    if run.sweeps:
        table = table_of(
            "by batch size", "", "µs a step before work", "GFLOP/s", "off by"
        )
        for line in run.sweeps:
            speed = "" if line.throughput is None else f"{line.throughput / 1e9:.3g}"
            table.add_row(
                escape(line.example),
                f"{NAMES[line.framework]} {line.mode}",
                f"{line.overhead / 1e-6:.3g}",
                speed,
                f"{line.worst:.0%}",
            )
        yield table
    for one in run.crossovers:
        where = (
            "at no batch size"
            if one.batch is None
            else f"at a batch of {one.batch:.3g}"
        )
        both = f"{one.left} and {one.right}"
        yield f"{escape(one.example)}: {both} take the same time {where}"


def _changes(run: Run) -> Iterator[str]:
    """Against the baseline."""
    styles = {"regressed": "bold red", "undecided": "magenta"}
    for change in run.changes:
        style = styles.get(change.verdict, "dim")
        yield f"[{style}]{change.verdict}[/] {escape(answer.change(change))}"


def _claimed(claim: Claim) -> str:
    told = "[magenta]open" if claim.holds is None else "[bold red]does not hold"
    return f"  {told}[/]: {escape(claim.claim)}; {escape(claim.why)}"
