"""A line, fitted by gradient descent: the smallest network there is.

    ŷ = x wᵀ + b,    loss = mean (ŷ − y)²,    θ ← θ − learning_rate · ∂loss/∂θ

Source: linear regression in the notebook "Basics of PyTorch".
Shapes: x (batch, inputs), y (batch, outputs); w (outputs, inputs), b (outputs,).
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn


class Line(nn.Module):
    """ŷ = x wᵀ + b."""

    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        self.linear = nn.Linear(inputs, outputs)

    def forward(
        self, x: Float[Tensor, "batch inputs"]
    ) -> Float[Tensor, "batch outputs"]:
        return self.linear(x)


def build(*, inputs: int = 1, outputs: int = 1) -> Line:
    """The model."""
    return Line(inputs, outputs)


def build_optimizer(model: Line, *, learning_rate: float = 0.1) -> torch.optim.SGD:
    """Plain gradient descent."""
    return torch.optim.SGD(model.parameters(), lr=learning_rate)


def loss(model: Line, batch: dict[str, Tensor]) -> Float[Tensor, ""]:
    """Mean squared error."""
    return F.mse_loss(model(batch["x"]), batch["y"])


def train_step(
    model: Line, optimizer: torch.optim.SGD, batch: dict[str, Tensor]
) -> Float[Tensor, ""]:
    """One step of training, in place; returns the loss before it."""
    optimizer.zero_grad()
    value = loss(model, batch)
    value.backward()
    optimizer.step()
    return value.detach()


@torch.no_grad()
def predict(model: Line, inputs: dict[str, Tensor]) -> Float[Tensor, "batch outputs"]:
    """ŷ."""
    return model(inputs["x"])
