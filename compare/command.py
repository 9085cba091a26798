"""`twinnets run`: progress, the folder, the table."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from time import process_time

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table

from compare import answer, record, result
from compare import folder as folders
from compare.doctor import environment
from compare.pool import Workers, installed
from compare.result import Example, Run
from compare.run import Settings, run

STYLES = {
    "bitwise": "green",
    "rounding": "green",
    "differs": "cyan",
    "precision": "yellow",
    "unresolved": "magenta",
    "semantic": "bold red",
    "crashed": "bold red",
    "skipped": "dim",
}


def execute(
    names: Sequence[str], settings: Settings, where: Path, *, quiet: bool = False
) -> Run:
    """Run the examples; every one that is done is on disk at once.

    Raises `NotReady`. After Ctrl-C the workers are ended and what was done is kept.
    """
    console = Console(stderr=True, quiet=quiet)
    told = environment() | {
        "command": ["twinnets", *sys.argv[1:]],
        "settings": folders.told(settings),
        "examples": list(names),
    }
    done: dict[str, Example] = {}

    def written() -> Run:
        examples = [done[name] for name in names if name in done]
        found = Run(
            run=settings.run,
            seed=settings.seed,
            environment=told,
            examples=examples,
        )
        result.write(found, where / "run.json")
        return found

    progress = bar_of(console)
    with Workers(installed(), where / "logs", device=settings.device) as workers:
        told["workers"] = workers.describe()
        written()
        with progress:
            bar = progress.add_task("examples", total=len(names))
            for example in run(
                names,
                settings,
                workers,
                keep=lambda measured, name: folders.keep(where, measured, name),
            ):
                done[example.name] = example
                written()
                progress.advance(bar)
                progress.console.print(_line(example), highlight=False)
        told["cpu seconds"] = _accounted(workers.spent())
    return written()


def bar_of(console: Console, *, transient: bool = False) -> Progress:
    """A progress bar, where there is a terminal to show it."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        transient=transient,
        disable=not console.is_terminal,
    )


def _accounted(spent: Mapping[str, float]) -> dict[str, float]:
    """CPU seconds of the whole run by what they went into; this process is harness."""
    own = {"harness": spent.get("harness", 0.0) + process_time()}
    return {name: round(seconds, 2) for name, seconds in {**spent, **own}.items()}


def _line(example: Example) -> str:
    style = STYLES[example.verdict]
    return f"[{style}]{example.verdict:>10}[/]  {example.name}  {example.seconds:.1f} s"


def print_run(found: Run, where: Path, *, as_json: bool) -> None:
    """The table, what failed first, and where it all is."""
    if as_json:
        print(record.text(found))
        return
    console = Console()
    console.print(_table(found))
    console.print(f"[dim]{LEGEND}[/]", highlight=False)
    for example in found.examples:
        for line in _explain(example):
            console.print(line, highlight=False)
    console.print(_summary(found), highlight=False)
    if spent := found.environment.get("cpu seconds"):
        console.print(f"[dim]{_spent(spent)}[/]", highlight=False)
    console.print(f"[dim]{where / 'run.json'}[/]", highlight=False)


def _table(found: Run) -> Table:
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("example", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    for heading in ("checks", "score", "float32", "unresolved", "seconds"):
        table.add_column(heading, justify="right")
    for example in found.examples:
        rows = example.checks
        unresolved = sum(row.verdict == "unresolved" for row in rows)
        table.add_row(
            example.name,
            f"[{STYLES[example.verdict]}]{example.verdict}[/]",
            str(sum(row.verdict != "skipped" for row in rows)),
            _number(result.largest_score(rows)),
            _number(result.largest_score(rows, precision="float32")),
            str(unresolved or ""),
            f"{example.seconds:.1f}",
        )
    return table


def _number(score: float | None) -> str:
    return "" if score is None else f"{score:.2g}"


LEGEND = (
    "score: the largest |jax - torch| in float64, in units of the measured rounding "
    "floor; up to 32 is rounding.\nfloat32: the larger of both sides' errors, in units "
    "of the smaller one or of the floor; up to 10 is alike.\n"
    "unresolved: checks in which rounding is of the size of the value."
)


def _explain(example: Example) -> list[str]:
    """Why an example's verdict is worse than agreement."""
    lines = [
        f"[bold red]{example.name}[/]: {escape(answer.describe(row))}"
        for row in result.failures(example.checks)
    ]
    for told in answer.nothing_resolved(example.checks):
        lines.append(f"[magenta]{example.name}[/]: {escape(told)}")
    reasons = {
        (row.verdict, row.why): row
        for row in example.checks
        if row.verdict in ("precision", "skipped") and row.why
    }
    for row in reasons.values():
        style = STYLES[row.verdict]
        lines.append(f"[{style}]{example.name}[/]: {escape(answer.describe(row))}")
    return lines


def _spent(spent: Mapping[str, float]) -> str:
    """Where the time went."""
    total = sum(spent.values())
    parts = [f"{name} {seconds / total:.0%}" for name, seconds in spent.items()]
    return f"{total:.0f} s of CPU time: {', '.join(parts)}"


def _summary(found: Run) -> str:
    """The answer in one line."""
    style = "bold green" if answer.all_agree(found) else "bold red"
    told, colon, rest = answer.agreement(found).partition(":")
    return f"[{style}]{told}[/]{colon}{rest}"
