"""What the derivative is where there is none: at kinks, ties and roots of 0.

A ReLU has no slope at 0, yet some number comes out, and it depends on how the ReLU is
written. The same holds for |x|, for clamps at their bounds, for the largest of several
equal numbers, and for roots of 0, as in a norm or a standard deviation. The functions
agree everywhere; their slopes at these points are what is compared here. Where the
frameworks do not agree, a second function makes JAX do as PyTorch does.

Notebook: "Introduction to PyTorch", where ReLU is `np.maximum(h, 0)` and
`clamp(min=0)`, and its gradient by hand is set to 0 where `h < 0`.
Notebook: "Neural Networks with PyTorch", Logistic Regression with a non-linear neural
network: ReLU by cases.
Notebook: "PyTorch", Tensor operations: abs, max and std; Activation function: ReLU as
the mean of x and |x|.

Equation:
    relu(x) = max(0, x) = (x + |x|) / 2,   slope 0 for x < 0, 1 for x > 0
    clamp(x) = min(max(x, -1), 1),         slope 1 for |x| < 1, 0 for |x| > 1
    ∂‖x‖/∂x = x / ‖x‖,   ∂√x/∂x = 1 / (2√x)
    ∂std(x)/∂xᵢ = (xᵢ - mean) / (n std)

Differs: at the point itself. JAX derives `clip` from a minimum and a maximum, each of
which splits a tie evenly, gives |x| the slope 1, and differentiates norms and standard
deviations as the roots that they are, ∞ · 0. PyTorch has a formula for each: a clamp
passes its bounds on, hard tanh does not, |x| has the slope 0, and so have norms and
deviations of 0. Its `max` along an axis also returns a position, which alone gets the
gradient. A leaky ReLU has at 0 the slope of its right side in JAX, of its left side in
PyTorch.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.random import Generator

from compare.fault import Edit, Fault
from compare.spec import Arrays, Difference, Expected, Lesson

Inputs = Mapping[str, Any]
Value = Callable[[Inputs], Any]


def inputs(rng: Generator) -> dict[str, Any]:
    """Points at the kinks, with others on both sides; equal numbers; zeros.

    The numbers that are all the same are ones whose mean is exact in every precision.
    """
    below, middle, above = rng.uniform(0.2, 0.9, 3)
    tied, table = rng.uniform(-1, 1, 6), rng.uniform(-1, 1, (2, 4))
    tied[[1, 2, 4]] = 1 + above
    table[0, [1, 3]] = 1 + above
    return {
        "points": np.array([-below, 0.0, above]),
        "incoming": rng.standard_normal(3),
        "edges": np.array([-1 - below, -1.0, middle, 1.0, 1 + above]),
        "tied": tied,
        "table": table,
        "roots": np.array([0.0, above]),
        "vectors": np.stack([np.zeros(5), rng.standard_normal(5)]),
        "samples": np.stack([np.full(8, 0.75), rng.standard_normal(8)]),
    }


def _single(value: Value) -> Callable[[Inputs], Arrays]:
    """The leaves of a function that returns a single thing."""
    return lambda inputs: {"": np.asarray(value(inputs))}


# --------------------------------------------------------------------- closed forms


def _step(at_zero: float, *, left: float = 0.0) -> Value:
    """One slope below 0, 1 above it, a third at 0."""
    return lambda inputs: np.select(
        [inputs["points"] < 0, inputs["points"] > 0], [left, 1.0], at_zero
    )


def _box(at_bounds: float) -> Value:
    """The slope of a clamp between -1 and 1."""

    def value(inputs: Inputs) -> np.ndarray:
        size = np.abs(inputs["edges"])
        return np.select([size < 1, size > 1], [1.0, 0.0], at_bounds)

    return value


def _root_slope(*, left: float, at_zero: float) -> Value:
    """1 / (2√x) above 0."""
    return lambda inputs: np.array([left, at_zero, 0.5 / inputs["points"][2] ** 0.5])


def _root_of_abs(at_zero: float) -> Value:
    def value(inputs: Inputs) -> np.ndarray:
        left, _, right = inputs["points"]
        return np.array([-0.5 / (-left) ** 0.5, at_zero, 0.5 / right**0.5])

    return value


def _largest(numbers: np.ndarray) -> np.ndarray:
    return numbers == numbers.max(axis=-1, keepdims=True)


def _shares(name: str) -> Value:
    """As much for each of those that are the largest."""
    return lambda inputs: (
        _largest(inputs[name]) / _largest(inputs[name]).sum(axis=-1, keepdims=True)
    )


def _first(inputs: Inputs) -> np.ndarray:
    """All for the first of those that are the largest."""
    return 1.0 * (np.arange(4) == inputs["table"].argmax(axis=1)[:, None])


def _norm_slope(at_zero: float) -> Value:
    def value(inputs: Inputs) -> np.ndarray:
        vector = inputs["vectors"][1]
        return np.stack([np.full(5, at_zero), vector / np.linalg.norm(vector)])

    return value


def _std_slope(at_zero: float) -> Value:
    def value(inputs: Inputs) -> np.ndarray:
        row = inputs["samples"][1]
        return np.stack([np.full(8, at_zero), (row - row.mean()) / (8 * row.std())])

    return value


def _masked(*, passes_zero: bool) -> Value:
    """A gradient that is stopped on the left."""
    return lambda inputs: inputs["incoming"] * [0, passes_zero, 1]


# ---------------------------------------------------------------------- differences


def _apart(jax: Value, torch: Value, reason: str) -> Difference:
    """Both sides' values, stated."""
    return Difference(reason=reason, jax=_single(jax), torch=_single(torch))


DIFFERENCES = {
    "slope_of_clamp": _apart(
        _step(0.5),
        _step(1.0),
        "At the bound itself `torch.clamp` passes the whole gradient on, `jnp.clip` "
        "half of it.",
    ),
    "slope_of_mean": _apart(
        _step(1.0),
        _step(0.5),
        "The slope of |x| at 0 is 1 in JAX and 0 in PyTorch, so half of x + |x| has "
        "1 or ½.",
    ),
    "slope_of_leaky_relu": _apart(
        _step(1.0, left=0.01),
        _step(0.01, left=0.01),
        "JAX takes x where x >= 0, PyTorch where x > 0.",
    ),
    "slope_of_clamp_at_both": _apart(
        _box(0.5),
        _box(1.0),
        "At both bounds `torch.clamp` passes the whole gradient on, `jnp.clip` half "
        "of it.",
    ),
    "slope_of_hard_tanh": _apart(
        _box(1.0),
        _box(0.0),
        "PyTorch's hard tanh, unlike its clamp, stops the gradient at the bounds; "
        "JAX's, unlike its clip, passes it on.",
    ),
    "slope_of_abs": _apart(
        _step(1.0, left=-1.0),
        _step(0.0, left=-1.0),
        "The slope of |x| at 0 is 1 in JAX and sign(0) = 0 in PyTorch.",
    ),
    "slope_of_root_of_abs": _apart(
        _root_of_abs(np.inf),
        _root_of_abs(np.nan),
        "√ has the slope ∞ at 0, times that of |x|: 1 in JAX, 0 in PyTorch.",
    ),
    "shares_by_position": _apart(
        _shares("table"),
        _first,
        "With an axis, `torch.max` gives all to the position it returns, the first; "
        "`amax` and JAX's `max` share.",
    ),
    "slope_of_norm": _apart(
        _norm_slope(np.nan),
        _norm_slope(0.0),
        "JAX differentiates the root of a sum, ∞ · 0; PyTorch's norm has the slope 0 "
        "at 0.",
    ),
    "slope_of_std": _apart(
        _std_slope(np.nan),
        _std_slope(0.0),
        "JAX differentiates the root of the variance, ∞ · 0; PyTorch's deviation has "
        "the slope 0 at 0.",
    ),
}


def _numpy(function: str, value: Value) -> Expected:
    """The slopes on both sides, and at the point itself."""
    return Expected(
        function, _single(value), "closed form, with the slope at the kink as stated"
    )


def _relus(inputs: Inputs) -> Arrays:
    names = "relu", "maximum", "clamp", "below", "above", "product", "mean"
    return dict.fromkeys(names, np.maximum(inputs["points"], 0))


EXPECTED = (
    Expected("relus", _relus, "NumPy, float64"),
    _numpy("slope_of_relu", _step(0.0)),
    _numpy("slope_of_maximum", _step(0.5)),
    _numpy("slope_of_clamp_as_torch", _step(1.0)),
    _numpy("slope_of_below", _step(1.0)),
    _numpy("slope_of_above", _step(0.0)),
    _numpy("slope_of_product", _step(0.0)),
    _numpy("slope_of_mean_as_torch", _step(0.5)),
    _numpy("gradient_masked_below", _masked(passes_zero=True)),
    _numpy("gradient_masked_up_to", _masked(passes_zero=False)),
    _numpy("slope_of_leaky_relu_as_torch", _step(0.01, left=0.01)),
    _numpy("slope_of_clamp_at_both_as_torch", _box(1.0)),
    _numpy("slope_of_minimum_of_maximum", _box(0.5)),
    _numpy("slope_of_hard_tanh_as_torch", _box(0.0)),
    _numpy("slope_of_abs_as_torch", _step(0.0, left=-1.0)),
    _numpy("slope_of_root_of_square", _step(np.nan, left=-1.0)),
    _numpy("slope_of_root_of_abs_as_torch", _root_of_abs(np.nan)),
    _numpy("shares_in_largest", _shares("tied")),
    _numpy("shares_in_largest_of_rows", _shares("table")),
    _numpy("shares_by_position_as_torch", _first),
    _numpy("slope_of_root", lambda inputs: [np.inf, 0.5 / inputs["roots"][1] ** 0.5]),
    _numpy("slope_of_guarded_root", _root_slope(left=np.nan, at_zero=np.nan)),
    _numpy("slope_of_doubly_guarded_root", _root_slope(left=0.0, at_zero=0.0)),
    _numpy("slope_of_norm_as_torch", _norm_slope(0.0)),
    _numpy("slope_of_root_of_sum", _norm_slope(np.nan)),
    _numpy("slope_of_std_as_torch", _std_slope(0.0)),
)

FAULTS = (
    Fault(
        "bound clamped where PyTorch lets it pass",
        "jax",
        "outputs",
        Edit(
            'clamped: 1 at 0."""\n    return _slope(lambda x: jnp.where(x < 0',
            'clamped: 1 at 0."""\n    return _slope(lambda x: jnp.where(x <= 0',
        ),
        says="JAX has 0.0, PyTorch 1.0 at [1]",
    ),
    Fault(
        "root guarded only once",
        "jax",
        "outputs",
        Edit("jnp.sqrt(jnp.where(positive, points, 1))", "jnp.sqrt(points)"),
        says="JAX has nan, PyTorch 0.0",
    ),
    Fault(
        "gradient by hand stopped at 0 itself",
        "torch",
        "outputs",
        Edit("gradient[points < 0] = 0", "gradient[points <= 0] = 0"),
        says="at [1]",
    ),
    Fault(
        "one of equals takes the whole gradient",
        "torch",
        "outputs",
        Edit("x.amax(dim=1)", "x.max(dim=1).values"),
        says="JAX has 0.5, PyTorch 1.0 at [0, 1]",
    ),
    Fault(
        "norm written out as a root",
        "torch",
        "outputs",
        Edit("torch.linalg.vector_norm(x, dim=1)", "torch.sqrt((x**2).sum(dim=1))"),
        says="nan",
    ),
    Fault(
        "a trillionth added under the root",
        "torch",
        "outputs",
        Edit(
            "_slope(torch.sqrt, roots)", "_slope(lambda x: (x + 1e-12).sqrt(), roots)"
        ),
        says="JAX has inf",
    ),
)

SPEC = Lesson(
    teaches="slopes where there is none: ReLU, |x|, clamps, ties, roots, norms of 0",
    inputs=inputs,
    discrete=frozenset(
        {"points", "edges", "tied", "table", "roots", "vectors", "samples"}
    ),
    differences=DIFFERENCES,
    expected=EXPECTED,
    faults=FAULTS,
)
