"""Explanations by patterns that any two arrays may have: the last that are tried."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from compare import noise
from compare.pair.explain.arrays import FEW, ratio_of
from compare.pair.explain.parts import ALL, Attempt, Evidence, Explanation, judged

ROUNDED = {"float32": 2.0**-24, "TF32": 2.0**-11, "bfloat16": 2.0**-8}
"""Unit roundoffs of the formats that a product may be rounded to."""
NEAR = 2.0
"""Octaves from half a unit roundoff, within which a difference is of that format."""
SPREAD = 1 / 16
"""Unit roundoffs that half of what is rounded is off by, at least; a third usually."""


def _any_factor(evidence: Evidence) -> Iterator[Attempt]:
    ratio = ratio_of(evidence)
    if ratio and evidence.torch.size >= FEW and np.ptp(evidence.torch) > 0:
        yield Attempt(
            f"all of PyTorch's values are multiplied by {ratio:.6g}",
            lambda: judged(evidence, ratio * evidence.torch, factor=ratio),
            3,
        )


def _offset(evidence: Evidence) -> Iterator[Attempt]:
    if evidence.torch.size < FEW or not np.ptp(evidence.torch) > 0:
        return
    offset = float(np.median(evidence.jax - evidence.torch))
    yield Attempt(
        f"{offset:.6g} is added to all of PyTorch's values",
        lambda: judged(evidence, evidence.torch + offset),
        3,
    )


def _axis_offset(evidence: Evidence) -> Iterator[Attempt]:
    """The same difference in every row: a bias that one side lacks."""
    apart = evidence.jax - evidence.torch
    for axis in range(apart.ndim):
        others = tuple(place for place in range(apart.ndim) if place != axis)
        count = math.prod(apart.shape[place] for place in others)
        if count < FEW or apart.shape[axis] < 2:
            continue
        each = np.median(apart, axis=others, keepdims=True)
        yield Attempt(
            f"one number is added to each of axis {axis} of PyTorch's values, as by a "
            "bias that PyTorch's model lacks, or has and JAX's lacks",
            lambda each=each: judged(evidence, evidence.torch + each),
            3,
        )


def _permuted(evidence: Evidence) -> Iterator[Attempt]:
    for axis in range(evidence.torch.ndim):
        order = _order(evidence, axis)
        if order is not None:
            shown = ", ".join(str(place) for place in order[:8])
            more = ", …" if len(order) > 8 else ""
            yield Attempt(
                f"axis {axis} of PyTorch's values is taken in the order {shown}{more}",
                lambda axis=axis, order=order: judged(
                    evidence, np.take(evidence.torch, order, axis)
                ),
                3,
            )


def _order(evidence: Evidence, axis: int) -> list[int] | None:
    """Which slice of PyTorch's each slice of JAX's is; None where it is none.

    Slices are found by a random mixture of their values, sorted.
    """
    if evidence.torch.size < FEW:
        return None
    left = np.moveaxis(evidence.jax, axis, 0).reshape(evidence.jax.shape[axis], -1)
    right = np.moveaxis(evidence.torch, axis, 0).reshape(left.shape)
    if left.shape[0] < 2:
        return None
    weights = np.random.default_rng(0).standard_normal(left.shape[1])
    order = np.empty(left.shape[0], np.int64)
    order[np.argsort(left @ weights, kind="stable")] = np.argsort(
        right @ weights, kind="stable"
    )
    moved = order != np.arange(len(order))
    return order.tolist() if moved.any() else None


def _rounded(evidence: Evidence) -> Iterator[Attempt]:
    """Differences of the size of one format's rounding, and without any pattern."""
    apart = (evidence.jax - evidence.torch).astype(np.float64).ravel()
    size = float(noise.largest(evidence.torch))
    if evidence.torch.size < 64 or not size or not np.isfinite(apart).all():
        return
    values = evidence.torch.astype(np.float64).ravel()
    if not _patternless(apart, values):
        return
    relative = float(np.sqrt(np.mean(apart**2) / np.mean(evidence.torch**2)))
    octaves = {
        name: abs(math.log2(2 * relative / unit)) for name, unit in ROUNDED.items()
    }
    name = min(octaves, key=lambda name: octaves[name])
    # Rounding spares nothing but zeros: what differs here and there is something else.
    there = values != 0
    typical = float(np.median(np.abs(apart[there] / values[there])))
    if octaves[name] <= NEAR and typical >= SPREAD * ROUNDED[name]:
        bound = evidence.floor + 4 * ROUNDED[name] * size
        yield Attempt(
            f"one side has been rounded to {name}: the differences are "
            f"{relative:.1g} of the values and have no pattern",
            lambda: float(noise.largest(apart)) / bound,
            3,
        )


def _patternless(apart: np.ndarray, values: np.ndarray) -> bool:
    """Neither a mean nor a slope that four standard errors could not explain."""
    spread = float(apart.std())
    if not spread:
        return False
    bound = 4 / math.sqrt(apart.size)
    scaled = values - values.mean()
    width = float(scaled.std())
    slope = float((apart - apart.mean()) @ scaled) / apart.size
    correlated = width > 0 and abs(slope) > bound * spread * width
    return abs(float(apart.mean())) <= bound * spread and not correlated


LAST: tuple[Explanation, ...] = (
    Explanation("order of an axis", ALL, _permuted),
    Explanation("any factor", ALL, _any_factor),
    Explanation("offset", ALL, _offset),
    Explanation("offset of an axis", ALL, _axis_offset),
    Explanation("rounding", ALL, _rounded),
)
