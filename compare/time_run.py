"""Timing one example: blocks of fresh workers, and more where least is known."""

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from os import getpid
from pathlib import Path
from time import perf_counter

from compare import time_worker, trace
from compare.account import eager_of, operations_of, row_of
from compare.check import Sides
from compare.fault import Edit, Side
from compare.parcel import folder, unpack
from compare.pool import Crashed, NotReady, Worker
from compare.prove import explained, holds, prove
from compare.ratios import Done, fastest, pairs, ratios, reference
from compare.registry import training
from compare.result import Example, Row, passed
from compare.run import Measured
from compare.spec import Prepared
from compare.task import Failed, State, Task, drawn
from compare.timing import (
    MODES,
    Cell,
    Outcome,
    Products,
    Proved,
    Sampled,
    Timing,
    TimingTask,
)


@dataclass(frozen=True)
class Plan:
    """How an example is timed; `budget` is in seconds, 0 for the blocks alone."""

    modes: tuple[tuple[Side, str], ...]
    """(framework, mode), in the order of the first block."""
    blocks: int = 5
    budget: float = 0.0
    device: str = "cpu"
    threads: int = 1
    products: Products = "float32"
    edits: Mapping[tuple[str, str], Edit] = field(default_factory=dict)
    """Planted faults, by (framework, mode)."""


@dataclass(frozen=True)
class Passed:
    """The run that says what the modes must compute."""

    example: Example
    sides: Sides
    states: Mapping[int, State]
    prepared: Prepared
    seed: int
    batch: int | None = None
    """Where a sweep has another size than the spec."""


def passed_run(
    measured: Measured, example: Example, base: Task, *, batch: int | None = None
) -> Passed:
    """The states of checkpoints and the traces of a run, for its timing workers."""
    spec = training(example.name)
    last = base.effort.steps_of(spec)
    states = {step: state for step, state in measured.states.items() if step < last}
    sides = trace.by_side(measured.traces)
    prepared = drawn(spec, base)
    return Passed(example, sides, states, prepared, base.seed, batch)


@dataclass
class Timed:
    """What is known of an example so far."""

    blocks: dict[Cell, dict[int, Sampled]] = field(default_factory=dict)
    proofs: dict[Cell, Row] = field(default_factory=dict)
    lost: dict[Cell, tuple[Outcome, str]] = field(default_factory=dict)
    """Cells that are not timed any more: outcome and reason."""
    took: dict[Cell, float] = field(default_factory=dict)
    """Seconds of a cell's last worker."""

    def done(self) -> Done:
        """What was measured of the cells that have proved what they compute."""
        return {c: found for c, found in self.blocks.items() if c not in self.lost}


Tell = Callable[[Cell, float, float], None]
"""Told of every worker that is done: seconds so far, and about how many are left."""


def cells_of(example: str, plan: Plan, *, batch: int | None = None) -> list[Cell]:
    """What is timed: the modes that the example can have; the control comes last."""
    untimed = training(example).untimed
    cells = [
        Cell(example, framework, mode, batch)
        for framework, mode in plan.modes
        if f"{framework} {mode}" not in untimed
    ]
    return [*cells, reference(cells)._replace(control=True)] if cells else []


def time_example(ran: Passed, plan: Plan, logs: Path, *, tell: Tell) -> Timed:
    """Time every cell in every block, then where the budget's rest does most."""
    cells = cells_of(ran.example.name, plan, batch=ran.batch)
    timed = Timed(took={cell: expected(cell) for cell in cells})
    if not passed(ran.example.verdict):
        why = f"the run's verdict is {ran.example.verdict}"
        timed.lost |= dict.fromkeys(cells, ("not equivalent", why))
        return timed
    began = perf_counter()
    with tempfile.TemporaryDirectory() as cache, folder() as parcels:
        places = Places(logs, Path(cache), parcels)
        for block in range(plan.blocks):
            order = cells if block % 2 == 0 else cells[::-1]
            for place, cell in enumerate(order):
                _one(cell, block, ran, plan, places, timed)
                rest = [*order[place + 1 :], *cells * (plan.blocks - block - 1)]
                left = (timed.took[one] for one in rest if one not in timed.lost)
                so_far = perf_counter() - began
                tell(cell, so_far, max(sum(left, 0.0), plan.budget - so_far))
        block = plan.blocks
        while couple := _widest(timed, cells, plan.budget - (perf_counter() - began)):
            for cell in couple if block % 2 == 0 else couple[::-1]:
                _one(cell, block, ran, plan, places, timed)
                so_far = perf_counter() - began
                tell(cell, so_far, max(0.0, plan.budget - so_far))
            block += 1
    return timed


def expected(cell: Cell) -> float:
    """About how many seconds a worker takes that was never started yet."""
    return MODES[cell.framework][cell.mode]


def _widest(
    timed: Timed, cells: Sequence[Cell], left: float
) -> tuple[Cell, Cell] | None:
    """The pair of which least is known; None where no time is left for another block.

    What is undecided comes first, and then the widest interval.
    """
    done = timed.done()
    rows = [
        (ratio.verdict == "UNDECIDED", ratio.high / ratio.low, couple)
        for couple in [*pairs([c for c in cells if c in done]), *fastest(done)]
        for ratio in ratios(done, [couple])
        if ratio.low and ratio.high and sum(timed.took[cell] for cell in couple) <= left
    ]
    return max(rows)[2] if rows else None


@dataclass(frozen=True)
class Places:
    """Where a run's workers write."""

    logs: Path
    cache: Path
    parcels: str


def _one(
    cell: Cell, block: int, ran: Passed, plan: Plan, places: Places, timed: Timed
) -> None:
    """One fresh worker of a cell, unless the cell is lost; loses it where it fails."""
    if cell in timed.lost:
        return
    began = perf_counter()
    try:
        proved = _measured(cell, ran, plan, places, count=block == 0)
        row = prove(ran.sides, proved.trace, products=plan.products)
    except (Crashed, NotReady, Failed, KeyError, ValueError) as error:
        timed.lost[cell] = ("failed", str(error))
        return
    finally:
        timed.took[cell] = perf_counter() - began
    if not holds(row, products=plan.products):
        timed.lost[cell] = ("not equivalent", explained(row))
        return
    worst = timed.proofs.get(cell)
    if worst is None or (row.score or 0) > (worst.score or 0):
        timed.proofs[cell] = row
    timed.blocks.setdefault(cell, {})[block] = proved.sampled


def _measured(
    cell: Cell, ran: Passed, plan: Plan, places: Places, *, count: bool
) -> Proved:
    name = f"{cell.framework}-{cell.mode}"
    log = f"time-{cell.example}-{name}.log"
    task = TimingTask(
        cell,
        ran.seed,
        ran.prepared,
        ran.states,
        plan.device,
        plan.products,
        plan.edits.get((cell.framework, cell.mode)),
        count=count,
    )
    worker = Worker(
        f"{cell.framework} {cell.mode}",
        time_worker.settings(plan.device, plan.threads, places.cache / name),
        getpid,
        places.logs / log,
    )
    try:
        asked = worker.queue.submit(
            worker.call, time_worker.send, task, plan.threads, places.parcels
        )
        return unpack(asked.result())
    except BaseException:
        worker.kill()
        raise
    finally:
        worker.queue.shutdown()
        if worker.process is not None:
            worker.process.shutdown()


def rows(ran: Passed, plan: Plan, timed: Timed) -> list[Timing]:
    """The rows of `run.json`, also of what was left out or lost."""
    name, done = ran.example.name, timed.done()
    spec = training(name)
    operations = operations_of(spec, ran.prepared)
    found = []
    for cell in cells_of(name, plan, batch=ran.batch):
        if cell in timed.lost:
            outcome, why = timed.lost[cell]
            found.append(empty(cell, outcome, why, plan))
        elif cell in done:
            found.append(
                row_of(
                    cell,
                    done[cell],
                    proof=timed.proofs[cell],
                    products=plan.products,
                    eager=eager_of(cell, done),
                    operations=operations,
                )
            )
    for framework, mode in plan.modes:
        if why := spec.untimed.get(f"{framework} {mode}"):
            cell = Cell(name, framework, mode, ran.batch)
            found.append(empty(cell, "left out", why, plan))
    return found


def empty(cell: Cell, outcome: Outcome, why: str, plan: Plan) -> Timing:
    """The row of a cell without times."""
    return Timing(
        cell.example,
        cell.framework,
        cell.mode,
        outcome,
        why,
        cell.batch,
        cell.control,
        plan.products,
    )
