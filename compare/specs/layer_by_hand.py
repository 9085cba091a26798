"""A network of two layers on one input, forward and backward, by hand.

The layers are 3 → 4 → 2 with a ReLU between them. What modules, losses and automatic
differentiation give is computed once more from the definitions: the affine map, ReLU
in three spellings, the mean squared error, the chain rule. The parameters are those
that PyTorch draws from the notebook's seed, so its printed digits must come out.

Notebook: "PyTorch", Neural networks, from its seed to Backpropagation.

Equation:
    h = relu(x W₁ + b₁),   y = h W₂ + b₂,   loss = Σ (y - t)² / n
    relu(x) = max(0, x) = (x + |x|) / 2
    ∂loss/∂y = 2 (y - t) / n,   ∂loss/∂W₂ = hᵀ ∂loss/∂y
    ∂loss/∂W₁ = xᵀ ((∂loss/∂y W₂ᵀ) · [h > 0])

Differs: in the shape of a module's weight, (inputs, outputs) in Flax and (outputs,
inputs) in PyTorch, and so in that of its gradient; and in slopes at 0 itself. Half of
x + |x| has 1 in JAX and ½ in PyTorch, a clamp ½ in JAX and 1 in PyTorch.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from jaxtyping import Float64
from numpy.random import Generator

from compare.fault import Edit, Fault
from compare.spec import Arrays, Difference, Expected, Lesson

Inputs = Mapping[str, Any]
NOTEBOOK = "the notebook's printed digits"


def _drawn(rows: list[Any]) -> Float64[np.ndarray, "..."]:
    """Float32 numbers from the fewest digits that name them, in float64."""
    return np.array(rows, np.float32).astype(np.float64)


# What PyTorch draws for Linear(3, 4) and then Linear(4, 2) after manual_seed(20240305),
# transposed to `x @ weight`: one row per input.
HIDDEN_WEIGHT = _drawn(
    [
        [0.38302803, 0.3463756, 0.030295545, -0.15502562],
        [0.31323642, -0.434493, 0.34449318, 0.45229644],
        [-0.48607674, -0.46729854, 0.018183287, -0.18242148],
    ]
)
HIDDEN_BIAS = _drawn([-0.13035242, -0.03888724, -0.1370444, -0.28982615])
OUTPUT_WEIGHT = _drawn(
    [
        [0.25017017, -0.4536084],
        [-0.13569957, 0.06990361],
        [0.3612849, 0.410936],
        [-0.49608618, -0.4674064],
    ]
)
OUTPUT_BIAS = _drawn([-0.37457573, 0.028184831])

# Gradients as PyTorch prints them: one row per output.
HIDDEN_GRADIENT = np.array(
    [
        [-0.7216, -0.1966, -0.2016],
        [0.0070, 0.0019, 0.0019],
        [1.2845, 0.3499, 0.3588],
        [0.0, 0.0, 0.0],
    ]
)
OUTPUT_GRADIENT = np.array([[0.3074, 0.0899, 0.0867, 0.0], [0.6254, 0.1828, 0.1764, 0]])


def inputs(rng: Generator) -> dict[str, Any]:
    """One input, its target, the parameters; points on both sides of ReLU's kink."""
    left, right = rng.uniform(0.5, 2.0, 2)
    return {
        "inputs": np.array([2.8317, 0.7713, 0.7910]),
        "hidden_weight": HIDDEN_WEIGHT,
        "hidden_bias": HIDDEN_BIAS,
        "output_weight": OUTPUT_WEIGHT,
        "output_bias": OUTPUT_BIAS,
        "target": np.array([-0.5, -1.0]),
        "points": np.array([-left, 0.0, right]),
    }


def _printed(function: str, value: Any) -> Expected:
    return Expected(function, lambda inputs: {"": np.array(value)}, NOTEBOOK, 4)


def _chain_rule(inputs: Inputs) -> Arrays:
    """All gradients in NumPy; 2 (y - target) / n for n = 2 outputs is y - target."""
    before = inputs["inputs"] @ inputs["hidden_weight"] + inputs["hidden_bias"]
    after = np.maximum(before, 0)
    outputs = after @ inputs["output_weight"] + inputs["output_bias"]
    by_outputs = outputs - inputs["target"]
    by_before = (before > 0) * (inputs["output_weight"] @ by_outputs)
    return {
        "hidden_weight": np.outer(inputs["inputs"], by_before),
        "hidden_bias": by_before,
        "output_weight": np.outer(after, by_outputs),
        "output_bias": by_outputs,
    }


def _printed_gradients(inputs: Inputs) -> Arrays:
    """The notebook prints those of the weights; those of the biases are NumPy's."""
    printed = {"hidden_weight": HIDDEN_GRADIENT.T, "output_weight": OUTPUT_GRADIENT.T}
    return {path: np.round(g, 4) for path, g in (_chain_rule(inputs) | printed).items()}


def _relu(function: str) -> Expected:
    def value(inputs: Inputs) -> Arrays:
        return {"": np.maximum(inputs["points"], 0)}

    return Expected(function, value, "NumPy, float64")


def _transposed(jax: Arrays, inputs: Inputs) -> Arrays:
    return {path: leaf.T for path, leaf in jax.items()}


def _slope(at_zero: float) -> Callable[[Inputs], Arrays]:
    """0 on the left, 1 on the right."""
    return lambda inputs: {"": np.heaviside(inputs["points"], at_zero)}


DIFFERENCES = {
    "gradients_of_modules": Difference(
        reason="Flax's kernel has the shape (inputs, outputs), for x @ kernel; "
        "PyTorch's weight (outputs, inputs), for x @ weight.T.",
        kinds={
            precision: (
                f"{{hidden: {precision}[3,4], output: {precision}[4,2]}}",
                f"{{hidden: {precision}[4,3], output: {precision}[2,4]}}",
            )
            for precision in ("float64", "float32")
        },
        relation=_transposed,
    ),
    "slope_of_mean": Difference(
        reason="The derivative of |x| at 0 is 0 in PyTorch and 1 in JAX, so half of "
        "x + |x| has slope 1/2 or 1.",
        jax=_slope(at_zero=1.0),
        torch=_slope(at_zero=0.5),
    ),
    "slope_of_clamp": Difference(
        reason="At the bound itself `torch.clamp` passes the whole gradient on, "
        "`jnp.clip` half of it.",
        jax=_slope(at_zero=0.5),
        torch=_slope(at_zero=1.0),
    ),
}

EXPECTED = (
    _printed("before_relu", [0.8114, 0.2372, 0.2288, -0.5243]),
    _printed("before_relu_by_hand", [0.8114, 0.2372, 0.2288, -0.5243]),
    _printed("hidden", [0.8114, 0.2372, 0.2288, 0.0]),
    _printed("network", [-0.1211, -0.2292]),
    _printed("network_by_hand", [-0.1211, -0.2292]),
    _printed("loss", 0.3688),
    _printed("loss_by_hand", 0.3688),
    Expected("gradients", _printed_gradients, NOTEBOOK, 4),
    Expected("gradients_by_hand", _printed_gradients, NOTEBOOK, 4),
    Expected("gradients", _chain_rule, "NumPy, float64"),
    Expected("gradients_by_hand", _chain_rule, "NumPy, float64"),
    _relu("relu"),
    _relu("relu_as_maximum"),
    _relu("relu_as_piecewise"),
    _relu("relu_as_mean"),
)

FAULTS = (
    Fault(
        "the number of outputs forgotten in the slope",
        "jax",
        "outputs",
        Edit("2 * (outputs - target) / target.size", "2 * (outputs - target)"),
    ),
    Fault(
        "max(0, x) for (x + |x|) / 2, which has another slope",
        "torch",
        "outputs",
        Edit(
            "return (points + torch.abs(points)) / 2",
            "return torch.clamp(points, min=0)",
        ),
        says="the documented difference is gone",
    ),
)

SPEC = Lesson(
    teaches="a 3-4-2 network on one input: layers, loss and chain rule by hand",
    inputs=inputs,
    differences=DIFFERENCES,
    expected=EXPECTED,
    faults=FAULTS,
)
