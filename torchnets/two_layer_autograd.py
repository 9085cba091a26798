"""Two layers without biases; the backward pass is left to automatic differentiation.

    ŷ = max(x w1, 0) w2,    loss = Σ (ŷ − y)²,    w ← w − learning_rate · ∂loss/∂w

Source: the version with autograd in "Learning PyTorch with Examples".
Shapes: x (batch, inputs), y (batch, outputs); w1 (inputs, hidden),
w2 (hidden, outputs).
"""

import torch
from jaxtyping import Float
from torch import Tensor


def build(
    *, inputs: int = 1000, hidden: int = 100, outputs: int = 10
) -> dict[str, Tensor]:
    """The weights, as zeros to be filled in."""
    return {"w1": torch.zeros(inputs, hidden), "w2": torch.zeros(hidden, outputs)}


def build_optimizer(model: dict[str, Tensor]) -> None:
    """None: the step itself is all there is."""


def loss(model: dict[str, Tensor], batch: dict[str, Tensor]) -> Float[Tensor, ""]:
    """Sum of squared errors."""
    return (predict(model, batch) - batch["y"]).square().sum()


def loss_and_gradients(
    model: dict[str, Tensor], batch: dict[str, Tensor]
) -> tuple[Float[Tensor, ""], dict[str, Tensor]]:
    """The loss and its derivatives, by automatic differentiation."""
    for weight in model.values():
        weight.requires_grad_()
        # A backward pass adds to what is there.
        weight.grad = None
    value = loss(model, batch)
    value.backward()
    slopes = {name: weight.grad for name, weight in model.items()}
    return value.detach(), slopes  # pyright: ignore[reportReturnType]


def train_step(
    model: dict[str, Tensor],
    optimizer: None,
    batch: dict[str, Tensor],
    *,
    learning_rate: float = 1e-6,
) -> tuple[Float[Tensor, ""], dict[str, Tensor]]:
    """One step of gradient descent; returns the loss before it and the new weights."""
    value, slopes = loss_and_gradients(model, batch)
    with torch.no_grad():
        for name in model:
            model[name] -= learning_rate * slopes[name]
    return value, model


def predict(
    model: dict[str, Tensor], inputs: dict[str, Tensor]
) -> Float[Tensor, "batch outputs"]:
    """ŷ."""
    h = inputs["x"] @ model["w1"]
    # Has the derivative 1 at 0; that of relu is 0.
    return h.clamp(min=0) @ model["w2"]
