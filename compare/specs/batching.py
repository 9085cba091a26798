"""Batching: many points at once, and the axes that may not be mistaken.

A layer consumes the last axis of its input, and whatever comes before is batch. A
function written for one point becomes one for a batch by `vmap`, which also tells
which arguments are shared, and stacks gradients of single examples. The trap is an
axis of length 1 that a layer with one output leaves behind: against targets without
it, N predictions and N targets make N² pairs.

Notebook: "Neural Networks with PyTorch", Batching; the two losses, and the
`squeeze(-1)` and `float()` before one of them, are from the trainings that follow.

Equation:
    y = x W + b                     along the last axis, for all axes before it
    ∂L/∂b = Σₙ ∂Lₙ/∂yₙ              what is broadcast forward is summed backward
    (N, 1) - (N,) → (N, N)

Differs: who refuses what. Of the losses, Optax's squared error insists on equal shapes
and its cross entropy broadcasts; PyTorch's squared error broadcasts with a warning and
its cross entropy insists, on float labels too. Both refuse a last axis of another
length, and a branch under `vmap`, with exceptions of their own, and axes of unequal
length under `vmap` with the same one.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.random import Generator

from compare.fault import Edit, Fault
from compare.spec import Arrays, Difference, Expected, Lesson

Inputs = Mapping[str, Any]
PRECISIONS = ("float64", "float32")


def inputs(rng: Generator) -> dict[str, Any]:
    """Points of 2 numbers in batches of no, one and three axes; 2 → 3 layers."""
    labels = rng.permutation([0, 0, 0, 1, 1, 1, 1]).astype(np.int32)
    return {
        "point": rng.standard_normal(2),
        "points": rng.standard_normal((100, 2)),
        "grid": rng.standard_normal((20, 30, 100, 2)),
        "centers": rng.standard_normal((6, 2)),
        "weight": rng.standard_normal((2, 3)),
        "bias": rng.standard_normal(3),
        "weights": rng.standard_normal((5, 2, 3)),
        "goals": rng.standard_normal((100, 3)),
        "blocks": rng.standard_normal((4, 5, 3)),
        "predictions": rng.standard_normal((7, 1)),
        "targets": labels.astype(np.float64),
        "labels": labels,
    }


def _everywhere(jax: str, torch: str) -> dict[str, tuple[str, str]]:
    """The same kinds in both precisions; `real` stands for the run's own dtype."""
    return {p: (jax.replace("real", p), torch.replace("real", p)) for p in PRECISIONS}


def _single(value: Callable[[Inputs], Any]) -> Callable[[Inputs], Arrays]:
    """The leaves of a function that returns a single thing."""
    return lambda inputs: {"": np.asarray(value(inputs))}


def _outputs(inputs: Inputs, name: str) -> np.ndarray:
    return inputs[name] @ inputs["weight"] + inputs["bias"]


def _mean_of_grid(inputs: Inputs) -> np.ndarray:
    return _outputs(inputs, "grid").mean(axis=2)


def _shape_and_mean(inputs: Inputs) -> Arrays:
    shape = {f"shape.{axis}": n for axis, n in enumerate((20, 30, 100, 3))}
    found = shape | {"mean": _mean_of_grid(inputs)}
    return {leaf: np.asarray(value) for leaf, value in found.items()}


def _gradients(inputs: Inputs) -> np.ndarray:
    """Of every example: the outer product of its point and its error."""
    errors = _outputs(inputs, "points") - inputs["goals"]
    return inputs["points"][:, :, None] * errors[:, None, :]


def _squared_error(predictions: np.ndarray, targets: np.ndarray) -> np.float64:
    return np.square(predictions - targets).mean()


def _cross_entropy(logits: np.ndarray, targets: np.ndarray) -> np.float64:
    """-log σ(x) = log (1 + exp(-x)) where the target is 1, of -x where it is 0."""
    return np.logaddexp(0, (1 - 2 * targets) * logits).mean()


DIFFERENCES = {
    "wrong_last_axis": Difference(
        reason="Both refuse to multiply where the lengths are not the same, JAX with "
        "a TypeError, PyTorch with a RuntimeError.",
        kinds=_everywhere("raises TypeError", "raises RuntimeError"),
    ),
    "vmap_of_branch": Difference(
        reason="Neither can branch on a value that stands for a batch; JAX's exception "
        "is of a class of its own, PyTorch's a RuntimeError.",
        kinds=_everywhere("raises TracerBoolConversionError", "raises RuntimeError"),
    ),
    "squared_error_of_column": Difference(
        reason="Optax's squared error wants equal shapes; PyTorch's warns and takes "
        "the mean over all pairs.",
        kinds=_everywhere("raises ValueError", "real[] warns UserWarning"),
        torch=_single(lambda i: _squared_error(i["predictions"], i["targets"])),
    ),
    "cross_entropy_of_column": Difference(
        reason="Optax's cross entropy, which is of logits, broadcasts without a word; "
        "PyTorch's wants equal shapes.",
        kinds=_everywhere("real[]", "raises ValueError"),
        jax=_single(lambda i: _cross_entropy(i["predictions"], i["targets"])),
    ),
    "cross_entropy_of_integers": Difference(
        reason="JAX promotes integer labels to floats; PyTorch's cross entropy wants "
        "floats.",
        kinds=_everywhere("real[]", "raises RuntimeError"),
        jax=_single(lambda i: _cross_entropy(i["predictions"][:, 0], i["labels"])),
    ),
}


def _numpy(function: str, value: Callable[[Inputs], Any]) -> Expected:
    """A single result that NumPy computes too."""
    return Expected(function, _single(value), "NumPy, float64")


EXPECTED = (
    _numpy("one_point", lambda i: _outputs(i, "point")),
    _numpy("many_points", lambda i: _outputs(i, "points")),
    _numpy("loop_over_points", lambda i: _outputs(i, "points")),
    Expected("grid_of_points", _shape_and_mean, "NumPy, float64"),
    _numpy("grid_as_one_batch", _mean_of_grid),
    _numpy("vmap_over_points", lambda i: _outputs(i, "points")),
    _numpy("vmap_over_models", lambda i: i["points"] @ i["weights"]),
    Expected(
        "vmap_in_vmap",
        _single(lambda i: np.linalg.norm(i["points"][:, None] - i["centers"], axis=-1)),
        "SciPy, float64",
    ),
    _numpy(
        "vmap_of_choice",
        lambda i: np.where(i["points"][:, :1] > 0, i["points"], -i["points"]),
    ),
    _numpy("gradients_of_examples", _gradients),
    _numpy("gradient_of_mean", lambda i: _gradients(i).mean(axis=0)),
    _numpy("gradient_of_bias", lambda i: (i["bias"] - i["blocks"]).sum(axis=(0, 1))),
    _numpy("column_minus_row", lambda i: i["predictions"] - i["targets"]),
    _numpy(
        "squared_error", lambda i: _squared_error(i["predictions"][:, 0], i["targets"])
    ),
    _numpy(
        "cross_entropy", lambda i: _cross_entropy(i["predictions"][:, 0], i["labels"])
    ),
)

FAULTS = (
    Fault(
        "a cross entropy of all pairs",
        "jax",
        "outputs",
        Edit(
            "logits = predictions.squeeze(-1)\n    targets",
            "logits = predictions\n    targets",
        ),
    ),
    Fault(
        "the axis of the models put second",
        "jax",
        "outputs",
        Edit(
            "jnp.matmul, in_axes=(None, 0)", "jnp.matmul, in_axes=(None, 0), out_axes=1"
        ),
        says="float64[100,5,3]",
    ),
    Fault(
        "a squared error of all pairs, with a warning",
        "torch",
        "outputs",
        Edit("mse_loss(predictions.squeeze(-1)", "mse_loss(predictions"),
        says="warns UserWarning",
    ),
    Fault(
        "a gradient averaged over the batch, not summed",
        "torch",
        "outputs",
        Edit("** 2).sum() / 2)(bias)", "** 2).mean() / 2)(bias)"),
    ),
)

SPEC = Lesson(
    teaches="batch axes, vmap, gradients of examples, and the trap of (N, 1) and (N,)",
    inputs=inputs,
    discrete=frozenset({"targets"}),
    differences=DIFFERENCES,
    refused={"vmap_over_unequal_axes": "ValueError"},
    expected=EXPECTED,
    faults=FAULTS,
)
