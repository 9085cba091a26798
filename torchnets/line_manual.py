"""A line through the points, θ = (intercept, slope), with the update written out.

    ŷ = X θ,    loss = mean (ŷ − y)²,    θ ← θ − learning_rate · ∂loss/∂θ

Source: linear regression in the notebook "Basics of PyTorch".
Shapes: x (batch, columns), its first column ones; y (batch, outputs);
theta (columns, outputs).
"""

import torch
from jaxtyping import Float
from torch import Tensor


def build(*, columns: int = 2, outputs: int = 1) -> dict[str, Tensor]:
    """θ, as ones."""
    return {"theta": torch.ones(columns, outputs)}


def build_optimizer(model: dict[str, Tensor]) -> None:
    """None: the step itself is all there is."""


def loss(model: dict[str, Tensor], batch: dict[str, Tensor]) -> Float[Tensor, ""]:
    """Mean squared error."""
    return (predict(model, batch) - batch["y"]).square().mean()


def loss_and_gradients(
    model: dict[str, Tensor], batch: dict[str, Tensor]
) -> tuple[Float[Tensor, ""], dict[str, Tensor]]:
    """The loss and its derivatives, by automatic differentiation."""
    theta = model["theta"].requires_grad_()
    # A backward pass adds to what is there.
    theta.grad = None
    value = loss(model, batch)
    value.backward()
    return value.detach(), {"theta": theta.grad}  # pyright: ignore[reportReturnType]


def train_step(
    model: dict[str, Tensor],
    optimizer: None,
    batch: dict[str, Tensor],
    *,
    learning_rate: float = 0.1,
) -> tuple[Float[Tensor, ""], dict[str, Tensor]]:
    """One step of gradient descent; returns the loss before it and the new θ."""
    value, slopes = loss_and_gradients(model, batch)
    with torch.no_grad():
        model["theta"] -= learning_rate * slopes["theta"]
    return value, model


def predict(
    model: dict[str, Tensor], inputs: dict[str, Tensor]
) -> Float[Tensor, "batch outputs"]:
    """ŷ."""
    return inputs["x"] @ model["theta"]
