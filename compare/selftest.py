"""`twinnets selftest`: plant every fault in a live worker, and see that it is found."""

import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Table

from compare.command import describe
from compare.faults import FAULTS as FAULTS
from compare.faults import Fault
from compare.noise import PRECISIONS
from compare.pool import Crashed, Workers, installed
from compare.result import Example, Row, first_failure
from compare.run import AT_ONCE, Measured, Settings, crash, judge, measure, new_run
from compare.task import Effort

EFFORT = Effort(steps=12, float64_steps=12, checkpoints=4)
"""Long enough for momentum, for three epochs and for every depth."""


@dataclass(frozen=True)
class Outcome:
    """What became of a fault: `score` is the loudest row of the phase it must show in.

    Without a score the comparison is exact, or the fault is an error by itself.
    """

    fault: str
    example: str
    side: str
    phase: str
    found: bool
    score: float | None
    why: str


def plant_all(
    faults: Sequence[Fault], settings: Settings, workers: Workers
) -> Iterator[Outcome]:
    """Measure each example as it is, then once more for each of its faults."""
    with ThreadPoolExecutor(AT_ONCE) as threads:
        try:
            honest = {
                name: threads.submit(measure, settings.task(name), workers)
                for name in dict.fromkeys(fault.example for fault in faults)
            }
            futures = [
                threads.submit(
                    _plant, fault, honest[fault.example].result(), settings, workers
                )
                for fault in faults
            ]
            for future in as_completed(futures):
                yield future.result()
        except BaseException:
            workers.stop()
            threads.shutdown(wait=True, cancel_futures=True)
            raise


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
    return _outcome(fault, judge(faulty, base, seconds=0.0))


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
        and row.verdict == fault.verdict
        and row.score is not None
    ]
    return max(scores, default=None)


def command(names: Sequence[str] | None, *, seed: int, as_json: bool) -> int:
    """Plant the faults, print what became of them; returns how many were missed."""
    faults = [fault for fault in FAULTS if not names or fault.name in names]
    settings = Settings(seed=seed, effort=EFFORT, run=new_run())
    there = installed()
    outcomes: list[Outcome] = []
    progress = Console(stderr=True, quiet=as_json)
    with tempfile.TemporaryDirectory() as logs, Workers(there, Path(logs)) as workers:
        for outcome in plant_all(faults, settings, workers):
            outcomes.append(outcome)
            sign = "[green]found[/]" if outcome.found else "[bold red]MISSED[/]"
            progress.print(f"{sign}  {outcome.fault}", highlight=False)
    order = [fault.name for fault in faults]
    outcomes.sort(key=lambda outcome: order.index(outcome.fault))
    if as_json:
        print(msgspec.json.format(msgspec.json.encode(outcomes)).decode())
    else:
        _print(outcomes)
    return sum(not outcome.found for outcome in outcomes)


def _print(outcomes: Sequence[Outcome]) -> None:
    console = Console()
    table = Table(title="planted faults", title_justify="left")
    for heading in ("fault", "example", "side", "phase"):
        table.add_column(heading)
    table.add_column("score", justify="right")
    for outcome in outcomes:
        score = "exact" if outcome.score is None else f"{outcome.score:.3g}"
        table.add_row(
            outcome.fault,
            outcome.example,
            outcome.side,
            outcome.phase,
            score if outcome.found else "[bold red]missed[/]",
        )
    console.print(table)
    for outcome in outcomes:
        if not outcome.found:
            console.print(f"[bold red]{outcome.fault}[/]: {outcome.why}")
    found = sum(outcome.found for outcome in outcomes)
    scores = [o.score for o in outcomes if o.score is not None]
    least = f", smallest score {min(scores):.3g} (32 passes)" if scores else ""
    console.print(f"detected {found} of {len(outcomes)}{least}", highlight=False)
