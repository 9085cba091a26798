"""What became of the faults planted in our own pairs, for the terminal."""

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from compare import record
from compare.pair.planted.fault import PairFault
from compare.pair.planted.plant import Honest, PairSelftest, Planted, plant_all


def command(faults: Sequence[PairFault], *, seed: int, as_json: bool) -> PairSelftest:
    """Plant the faults and print what became of them."""
    progress = Console(stderr=True, quiet=as_json)

    def say(told: Honest | Planted) -> None:
        good = told.caught if isinstance(told, Planted) else told.passed
        name = told.fault if isinstance(told, Planted) else f"{told.case} as it is"
        word = "found" if isinstance(told, Planted) else "passed"
        sign = f"[green]{word}[/]" if good else "[bold red]MISSED[/]"
        progress.print(f"{sign}  {escape(name)}", highlight=False)

    report = plant_all(faults, seed=seed, done=say)
    if as_json:
        print(record.text(report))
    else:
        print_report(report, Console())
    return report


def print_report(report: PairSelftest, console: Console) -> None:
    """The faults, what others see of them, and the numbers."""
    console.print(_faults(report.outcomes))
    console.print(_others(report))
    for honest in report.honest:
        if not honest.passed:
            console.print(f"[bold red]{honest.case} as it is[/]: {honest.verdict}")
    for told in report.outcomes:
        if not told.caught:
            console.print(f"[bold red]{escape(told.fault)}[/]: {escape(told.why)}")
    for line in _numbers(report):
        console.print(line, highlight=False)


def _faults(outcomes: Sequence[Planted]) -> Table:
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("fault")
    for heading in ("side", "first layer", "cause"):
        table.add_column(heading)
    table.add_column("score", justify="right", no_wrap=True)
    for case, own in groupby(outcomes, key=lambda told: told.case):
        table.add_row(f"[bold]{case}[/]")
        for told in own:
            table.add_row(escape(told.fault), told.side, *_cells(told))
    return table


def _cells(told: Planted) -> tuple[str, str, str]:
    """Where it was said to be and why, in red if that is wrong, and its score."""
    score = "exact" if told.score is None else f"{told.score:.1e}"
    layer = told.told_layer or "the model"
    return (
        layer if told.layer is not False else f"[bold red]{layer}[/]",
        told.told_cause if told.cause is not False else "[bold red]not named[/]",
        score if told.caught else "[bold red]missed[/]",
    )


def _others(report: PairSelftest) -> Table:
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("on float32 outputs alone", no_wrap=True)
    for heading in ("faults found", "honest pairs failed"):
        table.add_column(heading, justify="right")
    for told in report.others:
        table.add_row(
            f"{told.source}.{told.rule}",
            f"{told.found} of {told.faults}",
            f"{told.false_alarms} of {told.honest}",
        )
    caught, alarms = (
        sum(told.caught for told in report.outcomes),
        sum(not honest.passed for honest in report.honest),
    )
    table.add_row(
        "[bold]twinnets pair[/]",
        f"[bold]{caught} of {len(report.outcomes)}[/]",
        f"[bold]{alarms} of {len(report.honest)}[/]",
    )
    return table


def _numbers(report: PairSelftest) -> Iterator[str]:
    """Detected, placed, explained, and how near the smallest and largest came."""
    outcomes = report.outcomes
    scores = [told.score for told in outcomes if told.score is not None]
    least = f", smallest score {min(scores):.3g} (32 passes)" if scores else ""
    yield f"detected {_share(outcomes, lambda told: told.caught)}{least}"
    yield f"first layer right in {_share(outcomes, lambda told: told.layer)}"
    yield f"cause named in {_share(outcomes, lambda told: told.cause)} that have one"
    passed = sum(honest.passed for honest in report.honest)
    near = [honest.score for honest in report.honest if honest.score is not None]
    most = f", largest score {max(near):.3g}" if near else ""
    yield f"honest pairs passed {passed} of {len(report.honest)}{most}"


def _share(outcomes: Sequence[Planted], right: Callable[[Planted], bool | None]) -> str:
    judged = [right(told) for told in outcomes if right(told) is not None]
    return f"{sum(map(bool, judged))} of {len(judged)}"
