"""Two layers with autograd and Adam, as one would write them today.

    ŷ = relu(x W₁ᵀ + b₁) W₂ᵀ + b₂,    loss = Σ (ŷ − y)²
    m ← b1 m + (1 − b1) g,    v ← b2 v + (1 − b2) g²
    θ ← θ − learning_rate · m / (1 − b1ᵗ) / (√(v / (1 − b2ᵗ)) + eps)

Source: the version with `optim` in "Learning PyTorch with Examples".
Shapes: x (batch, inputs), y (batch, outputs); W₁ (hidden, inputs),
W₂ (outputs, hidden).
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn


class TwoLayerNet(nn.Module):
    """Linear, ReLU, linear."""

    def __init__(self, inputs: int, hidden: int, outputs: int):
        super().__init__()
        self.linear1 = nn.Linear(inputs, hidden)
        self.linear2 = nn.Linear(hidden, outputs)

    def forward(
        self, x: Float[Tensor, "batch inputs"]
    ) -> Float[Tensor, "batch outputs"]:
        return self.linear2(F.relu(self.linear1(x)))


def build(*, inputs: int = 1000, hidden: int = 100, outputs: int = 10) -> TwoLayerNet:
    """The model."""
    return TwoLayerNet(inputs, hidden, outputs)


def build_optimizer(
    model: TwoLayerNet,
    *,
    learning_rate: float = 1e-4,
    b1: float = 0.9,
    b2: float = 0.999,
    eps: float = 1e-8,
) -> torch.optim.Adam:
    """Adam."""
    return torch.optim.Adam(
        model.parameters(), lr=learning_rate, betas=(b1, b2), eps=eps
    )


def loss(model: TwoLayerNet, batch: dict[str, Tensor]) -> Float[Tensor, ""]:
    """Sum of squared errors."""
    return F.mse_loss(model(batch["x"]), batch["y"], reduction="sum")


def train_step(
    model: TwoLayerNet, optimizer: torch.optim.Adam, batch: dict[str, Tensor]
) -> Float[Tensor, ""]:
    """One step of training, in place; returns the loss before it."""
    optimizer.zero_grad()
    value = loss(model, batch)
    value.backward()
    optimizer.step()
    return value.detach()


@torch.no_grad()
def predict(
    model: TwoLayerNet, inputs: dict[str, Tensor]
) -> Float[Tensor, "batch outputs"]:
    """ŷ."""
    return model(inputs["x"])
