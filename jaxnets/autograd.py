"""Automatic differentiation: gradients, what is tracked, and what lasts.

`jax.grad` makes a function from a function. Gradients are values like any others: they
are taken of the arguments that are named, and nothing adds them up or clears them.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

Weight = Float[Array, "features"]
Features = Float[Array, "features"]
Matrix = Float[Array, "rows features"]
Rows = Float[Array, "rows"]
Vector = Float[Array, "length"]
Number = Float[Array, ""]
NumpyWeight = Float[np.ndarray, "features"]


def sigmoid_of_dot(weight: Weight, features: Features) -> Number:
    """f(w) = σ(wᵀx)."""
    return jax.nn.sigmoid(weight @ features)


def gradient(weight: Weight, features: Features) -> Weight:
    """∂f/∂w by automatic differentiation."""
    return jax.grad(sigmoid_of_dot)(weight, features)


def gradient_by_hand(weight: Weight, features: Features) -> Weight:
    """∂f/∂w = f (1 - f) x."""
    value = sigmoid_of_dot(weight, features)
    return value * (1 - value) * features


def difference_quotient(weight: Weight, features: Features) -> Weight:
    """(f(w + h eᵢ) - f(w - h eᵢ)) / 2h for every i."""
    # Rounding costs ε / h, the curvature of the slope h²: both are least at h = ∛ε.
    step = float(jnp.finfo(weight.dtype).eps) ** (1 / 3)
    shifts = step * jnp.eye(len(weight))
    ahead = jax.nn.sigmoid((weight + shifts) @ features)
    behind = jax.nn.sigmoid((weight - shifts) @ features)
    return (ahead - behind) / (2 * step)


def gradients_of_chosen(left: Vector, right: Vector) -> tuple[Vector]:
    """The gradient of Σ (x - y) where only x is asked for: is there one for y?"""
    return jax.grad(_sum_of_difference, argnums=(0,))(left, right)


def gradients_of_both(left: Vector, right: Vector) -> tuple[Vector, Vector]:
    """The gradients of Σ (x - y): 1 for every x, -1 for every y."""
    return jax.grad(_sum_of_difference, argnums=(0, 1))(left, right)


def gradient_of_second_pass(left: Vector, right: Vector) -> Vector:
    """The gradient of Σ (x - y) asked for twice: does the second add to the first?"""
    differentiate = jax.grad(_sum_of_difference)
    differentiate(left, right)
    return differentiate(left, right)


def gradients_added(left: Vector, right: Vector) -> Vector:
    """The gradients of two losses, Σ (x - y) and xᵀy, added up: 1 + y."""
    first = jax.grad(_sum_of_difference)(left, right)
    second = jax.grad(jnp.dot)(left, right)
    return first + second


def gradient_after_clearing(left: Vector, right: Vector) -> Vector:
    """The gradient of xᵀy alone, after that of Σ (x - y) was thrown away."""
    jax.grad(_sum_of_difference)(left, right)
    return jax.grad(jnp.dot)(left, right)


def gradient_of_untracked(weight: Weight, features: Features) -> Weight:
    """∂f/∂w where nothing that leads to f was tracked."""

    def untracked(weight: Weight) -> Number:
        return jax.lax.stop_gradient(sigmoid_of_dot(weight, features))

    return jax.grad(untracked)(weight)


def gradient_past_constant(weight: Weight, features: Features) -> Weight:
    """∂(c f)/∂w = f ∂f/∂w, where c is f cut off from its history."""

    def scaled(weight: Weight) -> Number:
        value = sigmoid_of_dot(weight, features)
        return jax.lax.stop_gradient(value) * value

    return jax.grad(scaled)(weight)


def gradient_past_untracked(weight: Weight, features: Features) -> Weight:
    """∂(f / c)/∂w = (1 - f) x, where c is f computed without tracking."""
    # What is computed outside the function is a constant in it.
    constant = sigmoid_of_dot(weight, features)
    return jax.grad(lambda weight: sigmoid_of_dot(weight, features) / constant)(weight)


def numpy_of_tracked(weight: Weight) -> Weight:
    """A value whose gradient is wanted, turned into NumPy's."""
    return jax.grad(lambda weight: np.asarray(weight).sum())(weight)


def numpy_of_detached(weight: Weight) -> NumpyWeight:
    """A value whose gradient is wanted, turned into NumPy's without its history."""
    # Handed out beside the loss, it is an ordinary array again.
    _, value = jax.grad(lambda weight: (weight.sum(), weight), has_aux=True)(weight)
    return np.asarray(value)


def backward_twice(weight: Weight, features: Features) -> Weight:
    """∂f/∂w + ∂f/∂w, going back twice through what was computed once."""
    value, backward = jax.vjp(sigmoid_of_dot, weight, features)
    first, _ = backward(jnp.ones_like(value))
    second, _ = backward(jnp.ones_like(value))
    return first + second


def backward_twice_through_sum(left: Vector, right: Vector) -> Vector:
    """Twice through Σ (x - y), whose derivative needs none of the numbers: 2."""
    value, backward = jax.vjp(_sum_of_difference, left, right)
    first, _ = backward(jnp.ones_like(value))
    second, _ = backward(jnp.ones_like(value))
    return first + second


def backward_twice_keeping(weight: Weight, features: Features) -> Weight:
    """∂f/∂w + ∂f/∂w, what was computed being kept for the second time."""
    value, backward = jax.vjp(sigmoid_of_dot, weight, features)
    first, _ = backward(jnp.ones_like(value))
    second, _ = backward(jnp.ones_like(value))
    return first + second


def update_in_place(weight: Weight, features: Features) -> Weight:
    """w -= 0.1 ∂f/∂w, written as it is for numbers."""
    weight -= 0.1 * jax.grad(sigmoid_of_dot)(weight, features)
    return weight


def update_untracked(weight: Weight, features: Features) -> Weight:
    """w - 0.1 ∂f/∂w, the step itself not being tracked."""
    return weight - 0.1 * jax.grad(sigmoid_of_dot)(weight, features)


def gradient_of_renamed(weight: Weight, features: Features) -> Weight:
    """∂f/∂w at w - 0.1 ∂f/∂w, to which the name of w was given."""
    weight = weight - 0.1 * jax.grad(sigmoid_of_dot)(weight, features)
    return jax.grad(sigmoid_of_dot)(weight, features)


def gradient_after_update(weight: Weight, features: Features) -> Weight:
    """∂f/∂w at w - 0.1 ∂f/∂w, a start of its own."""
    weight = weight - 0.1 * jax.grad(sigmoid_of_dot)(weight, features)
    return jax.grad(sigmoid_of_dot)(weight, features)


def second_derivative(weight: Weight, features: Features) -> Number:
    """σ''(t) = σ (1 - σ) (1 - 2σ) at t = wᵀx: the gradient of a gradient."""
    return jax.grad(jax.grad(jax.nn.sigmoid))(weight @ features)


def vector_jacobian_product(matrix: Matrix, weight: Weight, cotangent: Rows) -> Weight:
    """vᵀJ for J = ∂ tanh(A w)/∂w: as many numbers as w has."""
    _, backward = jax.vjp(lambda w: jnp.tanh(matrix @ w), weight)
    (product,) = backward(cotangent)
    return product


def jacobian_vector_product(matrix: Matrix, weight: Weight, direction: Weight) -> Rows:
    """J u for J = ∂ tanh(A w)/∂w: as many numbers as A w has."""
    # Forwards: what leads to J u is computed along with A w, and nothing is kept.
    _, product = jax.jvp(lambda w: jnp.tanh(matrix @ w), (weight,), (direction,))
    return product


def hessian(weight: Weight, features: Features) -> Float[Array, "features features"]:
    """∂²f/∂wᵢ∂wⱼ = σ''(wᵀx) xᵢxⱼ."""
    return jax.hessian(sigmoid_of_dot)(weight, features)


def _sum_of_difference(left: Vector, right: Vector) -> Number:
    return (left - right).sum()
