"""`twinnets time --sweep`: the same example at several batch sizes."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from math import isinf

from compare.account import operations_of
from compare.fault import Side
from compare.pool import Workers
from compare.ratios import Done, fastest
from compare.registry import training
from compare.run import Settings, example, judge, measure
from compare.spec import Prepared, prepare
from compare.sweep import Fit, crossover, fit, resize
from compare.task import Effort
from compare.time_run import Passed, passed_run
from compare.timing import Cell, Crossover, Sweep

CHECK = Effort(copies=2, steps=8, float64_steps=8, checkpoints=3)
"""Few steps: a larger batch may be too much for the spec's learning rate."""


def resized(name: str, size: int, seed: int) -> Prepared:
    """What the spec draws, with batches of another size."""
    prepared = prepare(training(name), seed)
    return replace(prepared, batches=resize(prepared.batches, size))


def check_at(name: str, size: int, settings: Settings, workers: Workers) -> Passed:
    """A short run at this size that both frameworks agree on; raises `Crashed`.

    Third opinions are left out, which know the spec's own batches alone.
    """
    base = replace(
        settings.task(name),
        effort=CHECK,
        prepared=resized(name, size, settings.seed),
    )
    measured = measure(base, workers)
    judged = judge(measured, base, seconds=0.0)
    rows = [row for row in judged.checks if row.phase != "oracle"]
    return passed_run(measured, example(name, rows, seconds=0.0), base, batch=size)


def sweeps(name: str, done: Done, *, seed: int) -> Iterator[Sweep]:
    """A line for every mode that was timed at two sizes or more."""
    for (framework, mode), found in _by_mode(name, done).items():
        sizes = sorted(found)
        line = _line(name, found, done, seed=seed)
        if line is None:
            continue
        low, high = line.overhead_interval or (None, None)
        slow, fast = line.throughput_interval or (None, None)
        yield Sweep(
            name,
            framework,
            mode,
            sizes,
            line.overhead,
            low,
            high,
            None if isinf(line.throughput) else line.throughput,
            slow,
            fast,
            line.worst,
        )


def crossovers(name: str, done: Done, *, seed: int) -> Iterator[Crossover]:
    """The batch at which the fastest modes of both frameworks take the same time."""
    by_mode = _by_mode(name, done)
    smallest = min((size for sizes in by_mode.values() for size in sizes), default=None)
    if smallest is None:
        return
    at_smallest = {
        sizes[smallest]: done[sizes[smallest]]
        for sizes in by_mode.values()
        if smallest in sizes
    }
    for couple in fastest(at_smallest):
        lines = [
            _line(name, by_mode[cell.framework, cell.mode], done, seed=seed)
            for cell in couple
        ]
        left, right = lines
        if left is None or right is None:
            continue
        at = crossover(left, right)
        per_row = _operations(name, smallest, seed) / smallest
        first, second = (str(cell._replace(batch=None)) for cell in couple)
        yield Crossover(name, first, second, None if at is None else at / per_row)


def _by_mode(name: str, done: Done) -> dict[tuple[Side, str], dict[int, Cell]]:
    found: dict[tuple[Side, str], dict[int, Cell]] = {}
    for cell in done:
        if cell.example == name and cell.batch is not None and not cell.control:
            found.setdefault((cell.framework, cell.mode), {})[cell.batch] = cell
    return found


@cache
def _operations(name: str, size: int, seed: int) -> float:
    """Of one step; asked again for every mode, and draws all data."""
    return operations_of(training(name), resized(name, size, seed))


def _line(name: str, cells: Mapping[int, Cell], done: Done, *, seed: int) -> Fit | None:
    """The line through the sizes, by the blocks that all of them have."""
    sizes = sorted(cells)
    common = set.intersection(*(set(done[cells[size]]) for size in sizes))
    if len(sizes) < 2 or not common:
        return None
    return fit(
        [_operations(name, size, seed) for size in sizes],
        [
            [done[cells[size]][at].samples["step"] for at in sorted(common)]
            for size in sizes
        ],
    )
