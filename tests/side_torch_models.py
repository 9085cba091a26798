"""Small PyTorch models of every kind, with their inputs, for tests of the side."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional


class Perceptron(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(5, 6)
        self.norm = nn.LayerNorm(6, eps=1e-6)
        self.act = nn.ReLU(inplace=True)
        self.last = nn.Linear(6, 3, bias=False)

    def forward(self, x):
        return self.last(self.act(self.norm(self.first(x))))


class Residual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(4, momentum=0.3)
        self.block = nn.Conv2d(4, 4, 3, padding=1, groups=2)
        self.keep = nn.Identity()
        self.head = nn.Linear(4, 2)

    def forward(self, x):
        h = functional.relu(self.norm(self.stem(x)), inplace=True)
        h = self.keep(h) + self.block(h)
        return self.head(h.mean((2, 3)))


class Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(3, 4, num_layers=2, dropout=0.5, batch_first=True)

    def forward(self, x):
        hidden, (h, c) = self.lstm(x)
        return {"hidden": hidden, "state": (h, c)}


class Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(4, 2, dropout=0.4, batch_first=True)

    def forward(self, x, *, hidden):
        return self.attention(x, x, x, key_padding_mask=hidden, need_weights=False)[0]


class Encoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(7, 4)
        layer = nn.TransformerEncoderLayer(4, 2, 8, batch_first=True)
        self.layers = nn.TransformerEncoder(layer, 2)

    def forward(self, tokens, hidden):
        return self.layers(self.embed(tokens), src_key_padding_mask=hidden)


class Twice(nn.Module):
    """One module called twice, and its weight used a third time, transposed."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Linear(4, 4, bias=False)
        self.out = nn.Linear(4, 4)
        self.out.weight = self.embed.weight

    def forward(self, x):
        return self.out(torch.tanh(self.embed(torch.tanh(self.embed(x)))))


class Frozen(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.trained = nn.Linear(3, 2)
        self.frozen = nn.Linear(3, 2).requires_grad_(False)
        self.idle = nn.Parameter(torch.ones(2))

    def forward(self, x):
        x += 1  # in place, on what it was given
        return self.trained(x) * self.frozen(x)


class Pair(NamedTuple):
    left: Tensor
    right: Any


@dataclass
class Output:
    logits: Tensor
    hidden: Any = None
    cache: Any = None


class Nested(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.one = nn.Linear(3, 2)

    def forward(self, x, *, scale):
        y = self.one(x) * scale
        return Output(y, [Pair(y + 1, {"a": y * 2}), (y > 0,)])


class Noisy(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.one = nn.Linear(3, 4)
        self.drop = nn.Dropout(0.25)
        self.channels = nn.Dropout1d(0.5)

    def forward(self, x):
        h = functional.dropout(self.drop(self.one(x)), 0.0)
        return functional.dropout(self.channels(h), 0.5, self.training)


def draw(*shape: int) -> np.ndarray:
    return np.random.default_rng(sum(shape)).normal(size=shape)


HIDDEN = np.array([[False] * 4, [False, False, True, True]])
TOKENS = np.array([[1, 6, 2, 0], [3, 3, 5, 1]])
MODELS = {
    "perceptron": (Perceptron, {"0": draw(4, 5)}),
    "residual": (Residual, {"0": draw(2, 3, 5, 5)}),
    "recurrent": (Recurrent, {"0": draw(2, 4, 3)}),
    "attention": (Attention, {"0": draw(2, 4, 4), "hidden": HIDDEN}),
    "encoder": (Encoder, {"0": TOKENS, "1": HIDDEN}),
    "twice": (Twice, {"0": draw(3, 4)}),
    "frozen": (Frozen, {"x": draw(3, 3)}),
    "nested": (Nested, {"0": draw(2, 3), "scale": draw(2, 2)}),
    "noisy": (Noisy, {"0": draw(2, 5, 3)}),
}


def build(name: str, dtype: torch.dtype = torch.float32) -> nn.Module:
    """The model with parameters of its own, none of them 0 or 1; the same each time."""
    generator = np.random.default_rng(1)
    with torch.random.fork_rng():
        model = MODELS[name][0]()
    for parameter in model.parameters():
        drawn = generator.normal(scale=0.5, size=parameter.shape).astype(np.float32)
        parameter.data = torch.tensor(drawn)
    return model.to(dtype)


def inputs(name: str, precision: str = "float64") -> dict[str, np.ndarray]:
    """The model's inputs, in a precision."""
    return {
        key: value.astype(precision) if value.dtype == np.float64 else value
        for key, value in MODELS[name][1].items()
    }
