"""A padded sequence told apart by one block of a transformer's encoder.

    h = x W + b; h ← h + drop(attention(norm h)); h ← h + drop(mlp(norm h))
    attention = softmax(Q Kᵀ / √d) V over the places that are not padding
    z = V mean over these places of norm h, loss = mean (log Σ exp z − z_label)

Source: Vaswani et al., "Attention Is All You Need" (2017), with the norms before, as in
Xiong et al., "On Layer Normalization in the Transformer Architecture" (2020).
Shapes: x (batch, length, inputs), padding (batch, length), true where there is nothing,
labels (batch,) whole numbers.
"""

from collections.abc import Iterable

import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.optim import AdamW


class Block(nn.Module):
    """Attention and two linear layers, each added to what came in."""

    def __init__(self, width: int, heads: int, hidden: int, rate: float):
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.attention = nn.MultiheadAttention(width, heads, batch_first=True)
        self.norm2 = nn.LayerNorm(width)
        self.linear1 = nn.Linear(width, hidden)
        self.linear2 = nn.Linear(hidden, width)
        self.dropout = nn.Dropout(rate)

    def forward(
        self, x: Float[Tensor, "batch length width"], padding: Bool[Tensor, "batch _"]
    ) -> Float[Tensor, "batch length width"]:
        h = self.norm1(x)
        h, _ = self.attention(h, h, h, key_padding_mask=padding, need_weights=False)
        x = x + self.dropout(h)
        h = self.linear2(F.gelu(self.linear1(self.norm2(x))))
        return x + self.dropout(h)


class Encoder(nn.Module):
    """A linear layer, a block, the mean of what is not padding, a linear layer."""

    def __init__(
        self,
        inputs: int,
        width: int,
        heads: int,
        hidden: int,
        classes: int,
        rate: float,
    ):
        super().__init__()
        self.input = nn.Linear(inputs, width)
        self.block = Block(width, heads, hidden, rate)
        self.norm = nn.LayerNorm(width)
        self.output = nn.Linear(width, classes)

    def forward(
        self, x: Float[Tensor, "batch length inputs"], padding: Bool[Tensor, "batch _"]
    ) -> Float[Tensor, "batch classes"]:
        h = self.norm(self.block(self.input(x), padding))
        there = (~padding).unsqueeze(-1).to(h.dtype)
        mean = (h * there).sum(1) / there.sum(1)
        return self.output(mean)


def build(
    *,
    inputs: int = 5,
    width: int = 12,
    heads: int = 3,
    hidden: int = 20,
    classes: int = 7,
    rate: float = 0.1,
) -> Encoder:
    """The model."""
    return Encoder(inputs, width, heads, hidden, classes, rate)


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
