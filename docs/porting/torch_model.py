"""A model that somebody wants to port: one block of a transformer tells texts apart."""

import torch
from torch import nn


class Block(nn.Module):
    """Attention and two linear layers, each added to what came in."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.attention = nn.MultiheadAttention(width, heads, batch_first=True)
        self.norm2 = nn.LayerNorm(width)
        self.up = nn.Linear(width, 4 * width)
        self.gelu = nn.GELU()
        self.down = nn.Linear(4 * width, width)

    def forward(self, x):
        h = self.norm1(x)
        x = x + self.attention(h, h, h, need_weights=False)[0]
        return x + self.down(self.gelu(self.up(self.norm2(x))))


class Classifier(nn.Module):
    """Whole numbers (batch, length) → logits (batch, classes)."""

    def __init__(self, words=50, length=32, width=24, heads=4, classes=5):
        super().__init__()
        self.words = nn.Embedding(words, width)
        self.positions = nn.Embedding(length, width)
        self.block = Block(width, heads)
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, classes)

    def forward(self, tokens):
        places = torch.arange(tokens.shape[1], device=tokens.device)
        x = self.words(tokens) + self.positions(places)
        return self.head(self.norm(self.block(x)).mean(1))


def torch_model() -> Classifier:
    """The model, always with the same weights."""
    torch.manual_seed(0)
    return Classifier()
