"""What must hold of an example's times: its contract, and that time was measured.

Ratios are decided on a bound of their interval; what neither bound decides is open.
"""

import math
from collections.abc import Iterator, Sequence
from statistics import median

from compare import stats
from compare.ratios import Done, estimate
from compare.spec import Prepared, Training
from compare.stats import Estimate
from compare.timing import Cell, Claim, Ratio

GROWS = math.sqrt(2)
"""Twice the steps whose time is nearer to once than to twice, and may be the same."""
NOTHING = 0.1
"""Of the time of the steps: more than this was left to wait for after the wait."""


def claims(
    example: str,
    spec: Training,
    prepared: Prepared,
    *,
    done: Done,
    found: Sequence[Ratio],
) -> Iterator[Claim]:
    """All claims on an example for which there is something to decide them by."""
    cells = {
        (c.framework, c.mode): c for c in done if c.example == example and not c.control
    }
    jit, eager = cells.get(("jax", "jit")), cells.get(("jax", "eager"))
    wanted = spec.contract.jit_speedup
    if jit and eager:
        says = f"JAX jit is at least {wanted:g} times as fast as JAX eager"
        yield _at_most(example, says, estimate(done, jit, eager), 1 / wanted)
    yield from _scan(example, found)
    for cell in cells.values():
        yield _grows(cell, done)
        yield _waits(cell, done)
    yield from _same_work(example, spec, prepared, done)


def _at_most(example: str, says: str, found: Estimate | None, limit: float) -> Claim:
    """A ratio that is at most so much, by the interval's bounds."""
    bounds = found.interval() if found else None
    if found is None or bounds is None:
        return Claim(example, says, None, "fewer than two blocks")
    low, high = bounds
    holds = True if high <= limit else False if low > limit else None
    return Claim(example, says, holds, f"{1 / found.ratio:.3g} ({_inverse(bounds)})")


def _inverse(bounds: tuple[float, float]) -> str:
    return f"{1 / bounds[1]:.3g} to {1 / bounds[0]:.3g}"


def _scan(example: str, found: Sequence[Ratio]) -> Iterator[Claim]:
    for ratio in found:
        if (ratio.subject, ratio.reference) == ("JAX scan", "JAX jit"):
            holds = {"FASTER": True, "SAME": True, "SLOWER": False}.get(ratio.verdict)
            why = f"{ratio.verdict}: {ratio.ratio:.3g} of its time"
            yield Claim(example, "JAX scan is not slower than JAX jit", holds, why)


def _grows(cell: Cell, done: Done) -> Claim:
    """A wait that does not wait shows the same time for twice the steps.

    Not twice the time: a call of a program has a cost that no step has.
    """
    says = f"{cell}: time grows with the number of steps"
    blocks = done[cell].values()
    found = stats.paired(
        [one.samples["whole"] for one in blocks],
        [one.samples["half"] for one in blocks],
    )
    low, high = found.interval() or (found.ratio, found.ratio)
    holds = True if low > math.exp(stats.SAME) else False if high < GROWS else None
    return Claim(cell.example, says, holds, f"twice the steps: {found.ratio:.3g} ×")


def _waits(cell: Cell, done: Done) -> Claim:
    """After the wait nothing is left to wait for."""
    left = [median(one.samples["left over"]) for one in done[cell].values()]
    says = f"{cell}: nothing is left to wait for"
    return Claim(
        cell.example, says, median(left) < NOTHING, f"{median(left):.1%} of the time"
    )


def _same_work(
    example: str, spec: Training, prepared: Prepared, done: Done
) -> Iterator[Claim]:
    """Both frameworks count the operations of a step as the formula does."""
    counted = {
        (cell.framework, one.operations["written"])
        for cell, blocks in done.items()
        for one in blocks.values()
        if cell.example == example and cell.batch is None and one.operations
    }
    if counted:
        due = spec.work(prepared.batches.at(0))
        yield Claim(
            example,
            "the step has as many operations in both frameworks",
            {count for _, count in counted} == {due},
            f"{due:.6g} by the formula, "
            + ", ".join(f"{name} {count:.6g}" for name, count in sorted(counted)),
        )
