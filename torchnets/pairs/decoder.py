"""The next of a sequence of tokens, by a small transformer that sees only the past.

    h = E[token] + P[place]; four times: h ← h + attention(norm h), h ← h + mlp(norm h)
    attention = softmax(Q Kᵀ / √d) V over this place and those before it
    z = norm(h) Eᵀ, loss = mean (log Σ exp z − z_next)

Source: Radford et al., "Language Models are Unsupervised Multitask Learners" (2019):
GPT-2 without dropout, with the embedding as its last layer.
Shapes: tokens (batch, length) and following (batch, length), whole numbers.
"""

from collections.abc import Iterable

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.optim import AdamW


class Attention(nn.Module):
    """Every place looks at itself and at those before it."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def forward(
        self, x: Float[Tensor, "batch length width"]
    ) -> Float[Tensor, "batch length width"]:
        parts = self.qkv(x).chunk(3, dim=-1)
        # (batch, heads, length, depth)
        q, k, v = (h.unflatten(-1, (self.heads, -1)).transpose(1, 2) for h in parts)
        h = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.out(h.transpose(1, 2).flatten(2))


class Block(nn.Module):
    """Attention and two linear layers, each added to what came in."""

    def __init__(self, width: int, heads: int, hidden: int):
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.attention = Attention(width, heads)
        self.norm2 = nn.LayerNorm(width)
        self.linear1 = nn.Linear(width, hidden)
        self.linear2 = nn.Linear(hidden, width)

    def forward(
        self, x: Float[Tensor, "batch length width"]
    ) -> Float[Tensor, "batch length width"]:
        x = x + self.attention(self.norm1(x))
        h = F.gelu(self.linear1(self.norm2(x)), approximate="tanh")
        return x + self.linear2(h)


class Decoder(nn.Module):
    """Embedding, blocks, and the embedding once more."""

    def __init__(
        self, tokens: int, places: int, width: int, heads: int, hidden: int, blocks: int
    ):
        super().__init__()
        self.embedding = nn.Embedding(tokens, width)
        self.positions = nn.Embedding(places, width)
        self.blocks = nn.ModuleList(Block(width, heads, hidden) for _ in range(blocks))
        self.norm = nn.LayerNorm(width)

    def forward(
        self, tokens: Int[Tensor, "batch length"]
    ) -> Float[Tensor, "batch length tokens"]:
        places = torch.arange(tokens.shape[1], device=tokens.device)
        h = self.embedding(tokens) + self.positions(places)
        for block in self.blocks:
            h = block(h)
        return self.norm(h) @ self.embedding.weight.T


def build(
    *,
    tokens: int = 11,
    places: int = 16,
    width: int = 12,
    heads: int = 3,
    hidden: int = 20,
    blocks: int = 4,
) -> Decoder:
    """The model."""
    return Decoder(tokens, places, width, heads, hidden, blocks)


def build_optimizer(
    parameters: Iterable[nn.Parameter],
    *,
    learning_rate: float = 1e-3,
    weight_decay: float = 1e-2,
) -> AdamW:
    """Adam with decoupled weight decay."""
    return AdamW(parameters, lr=learning_rate, weight_decay=weight_decay)


def loss(
    outputs: Float[Tensor, "batch length tokens"],
    following: Int[Tensor, "batch length"],
) -> Float[Tensor, ""]:
    """Mean cross entropy of the token that follows at every place."""
    return F.cross_entropy(outputs.flatten(0, 1), following.flatten())
