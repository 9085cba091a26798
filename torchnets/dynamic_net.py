"""A network that is 0 to 3 layers deeper at each step, reusing one layer.

    h₀ = max(x W_inᵀ + b_in, 0),   h_{i+1} = max(h_i W_midᵀ + b_mid, 0),   i < depth
    ŷ = h_depth W_outᵀ + b_out,    loss = Σ (ŷ − y)²
    m ← momentum · m + g,    θ ← θ − learning_rate · m

Source: "Control Flow + Weight Sharing" in "Learning PyTorch with Examples".
Shapes: x (batch, inputs), y (batch, outputs), depth (); W_in (hidden, inputs),
W_mid (hidden, hidden), W_out (outputs, hidden).
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn


class DynamicNet(nn.Module):
    """Input layer, the middle layer `depth` times, output layer."""

    def __init__(self, inputs: int, hidden: int, outputs: int):
        super().__init__()
        self.input_linear = nn.Linear(inputs, hidden)
        self.middle_linear = nn.Linear(hidden, hidden)
        self.output_linear = nn.Linear(hidden, outputs)

    def forward(
        self, x: Float[Tensor, "batch inputs"], depth: Int[Tensor, ""]
    ) -> Float[Tensor, "batch outputs"]:
        h = self.input_linear(x).clamp(min=0)
        for _ in range(int(depth)):
            h = self.middle_linear(h).clamp(min=0)
        return self.output_linear(h)


def build(*, inputs: int = 1000, hidden: int = 100, outputs: int = 10) -> DynamicNet:
    """The model."""
    return DynamicNet(inputs, hidden, outputs)


def build_optimizer(
    model: DynamicNet, *, learning_rate: float = 1e-4, momentum: float = 0.9
) -> torch.optim.SGD:
    """Gradient descent with momentum."""
    return torch.optim.SGD(model.parameters(), lr=learning_rate, momentum=momentum)


def loss(model: DynamicNet, batch: dict[str, Tensor]) -> Float[Tensor, ""]:
    """Sum of squared errors at the depth of the batch."""
    predictions = model(batch["x"], batch["depth"])
    return F.mse_loss(predictions, batch["y"], reduction="sum")


def train_step(
    model: DynamicNet, optimizer: torch.optim.SGD, batch: dict[str, Tensor]
) -> Float[Tensor, ""]:
    """One step of training, in place; returns the loss before it."""
    # The default sets gradients to None, and SGD skips a layer that depth 0 leaves so.
    optimizer.zero_grad(set_to_none=False)
    value = loss(model, batch)
    value.backward()
    optimizer.step()
    return value.detach()


def train_step_default(
    model: DynamicNet, optimizer: torch.optim.SGD, batch: dict[str, Tensor]
) -> Float[Tensor, ""]:
    """The step as usually written: an unused layer and its momentum stand still."""
    optimizer.zero_grad()
    value = loss(model, batch)
    value.backward()
    optimizer.step()
    return value.detach()


@torch.no_grad()
def predict(
    model: DynamicNet, inputs: dict[str, Tensor]
) -> Float[Tensor, "batch outputs"]:
    """ŷ at the depth of the inputs."""
    return model(inputs["x"], inputs["depth"])
