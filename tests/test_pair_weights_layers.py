"""Every layer type with mapped weights gives the same outputs in both frameworks."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from flax import nnx
from pair_sides import couple, same_outputs
from torch import nn


def _rngs() -> nnx.Rngs:
    return nnx.Rngs(0)


class FirstLast(nnx.Module):
    """A layer of Flax on PyTorch's layout: channels come first."""

    def __init__(self, layer: nnx.Module) -> None:
        self.layer = layer

    def __call__(self, x: jax.Array) -> jax.Array:
        return jnp.moveaxis(self.layer(jnp.moveaxis(x, 1, -1)), -1, 1)


class Wrapped(nn.Module):
    """The same, for PyTorch: the layer has the same path on both sides."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layer(x)


def conv(
    space: tuple[int, ...], *, groups: int = 1, dilation: int = 1
) -> tuple[Any, Any]:
    kind = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}[len(space)]
    return (
        Wrapped(kind(4, 6, space, groups=groups, dilation=dilation)),
        FirstLast(
            nnx.Conv(
                4,
                6,
                space,
                padding="VALID",
                feature_group_count=groups,
                kernel_dilation=dilation,
                rngs=_rngs(),
            )
        ),
    )


def deconv(
    space: tuple[int, ...], *, strides: int, transposes: bool
) -> tuple[Any, Any]:
    kind = {1: nn.ConvTranspose1d, 2: nn.ConvTranspose2d, 3: nn.ConvTranspose3d}[
        len(space)
    ]
    return (
        Wrapped(kind(4, 6, space, stride=strides)),
        FirstLast(
            nnx.ConvTranspose(
                4,
                6,
                space,
                strides=strides,
                padding="VALID",
                transpose_kernel=transposes,
                rngs=_rngs(),
            )
        ),
    )


def square_deconv(*, transposes: bool) -> tuple[Any, Any]:
    """Channels and kernel of one size: only the setting tells."""
    return (
        Wrapped(nn.ConvTranspose2d(3, 3, 3)),
        FirstLast(
            nnx.ConvTranspose(
                3, 3, (3, 3), padding="VALID", transpose_kernel=transposes, rngs=_rngs()
            )
        ),
    )


LAYERS: dict[str, tuple[Callable[[], tuple[Any, Any]], tuple[int, ...]]] = {
    "linear": (lambda: (nn.Linear(3, 5), nnx.Linear(3, 5, rngs=_rngs())), (4, 3)),
    "square linear": (
        lambda: (nn.Linear(4, 4), nnx.Linear(4, 4, rngs=_rngs())),
        (3, 4),
    ),
    "linear without a bias": (
        lambda: (
            nn.Linear(3, 5, bias=False),
            nnx.Linear(3, 5, use_bias=False, rngs=_rngs()),
        ),
        (4, 3),
    ),
    "general linear": (
        lambda: (
            Wrapped(nn.Sequential(nn.Linear(3, 10), nn.Unflatten(1, (2, 5)))),
            nnx.LinearGeneral(3, (2, 5), rngs=_rngs()),
        ),
        (4, 3),
    ),
    "conv 1d": (lambda: conv((3,)), (2, 4, 9)),
    "conv 2d": (lambda: conv((3, 2)), (2, 4, 7, 5)),
    "conv 3d": (lambda: conv((3, 2, 1)), (2, 4, 5, 4, 3)),
    "conv in groups": (lambda: conv((3, 2), groups=2), (2, 4, 7, 5)),
    "dilated conv": (lambda: conv((3, 2), dilation=2), (2, 4, 7, 5)),
    "deconv 1d": (lambda: deconv((3,), strides=2, transposes=False), (2, 4, 5)),
    "deconv 2d": (lambda: deconv((3, 2), strides=1, transposes=False), (2, 4, 5, 6)),
    "deconv 2d, transposed": (
        lambda: deconv((3, 2), strides=1, transposes=True),
        (2, 4, 5, 6),
    ),
    "deconv 3d": (
        lambda: deconv((3, 2, 2), strides=2, transposes=True),
        (1, 4, 3, 3, 2),
    ),
    "square deconv": (lambda: square_deconv(transposes=False), (2, 3, 4, 5)),
    "square deconv, transposed": (
        lambda: square_deconv(transposes=True),
        (2, 3, 4, 5),
    ),
    "layer norm": (
        lambda: (nn.LayerNorm(5, eps=1e-6), nnx.LayerNorm(5, rngs=_rngs())),
        (4, 5),
    ),
    "rms norm": (
        lambda: (nn.RMSNorm(5, eps=1e-6), nnx.RMSNorm(5, rngs=_rngs())),
        (4, 5),
    ),
    "group norm": (
        lambda: (
            Wrapped(nn.GroupNorm(2, 6, eps=1e-6)),
            FirstLast(nnx.GroupNorm(6, num_groups=2, rngs=_rngs())),
        ),
        (3, 6, 5),
    ),
    "batch norm": (
        lambda: (
            Wrapped(nn.BatchNorm2d(4)),
            FirstLast(nnx.BatchNorm(4, epsilon=1e-5, rngs=_rngs())),
        ),
        (3, 4, 5, 2),
    ),
}


@pytest.mark.parametrize("name", LAYERS)
def test_a_mapped_layer_gives_the_same_outputs(name: str) -> None:
    build, shape = LAYERS[name]
    pair = couple(*build())
    same_outputs(pair, (np.random.default_rng(5).standard_normal(shape),))


def test_an_embedding_is_looked_up_alike() -> None:
    # Embed computes in the type that its parameters were made in.
    embed = nnx.Embed(7, 3, dtype=jnp.float64, rngs=_rngs())
    pair = couple(nn.Embedding(7, 3), embed)
    same_outputs(pair, (np.array([[0, 6, 2], [1, 1, 5]]),))
