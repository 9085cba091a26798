"""Two layers as a sequence of modules; the update is written by hand.

    ŷ = relu(x W₁ᵀ + b₁) W₂ᵀ + b₂,    loss = Σ (ŷ − y)²
    θ ← θ − learning_rate · ∂loss/∂θ

Source: the version with `nn` in "Learning PyTorch with Examples".
Shapes: x (batch, inputs), y (batch, outputs); W₁ (hidden, inputs),
W₂ (outputs, hidden).
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn


def build(*, inputs: int = 1000, hidden: int = 100, outputs: int = 10) -> nn.Sequential:
    """The model."""
    return nn.Sequential(
        nn.Linear(inputs, hidden),
        nn.ReLU(),
        nn.Linear(hidden, outputs),
    )


def build_optimizer(model: nn.Sequential) -> None:
    """None: the step itself is all there is."""


def loss(model: nn.Sequential, batch: dict[str, Tensor]) -> Float[Tensor, ""]:
    """Sum of squared errors."""
    return F.mse_loss(model(batch["x"]), batch["y"], reduction="sum")


def train_step(
    model: nn.Sequential,
    optimizer: None,
    batch: dict[str, Tensor],
    *,
    learning_rate: float = 1e-4,
) -> Float[Tensor, ""]:
    """One step of training, in place; returns the loss before it."""
    model.zero_grad()
    value = loss(model, batch)
    value.backward()
    # The parameters themselves are changed.
    with torch.no_grad():
        for parameter in model.parameters():
            parameter -= learning_rate * parameter.grad  # pyright: ignore[reportOperatorIssue]
    return value.detach()


@torch.no_grad()
def predict(
    model: nn.Sequential, inputs: dict[str, Tensor]
) -> Float[Tensor, "batch outputs"]:
    """ŷ."""
    return model(inputs["x"])
