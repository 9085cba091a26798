"""Two layers without biases; the backward pass is written by hand, no autograd.

    h = x w1,    u = max(h, 0),    ŷ = u w2,    loss = Σ (ŷ − y)²
    ∂w2 = uᵀ s,    ∂w1 = xᵀ ((s w2ᵀ) · [h ≥ 0])    with s = ∂loss/∂ŷ = 2 (ŷ − y)

Source: the NumPy and tensor versions in "Learning PyTorch with Examples".
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
    """The loss and its derivatives, by the chain rule."""
    x, w1, w2 = batch["x"], model["w1"], model["w2"]
    h = x @ w1
    u = h.clamp(min=0)
    residual = u @ w2 - batch["y"]
    slope = 2.0 * residual
    # The derivative of max(h, 0) at exactly 0 is 1 here; that of relu is 0.
    hidden_slope = (slope @ w2.T).masked_fill(h < 0, 0)
    return residual.square().sum(), {"w1": x.T @ hidden_slope, "w2": u.T @ slope}


@torch.no_grad()
def train_step(
    model: dict[str, Tensor],
    optimizer: None,
    batch: dict[str, Tensor],
    *,
    learning_rate: float = 1e-6,
) -> tuple[Float[Tensor, ""], dict[str, Tensor]]:
    """One step of gradient descent; returns the loss before it and the new weights."""
    value, slopes = loss_and_gradients(model, batch)
    for name in model:
        model[name] -= learning_rate * slopes[name]
    return value, model


def predict(
    model: dict[str, Tensor], inputs: dict[str, Tensor]
) -> Float[Tensor, "batch outputs"]:
    """ŷ."""
    return (inputs["x"] @ model["w1"]).clamp(min=0) @ model["w2"]
