"""`twinnets selftest`: plant every fault in a live worker, and see that it is found."""

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import replace
from itertools import groupby
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from threadpoolctl import threadpool_limits

from compare import outcome, record
from compare.answer import describe
from compare.doctor import environment
from compare.fault import Fault
from compare.faults import FAULTS as FAULTS
from compare.noise import PRECISIONS
from compare.outcome import Outcome, Report, Told
from compare.pool import Crashed, Workers, installed
from compare.result import Example, Row, first_failure
from compare.rules import RULES
from compare.run import AT_ONCE, Measured, Settings, crash, judge, measure, new_run
from compare.task import Effort
from compare.trace import by_side

EFFORT = Effort(steps=12, float64_steps=12, checkpoints=4)
"""Long enough for momentum, for three epochs and for every depth."""


def plant_all(
    faults: Sequence[Fault],
    settings: Settings,
    workers: Workers,
    *,
    done: Callable[[Outcome], None] = lambda outcome: None,
) -> Report:
    """Measure each example as it is, then once more for each of its faults."""
    with threadpool_limits(1), ThreadPoolExecutor(AT_ONCE) as threads:
        try:
            started = {
                name: threads.submit(measure, settings.task(name), workers)
                for name in dict.fromkeys(fault.example for fault in faults)
            }
            honest = {name: future.result() for name, future in started.items()}
            futures = {
                threads.submit(_plant, fault, honest[fault.example], settings, workers)
                for fault in faults
            }
            outcomes = []
            for future in as_completed(futures):
                outcomes.append(future.result())
                done(outcomes[-1])
        except BaseException:
            workers.stop()
            threads.shutdown(wait=True, cancel_futures=True)
            raise
    order = [fault.name for fault in faults]
    outcomes.sort(key=lambda outcome: order.index(outcome.fault))
    return Report(outcomes, list(_others(outcomes, honest)))


def _others(
    outcomes: Sequence[Outcome], honest: Mapping[str, Measured]
) -> Iterator[Told]:
    """How the rules of other harnesses do on the faults, and on the honest pairs."""
    seen = [outcome.others for outcome in outcomes if outcome.others]
    alarms = [told for told in map(_by_rules, honest.values()) if told]
    for rule in RULES:
        yield Told(
            rule.name,
            rule.source,
            sum(told[rule.name] for told in seen),
            len(seen),
            sum(told[rule.name] for told in alarms),
            len(alarms),
        )


def _by_rules(measured: Measured) -> dict[str, bool]:
    """By rule, whether it takes this pair of training runs for different."""
    if not measured.states:
        return {}
    sides = by_side(measured.traces)
    return {rule.name: not rule.passes(sides) for rule in RULES}


def _plant(
    fault: Fault, honest: Measured, settings: Settings, workers: Workers
) -> Outcome:
    base = settings.task(fault.example)
    if fault.edit is None:
        traces = [
            replace(trace, run=new_run()) if trace.framework == fault.side else trace
            for trace in honest.traces
        ]
        faulty = replace(honest, traces=tuple(traces))
        return _outcome(fault, judge(faulty, base, seconds=0.0))
    sides = [(fault.side, precision) for precision in PRECISIONS]
    try:
        planted = measure(
            base,
            workers,
            edits={fault.side: fault.edit},
            states=honest.states,
            sides=sides,
        )
    except Crashed as error:
        return _outcome(fault, crash(fault.example, str(error), seconds=0.0))
    others = [t for t in honest.traces if t.framework != fault.side]
    faulty = replace(honest, traces=(*planted.traces, *others))
    found = _outcome(fault, judge(faulty, base, seconds=0.0))
    return replace(found, others=_by_rules(faulty))


def _outcome(fault: Fault, example: Example) -> Outcome:
    """Found means: this verdict, first in this phase, in these words."""
    rows = example.checks
    if fault.verdict == "precision":
        worse = first_failure(rows)
        first = worse or next((r for r in rows if r.verdict == "precision"), None)
    else:
        first = first_failure(rows)
    found = (
        first is not None
        and first.verdict == fault.verdict
        and (first.phase == fault.phase or fault.verdict == "crashed")
        and fault.says in first.why
    )
    return Outcome(
        fault.name,
        fault.example,
        fault.side,
        fault.phase,
        found,
        _loudest(rows, fault) if found else None,
        describe(first) if first else "nothing failed",
    )


def _loudest(rows: Sequence[Row], fault: Fault) -> float | None:
    scores = [
        row.score
        for row in rows
        if row.phase == fault.phase
        and row.verdict == fault.verdict == "semantic"
        and row.score is not None
    ]
    return max(scores, default=None)


def command(
    names: Sequence[str] | None, *, seed: int, folder: Path | None, as_json: bool
) -> Report:
    """Plant the faults, print what became of them, and keep it in a run's folder."""
    faults = [fault for fault in FAULTS if not names or fault.name in names]
    settings = Settings(seed=seed, effort=EFFORT, run=new_run())
    there = installed()
    progress = Console(stderr=True, quiet=as_json)

    def say(told: Outcome) -> None:
        sign = "[green]found[/]" if told.found else "[bold red]MISSED[/]"
        progress.print(f"{sign}  {told.fault}", highlight=False)

    with tempfile.TemporaryDirectory() as logs, Workers(there, Path(logs)) as workers:
        report = plant_all(faults, settings, workers, done=say)
    report = replace(report, seed=seed, environment=environment())
    if folder is not None:
        outcome.write(report, folder)
    if as_json:
        print(record.text(report))
    else:
        _print(report)
    return report


def _print(report: Report) -> None:
    console = Console()
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("fault")
    for heading in ("example", "side"):
        table.add_column(heading, no_wrap=True)
    table.add_column("score", justify="right", no_wrap=True)
    for phase, outcomes in groupby(report.outcomes, key=lambda told: told.phase):
        table.add_row(f"[bold]{phase}[/]")
        for told in outcomes:
            score = "exact" if told.score is None else f"{told.score:.1e}"
            shown = score if told.found else "[bold red]missed[/]"
            table.add_row(told.fault, told.example, told.side, shown)
    console.print(table)
    _print_others(report, console)
    for told in report.outcomes:
        if not told.found:
            console.print(f"[bold red]{told.fault}[/]: {escape(told.why)}")
    found = len(report.outcomes) - report.missed
    scores = [o.score for o in report.outcomes if o.score is not None]
    least = f", smallest score {min(scores):.3g} (32 passes)" if scores else ""
    console.print(f"detected {found} of {len(report.outcomes)}{least}", highlight=False)


def _print_others(report: Report, console: Console) -> None:
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("the same traces by another rule", no_wrap=True)
    for heading in ("faults found", "honest pairs failed"):
        table.add_column(heading, justify="right")
    for told in report.others:
        table.add_row(
            told.rule,
            f"{told.found} of {told.faults}",
            f"{told.false_alarms} of {told.honest}",
        )
    console.print(table)
