"""Small models of both sides, as a user may have written them; no two sizes alike."""

from collections.abc import Callable
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import torch
from flax import linen, nnx
from torch import Tensor, nn
from torch.nn import functional

from compare import compare_pair
from compare.pair.report import PairReport
from jaxnets.pairs.residual_net import BatchNorm

RNG = np.random.default_rng(20)
ROWS = RNG.standard_normal((4, 3))
WISHED = RNG.standard_normal((4, 2))
SEQUENCES = RNG.standard_normal((3, 9, 6))
PICTURES = RNG.standard_normal((3, 2, 5, 7))
NHWC = ("NCHW", "NHWC")
Values = dict[str, Any]


def seeded(build: Callable[[], nn.Module]) -> nn.Module:
    """A model from a seed of its own."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        return build()


def drawn(*shape: int) -> np.ndarray:
    """An array of JAX's, the same one each time."""
    return np.random.default_rng(shape).standard_normal(shape).astype(np.float32)


def exact_gelu(x: jax.Array) -> jax.Array:
    """PyTorch's own."""
    return nnx.gelu(x, approximate=False)


# ------------------------------------------------------------------------ perceptrons


class Perceptron(nn.Module):
    """Two linear layers, a norm and a GELU between them."""

    def __init__(self) -> None:
        super().__init__()
        self.one = nn.Linear(3, 5)
        self.norm = nn.LayerNorm(5)
        self.two = nn.Linear(5, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.two(functional.gelu(self.norm(self.one(x))))


class NnxPerceptron(nnx.Module):
    """Its port, with room for mistakes."""

    def __init__(self, epsilon=1e-5, activation=exact_gelu, dtype=None) -> None:
        rngs = nnx.Rngs(0)
        self.one = nnx.Linear(3, 5, rngs=rngs)
        self.norm = nnx.LayerNorm(5, epsilon=epsilon, dtype=dtype, rngs=rngs)
        self.two = nnx.Linear(5, 2, rngs=rngs)
        self.activation = activation

    def __call__(self, x: jax.Array) -> jax.Array:
        return self.two(self.activation(self.norm(self.one(x))))


class Linear(nn.Module):
    """One layer of a user's module."""

    def __init__(self, outputs: int = 2) -> None:
        super().__init__()
        self.layer = nn.Linear(3, outputs)

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x)


def affine(layer: Values, x: jax.Array) -> jax.Array:
    """A linear layer by hand."""
    return x @ layer["kernel"] + layer["bias"]


def linear(params: Values, x: jax.Array) -> jax.Array:
    """The port of `Linear`."""
    return affine(params["layer"], x)


def linear_values(inputs: int = 3, outputs: int = 2) -> Values:
    """Parameters of a linear layer, as JAX has them."""
    return {"layer": {"kernel": drawn(inputs, outputs), "bias": drawn(outputs)}}


def two_layers() -> nn.Module:
    """A sequence without names."""
    return nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 2))


class LinenLayers(linen.Module):
    """Its port, named by Linen."""

    @linen.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        return linen.Dense(2)(jnp.tanh(linen.Dense(5)(x)))


class Blocks(nn.Module):
    """One block called twice."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(3, 5)
        self.block = Block()
        self.last = nn.Linear(5, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.block(self.block(self.first(x))))


class Block(nn.Module):
    """A norm behind a square layer, and a shortcut."""

    def __init__(self) -> None:
        super().__init__()
        self.dense = nn.Linear(5, 5)
        self.norm = nn.LayerNorm(5)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.norm(torch.tanh(self.dense(x)))


class NnxBlocks(nnx.Module):
    """The port of `Blocks`, with the block in one module."""

    def __init__(self, epsilon: float) -> None:
        rngs = nnx.Rngs(0)
        self.first = nnx.Linear(3, 5, rngs=rngs)
        self.block = NnxBlock(epsilon, rngs)
        self.last = nnx.Linear(5, 2, rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        return self.last(self.block(self.block(self.first(x))))


class NnxBlock(nnx.Module):
    """The port of `Block`."""

    def __init__(self, epsilon: float, rngs: nnx.Rngs) -> None:
        self.dense = nnx.Linear(5, 5, rngs=rngs)
        self.norm = nnx.LayerNorm(5, epsilon=epsilon, rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        return x + self.norm(jnp.tanh(self.dense(x)))


# ------------------------------------------------------------- batch norm and dropout


class Pictures(nn.Module):
    """A convolution and dropout."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 3, (3, 2))
        self.drop = nn.Dropout(0.3)

    def forward(self, x: Tensor) -> Tensor:
        return self.drop(self.conv(x))


class NnxPictures(nnx.Module):
    """Its port."""

    def __init__(self) -> None:
        rngs = nnx.Rngs(0)
        self.conv = nnx.Conv(2, 3, (3, 2), padding="VALID", rngs=rngs)
        self.drop = nnx.Dropout(0.3, rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        return self.drop(self.conv(x))


@jax.custom_vjp
def plus(x: jax.Array, bias: jax.Array) -> jax.Array:
    """x + bias, whose gradient for the bias is 1 whatever comes back."""
    return x + bias


plus.defvjp(
    lambda x, bias: (x + bias, None),
    lambda _, pulled: (pulled, jnp.ones(pulled.shape[-1], pulled.dtype)),
)


class Normed(nn.Module):
    """A bias before batch norm, which takes it away again, and dropout."""

    def __init__(self) -> None:
        super().__init__()
        self.one = nn.Linear(3, 5)
        self.norm = nn.BatchNorm1d(5)
        self.drop = nn.Dropout(0.3)

    def forward(self, x: Tensor) -> Tensor:
        return self.drop(self.norm(self.one(x)))


class NnxNormed(nnx.Module):
    """Its port; `norm` is Flax's own, or one that keeps the unbiased variance."""

    def __init__(self, norm=BatchNorm, momentum=0.9, rate=0.3, add=jnp.add) -> None:
        rngs = nnx.Rngs(0)
        self.one = nnx.Linear(3, 5, rngs=rngs)
        self.norm = norm(5, momentum=momentum, epsilon=1e-5, rngs=rngs)
        self.drop = nnx.Dropout(rate, rngs=rngs)
        self.add = add

    def __call__(self, x: jax.Array) -> jax.Array:
        h = self.add(x @ self.one.kernel[...], self.one.bias[...])
        return self.drop(self.norm(h))


# ---------------------------------------------------------------------- comparing them


def linears(inputs: Any = ROWS, **options: Any) -> PairReport:
    """The smallest pair with parameters."""
    model = seeded(Linear)
    return compare_pair(model, (linear, linear_values()), inputs, **options)


@cache
def normed(*, dropout: Any = "masks", **changes: Any) -> PairReport:
    """A pair with batch norm and dropout."""
    model = seeded(Normed)
    return compare_pair(model, NnxNormed(**changes), ROWS, dropout=dropout)


def failing(report: PairReport) -> set[tuple[str, str]]:
    """The phases and leaves of what fails."""
    return {(row.phase, row.leaf) for row in report.failures}


def leaves(report: PairReport, phase: str) -> set[str]:
    """The leaves or outputs that a phase has rows of."""
    rows = report.example.checks
    return {row.leaf for row in rows if row.phase == phase and row.quantity != "alive"}


def named(report: PairReport) -> list[tuple[str, str]]:
    """Layers and the names of their causes."""
    return [(cause["layer"], cause["name"]) for cause in report.causes]
