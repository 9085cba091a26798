"""Linear regression: a plane through noisy points, fitted by gradient descent.

    ŷ = x wᵀ + b,    loss = mean (ŷ − y)²,    θ ← θ − learning_rate · ∂loss/∂θ

Source: "Linear Regression" in the notebook "Neural Networks with PyTorch".
Shapes: x (batch, inputs), y (batch, outputs); w (outputs, inputs), b (outputs,).
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn


class LinearRegression(nn.Module):
    """ŷ = x wᵀ + b."""

    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        self.fc = nn.Linear(inputs, outputs)

    def forward(
        self, x: Float[Tensor, "batch inputs"]
    ) -> Float[Tensor, "batch outputs"]:
        return self.fc(x)


def build(*, inputs: int = 2, outputs: int = 1) -> LinearRegression:
    """The model."""
    return LinearRegression(inputs, outputs)


def build_optimizer(
    model: LinearRegression, *, learning_rate: float = 1e-2
) -> torch.optim.SGD:
    """Plain gradient descent."""
    return torch.optim.SGD(model.parameters(), lr=learning_rate)


def loss(model: LinearRegression, batch: dict[str, Tensor]) -> Float[Tensor, ""]:
    """Mean squared error."""
    return F.mse_loss(model(batch["x"]), batch["y"])


def train_step(
    model: LinearRegression, optimizer: torch.optim.SGD, batch: dict[str, Tensor]
) -> Float[Tensor, ""]:
    """One step of training, in place; returns the loss before it."""
    optimizer.zero_grad()
    value = loss(model, batch)
    value.backward()
    optimizer.step()
    return value.detach()


@torch.no_grad()
def predict(
    model: LinearRegression, inputs: dict[str, Tensor]
) -> Float[Tensor, "batch outputs"]:
    """ŷ."""
    return model(inputs["x"])
