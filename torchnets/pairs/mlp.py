"""A perceptron whose layers are normalized, with one residual connection.

    h₁ = gelu(norm(x W₁ᵀ + b₁)), h₂ = h₁ + gelu(norm(h₁ W₂ᵀ + b₂))
    y = h₂ W₃ᵀ + b₃, loss = mean (y − t)²

Source: Ba, Kiros and Hinton, "Layer Normalization" (2016); Hendrycks and Gimpel,
"Gaussian Error Linear Units" (2016), with the exact Φ.
Shapes: x (batch, inputs), t (batch, outputs).
"""

from collections.abc import Iterable

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn
from torch.optim import AdamW


class MLP(nn.Module):
    """Three linear layers, the first two normalized."""

    def __init__(self, inputs: int, hidden: int, outputs: int):
        super().__init__()
        self.linear1 = nn.Linear(inputs, hidden)
        self.norm1 = nn.LayerNorm(hidden)
        self.linear2 = nn.Linear(hidden, hidden)
        self.norm2 = nn.LayerNorm(hidden)
        self.output = nn.Linear(hidden, outputs)

    def forward(self, x: Float[Tensor, "batch inputs"]) -> Float[Tensor, "batch _"]:
        h = F.gelu(self.norm1(self.linear1(x)))
        h = h + F.gelu(self.norm2(self.linear2(h)))
        return self.output(h)


def build(*, inputs: int = 5, hidden: int = 8, outputs: int = 3) -> MLP:
    """The model."""
    return MLP(inputs, hidden, outputs)


def build_optimizer(
    parameters: Iterable[nn.Parameter],
    *,
    learning_rate: float = 1e-3,
    weight_decay: float = 1e-2,
) -> AdamW:
    """Adam with decoupled weight decay."""
    return AdamW(parameters, lr=learning_rate, weight_decay=weight_decay)


def loss(
    outputs: Float[Tensor, "batch n"], targets: Float[Tensor, "batch n"]
) -> Float[Tensor, ""]:
    """Mean squared error."""
    return F.mse_loss(outputs, targets)
