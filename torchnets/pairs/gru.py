"""A prediction at every step of a sequence by a gated recurrent unit.

    r, z = σ(W x + b + U h), n = tanh(W x + b + r · (U h + c))
    h ← (1 − z) · n + z · h, y = h Vᵀ + b
    loss = mean huber(y − t), huber(e) = e²/2 where |e| < 1, else |e| − 1/2
    learning rate of step k = 10⁻³ · 0.9ᵏ

Source: Cho et al., "Learning Phrase Representations using RNN Encoder-Decoder" (2014);
PyTorch's order, in which the reset gate comes after the product with U.
Shapes: x (batch, length, inputs), t (batch, length, outputs).
"""

from collections.abc import Iterable

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn
from torch.optim import AdamW
from torch.optim.lr_scheduler import ExponentialLR


class Predictor(nn.Module):
    """One recurrent layer and a linear one."""

    def __init__(self, inputs: int, hidden: int, outputs: int):
        super().__init__()
        self.gru = nn.GRU(inputs, hidden, batch_first=True)
        self.output = nn.Linear(hidden, outputs)

    def forward(
        self, x: Float[Tensor, "batch length inputs"]
    ) -> Float[Tensor, "batch length outputs"]:
        h, _ = self.gru(x)
        return self.output(h)


def build(*, inputs: int = 5, hidden: int = 7, outputs: int = 2) -> Predictor:
    """The model."""
    return Predictor(inputs, hidden, outputs)


def build_optimizer(
    parameters: Iterable[nn.Parameter],
    *,
    learning_rate: float = 1e-3,
    weight_decay: float = 1e-2,
) -> tuple[AdamW, ExponentialLR]:
    """Adam with decoupled weight decay, and its schedule."""
    optimizer = AdamW(parameters, lr=learning_rate, weight_decay=weight_decay)
    return optimizer, ExponentialLR(optimizer, gamma=0.9)


def loss(
    outputs: Float[Tensor, "*shape"], targets: Float[Tensor, "*shape"]
) -> Float[Tensor, ""]:
    """Mean of a square that becomes a line."""
    return F.huber_loss(outputs, targets)
