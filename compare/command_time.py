"""`twinnets time`: a run that has passed, blocks of workers, and what they say."""

import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from compare import folder, result
from compare.claims import claims
from compare.command import execute
from compare.doctor import PACKAGES, environment
from compare.ratios import Done, fastest, pairs, ratios
from compare.registry import load
from compare.result import NotARun, Run
from compare.run import Settings, new_run
from compare.spec import Training
from compare.task import QUICK
from compare.time_run import (
    Passed,
    Plan,
    Tell,
    cells_of,
    expected,
    passed_run,
    rows,
    time_example,
)
from compare.timing import Cell, Claim, Ratio, Timing


def base_run(
    names: Sequence[str], where: Path, *, seed: int, device: str, quiet: bool
) -> Run:
    """The run that the folder holds, or a quick check made now; raises `NotARun`.

    Without a run that says what is computed no time is told.
    """
    if not (where / "run.json").exists():
        folder.open_folder(where)
        settings = Settings(seed, device, QUICK, new_run())
        return execute(names, settings, where, quiet=quiet)
    found = result.read(where / "run.json")
    there = {example.name for example in found.examples}
    if absent := [name for name in names if name not in there]:
        raise NotARun(f"{where} has no {', '.join(absent)}: give another --out")
    now, then = environment()["packages"], found.environment.get("packages", {})
    for name in PACKAGES:
        if now.get(name) != then.get(name):
            raise NotARun(
                f"{where} was run with {name} {then.get(name)}, here is {now[name]}: "
                "give another --out"
            )
    return found


def execute_time(
    names: Sequence[str], plan: Plan, where: Path, *, run: Run, quiet: bool
) -> Run:
    """Time these examples; each is on disk when it is done; raises `NotARun`."""
    settings = folder.settings_of(run)
    told = {**asdict(replace(plan, edits={})), "command": ["twinnets", *sys.argv[1:]]}
    run = replace(run, environment={**run.environment, "timing": told})
    passed: dict[str, Passed] = {}
    done: Done = {}
    timings: list[Timing] = []
    progress = _progress(quiet=quiet)
    with progress:
        for number, name in enumerate(names):
            ran = _passed(run, name, where, settings)
            if ran is None:
                continue
            passed[name] = ran
            later = sum(_seconds(other, plan) for other in names[number + 1 :])
            tell = _telling(progress, name, later)
            timed = time_example(ran, plan, where / "logs", tell=tell)
            done = {**done, **timed.done()}
            timings += rows(ran, plan, timed)
            run = _judged(run, timings, done, passed)
            result.write(run, where / "run.json")
    return run


def _telling(progress: Progress, name: str, later: float) -> Tell:
    """What is done, and about how long the rest takes: as a bar, or line by line."""
    for bar in progress.task_ids:
        progress.remove_task(bar)
    bar = progress.add_task(name, total=None, left="")

    def tell(cell: Cell, done: float, left: float) -> None:
        rest = _left(left + later)
        progress.update(bar, completed=done, total=done + left, left=rest)
        if not progress.console.is_terminal:
            progress.console.print(f"{name}: {cell}; {rest}", highlight=False)

    return tell


def _judged(
    run: Run, timings: list[Timing], done: Done, passed: dict[str, Passed]
) -> Run:
    """All ratios and claims anew: the noise is that of the whole run."""
    found: list[Ratio] = []
    claimed: list[Claim] = []
    for name, ran in passed.items():
        own = {cell: blocks for cell, blocks in done.items() if cell.example == name}
        best = fastest(own)
        wanted = [*pairs(list(own)), *best] if own else []
        mine = list(ratios(done, list(dict.fromkeys(wanted))))
        spec = load(name)
        ends = {(str(left), str(right)) for left, right in best}
        mine = [replace(r, fastest=(r.subject, r.reference) in ends) for r in mine]
        found += mine
        blocks = max((len(found) for found in own.values()), default=0)
        if blocks > 1 and isinstance(spec, Training):
            claimed += claims(name, spec, ran.prepared, done=own, found=mine)
    return replace(run, timings=timings, ratios=found, claims=claimed)


def _passed(run: Run, name: str, where: Path, settings: Settings) -> Passed | None:
    """The example's run, with its traces; None where it has crashed or is skipped."""
    example = next(example for example in run.examples if example.name == name)
    if example.verdict in ("crashed", "skipped"):
        return None
    measured, base = folder.saved(where, name, settings, run.environment["workers"])
    return passed_run(measured, example, base)


def _seconds(name: str, plan: Plan) -> float:
    """About how long an example will take."""
    return max(plan.budget, plan.blocks * sum(map(expected, cells_of(name, plan))))


def _left(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"about {minutes} min {rest} s left" if minutes else f"about {rest} s left"


def _progress(*, quiet: bool) -> Progress:
    console = Console(stderr=True, quiet=quiet)
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[left]}"),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
