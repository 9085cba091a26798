"""A sequence told apart by the last hidden state of a long short-term memory.

    i, f, o = σ(W x + U h + b), g = tanh(W x + U h + b)
    c ← f · c + i · g, h ← o · tanh c
    z = h_last Vᵀ + b, loss = mean (log Σ exp z − z_label)

Source: Hochreiter and Schmidhuber, "Long Short-Term Memory" (1997), with the forget
gate of Gers, Schmidhuber and Cummins (2000). Two biases, whose sum is b.
Shapes: x (batch, length, inputs), labels (batch,) whole numbers.
"""

from collections.abc import Iterable

import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.optim import AdamW


class Classifier(nn.Module):
    """One recurrent layer and a linear one."""

    def __init__(self, inputs: int, hidden: int, classes: int):
        super().__init__()
        self.lstm = nn.LSTM(inputs, hidden, batch_first=True)
        self.output = nn.Linear(hidden, classes)

    def forward(
        self, x: Float[Tensor, "batch length inputs"]
    ) -> Float[Tensor, "batch classes"]:
        h, _ = self.lstm(x)
        return self.output(h[:, -1])


def build(*, inputs: int = 5, hidden: int = 7, classes: int = 4) -> Classifier:
    """The model."""
    return Classifier(inputs, hidden, classes)


def build_optimizer(
    parameters: Iterable[nn.Parameter],
    *,
    learning_rate: float = 1e-3,
    weight_decay: float = 1e-2,
) -> AdamW:
    """Adam with decoupled weight decay."""
    return AdamW(parameters, lr=learning_rate, weight_decay=weight_decay)


def loss(
    outputs: Float[Tensor, "batch classes"], labels: Int[Tensor, " batch"]
) -> Float[Tensor, ""]:
    """Mean cross entropy of logits."""
    return F.cross_entropy(outputs, labels)
