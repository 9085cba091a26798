"""`twinnets time`: a run that has passed, blocks of workers, and what they say."""

import sys
from collections.abc import Collection, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path

import psutil
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from compare import baseline, folder, result
from compare.claims import claims
from compare.command import execute
from compare.doctor import PACKAGES, environment
from compare.pool import Workers, installed
from compare.ratios import Done, fastest, pairs, ratios
from compare.registry import training
from compare.result import NotARun, Run
from compare.run import Settings, new_run
from compare.task import QUICK
from compare.time_run import (
    Passed,
    Plan,
    Tell,
    cells_of,
    empty,
    expected,
    passed_run,
    rows,
    time_example,
)
from compare.time_sweep import check_at, crossovers, sweeps
from compare.timing import Cell, Claim, Outcome, Ratio, Timing

NO_TRACES: dict[str, Outcome] = {"crashed": "failed", "skipped": "left out"}
"""Verdicts of runs that leave nothing to prove a mode by."""
BUSY = 0.1
"""Of the processors: other work that takes more is told of."""


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
    folder.probe(where)
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
    names: Sequence[str],
    plan: Plan,
    where: Path,
    *,
    run: Run,
    sizes: Sequence[int] = (),
    quiet: bool,
) -> Run:
    """Time these examples, or each at these batch sizes; each is on disk when done.

    Raises `NotARun`, `NotReady` and `Crashed`.
    """
    settings = folder.settings_of(run)
    passed = _passed(names, sizes, where, run, settings)
    told = {
        **asdict(replace(plan, edits={})),
        "command": ["twinnets", *sys.argv[1:]],
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "busy": busy(quiet=quiet),
    }
    run = replace(run, environment={**run.environment, "timing": told})
    (where / "logs").mkdir(parents=True, exist_ok=True)
    done: Done = {}
    # Of an earlier command with this folder.
    kept = result.but(run, names, swept=bool(sizes))
    timings = [] if sizes else _without_run(names, run, plan)
    run = result.with_times(run, kept, _judged(run, timings, {}, []))
    progress = _progress(quiet=quiet)
    with progress:
        for number, ran in enumerate(passed):
            rest = passed[number + 1 :]
            later = sum((_seconds(other, plan) for other in rest), 0.0)
            tell = _telling(progress, ran, later)
            timed = time_example(ran, plan, where / "logs", tell=tell)
            done = {**done, **timed.done()}
            timings += rows(ran, plan, timed)
            new = _judged(run, timings, done, passed[: number + 1])
            run = result.with_times(run, kept, new)
            result.write(run, where / "run.json")
    return run


def busy(*, quiet: bool) -> float:
    """Part of the processors that other work takes now; says so where it is much."""
    found = psutil.cpu_percent(interval=1.0) / 100
    if found > BUSY:
        Console(stderr=True, quiet=quiet).print(
            f"other work takes {found:.0%} of the processors: expect wide intervals",
            style="magenta",
        )
    return found


def _passed(
    names: Sequence[str],
    sizes: Sequence[int],
    where: Path,
    run: Run,
    settings: Settings,
) -> list[Passed]:
    """The runs that say what is computed: the folder's, or short ones by size."""
    if sizes:
        logs = where / "logs"
        with Workers(installed(), logs, device=settings.device) as workers:
            return [
                check_at(name, size, settings, workers)
                for name in names
                for size in sizes
            ]
    examples = {example.name: example for example in run.examples}
    found = []
    for name in names:
        if examples[name].verdict not in NO_TRACES:
            workers = run.environment["workers"]
            measured, base = folder.saved(where, name, settings, workers)
            found.append(passed_run(measured, examples[name], base))
    return found


def _without_run(names: Sequence[str], run: Run, plan: Plan) -> list[Timing]:
    """Rows of examples that say nothing of what is computed."""
    return [
        empty(cell, NO_TRACES[example.verdict], f"the run is {example.verdict}", plan)
        for example in run.examples
        if example.name in names and example.verdict in NO_TRACES
        for cell in cells_of(example.name, plan)
    ]


def _telling(progress: Progress, ran: Passed, later: float) -> Tell:
    """What is done, and about how long the rest takes: as a bar, or line by line."""
    name = ran.example.name
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
    run: Run, timings: list[Timing], done: Done, passed: Sequence[Passed]
) -> Run:
    """All ratios and claims anew: the noise is that of the whole run."""
    names = dict.fromkeys(ran.example.name for ran in passed)
    found = [ratio for ran in passed for ratio in _ratios(ran, done)]
    return replace(
        run,
        timings=timings,
        ratios=found,
        claims=[claim for ran in passed for claim in _claims(ran, done, found)],
        sweeps=[line for name in names for line in sweeps(name, done, seed=run.seed)],
        crossovers=[
            one for name in names for one in crossovers(name, done, seed=run.seed)
        ],
        changes=[],
    )


def _own(ran: Passed, done: Done) -> Done:
    key = ran.example.name, ran.batch
    return {c: blocks for c, blocks in done.items() if (c.example, c.batch) == key}


def _ratios(ran: Passed, done: Done) -> list[Ratio]:
    """Of one example at one size, against the noise of everything."""
    own = _own(ran, done)
    if not own:
        return []
    best = fastest(own)
    wanted = list(dict.fromkeys([*pairs(list(own)), *best]))
    ends = {(str(left), str(right)) for left, right in best}
    return [
        replace(ratio, fastest=(ratio.subject, ratio.reference) in ends)
        for ratio in ratios(done, wanted)
    ]


def _claims(ran: Passed, done: Done, found: Sequence[Ratio]) -> list[Claim]:
    """What a block alone cannot decide is not claimed."""
    own, name = _own(ran, done), ran.example.name
    if ran.batch is not None or max(map(len, own.values()), default=0) < 2:
        return []
    mine = [ratio for ratio in found if ratio.example == name]
    return list(claims(name, training(name), ran.prepared, done=own, found=mine))


def _seconds(ran: Passed, plan: Plan) -> float:
    """About how long an example will take."""
    cells = cells_of(ran.example.name, plan, batch=ran.batch)
    return max(plan.budget, plan.blocks * sum(map(expected, cells)))


def compared(
    run: Run,
    names: Collection[str],
    *,
    swept: bool,
    save: str | None,
    against: str | None,
    max_slowdown: float,
) -> Run:
    """These examples held against a baseline, and then kept as one.

    Raises `NotABaseline`.
    """
    told = run.environment["timing"]
    gpu = _gpu(run) if told["device"] == "gpu" else None
    machine = baseline.machine_of(environment(), threads=told["threads"], gpu=gpu)
    timings = result.only(run, names, swept=swept).timings
    if against is not None:
        file = baseline.place(against)
        changes = baseline.against(file, machine, timings, max_slowdown=max_slowdown)
        run = replace(run, changes=changes)
    if save is not None:
        baseline.save(baseline.place(save), machine, timings)
    return run


def _gpu(run: Run) -> str | None:
    """The name of the GPU, as a worker told it."""
    told = run.environment["workers"].values()
    return next(
        (side["gpu"] for side in told if side.get("gpu", "none") != "none"), None
    )


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
