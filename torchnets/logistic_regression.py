"""Two moons and a straight line between them: logistic regression.

    p = σ(x wᵀ + b),    loss = −mean (y · log p + (1 − y) · log(1 − p))
    θ ← θ − learning_rate · ∂loss/∂θ

Source: "Logistic Regression" in the notebook "Neural Networks with PyTorch".
Shapes: x (batch, inputs), y (batch,); w (outputs, inputs), b (outputs,).
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn


class LogisticRegression(nn.Module):
    """A linear layer and a sigmoid; the probability of label 1."""

    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        self.linear = nn.Linear(inputs, outputs)

    def forward(self, x: Float[Tensor, "batch inputs"]) -> Float[Tensor, " batch"]:
        return torch.sigmoid(self.linear(x)).squeeze(-1)


def build(*, inputs: int = 2, outputs: int = 1) -> LogisticRegression:
    """The model."""
    return LogisticRegression(inputs, outputs)


def build_optimizer(
    model: LogisticRegression, *, learning_rate: float = 0.5
) -> torch.optim.SGD:
    """Plain gradient descent."""
    return torch.optim.SGD(model.parameters(), lr=learning_rate)


def binary_cross_entropy(
    probabilities: Float[Tensor, " batch"], labels: Float[Tensor, " batch"]
) -> Float[Tensor, ""]:
    """Mean cross entropy; logarithms end at −100, p (1 − p) in the slope at 1e-12."""
    return F.binary_cross_entropy(probabilities, labels)


def loss(model: LogisticRegression, batch: dict[str, Tensor]) -> Float[Tensor, ""]:
    """Binary cross entropy."""
    return binary_cross_entropy(model(batch["x"]), batch["y"])


def train_step(
    model: LogisticRegression, optimizer: torch.optim.SGD, batch: dict[str, Tensor]
) -> Float[Tensor, ""]:
    """One step of training, in place; returns the loss before it."""
    optimizer.zero_grad()
    value = loss(model, batch)
    value.backward()
    optimizer.step()
    return value.detach()


@torch.no_grad()
def predict(
    model: LogisticRegression, inputs: dict[str, Tensor]
) -> Float[Tensor, " batch"]:
    """The probability of label 1."""
    return model(inputs["x"])
