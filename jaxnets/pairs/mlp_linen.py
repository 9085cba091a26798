"""A perceptron whose layers are normalized, with one residual connection.

    h₁ = gelu(norm(x W₁ + b₁)), h₂ = h₁ + gelu(norm(h₁ W₂ + b₂))
    y = h₂ W₃ + b₃, loss = mean (y − t)²

Source: Ba, Kiros and Hinton, "Layer Normalization" (2016); Hendrycks and Gimpel,
"Gaussian Error Linear Units" (2016), with the exact Φ. Written in Flax Linen.
Shapes: x (batch, inputs), t (batch, outputs).
"""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import optax
from flax import linen as nn
from jax import Array
from jaxtyping import Float


class MLP(nn.Module):
    """Three linear layers, the first two normalized."""

    hidden: int
    outputs: int

    def setup(self) -> None:
        self.linear1 = nn.Dense(self.hidden)
        self.norm1 = nn.LayerNorm(epsilon=1e-5)
        self.linear2 = nn.Dense(self.hidden)
        self.norm2 = nn.LayerNorm(epsilon=1e-5)
        self.output = nn.Dense(self.outputs)

    def __call__(self, x: Float[Array, "batch inputs"]) -> Float[Array, "batch _"]:
        h = nn.gelu(self.norm1(self.linear1(x)), approximate=False)
        h = h + nn.gelu(self.norm2(self.linear2(h)), approximate=False)
        return self.output(h)


def build(
    *, inputs: int = 5, hidden: int = 8, outputs: int = 3
) -> tuple[MLP, Mapping[str, Any]]:
    """The model and its variables."""
    model = MLP(hidden, outputs)
    return model, model.init(jax.random.key(0), jnp.zeros((1, inputs)))


def build_optimizer(
    *, learning_rate: float = 1e-3, weight_decay: float = 1e-2
) -> optax.GradientTransformation:
    """Adam with decoupled weight decay."""
    return optax.adamw(learning_rate, weight_decay=weight_decay)


def loss(
    outputs: Float[Array, "batch n"], targets: Float[Array, "batch n"]
) -> Float[Array, ""]:
    """Mean squared error."""
    return optax.squared_error(outputs, targets).mean()
