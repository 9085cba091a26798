"""A line through the points, θ = (intercept, slope), moved by the optimizer library.

    ŷ = X θ,    loss = mean (ŷ − y)²,    θ ← θ − learning_rate · ∂loss/∂θ

Source: linear regression in the notebook "Basics of PyTorch".
Shapes: x (batch, columns), its first column ones; y (batch, outputs);
theta (columns, outputs).
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn


class Line(nn.Module):
    """ŷ = X θ, with θ started at ones."""

    def __init__(self, columns: int, outputs: int):
        super().__init__()
        self.theta = nn.Parameter(torch.ones(columns, outputs))

    def forward(
        self, x: Float[Tensor, "batch columns"]
    ) -> Float[Tensor, "batch outputs"]:
        return x @ self.theta


def build(*, columns: int = 2, outputs: int = 1) -> Line:
    """The model."""
    return Line(columns, outputs)


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
