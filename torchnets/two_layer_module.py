"""Two layers as a module class of one's own, moved by gradient descent.

    ŷ = max(x W₁ᵀ + b₁, 0) W₂ᵀ + b₂,    loss = Σ (ŷ − y)²
    θ ← θ − learning_rate · ∂loss/∂θ

Source: the version with custom modules in "Learning PyTorch with Examples".
Shapes: x (batch, inputs), y (batch, outputs); W₁ (hidden, inputs),
W₂ (outputs, hidden).
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn


class TwoLayerNet(nn.Module):
    """Linear, clamp, linear."""

    def __init__(self, inputs: int, hidden: int, outputs: int):
        super().__init__()
        self.linear1 = nn.Linear(inputs, hidden)
        self.linear2 = nn.Linear(hidden, outputs)

    def forward(
        self, x: Float[Tensor, "batch inputs"]
    ) -> Float[Tensor, "batch outputs"]:
        # Has the derivative 1 at 0; that of relu is 0.
        return self.linear2(self.linear1(x).clamp(min=0))


def build(*, inputs: int = 1000, hidden: int = 100, outputs: int = 10) -> TwoLayerNet:
    """The model."""
    return TwoLayerNet(inputs, hidden, outputs)


def build_optimizer(
    model: TwoLayerNet, *, learning_rate: float = 1e-4
) -> torch.optim.SGD:
    """Plain gradient descent."""
    return torch.optim.SGD(model.parameters(), lr=learning_rate)


def loss(model: TwoLayerNet, batch: dict[str, Tensor]) -> Float[Tensor, ""]:
    """Sum of squared errors."""
    return F.mse_loss(model(batch["x"]), batch["y"], reduction="sum")


def train_step(
    model: TwoLayerNet, optimizer: torch.optim.SGD, batch: dict[str, Tensor]
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
