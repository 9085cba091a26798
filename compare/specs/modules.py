"""Modules: what they hold, by which names, what is trained, and where it starts.

A module is a tree of layers with parameters at its leaves. It can be written as a
class or as layers in a row; a layer may occur twice and still be one; a layer may be
frozen; the state can be taken out and put back; a mode tells dropout whether to drop.
And unless told otherwise both frameworks draw the starting weights, from laws that are
not the same. These are tested on 100,000 draws: a sample's distribution function stays
within √(ln(2/α) / 2n) of its law, except for a fraction α = 10⁻⁹ of all samples
(Massart 1990).

Notebook: "Neural Networks with PyTorch", Linear Regression, Logistic Regression.
Notebook: "Basics of PyTorch", Linear regression example, the parameters of a layer.
Notebook: "Introduction to PyTorch", PyTorch: nn module, PyTorch: Custom nn Modules,
PyTorch: Control Flow + Weight Sharing.
Notebook: "PyTorch", Neural networks, the range of the starting values.

Equation:
    y = relu(x W₁ + b₁) W₂ + b₂
    ∂L/∂W = Σ ∂L/∂Wₖ                  over the places k where W is used
    P(sup |Fₙ - F| > ε) ≤ 2 exp(-2nε²)

Differs: names and axes (`kernel`, inputs first, against `weight`, outputs first), what
a state lists of a shared layer and of batch norm, whether a state that does not fit is
refused, the default dtype, and the law of the starting weights and biases.
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
    """Seven examples for a 3-5-2 network, a 4 → 4 layer, and a seed."""
    return {
        "inputs": rng.standard_normal((7, 3)),
        "hidden_weight": rng.standard_normal((3, 5)),
        "hidden_bias": rng.standard_normal(5),
        "output_weight": rng.standard_normal((5, 2)),
        "output_bias": rng.standard_normal(2),
        "targets": rng.standard_normal((7, 2)),
        "vector": rng.standard_normal(4),
        "shared_weight": rng.standard_normal((4, 4)) / 2,
        "shared_bias": rng.standard_normal(4),
        "seed": int(rng.integers(2**31)),
    }


def _everywhere(jax: str, torch: str) -> dict[str, tuple[str, str]]:
    """The same kinds in both precisions; `real` stands for the run's own dtype."""
    return {p: (jax.replace("real", p), torch.replace("real", p)) for p in PRECISIONS}


def _leaves(**values: Any) -> Arrays:
    """Leaves by path; a double underscore stands for the dot."""
    return {path.replace("__", "."): np.asarray(v) for path, v in values.items()}


def _always(**values: Any) -> Callable[[Inputs], Arrays]:
    """Leaves that are the same whatever was drawn."""
    return lambda inputs: _leaves(**values)


def _answer(value: bool) -> Callable[[Inputs], Arrays]:
    return lambda inputs: {"": np.array(value)}


def _outputs(inputs: Inputs) -> Arrays:
    hidden = np.maximum(_before_relu(inputs), 0)
    return {"": hidden @ inputs["output_weight"] + inputs["output_bias"]}


def _before_relu(inputs: Inputs) -> np.ndarray:
    return inputs["inputs"] @ inputs["hidden_weight"] + inputs["hidden_bias"]


def _of_hidden_layer(inputs: Inputs) -> tuple[np.ndarray, np.ndarray]:
    """∂/∂W₁ and ∂/∂b₁ of Σ (y - t)² / 2."""
    errors = _outputs(inputs)[""] - inputs["targets"]
    by_before = (errors @ inputs["output_weight"].T) * (_before_relu(inputs) > 0)
    return inputs["inputs"].T @ by_before, by_before.sum(axis=0)


def _of_hidden_layer_in_jax(inputs: Inputs) -> Arrays:
    by_weight, by_bias = _of_hidden_layer(inputs)
    return _leaves(hidden__bias=by_bias, hidden__kernel=by_weight)


def _of_hidden_layer_in_torch(inputs: Inputs) -> Arrays:
    by_weight, by_bias = _of_hidden_layer(inputs)
    return _leaves(hidden__weight=by_weight.T, hidden__bias=by_bias)


def _of_shared_layer(inputs: Inputs) -> Arrays:
    """∂/∂W and ∂/∂b of |y|² / 2, y = h W + b, h = tanh(x W + b), as sums of two."""
    vector, weight = inputs["vector"], inputs["shared_weight"]
    hidden = np.tanh(vector @ weight + inputs["shared_bias"])
    by_outputs = hidden @ weight + inputs["shared_bias"]
    by_before = (weight @ by_outputs) * (1 - hidden**2)
    by_weight = np.outer(hidden, by_outputs) + np.outer(vector, by_before)
    return {"0": by_weight, "1": by_outputs + by_before}


NAMES = {
    "names_and_shapes": Difference(
        reason="Flax's `kernel` has the shape (inputs, outputs), PyTorch's `weight` "
        "(outputs, inputs); Flax lists names by the alphabet, PyTorch as they were "
        "made.",
        kinds=_everywhere(
            "{hidden.bias: (int), hidden.kernel: (int, int), "
            "output.bias: (int), output.kernel: (int, int)}",
            "{hidden.weight: (int, int), hidden.bias: (int), "
            "output.weight: (int, int), output.bias: (int)}",
        ),
        jax=_always(
            hidden__kernel__0=3,
            hidden__kernel__1=5,
            hidden__bias__0=5,
            output__kernel__0=5,
            output__kernel__1=2,
            output__bias__0=2,
        ),
        torch=_always(
            hidden__weight__0=5,
            hidden__weight__1=3,
            hidden__bias__0=5,
            output__weight__0=2,
            output__weight__1=5,
            output__bias__0=2,
        ),
    ),
    "names_in_sequence": Difference(
        reason="Flax's Sequential keeps its layers in a list of the name `layers`, "
        "PyTorch's are its attributes.",
        kinds=_everywhere(
            "('layers.0.bias', 'layers.0.kernel', 'layers.2.bias', 'layers.2.kernel')",
            "('0.weight', '0.bias', '2.weight', '2.bias')",
        ),
    ),
    "names_of_shared_layer": Difference(
        reason="Both train a shared layer once; Flax's state lists it once too, under "
        "the first name, PyTorch's state dict under each.",
        kinds=_everywhere(
            "{trained: ('first.bias', 'first.kernel'), "
            "saved: ('first.bias', 'first.kernel')}",
            "{trained: ('first.weight', 'first.bias'), "
            "saved: ('first.weight', 'first.bias', 'second.weight', 'second.bias')}",
        ),
    ),
    "trained_and_kept": Difference(
        reason="PyTorch's batch norm also counts the batches that it has seen.",
        jax=_always(trained=10, kept=20),
        torch=_always(trained=10, kept=21),
    ),
    "gradients_beside_frozen_layer": Difference(
        reason="Flax's `kernel` has the shape (inputs, outputs), PyTorch's `weight` "
        "(outputs, inputs), and so have their gradients.",
        kinds=_everywhere(
            "{hidden.bias: real[5], hidden.kernel: real[3,5]}",
            "{hidden.weight: real[5,3], hidden.bias: real[5]}",
        ),
        jax=_of_hidden_layer_in_jax,
        torch=_of_hidden_layer_in_torch,
    ),
}

STATES = {
    "part_of_a_state": Difference(
        reason="`nnx.update` takes what there is; `load_state_dict` wants every name "
        "unless told `strict=False`.",
        kinds=_everywhere("real[7,2]", "raises RuntimeError"),
        jax=lambda inputs: _outputs({**inputs, "hidden_bias": np.zeros(5)}),
    ),
    "state_of_another_shape": Difference(
        reason="`nnx.update` replaces an array by whatever array it is given; "
        "`load_state_dict` compares shapes.",
        kinds=_everywhere("(int)", "raises RuntimeError"),
        jax=lambda inputs: {"0": np.array(8)},
    ),
}

STARTS = {
    "default_dtype": Difference(
        reason="Flax's layers start in float32 unless told `param_dtype`, x64 or not; "
        "PyTorch's in its default dtype.",
        kinds={"float64": ("'float32'", "'float64'")},
    ),
    "default_weight_is_uniform": Difference(
        reason="PyTorch draws weights uniformly from ±1/√fan_in.",
        jax=_answer(False),
        torch=_answer(True),
    ),
    "default_weight_is_truncated_normal": Difference(
        reason="Flax draws weights from LeCun's law as a truncated normal: a variance "
        "of 1/fan_in, three times PyTorch's.",
        jax=_answer(True),
        torch=_answer(False),
    ),
    "default_bias": Difference(
        reason="Flax's biases start at zero; PyTorch draws them like the weights.",
        jax=_always(zero=True, uniform=False),
        torch=_always(zero=False, uniform=True),
    ),
}

EXPECTED = (
    Expected("subclass", _outputs, "NumPy, float64"),
    Expected("sequential", _outputs, "NumPy, float64"),
    Expected("saved_and_restored", _outputs, "NumPy, float64"),
    Expected("gradients_of_shared_layer", _of_shared_layer, "NumPy, float64"),
    Expected("gradients_of_copies", _of_shared_layer, "NumPy, float64"),
    Expected(
        "parameter_count",
        lambda inputs: {"": np.array(3 * 5 + 5 + 5 * 2 + 2)},
        "one bias for each output, one weight for each pair",
    ),
    Expected("modes", _always(made=True, eval=False, train=True), "what the names say"),
    Expected(
        "dropout_in_evaluation",
        lambda inputs: {"": inputs["inputs"]},
        "the inputs themselves",
    ),
    Expected(
        "dropout_in_training", _always(scaled=True, quarter=True), "the law of dropout"
    ),
)

FAULTS = (
    Fault(
        "the other layer frozen",
        "jax",
        "outputs",
        Edit('PathContains("hidden")', 'PathContains("output")'),
        says="output.kernel",
    ),
    Fault(
        "a truncated normal of less variance",
        "jax",
        "outputs",
        Edit("/ 0.87962566103423978", ""),
    ),
    Fault(
        "copies that are one layer",
        "torch",
        "outputs",
        Edit("second = _linear(shared_weight, shared_bias)", "second = first"),
    ),
    Fault(
        "fan_out taken for fan_in",
        "torch",
        "outputs",
        Edit(
            "layer = nn.Linear(250, 400)\n"
            "    return _follows(layer.weight.detach().flatten(), _uniform)",
            "layer = nn.Linear(400, 250)\n"
            "    return _follows(layer.weight.detach().flatten(), _uniform)",
        ),
    ),
)

SPEC = Lesson(
    teaches="modules: names, shared and frozen layers, states, modes, starting weights",
    inputs=inputs,
    raw=frozenset({"seed"}),
    differences=NAMES | STATES | STARTS,
    expected=EXPECTED,
    faults=FAULTS,
)
