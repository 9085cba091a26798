"""What others would say of a pair: float32 outputs alone, by a tolerance.

Both sides get the same weights, without which a user could not compare them either, and
are called once, in eval mode.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from typing import Any

import numpy as np

from compare.fault import FRAMEWORKS, Side
from compare.pair import inputs, layout, start
from compare.pair.both import Both, Model, Point
from compare.pair.entry import RUNTIMES
from compare.pair.planted.cases import Case
from compare.pair.settled import settled_map
from compare.pair.weights.find import find

Outputs = dict[Side, np.ndarray]


@dataclass(frozen=True)
class Rival:
    """An assertion and where it is from; it raises AssertionError."""

    name: str
    source: str
    check: Callable[[np.ndarray, np.ndarray], Any]

    def passes(self, outputs: Outputs) -> bool:
        """Whether it takes these outputs for equal."""
        try:
            self.check(outputs["jax"], outputs["torch"])
        except AssertionError:
            return False
        return True


def _assert_close(first: np.ndarray, second: np.ndarray, **tolerances: float) -> None:
    # Whoever compares outputs of PyTorch's has imported it.
    sys.modules["torch"].testing.assert_close(first, second, **tolerances)


_TORCH, _NUMPY = "torch.testing", "numpy.testing"
RIVALS = (
    Rival("assert_close", _TORCH, _assert_close),
    Rival(
        "assert_close, rtol 1e-3", _TORCH, partial(_assert_close, rtol=1e-3, atol=1e-5)
    ),
    Rival(
        "assert_allclose, rtol 1e-5",
        _NUMPY,
        partial(np.testing.assert_allclose, rtol=1e-5),
    ),
    Rival(
        "assert_allclose, rtol 1e-3",
        _NUMPY,
        partial(np.testing.assert_allclose, rtol=1e-3),
    ),
)


def outputs(torch_model: Any, jax_model: Any, case: Case, *, seed: int) -> Outputs:
    """Both models' outputs in float32, in eval mode, with PyTorch's weights.

    Raises `Wrong` where there is no map of weights, `Raised` what a model raises.
    """
    torch, jax = _open("torch", torch_model), _open("jax", jax_model)
    found = find(torch.leaves, torch.modules, jax.leaves, jax.modules)
    kept = start.without_partner(found, jax)
    both = Both(torch, jax, found, layout.parse(case.layout), {}, kept)
    state, _ = start.weights(both, copy="torch", randomize=True, seed=seed)
    drawn = inputs.draw(case.inputs, seed=seed, purpose="pair inputs 0")
    point = Point("eval", False, state, drawn, pulls=False)
    both, _ = settled_map(both, point)
    with both.session("float32"):
        exact = point.cast("float32")
        evaluated = {
            side: both.evaluate(getattr(both, side), exact) for side in FRAMEWORKS
        }
    return {side: evaluated[side].outputs[""] for side in FRAMEWORKS}


def _open(framework: Side, model: Any) -> Model:
    runtime = import_module(RUNTIMES[framework])
    return Model(framework, runtime, runtime.open_model(model), model)
