"""A padded sequence told apart by one block of a transformer's encoder.

    h = x W + b; h ← h + drop(attention(norm h)); h ← h + drop(mlp(norm h))
    attention = softmax(Q Kᵀ / √d) V over the places that are not padding
    z = V mean over these places of norm h, loss = mean (log Σ exp z − z_label)

Source: Vaswani et al., "Attention Is All You Need" (2017), with the norms before, as in
Xiong et al., "On Layer Normalization in the Transformer Architecture" (2020).
Written in Flax Linen.
Shapes: x (batch, length, inputs), padding (batch, length), true where there is nothing,
labels (batch,) whole numbers.
"""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import optax
from flax import linen as nn
from jax import Array
from jaxtyping import Bool, Float, Int


def attention(
    query: Float[Array, "batch length heads depth"],
    key: Float[Array, "batch length heads depth"],
    value: Float[Array, "batch length heads depth"],
    *,
    mask: Bool[Array, "batch 1 _ length"],
) -> Float[Array, "batch length heads depth"]:
    """Softmax of the scaled products of queries and keys, times the values."""
    scores = jnp.einsum("bqhd,bkhd->bhqk", query, key) / query.shape[-1] ** 0.5
    scores = jnp.where(mask, scores, -jnp.inf)
    weights = nn.softmax(scores, axis=-1)
    return jnp.einsum("bhqk,bkhd->bqhd", weights, value)


class Block(nn.Module):
    """Attention and two linear layers, each added to what came in."""

    width: int
    heads: int
    hidden: int
    rate: float

    @nn.compact
    def __call__(
        self,
        x: Float[Array, "batch length width"],
        padding: Bool[Array, "batch _"],
        *,
        train: bool,
    ) -> Float[Array, "batch length width"]:
        there = ~padding[:, None, None, :]
        h = nn.LayerNorm(epsilon=1e-5, name="norm1")(x)
        h = nn.MultiHeadDotProductAttention(
            self.heads, attention_fn=attention, name="attention"
        )(h, mask=there)
        x = x + nn.Dropout(self.rate, deterministic=not train)(h)
        h = nn.LayerNorm(epsilon=1e-5, name="norm2")(x)
        h = nn.Dense(self.hidden, name="linear1")(h)
        h = nn.Dense(self.width, name="linear2")(nn.gelu(h, approximate=False))
        return x + nn.Dropout(self.rate, deterministic=not train)(h)


class Encoder(nn.Module):
    """A linear layer, a block, the mean of what is not padding, a linear layer."""

    width: int
    heads: int
    hidden: int
    classes: int
    rate: float

    @nn.compact
    def __call__(
        self,
        x: Float[Array, "batch length inputs"],
        padding: Bool[Array, "batch _"],
        *,
        train: bool = False,
    ) -> Float[Array, "batch classes"]:
        h = nn.Dense(self.width, name="input")(x)
        block = Block(self.width, self.heads, self.hidden, self.rate, name="block")
        h = block(h, padding, train=train)
        h = nn.LayerNorm(epsilon=1e-5, name="norm")(h)
        there = ~padding[..., None]
        mean = jnp.where(there, h, 0).sum(1) / there.sum(1)
        return nn.Dense(self.classes, name="output")(mean)


def build(
    *,
    inputs: int = 5,
    width: int = 12,
    heads: int = 3,
    hidden: int = 20,
    classes: int = 7,
    rate: float = 0.1,
) -> tuple[Encoder, Mapping[str, Any]]:
    """The model and its variables."""
    model = Encoder(width, heads, hidden, classes, rate)
    start = jnp.zeros((1, 1, inputs)), jnp.zeros((1, 1), bool)
    return model, model.init(jax.random.key(0), *start)


def build_optimizer(
    *, learning_rate: float = 1e-3, weight_decay: float = 1e-2
) -> optax.GradientTransformation:
    """Adam with decoupled weight decay."""
    return optax.adamw(learning_rate, weight_decay=weight_decay)


def loss(
    outputs: Float[Array, "batch classes"], labels: Int[Array, " batch"]
) -> Float[Array, ""]:
    """Mean cross entropy of logits."""
    return optax.softmax_cross_entropy_with_integer_labels(outputs, labels).mean()
