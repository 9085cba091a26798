"""What the workers of one cell have measured → a row of `run.json`."""

from collections.abc import Mapping, Sequence
from statistics import median

import numpy as np

from compare import stats
from compare.measure_time import SIZE
from compare.result import Row
from compare.spec import Prepared, Training
from compare.timing import EAGER, WINDOW, Cell, Products, Sampled, Timing, Typical

SHOWN = ("step", "latency", "forward", "forward + backward")
"""Quantities whose typical seconds are told."""
Blocks = Mapping[int, Sampled]
"""What was measured of one cell, by block."""


def row_of(
    cell: Cell,
    blocks: Blocks,
    *,
    proof: Row,
    products: Products,
    eager: Blocks | None,
    operations: float,
) -> Timing:
    """A cell that was timed, all of its workers having proved what they computed."""
    workers = [blocks[at] for at in sorted(blocks)]
    typical = {
        name: _typical([one.samples[name] for one in workers])
        for name in SHOWN
        if all(name in one.samples for one in workers)
    }
    speed = operations / typical["step"].seconds
    product = median(median(one.samples["product"]) for one in workers)
    cold, warm = workers[0].phases, _medians(workers[1:])
    return Timing(
        cell.example,
        cell.framework,
        cell.mode,
        "equivalent",
        batch=cell.batch,
        control=cell.control,
        products=products,
        score=proof.score,
        typical=typical,
        phases=cold,
        warm_phases=warm,
        pays_after=_pays_after(workers[:1], eager),
        pays_after_warm=_pays_after(workers[1:], eager),
        operations=operations,
        speed=speed,
        fraction=speed / (2 * SIZE**3 / product),
        workers=workers,
    )


def _typical(blocks: Sequence[list[float]]) -> Typical:
    found = stats.typical(blocks)
    low, high = found.interval() or (None, None)
    return Typical(found.seconds, low, high)


def _medians(workers: Sequence[Sampled]) -> dict[str, float]:
    """Every phase's median."""
    if not workers:
        return {}
    return {name: median(w.phases[name] for w in workers) for name in workers[0].phases}


def setup(worker: Sampled) -> float:
    """Seconds that the first two calls took more than they would take later."""
    calls = worker.phases["first call"] + worker.phases["second call"]
    later = 2 * worker.steps_a_call * median(worker.samples["step"])
    return max(0.0, calls - later)


def _pays_after(workers: Sequence[Sampled], eager: Blocks | None) -> float | None:
    """Steps n with setup + n · step = the same of eager; None where that is never.

    Eager is weighed with a warm cache: its many small programs are compiled once.
    """
    if not workers or not eager:
        return None
    slow = [eager[at] for at in sorted(eager)]
    steps = [
        median(median(w.samples["step"]) for w in side) for side in (workers, slow)
    ]
    gain = steps[1] - steps[0]
    if gain <= 0:
        return None
    cost = median(map(setup, workers)) - median(map(setup, slow))
    return max(0.0, cost / gain)


def eager_of(cell: Cell, done: Mapping[Cell, Blocks]) -> Blocks | None:
    """What was measured of the same framework's eager steps; None for themselves."""
    if cell.mode in EAGER[cell.framework]:
        return None
    cells = (cell._replace(mode=mode, control=False) for mode in EAGER[cell.framework])
    return next((done[at] for at in cells if at in done), None)


def operations_of(spec: Training, prepared: Prepared) -> float:
    """Operations of the matrix products of one step, on average over the window."""
    steps = range(min(spec.steps, WINDOW) if prepared.batches.stacked else 1)
    return float(np.mean([spec.work(prepared.batches.at(step)) for step in steps]))
