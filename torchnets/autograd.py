"""Automatic differentiation: gradients, what is tracked, and what lasts.

A leaf is a tensor made with `requires_grad`. What is computed from it is recorded;
`backward` goes back through the record, frees it, and adds to the `.grad` of leaves.
"""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd import functional

Weight = Float[Tensor, "features"]
Features = Float[Tensor, "features"]
Matrix = Float[Tensor, "rows features"]
Rows = Float[Tensor, "rows"]
Vector = Float[Tensor, "length"]
Number = Float[Tensor, ""]
NumpyWeight = Float[np.ndarray, "features"]


def sigmoid_of_dot(weight: Weight, features: Features) -> Number:
    """f(w) = σ(wᵀx)."""
    return (weight @ features).sigmoid()


def gradient(weight: Weight, features: Features) -> Weight | None:
    """∂f/∂w by automatic differentiation."""
    weight = _leaf(weight)
    sigmoid_of_dot(weight, features).backward()
    return weight.grad


def gradient_by_hand(weight: Weight, features: Features) -> Weight:
    """∂f/∂w = f (1 - f) x."""
    value = sigmoid_of_dot(weight, features)
    return value * (1 - value) * features


def difference_quotient(weight: Weight, features: Features) -> Weight:
    """(f(w + h eᵢ) - f(w - h eᵢ)) / 2h for every i."""
    # Rounding costs ε / h, the curvature of the slope h²: both are least at h = ∛ε.
    step = torch.finfo(weight.dtype).eps ** (1 / 3)
    shifts = step * torch.eye(len(weight))
    ahead = torch.sigmoid((weight + shifts) @ features)
    behind = torch.sigmoid((weight - shifts) @ features)
    return (ahead - behind) / (2 * step)


def gradients_of_chosen(
    left: Vector, right: Vector
) -> tuple[Vector | None, Vector | None]:
    """The gradient of Σ (x - y) where only x is asked for: is there one for y?"""
    left = _leaf(left)
    (left - right).sum().backward()
    return left.grad, right.grad


def gradients_of_both(
    left: Vector, right: Vector
) -> tuple[Vector | None, Vector | None]:
    """The gradients of Σ (x - y): 1 for every x, -1 for every y."""
    left, right = _leaf(left), _leaf(right)
    (left - right).sum().backward()
    return left.grad, right.grad


def gradient_of_second_pass(left: Vector, right: Vector) -> Vector | None:
    """The gradient of Σ (x - y) asked for twice: does the second add to the first?"""
    left = _leaf(left)
    (left - right).sum().backward()
    (left - right).sum().backward()
    return left.grad


def gradients_added(left: Vector, right: Vector) -> Vector | None:
    """The gradients of two losses, Σ (x - y) and xᵀy, added up: 1 + y."""
    left = _leaf(left)
    (left - right).sum().backward()
    left.dot(right).backward()
    return left.grad


def gradient_after_clearing(left: Vector, right: Vector) -> Vector | None:
    """The gradient of xᵀy alone, after that of Σ (x - y) was thrown away."""
    left = _leaf(left)
    (left - right).sum().backward()
    left.grad = None
    left.dot(right).backward()
    return left.grad


def gradient_of_untracked(weight: Weight, features: Features) -> Weight | None:
    """∂f/∂w where nothing that leads to f was tracked."""
    weight = _leaf(weight)
    with torch.no_grad():
        value = sigmoid_of_dot(weight, features)
    value.backward()
    return weight.grad


def gradient_past_constant(weight: Weight, features: Features) -> Weight | None:
    """∂(c f)/∂w = f ∂f/∂w, where c is f cut off from its history."""
    weight = _leaf(weight)
    value = sigmoid_of_dot(weight, features)
    (value.detach() * value).backward()
    return weight.grad


def gradient_past_untracked(weight: Weight, features: Features) -> Weight | None:
    """∂(f / c)/∂w = (1 - f) x, where c is f computed without tracking."""
    weight = _leaf(weight)
    with torch.no_grad():
        constant = sigmoid_of_dot(weight, features)
    (sigmoid_of_dot(weight, features) / constant).backward()
    return weight.grad


def numpy_of_tracked(weight: Weight) -> NumpyWeight:
    """A value whose gradient is wanted, turned into NumPy's."""
    return _leaf(weight).numpy()


def numpy_of_detached(weight: Weight) -> NumpyWeight:
    """A value whose gradient is wanted, turned into NumPy's without its history."""
    return _leaf(weight).detach().numpy()


def backward_twice(weight: Weight, features: Features) -> Weight | None:
    """∂f/∂w + ∂f/∂w, going back twice through what was computed once."""
    weight = _leaf(weight)
    value = sigmoid_of_dot(weight, features)
    value.backward()
    value.backward()
    return weight.grad


def backward_twice_through_sum(left: Vector, right: Vector) -> Vector | None:
    """Twice through Σ (x - y), whose derivative needs none of the numbers: 2."""
    left = _leaf(left)
    value = (left - right).sum()
    value.backward()
    value.backward()
    return left.grad


def backward_twice_keeping(weight: Weight, features: Features) -> Weight | None:
    """∂f/∂w + ∂f/∂w, what was computed being kept for the second time."""
    weight = _leaf(weight)
    value = sigmoid_of_dot(weight, features)
    value.backward(retain_graph=True)
    value.backward()
    return weight.grad


def update_in_place(weight: Weight, features: Features) -> Weight:
    """w -= 0.1 ∂f/∂w, written as it is for numbers."""
    weight = _leaf(weight)
    (slope,) = torch.autograd.grad(sigmoid_of_dot(weight, features), weight)
    weight -= 0.1 * slope
    return weight


def update_untracked(weight: Weight, features: Features) -> Weight:
    """w - 0.1 ∂f/∂w, the step itself not being tracked."""
    weight = _leaf(weight)
    (slope,) = torch.autograd.grad(sigmoid_of_dot(weight, features), weight)
    with torch.no_grad():
        weight -= 0.1 * slope
    return weight


def gradient_of_renamed(
    weight: Weight, features: Features
) -> tuple[bool, Weight | None]:
    """∂f/∂w at w - 0.1 ∂f/∂w, to which the name of w was given."""
    weight = _leaf(weight)
    (slope,) = torch.autograd.grad(sigmoid_of_dot(weight, features), weight)
    weight = weight - 0.1 * slope
    sigmoid_of_dot(weight, features).backward()
    # No leaf any more: the gradient went on to the tensor that had the name before.
    return weight.is_leaf, weight.grad


def gradient_after_update(weight: Weight, features: Features) -> Weight | None:
    """∂f/∂w at w - 0.1 ∂f/∂w, a start of its own."""
    weight = _leaf(weight)
    (slope,) = torch.autograd.grad(sigmoid_of_dot(weight, features), weight)
    weight = (weight - 0.1 * slope).detach().requires_grad_()
    sigmoid_of_dot(weight, features).backward()
    return weight.grad


def second_derivative(weight: Weight, features: Features) -> Number:
    """σ''(t) = σ (1 - σ) (1 - 2σ) at t = wᵀx: the gradient of a gradient."""
    total = _leaf(weight @ features)
    (slope,) = torch.autograd.grad(total.sigmoid(), total, create_graph=True)
    (curvature,) = torch.autograd.grad(slope, total)
    return curvature


def vector_jacobian_product(matrix: Matrix, weight: Weight, cotangent: Rows) -> Weight:
    """vᵀJ for J = ∂ tanh(A w)/∂w: as many numbers as w has."""
    weight = _leaf(weight)
    value = torch.tanh(matrix @ weight)
    (product,) = torch.autograd.grad(value, weight, grad_outputs=cotangent)
    return product


def jacobian_vector_product(matrix: Matrix, weight: Weight, direction: Weight) -> Rows:
    """J u for J = ∂ tanh(A w)/∂w: as many numbers as A w has."""
    # Backwards twice. Forwards there is `torch.func.jvp`, which warns when first used.
    _, product = functional.jvp(lambda w: torch.tanh(matrix @ w), weight, direction)
    return product  # pyright: ignore[reportReturnType]


def hessian(weight: Weight, features: Features) -> Float[Tensor, "features features"]:
    """∂²f/∂wᵢ∂wⱼ = σ''(wᵀx) xᵢxⱼ."""
    return torch.func.jacrev(torch.func.jacrev(sigmoid_of_dot))(weight, features)


def _leaf(tensor: Tensor) -> Tensor:
    """A copy whose gradient is wanted."""
    return tensor.clone().requires_grad_()
