r"""The rounding floor: how far apart two honest computations of one thing may be.

    score = max|jax − torch| / floor,   "the same" means score ≤ 32

LAPACK's own tests accept residuals up to 30 units (Anderson et al., LAPACK Users'
Guide, 1999). The floor is the largest of

(a) sensitivity: how far copies move whose parameters and continuous inputs are
    multiplied by 1 ± 2⁻⁵² at random;
(b) amplification: 2⁻²⁹ · max|x32 − x64|: rounding errors are, to first order,
    proportional to the unit roundoff, so a framework's own float32 error predicts its
    float64 error (Higham, Accuracy and Stability of Numerical Algorithms, 2002);
(c) four ulps of the largest value of the leaf;
(d) for updates, four ulps of the largest parameter: new − old is not known better.
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from jaxtyping import Float
from numpy.random import Generator

from compare.blocks import BLOCK, blocks

Precision = Literal["float64", "float32"]
PRECISIONS: tuple[Precision, ...] = ("float64", "float32")

ULP = {"float64": 2.0**-52, "float32": 2.0**-23}
LIMIT = 32.0
"""Scores up to this one are rounding."""
ULPS = 4.0
"""Ulps of the largest value that are never resolved."""
RESOLVED = 1e-3
"""A floor above this fraction of the value says nothing."""
FLOAT32_LIMIT = 10.0
"""A side whose float32 error is more than this times the other's is named."""
BFLOAT16 = 2.0**16
"""bfloat16's unit roundoff over float32's: no precision explains more than that."""
_AMPLIFY = ULP["float64"] / ULP["float32"]
_WORTHLESS = 1e-2


def perturb(
    arrays: dict[str, np.ndarray],
    rng: Generator,
    *,
    precision: Precision,
    discrete: frozenset[str] = frozenset(),
) -> dict[str, np.ndarray]:
    """Multiply every continuous number by 1 ± one ulp, sign drawn for each."""
    return {
        name: value
        if name in discrete or not np.issubdtype(value.dtype, np.floating)
        else _perturbed(value, rng, precision)
        for name, value in arrays.items()
    }


def _perturbed(value: np.ndarray, rng: Generator, precision: Precision) -> np.ndarray:
    low, step = 1.0 - ULP[precision], 2.0 * ULP[precision]
    moved = np.empty(value.shape, value.dtype)
    given, made = value.reshape(-1), moved.reshape(-1)
    for start in range(0, value.size, BLOCK):
        piece = slice(start, start + BLOCK)
        # A block is a multiple of four numbers: they are those of one draw for all.
        factors = rng.integers(0, 2, len(given[piece]), np.int8) * step
        factors += low
        factors *= given[piece]
        made[piece] = factors
    return moved


def largest(values: np.ndarray, *, rows: bool = False) -> Float[np.ndarray, "..."]:
    """Largest finite magnitude: of all elements, or of each row of the first axis."""
    if rows:
        return _by_row(_finite_sizes(values))
    pieces = blocks(np.asarray(values))
    return np.asarray(max(_finite_sizes(piece).max(initial=0.0) for (piece,) in pieces))


def _by_row(sizes: np.ndarray) -> np.ndarray:
    return sizes.reshape(sizes.shape[0], -1).max(axis=1, initial=0.0)


def _finite_sizes(values: np.ndarray) -> np.ndarray:
    sizes = np.abs(np.asarray(values, np.float64))
    # Whatever is not finite shows in the maximum.
    if np.isfinite(sizes.max(initial=0.0)):
        return np.asarray(sizes)
    return np.where(np.isfinite(sizes), sizes, 0.0)


def distance(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """|left − right| in float64; 0 where both are the same inf or NaN, else inf.

    Integers that differ are at least 1 apart, also beyond 2⁵³.
    """
    if _whole(left, right):
        apart = np.abs(left.astype(np.float64) - right)
        return np.asarray(np.maximum(left != right, apart))
    left, right = np.asarray(left, np.float64), np.asarray(right, np.float64)
    with np.errstate(invalid="ignore"):  # inf − inf is settled in the next lines
        apart = np.abs(left - right)
    if np.isfinite(apart.max(initial=0.0)):
        return np.asarray(apart)
    finite = np.isfinite(left) & np.isfinite(right)
    alike = (left == right) | (np.isnan(left) & np.isnan(right))
    return np.where(finite, apart, np.where(alike, 0.0, np.inf))


def _whole(*values: np.ndarray) -> bool:
    return all(value.dtype.kind in "biu" for value in values)


def float64_floor(
    pair64: Sequence[np.ndarray],
    pair32: Sequence[np.ndarray | None],
    *,
    sensitivity: np.ndarray,
    scale: float = 0.0,
) -> Float[np.ndarray, "..."]:
    """The floor of one quantity: a number, or one per row as in `sensitivity`.

    Integers are never rounded and have no ulp.
    """
    rows = np.ndim(sensitivity) == 1
    sizes = [largest(value, rows=rows) for value in pair64]
    terms = [sensitivity]
    if not _whole(*pair64):
        terms.append(ULPS * ULP["float64"] * np.maximum(*sizes))
    terms.append(np.asarray(ULPS * ULP["float64"] * scale))
    # Of either side: where one adds up worse than the other, both precisions show it,
    # and the float32 row says so.
    terms += [
        _AMPLIFY * useful(value32, value64, rows=rows)
        for value64, value32 in zip(pair64, pair32, strict=True)
        if value32 is not None and value32.shape == value64.shape
    ]
    return np.asarray(np.max(np.broadcast_arrays(*terms), axis=0))


def useful(
    narrow: np.ndarray, wide: np.ndarray, *, rows: bool = False
) -> Float[np.ndarray, "..."]:
    """A side's float32 error; 0 where that exceeds 1 % of the value."""
    error = largest_distance(narrow, wide, rows=rows)
    worthless = error > _WORTHLESS * largest(wide, rows=rows)
    return np.where(worthless, 0.0, error)


def float32_floor(
    pair32: Sequence[np.ndarray], *, sensitivity: np.ndarray, scale: float = 0.0
) -> Float[np.ndarray, "..."]:
    """The same in float32: copies moved by one ulp, and four ulps."""
    rows = np.ndim(sensitivity) == 1
    size = np.max([largest(value, rows=rows) for value in pair32], axis=0)
    ulps = ULPS * ULP["float32"] * np.maximum(size, scale)
    return np.asarray(np.maximum(sensitivity, ulps))


def divided(error: np.ndarray, floor: np.ndarray) -> np.ndarray:
    """error / floor, with 0/0 = 0."""
    with np.errstate(divide="ignore", invalid="ignore"):  # 0/0 is settled below
        return np.where(error == 0, 0.0, np.asarray(error) / np.asarray(floor))


def score(left: np.ndarray, right: np.ndarray, floor: float) -> float:
    """The largest distance in floors; inf where shapes differ."""
    if left.shape != right.shape:
        return float("inf")
    return float(divided(largest_distance(left, right), np.asarray(floor)))


def largest_distance(
    left: np.ndarray, right: np.ndarray, *, rows: bool = False
) -> Float[np.ndarray, "..."]:
    """Largest distance of all elements, or of each row of the first axis."""
    if rows:
        return _by_row(distance(left, right))
    pieces = blocks(np.asarray(left), np.asarray(right))
    return np.asarray(max(distance(*both).max(initial=0.0) for both in pieces))


def farthest(left: np.ndarray, right: np.ndarray) -> int:
    """The place of the largest distance, the first such one in flat order."""
    at, worst, start = 0, -1.0, 0
    for both in blocks(left, right, in_order=True):
        apart = distance(*both)
        place = int(np.argmax(apart))
        if apart.flat[place] > worst:
            at, worst = start + place, float(apart.flat[place])
        start += apart.size
    return at
