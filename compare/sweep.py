"""A mode's time against the size of its batch: what a step costs before it computes.

    t = overhead + operations / throughput

Small batches wait for Python, dispatch and kernels' launches, large ones for
arithmetic; two modes may change places in between, at `crossover`. The line is fitted
to relative errors, for a step of 10 ms must not outweigh one of 10 µs a thousandfold,
with neither coefficient below 0.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, inf, isfinite

import numpy as np
from jaxtyping import Float

from compare.spec import Arrays, Batches
from compare.stats import LEVEL, Blocks, log_medians, mean_and_error, reach

ROWS = ("x", "y")
"""The arrays of a batch that have a row for every point."""


@dataclass(frozen=True)
class Fit:
    """Seconds before the first operation, operations a second; their 95 % intervals.

    The throughput is infinite where larger batches take no longer. `worst` is the
    largest |fitted − measured| / measured: of two sizes it is 0 whatever is true, and
    where it is more than the noise, a line is no model of this mode.

    The interval of the overhead ends at 0, and may be (0, 0), where the line of best
    fit starts below 0. That of the throughput is None where a block has none, too; both
    are with fewer than two blocks.
    """

    overhead: float
    overhead_interval: tuple[float, float] | None
    throughput: float
    throughput_interval: tuple[float, float] | None
    worst: float


def resize(batches: Batches, size: int) -> Batches:
    """The same batches with `size` rows each: the first ones, over and over.

    Only x and y have rows: along axis 0 where they are shared by all steps, along axis
    1 where steps are stacked. Raises ValueError for a size below 1.
    """
    if size < 1:
        raise ValueError(f"size: expected at least 1 row, got {size}")
    return Batches(
        shared=_repeated(batches.shared, size, axis=0),
        stacked=_repeated(batches.stacked, size, axis=1),
    )


def fit(operations: Sequence[float], blocks: Sequence[Blocks]) -> Fit:
    """The line through the times of several sizes: `blocks[i]` took `operations[i]`.

    Minimizes Σ ((overhead + operations / throughput) / t − 1)² over the sizes, with t
    the exp of the mean log of the workers' medians. The same fit to every block alone
    tells the standard errors, and the intervals are Student's: of the overhead, from
    fits that may go below 0 (else a block at the bound would look free of noise), cut
    off at 0; of the throughput, from its log. Raises ValueError for fewer than two
    distinct sizes, for operations and samples that are no positive finite numbers, and
    where a size lacks a block.
    """
    work = _checked(operations, blocks)
    logs = np.stack(
        [log_medians(each, f"blocks[{i}]") for i, each in enumerate(blocks)], axis=1
    )
    seconds, alone = np.exp(logs.mean(axis=0)), np.exp(logs)
    overhead, slope = _line(work, seconds)
    return Fit(
        overhead,
        _overhead_interval(work, seconds, alone),
        1 / slope if slope else inf,
        _throughput_interval(slope, [_line(work, times)[1] for times in alone]),
        float(np.max(np.abs((overhead + slope * work) / seconds - 1))),
    )


def crossover(left: Fit, right: Fit) -> float | None:
    """Operations at which both take the same time; None where one always is faster."""
    slopes = 1 / left.throughput - 1 / right.throughput
    ahead = right.overhead - left.overhead
    if slopes == 0 or ahead / slopes <= 0:
        return None
    return ahead / slopes


def _repeated(arrays: Arrays, size: int, *, axis: int) -> Arrays:
    """Not by `np.resize`, which knows no axis."""
    return {
        name: array.take(np.arange(size) % array.shape[axis], axis=axis)
        if name in ROWS
        else array
        for name, array in arrays.items()
    }


def _rows(
    work: Float[np.ndarray, "sizes"], seconds: Float[np.ndarray, "sizes"]
) -> tuple[Float[np.ndarray, "sizes 2"], Float[np.ndarray, "2"]]:
    """The equations of relative errors, and what their solution is to be times with.

    Operations are millions and seconds are thousandths: in units of these very numbers
    the equations are as well conditioned as the sizes allow.
    """
    typical = np.exp(np.log(seconds).mean())
    rows = np.stack([np.ones_like(work), work / work.max()], axis=1)
    return rows * (typical / seconds)[:, None], typical / np.array([1.0, work.max()])


def _line(
    work: Float[np.ndarray, "sizes"], seconds: Float[np.ndarray, "sizes"]
) -> tuple[float, float]:
    """Overhead and seconds an operation, neither below 0."""
    from scipy.optimize import nnls  # here: `twinnets list` need not wait for it

    rows, units = _rows(work, seconds)
    overhead, slope = nnls(rows, np.ones(len(rows)))[0] * units
    return float(overhead), float(slope)


def _free_overhead(
    work: Float[np.ndarray, "sizes"], seconds: Float[np.ndarray, "sizes"]
) -> float:
    """Where the line of best fit that does not fall starts, be it below 0."""
    rows, units = _rows(work, seconds)
    overhead, slope = np.linalg.lstsq(rows, np.ones(len(rows)))[0] * units
    return float(overhead) if slope >= 0 else _line(work, seconds)[0]


def _overhead_interval(
    work: Float[np.ndarray, "sizes"],
    seconds: Float[np.ndarray, "sizes"],
    alone: Float[np.ndarray, "blocks sizes"],
) -> tuple[float, float] | None:
    if len(alone) < 2:
        return None
    _, error = mean_and_error(np.array([_free_overhead(work, t) for t in alone]))
    half = reach(len(alone), LEVEL) * float(error)
    middle = _free_overhead(work, seconds)
    return max(0.0, middle - half), max(0.0, middle + half)


def _throughput_interval(
    slope: float, alone: Sequence[float]
) -> tuple[float, float] | None:
    if len(alone) < 2 or not all((slope, *alone)):
        return None
    _, error = mean_and_error(np.log(alone))
    factor = exp(reach(len(alone), LEVEL) * float(error))
    return 1 / slope / factor, 1 / slope * factor


def _checked(
    operations: Sequence[float], blocks: Sequence[Blocks]
) -> Float[np.ndarray, "sizes"]:
    wrong = [number for number in operations if not (isfinite(number) and number > 0)]
    if wrong:
        raise ValueError(
            f"operations: expected positive finite numbers, got {wrong[0]}"
        )
    if len(set(operations)) < 2:
        raise ValueError(
            "operations: expected at least 2 distinct sizes, for a line has two "
            f"coefficients, got {len(set(operations))}: time another batch size"
        )
    if len(blocks) != len(operations):
        raise ValueError(
            f"blocks: expected those of {len(operations)} sizes, as many as "
            f"operations has, got {len(blocks)}"
        )
    counts = [len(each) for each in blocks]
    if len(set(counts)) > 1:
        raise ValueError(
            f"blocks: expected every size in every block, got {counts} blocks"
        )
    return np.array(operations, np.float64)
