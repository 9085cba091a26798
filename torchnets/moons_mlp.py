"""Two moons told apart by three layers, in batches, with weight decay.

    p = σ(relu(relu(x W₁ᵀ + b₁) W₂ᵀ + b₂) W₃ᵀ + b₃)
    loss = −mean (y · log p + (1 − y) · log(1 − p))
    θ ← θ − learning_rate · (∂loss/∂θ + weight_decay · θ)

Source: "Logistic Regression with a non-linear neural network" in the notebook
"Neural Networks with PyTorch", with the gradients cleared at every batch.
Shapes: x (batch, inputs), y (batch,); W₁ (hidden, inputs), W₂ (hidden, hidden),
W₃ (outputs, hidden).
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn


class MoonsNet(nn.Module):
    """Three linear layers; the probability of label 1."""

    def __init__(self, inputs: int, hidden: int, outputs: int):
        super().__init__()
        self.hidden1 = nn.Linear(inputs, hidden)
        self.hidden2 = nn.Linear(hidden, hidden)
        self.output = nn.Linear(hidden, outputs)

    def forward(self, x: Float[Tensor, "batch inputs"]) -> Float[Tensor, " batch"]:
        h = F.relu(self.hidden1(x))
        h = F.relu(self.hidden2(h))
        return torch.sigmoid(self.output(h)).squeeze(-1)


def build(*, inputs: int = 2, hidden: int = 500, outputs: int = 1) -> MoonsNet:
    """The model."""
    return MoonsNet(inputs, hidden, outputs)


def build_optimizer(
    model: MoonsNet, *, learning_rate: float = 0.5, weight_decay: float = 1e-2
) -> torch.optim.SGD:
    """Gradient descent with weight decay."""
    # The decay comes before the step, as part of the gradient.
    return torch.optim.SGD(
        model.parameters(), lr=learning_rate, weight_decay=weight_decay
    )


def binary_cross_entropy(
    probabilities: Float[Tensor, " batch"], labels: Float[Tensor, " batch"]
) -> Float[Tensor, ""]:
    """Mean cross entropy; logarithms end at −100, p (1 − p) in the slope at 1e-12."""
    return F.binary_cross_entropy(probabilities, labels)


def loss(model: MoonsNet, batch: dict[str, Tensor]) -> Float[Tensor, ""]:
    """Binary cross entropy."""
    return binary_cross_entropy(model(batch["x"]), batch["y"])


def train_step(
    model: MoonsNet, optimizer: torch.optim.SGD, batch: dict[str, Tensor]
) -> Float[Tensor, ""]:
    """One step of training, in place; returns the loss before it."""
    optimizer.zero_grad()
    value = loss(model, batch)
    value.backward()
    optimizer.step()
    return value.detach()


@torch.no_grad()
def predict(model: MoonsNet, inputs: dict[str, Tensor]) -> Float[Tensor, " batch"]:
    """The probability of label 1."""
    return model(inputs["x"])
