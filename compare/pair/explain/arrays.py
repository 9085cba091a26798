"""Explanations by how two arrays stand to each other, without running anything."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from itertools import combinations

import numpy as np

from compare import noise
from compare.pair.explain.parts import (
    ALL,
    FORWARD,
    Attempt,
    Evidence,
    Explanation,
    judged,
)

WHOLE = 4096
"""The largest N of a factor N or √N that is looked for."""
EXACT = 1e-9
"""A factor known no better than this is by chance near a whole number."""
FEW = 4
"""Fewer values are told from chance."""
MAPS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "exp": np.exp,
    "log": np.log,
    "tanh": np.tanh,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "square": np.square,
    "root": np.sqrt,
    "absolute value": np.abs,
    "inverse": lambda x: 1 / x,
}


def _sign(evidence: Evidence) -> Iterator[Attempt]:
    if np.any(evidence.torch):
        yield Attempt(
            "PyTorch's values have the other sign",
            lambda: judged(evidence, -evidence.torch),
            0,
        )


def ratio_of(evidence: Evidence) -> float:
    """The factor that brings PyTorch's values nearest to JAX's; 0 where none does."""
    left = evidence.jax.astype(np.float64).ravel()
    right = evidence.torch.astype(np.float64).ravel()
    size = noise.largest(right)
    if not size or not (np.isfinite(left).all() and np.isfinite(right).all()):
        return 0.0
    scaled = right / size
    return float(left @ scaled / (scaled @ scaled) / size)


def _simple(ratio: float, shape: tuple[int, ...]) -> tuple[str, float] | None:
    """A ratio as N, 1/N, √N or 1/√N, with what it is likely to be."""
    sign, size = math.copysign(1, ratio), abs(ratio)
    whole = size if size > 1 else 1 / size
    minus = "−" if sign < 0 else ""
    for power, root in ((1, ""), (2, "√")):
        number = round(whole**power)
        exact = number ** (1 / power)
        if 1 < number <= WHOLE and math.isclose(whole, exact, rel_tol=EXACT):
            words = f"{minus}{root}{number}" if size > 1 else f"{minus}1/{root}{number}"
            factor = sign * (exact if size > 1 else 1 / exact)
            return words + _meant(number, root, shape), factor
    return None


def _meant(number: int, root: str, shape: tuple[int, ...]) -> str:
    if root:
        return ", a root as of a width" if number in shape else ""
    if number == 2:
        return ", as of a square with or without its half"
    sizes = [
        math.prod(some)
        for count in (1, 2, 3)
        for some in combinations(shape, count)
    ]  # fmt: skip
    if number in sizes:
        return f", {number} of the elements: a sum in the place of a mean?"
    return ": a sum in the place of a mean?"


def _factor(evidence: Evidence) -> Iterator[Attempt]:
    ratio = ratio_of(evidence)
    if not ratio:
        return
    found = _simple(ratio, evidence.torch.shape)
    if found is None or not _known(evidence):
        return
    words, factor = found
    yield Attempt(
        f"PyTorch's values are multiplied by {words}",
        lambda: judged(evidence, factor * evidence.torch, factor=factor),
        0,
    )


def _known(evidence: Evidence) -> bool:
    """Whether the floor is low enough to tell a whole number from chance."""
    return evidence.floor <= EXACT * float(noise.largest(evidence.torch))


def _transposed(evidence: Evidence) -> Iterator[Attempt]:
    shape = evidence.torch.shape
    for one, two in combinations(range(len(shape)), 2):
        if shape[one] == shape[two] > 1:
            yield Attempt(
                f"axes {one} and {two} of PyTorch's values are exchanged",
                lambda one=one, two=two: judged(
                    evidence, np.swapaxes(evidence.torch, one, two)
                ),
                0,
            )


def _relaid(evidence: Evidence) -> Iterator[Attempt]:
    """The same numbers, in another order of axes under one shape."""
    shape = evidence.torch.shape
    for axis, length in enumerate(shape):
        for size in range(2, length):
            if length % size:
                continue
            split = (*shape[:axis], size, length // size, *shape[axis + 1 :])
            yield Attempt(
                f"axis {axis} of PyTorch's values, {length} = {size} × "
                f"{length // size}, is laid out the other way round",
                lambda axis=axis, split=split: judged(
                    evidence,
                    evidence.torch.reshape(split)
                    .swapaxes(axis, axis + 1)
                    .reshape(shape),
                ),
                0,
            )


def _flipped(evidence: Evidence) -> Iterator[Attempt]:
    for axis, length in enumerate(evidence.torch.shape):
        if length > 1:
            yield Attempt(
                f"axis {axis} of PyTorch's values is reversed",
                lambda axis=axis: judged(evidence, np.flip(evidence.torch, axis)),
                0,
            )


def _shifted(evidence: Evidence) -> Iterator[Attempt]:
    """By one; what has no partner at the end is not judged."""
    for axis, length in enumerate(evidence.torch.shape):
        if length < 3:
            continue
        for step, words in ((1, "one later"), (-1, "one earlier")):
            yield Attempt(
                f"axis {axis} of PyTorch's values is {words}",
                lambda axis=axis, step=step: _displaced(evidence, axis, step),
                0,
            )


def _displaced(evidence: Evidence, axis: int, step: int) -> float:
    moved = np.roll(evidence.torch, step, axis)
    keep = [slice(None)] * moved.ndim
    keep[axis] = slice(0, 1) if step > 0 else slice(-1, None)
    end = tuple(keep)
    if np.unique(np.delete(moved, 0 if step > 0 else -1, axis)).size < FEW:
        return math.inf
    moved[end] = evidence.jax[end]
    return judged(evidence, moved)


def _mapped(evidence: Evidence) -> Iterator[Attempt]:
    if evidence.torch.size < 2:
        return
    for name, function in MAPS.items():
        for words, given, wanted in (
            ("JAX's values are the {} of PyTorch's", evidence.torch, evidence.jax),
            ("PyTorch's values are the {} of JAX's", evidence.jax, evidence.torch),
        ):
            yield Attempt(
                words.format(name),
                lambda function=function, given=given, wanted=wanted: _through(
                    evidence, function, given, wanted
                ),
                0,
            )


def _through(
    evidence: Evidence,
    function: Callable[[np.ndarray], np.ndarray],
    given: np.ndarray,
    wanted: np.ndarray,
) -> float:
    with np.errstate(all="ignore"):  # what is no number scores inf
        made = function(given)
        least = 4 * noise.ULP["float64"] * float(noise.largest(made))
    if not np.isfinite(made).all():
        return math.inf
    return float(noise.largest_distance(wanted, made)) / max(
        evidence.floor, least, np.finfo(np.float64).tiny
    )


def _normalized(evidence: Evidence) -> Iterator[Attempt]:
    for axis in range(evidence.torch.ndim):
        if evidence.torch.shape[axis] < 2:
            continue
        for words, given, wanted in (
            ("JAX's values are the {} of PyTorch's", evidence.torch, evidence.jax),
            ("PyTorch's values are the {} of JAX's", evidence.jax, evidence.torch),
        ):
            for name, function in (("softmax", _softmax), ("log_softmax", _log)):
                yield Attempt(
                    words.format(f"{name} over axis {axis}"),
                    lambda function=function, given=given, wanted=wanted, axis=axis: (
                        _through(evidence, lambda x: function(x, axis), given, wanted)
                    ),
                    0,
                )


def _log(values: np.ndarray, axis: int) -> np.ndarray:
    shifted = values - values.max(axis, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis, keepdims=True))


def _softmax(values: np.ndarray, axis: int) -> np.ndarray:
    return np.exp(_log(values, axis))


def _zero(evidence: Evidence) -> Iterator[Attempt]:
    word = {
        "gradients": "no gradient flows: it is cut off (stop_gradient, detach) or the "
        "leaf is frozen",
        "update": "it is not trained: frozen, or left out of the optimizer",
    }.get(evidence.phase, "it is masked, or not computed")
    for side, zero, other in (
        ("JAX's", evidence.jax, evidence.torch),
        ("PyTorch's", evidence.torch, evidence.jax),
    ):
        if not np.any(zero) and np.any(other):
            yield Attempt(f"{side} values are all 0: {word}", lambda: 0.0, 0)


def _mode(evidence: Evidence) -> Iterator[Attempt]:
    if evidence.other_mode is not None:
        yield Attempt(
            "PyTorch's model is in the other of train and eval mode",
            evidence.other_mode,
        )


FIRST: tuple[Explanation, ...] = (
    Explanation("no gradient", ALL, _zero),
    Explanation("sign", FORWARD, _sign),
    Explanation("factor", FORWARD, _factor),
    Explanation("reversed axis", ALL, _flipped),
    Explanation("exchanged axes", ALL, _transposed),
    Explanation("shifted axis", FORWARD, _shifted),
    Explanation("layout of an axis", ALL, _relaid),
    Explanation("function of the other", FORWARD, _mapped),
    Explanation("softmax of the other", FORWARD, _normalized),
    Explanation("train or eval mode", FORWARD, _mode),
)
