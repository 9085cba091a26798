"""What other harnesses would say of the same traces, by their own rules.

Each rule looks at what its harness looks at, in float32, with the tolerances in its
source (read in 2025 and 2026); it returns whether the pair passes. The first failing
rule of a framework's users is nobody's fault: the tolerances are picked by hand, so a
rule may also fail honest pairs, which is counted as well.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from compare.check import Sides
from compare.trace import Key, Trace

_GRADIENTS = ("gradients",)
_BOTH = ("outputs", "gradients")


@dataclass(frozen=True)
class Rule:
    """A rule and where it is from."""

    name: str
    source: str
    passes: Callable[[Sides], bool]


def _pairs(
    sides: Sides, phases: tuple[str, ...], precision: str = "float32"
) -> Iterator[tuple[Key, np.ndarray, np.ndarray]]:
    """Both sides' arrays of the one-step maps, by phase."""
    left, right = sides["jax", precision], sides["torch", precision]
    for key, value in left.arrays.items():
        if key.phase in phases and key.quantity in ("predict", "gradient", "update"):
            other = right.arrays.get(key)
            if other is not None and other.shape == value.shape:
                yield key, value, other


def _norm(trace: Trace, step: object) -> float:
    leaves = [
        np.sum(value.astype(np.float64) ** 2)
        for key, value in trace.arrays.items()
        if key.phase == "gradients" and key.step == step
    ]
    return float(np.sqrt(sum(leaves)))


def last_step(sides: Sides) -> bool:
    """Loss and gradient norm of the last step, within 100 %."""
    left, right = sides["jax", "float32"], sides["torch", "float32"]
    run = Key("trajectory", "loss")
    losses = left.arrays[run][-1], right.arrays[run][-1]
    steps = [k.step for k in left.arrays if k.phase == "gradients"]
    last = max(step for step in steps if isinstance(step, int))
    norms = _norm(left, last), _norm(right, last)
    return all(np.allclose(*both, rtol=1.0, atol=0.0) for both in (losses, norms))


def largest_difference(sides: Sides) -> bool:
    """Outputs within 1e-5, NaN on either side counted as equal."""
    return all(
        np.max(np.where(np.isnan(a) | np.isnan(b), 0.0, np.abs(a - b))) <= 1e-5
        for _, a, b in _pairs(sides, ("outputs",))
    )


def assert_close(sides: Sides) -> bool:
    """Outputs and gradients by `torch.testing.assert_close`, float32 defaults."""
    return all(
        np.allclose(a, b, rtol=1.3e-6, atol=1e-5) for _, a, b in _pairs(sides, _BOTH)
    )


def twice_the_error(sides: Sides) -> bool:
    """Outputs and gradients: RMSE to float64 at most twice the other's."""

    def rmse(side: str, key: Key) -> float:
        wide = sides[side, "float64"].arrays[key]
        short = sides[side, "float32"].arrays[key]
        return float(np.sqrt(np.mean((short - wide) ** 2)))

    def within(key: Key) -> bool:
        # PyTorch's float64 is the reference for both, as it is in its own tests.
        wide = sides["torch", "float64"].arrays[key]
        short = sides["jax", "float32"].arrays[key]
        error = float(np.sqrt(np.mean((short - wide) ** 2)))
        return error <= 2 * rmse("torch", key) + 1e-4 / 10

    return all(within(key) for key, _, _ in _pairs(sides, _BOTH))


def allclose(sides: Sides) -> bool:
    """Outputs, gradients and updated parameters by `allclose` at 1e-3."""
    for key, a, b in _pairs(sides, (*_BOTH, "update")):
        size = sides["torch", "float32"].scale.get(key, 0.0)
        bound = 1e-3 + 1e-3 * np.maximum(np.abs(b), size)
        if not (np.abs(a - b) <= bound).all():
            return False
    return True


RULES = (
    Rule("loss and gradient norm, last step, rtol 1", "AlgoPerf traindiffs", last_step),
    Rule("outputs to 1e-5", "Transformers PT-Flax tests", largest_difference),
    Rule("assert_close on outputs, gradients", "torch.testing", assert_close),
    Rule("RMSE to float64, twice the other's", "torch._dynamo same", twice_the_error),
    Rule("allclose 1e-3, parameters too", "Levanter, hand-written", allclose),
)
