"""Automatic differentiation: gradients, what is tracked, and what lasts.

The gradient of a sigmoid of a dot product by automatic differentiation, by hand and by
a difference quotient; then what both frameworks do with gradients once they have them:
which are kept, added, cleared or cut off, and how often one may go back.

Notebook: "Neural Networks with PyTorch", Automatic Differentiation.
Notebook: "Basics of PyTorch", the gradients of sum(x - y), and Linear regression
example, the update of theta.
Notebook: "Introduction to PyTorch", PyTorch: nn module, the update of a name.

Equation:
    f(w) = σ(wᵀx),   ∂f/∂w = f (1 - f) x,   ∂²f/∂w∂wᵀ = f (1 - f) (1 - 2f) x xᵀ
    J = ∂ tanh(A w)/∂w = diag(1 - tanh²(A w)) A

Differs: PyTorch records what is computed from a tensor that wants a gradient, frees the
record when it has gone back through it, and adds the gradient to the tensor's own. So
the second gradient comes on top of the first, a second way back can fail, and changing
the tensor in place has to be declared. JAX differentiates functions: the gradient is
what a call returns, and there is no state to add to, to clear, to free or to damage.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.random import Generator

from compare.fault import Edit, Fault
from compare.spec import Arrays, Difference, Expected, Lesson

Inputs = Mapping[str, Any]
PRECISIONS = ("float64", "float32")


SIGNS = np.array([-1.0, 1.0, -1.0, -1.0, 1.0, -1.0])


def _sigmoid(z: Any) -> Any:
    return 1 / (1 + np.exp(-z))


def inputs(rng: Generator) -> dict[str, Any]:
    """w and x of length 6, x and y of length 5, and A with 4 rows.

    wᵀx is mostly negative: near 1 the sigmoid would swallow the last bits of w, and no
    perturbed copy would tell how uncertain the difference quotient is.
    """
    return {
        "weight": rng.uniform(0.5, 1.5, 6),
        "features": SIGNS * rng.uniform(0.5, 1.5, 6),
        "left": rng.standard_normal(5),
        "right": rng.standard_normal(5),
        "matrix": rng.standard_normal((4, 6)),
        "cotangent": rng.standard_normal(4),
        "direction": rng.standard_normal(6),
    }


def _everywhere(jax: str, torch: str) -> dict[str, tuple[str, str]]:
    """The same kinds in both precisions; `real` stands for the run's own dtype."""
    return {p: (jax.replace("real", p), torch.replace("real", p)) for p in PRECISIONS}


def _single(value: Callable[[Inputs], Any]) -> Callable[[Inputs], Arrays]:
    """The leaves of a function that returns a single thing."""
    return lambda inputs: {"": np.asarray(value(inputs))}


# --------------------------------------------------------------------- closed forms


def _value(inputs: Inputs) -> np.float64:
    return _sigmoid(inputs["weight"] @ inputs["features"])


def _gradient(inputs: Inputs) -> np.ndarray:
    value = _value(inputs)
    return value * (1 - value) * inputs["features"]


def _curvature(inputs: Inputs) -> np.float64:
    value = _value(inputs)
    return value * (1 - value) * (1 - 2 * value)


def _hessian(inputs: Inputs) -> np.ndarray:
    return _curvature(inputs) * np.outer(inputs["features"], inputs["features"])


def _quotient(inputs: Inputs) -> np.ndarray:
    step = np.finfo(np.float64).eps ** (1 / 3)
    shifts, features = step * np.eye(6), inputs["features"]
    ahead = _sigmoid((inputs["weight"] + shifts) @ features)
    return (ahead - _sigmoid((inputs["weight"] - shifts) @ features)) / (2 * step)


def _updated(inputs: Inputs) -> np.ndarray:
    return inputs["weight"] - 0.1 * _gradient(inputs)


def _gradient_after_update(inputs: Inputs) -> np.ndarray:
    return _gradient({**inputs, "weight": _updated(inputs)})


def _jacobian(inputs: Inputs) -> np.ndarray:
    value = np.tanh(inputs["matrix"] @ inputs["weight"])
    return (1 - value**2)[:, None] * inputs["matrix"]


# ---------------------------------------------------------------------- differences


DIFFERENCES = {
    "gradients_of_chosen": Difference(
        reason="JAX returns the gradients of the arguments that are named and no "
        "others; in PyTorch any tensor can be asked for `.grad`, which is None where "
        "`requires_grad` was not set.",
        kinds=_everywhere("(real[5])", "(real[5], None)"),
    ),
    "gradient_of_second_pass": Difference(
        reason="`backward` adds to `.grad`, so two passes give twice the gradient; "
        "`jax.grad` returns a new value every time.",
        relation=lambda jax, inputs: {"": 2 * jax[""]},
    ),
    "gradient_of_untracked": Difference(
        reason="Through `stop_gradient` the derivative is 0; PyTorch has no record to "
        "go back through and says so.",
        kinds=_everywhere("real[6]", "raises RuntimeError"),
        jax=_single(lambda inputs: np.zeros(6)),
    ),
    "numpy_of_tracked": Difference(
        reason="NumPy could not be tracked. PyTorch points to `detach`; in JAX there "
        "are no numbers to convert while a function is traced.",
        kinds=_everywhere("raises TracerArrayConversionError", "raises RuntimeError"),
    ),
    "backward_twice": Difference(
        reason="PyTorch frees what it saved for the way back (`retain_graph` keeps "
        "it); the function that `jax.vjp` returns can be called again.",
        kinds=_everywhere("real[6]", "raises RuntimeError"),
        jax=_single(lambda inputs: 2 * _gradient(inputs)),
    ),
    "update_in_place": Difference(
        reason="PyTorch refuses to change a leaf while it is tracked; in JAX `-=` "
        "gives the name to a new array.",
        kinds=_everywhere("real[6]", "raises RuntimeError"),
        jax=_single(_updated),
    ),
    "gradient_of_renamed": Difference(
        reason="In PyTorch w - 0.1 ∂f/∂w has a history, so it is no leaf and its "
        "`.grad` stays None, with a warning; JAX differentiates at any array.",
        kinds=_everywhere("real[6]", "(bool, None) warns UserWarning"),
        jax=_single(_gradient_after_update),
        torch=lambda inputs: {"0": np.asarray(False)},
    ),
}


def _numpy(function: str, value: Callable[[Inputs], Any]) -> Expected:
    """A single result that NumPy computes too."""
    return Expected(function, _single(value), "NumPy, float64")


EXPECTED = (
    _numpy("sigmoid_of_dot", _value),
    _numpy("gradient", _gradient),
    _numpy("gradient_by_hand", _gradient),
    _numpy("difference_quotient", _quotient),
    # Both of its errors are about ε^(2/3) = 4e-11, so that nine decimals are right.
    Expected("difference_quotient", _single(_gradient), "f (1 - f) x", decimals=9),
    Expected("gradients_of_chosen", lambda inputs: {"0": np.ones(5)}, "ones"),
    Expected(
        "gradients_of_both",
        lambda inputs: {"0": np.ones(5), "1": -np.ones(5)},
        "ones and minus ones",
    ),
    _numpy("gradients_added", lambda inputs: 1 + inputs["right"]),
    _numpy("gradient_after_clearing", lambda inputs: inputs["right"]),
    _numpy("gradient_past_constant", lambda inputs: _value(inputs) * _gradient(inputs)),
    _numpy(
        "gradient_past_untracked", lambda inputs: _gradient(inputs) / _value(inputs)
    ),
    _numpy("numpy_of_detached", lambda inputs: inputs["weight"]),
    _numpy("backward_twice_through_sum", lambda inputs: np.full(5, 2.0)),
    _numpy("backward_twice_keeping", lambda inputs: 2 * _gradient(inputs)),
    _numpy("update_untracked", _updated),
    _numpy("gradient_after_update", _gradient_after_update),
    _numpy("second_derivative", _curvature),
    _numpy(
        "vector_jacobian_product",
        lambda inputs: inputs["cotangent"] @ _jacobian(inputs),
    ),
    _numpy(
        "jacobian_vector_product",
        lambda inputs: _jacobian(inputs) @ inputs["direction"],
    ),
    _numpy("hessian", _hessian),
)

FAULTS = (
    Fault(
        "difference quotient to one side only",
        "jax",
        "outputs",
        Edit(
            "jax.nn.sigmoid((weight - shifts) @ features)\n"
            "    return (ahead - behind) / (2 * step)",
            "jax.nn.sigmoid(weight @ features)\n    return (ahead - behind) / step",
        ),
    ),
    Fault(
        "stop_gradient left out",
        "jax",
        "outputs",
        Edit("jax.lax.stop_gradient(value) * value", "value * value"),
    ),
    Fault(
        "second gradient in place of the sum",
        "jax",
        "outputs",
        Edit(
            "second = jax.grad(jnp.dot)(left, right)\n    return first + second",
            "second = jax.grad(jnp.dot)(left, right)\n    return second",
        ),
    ),
    Fault(
        "constant computed while tracking",
        "torch",
        "outputs",
        Edit("with torch.no_grad():\n        constant = ", "constant = "),
    ),
    Fault(
        "gradient of the loss before not cleared",
        "torch",
        "outputs",
        Edit("    left.grad = None\n", ""),
    ),
    Fault(
        "graph kept where it should be freed",
        "torch",
        "outputs",
        Edit(
            "    value.backward()\n    value.backward()\n    return weight.grad",
            "    value.backward(retain_graph=True)\n    value.backward()\n"
            "    return weight.grad",
        ),
        says="documented are float64[6] and raises RuntimeError",
    ),
)

SPEC = Lesson(
    teaches="gradients: automatic and by hand, kept, added, cut off, of second order",
    inputs=inputs,
    differences=DIFFERENCES,
    expected=EXPECTED,
    faults=FAULTS,
)
