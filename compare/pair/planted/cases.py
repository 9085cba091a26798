"""The pairs that come with the package: their inputs, and how they are compared."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np
from numpy.random import Generator

from compare.fault import Edit, Side
from compare.pair.entry import compare_pair
from compare.pair.report import PairReport
from compare.plant import PACKAGE, fresh

Arrays = tuple[np.ndarray, ...]
BATCH, LENGTH = 4, 9


@dataclass(frozen=True)
class Case:
    """One pair: its modules, what both get, and whose axes are in another order.

    `inputs` and `targets` draw arrays in PyTorch's layout. `jax_edit` is what JAX's
    module does otherwise in this pair. `verdict` is that of the pair as it is.
    """

    name: str
    torch: str
    jax: str
    inputs: Callable[[Generator], Arrays]
    targets: Callable[[Generator], Arrays]
    layout: tuple[str, str] | None = None
    jax_edit: Edit | None = None
    verdict: str = "rounding"

    def module(self, side: Side, edit: Edit | None = None) -> ModuleType:
        """One side's module, in a fresh copy if it is edited."""
        own = self.torch if side == "torch" else self.jax
        if side == "jax":
            edit = edit or self.jax_edit
        name = f"{PACKAGE[side]}.pairs.{own}"
        return import_module(name) if edit is None else fresh(name, edit)


def build(torch: ModuleType, jax: ModuleType, *, seed: int) -> tuple[Any, Any]:
    """Both models, PyTorch's from the seed; its random state is put back."""
    random = sys.modules["torch"].random
    with random.fork_rng(devices=[]):
        random.manual_seed(seed)
        return torch.build(), jax.build()


def _rows(rng: Generator) -> Arrays:
    return (rng.standard_normal((6, 5)),)


def _row_targets(rng: Generator) -> Arrays:
    return (rng.standard_normal((6, 3)),)


def _pictures(rng: Generator) -> Arrays:
    return (rng.standard_normal((BATCH, 3, 8, 12)),)


def _sequences(rng: Generator) -> Arrays:
    return (rng.standard_normal((BATCH, LENGTH, 5)),)


def _sequence_targets(rng: Generator) -> Arrays:
    return (2 * rng.standard_normal((BATCH, LENGTH, 2)),)


def _padded(rng: Generator) -> Arrays:
    """Each sequence has its own length, and at least one place of padding."""
    lengths = rng.permutation([3, 5, 6, 8])
    return *_sequences(rng), np.arange(LENGTH) >= lengths[:, None]


def _labels(classes: int) -> Callable[[Generator], Arrays]:
    return lambda rng: (rng.integers(0, classes, BATCH),)


def _tokens(rng: Generator) -> Arrays:
    return (rng.integers(0, 11, (3, LENGTH)),)


CASES = (
    Case("mlp", "mlp", "mlp", _rows, _row_targets),
    Case("mlp_linen", "mlp", "mlp_linen", _rows, _row_targets),
    Case("mlp_pure", "mlp", "mlp_pure", _rows, _row_targets),
    Case(
        "residual_net",
        "residual_net",
        "residual_net",
        _pictures,
        _labels(4),
        layout=("NCHW", "NHWC"),
    ),
    # PyTorch trains two biases where Flax has one.
    Case("lstm", "lstm", "lstm", _sequences, _labels(4), verdict="differs"),
    Case("lstm_pure", "lstm", "lstm_pure", _sequences, _labels(4)),
    Case("gru", "gru", "gru", _sequences, _sequence_targets),
    Case("encoder", "encoder", "encoder", _padded, _labels(7)),
    Case("encoder_linen", "encoder", "encoder_linen", _padded, _labels(7)),
    Case(
        "encoder_default",
        "encoder",
        "encoder",
        _padded,
        _labels(7),
        # Flax's own takes its softmax in float32, in float64 too.
        jax_edit=Edit("attention_fn=attention, ", ""),
        verdict="precision",
    ),
    Case("decoder", "decoder", "decoder", _tokens, _tokens),
)
BY_NAME = {case.name: case for case in CASES}


def compare(
    case: Case,
    *,
    torch_edit: Edit | None = None,
    jax_edit: Edit | None = None,
    seed: int = 0,
    optimizers: bool = True,
    steps: int = 20,
) -> PairReport:
    """Compare a pair, as it is or with an edit in the source of a side.

    Raises ValueError for an edit whose text is not found exactly once, and what
    `compare_pair` raises.
    """
    torch = case.module("torch", torch_edit)
    jax = case.module("jax", jax_edit)
    return compare_pair(
        *build(torch, jax, seed=seed),
        case.inputs,
        name=case.name,
        loss=(torch.loss, jax.loss),
        targets=case.targets,
        optimizers=(torch.build_optimizer, jax.build_optimizer())
        if optimizers
        else None,
        steps=steps,
        layout=case.layout,
        seed=seed,
    )
