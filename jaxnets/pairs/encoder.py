"""A padded sequence told apart by one block of a transformer's encoder.

    h = x W + b; h ← h + drop(attention(norm h)); h ← h + drop(mlp(norm h))
    attention = softmax(Q Kᵀ / √d) V over the places that are not padding
    z = V mean over these places of norm h, loss = mean (log Σ exp z − z_label)

Source: Vaswani et al., "Attention Is All You Need" (2017), with the norms before, as in
Xiong et al., "On Layer Normalization in the Transformer Architecture" (2020).
Shapes: x (batch, length, inputs), padding (batch, length), true where there is nothing,
labels (batch,) whole numbers.
"""

import jax.numpy as jnp
import optax
from flax import nnx
from jax import Array
from jaxtyping import Bool, Float, Int


def attention(
    query: Float[Array, "batch length heads depth"],
    key: Float[Array, "batch length heads depth"],
    value: Float[Array, "batch length heads depth"],
    *,
    mask: Bool[Array, "batch 1 _ length"],
    **options,
) -> Float[Array, "batch length heads depth"]:
    """Its softmax is in the precision of its arguments; Flax's own is in float32."""
    scores = jnp.einsum("bqhd,bkhd->bhqk", query, key) / query.shape[-1] ** 0.5
    scores = jnp.where(mask, scores, -jnp.inf)
    weights = nnx.softmax(scores, axis=-1)
    return jnp.einsum("bhqk,bkhd->bqhd", weights, value)


class Block(nnx.Module):
    """Attention and two linear layers, each added to what came in."""

    def __init__(
        self, width: int, heads: int, hidden: int, rate: float, *, rngs: nnx.Rngs
    ):
        self.norm1 = nnx.LayerNorm(width, epsilon=1e-5, rngs=rngs)
        self.attention = nnx.MultiHeadAttention(
            heads, width, decode=False, attention_fn=attention, rngs=rngs
        )
        self.norm2 = nnx.LayerNorm(width, epsilon=1e-5, rngs=rngs)
        self.linear1 = nnx.Linear(width, hidden, rngs=rngs)
        self.linear2 = nnx.Linear(hidden, width, rngs=rngs)
        self.dropout = nnx.Dropout(rate, rngs=rngs)

    def __call__(
        self, x: Float[Array, "batch length width"], padding: Bool[Array, "batch _"]
    ) -> Float[Array, "batch length width"]:
        there = ~padding[:, None, None, :]
        h = self.attention(self.norm1(x), mask=there)
        x = x + self.dropout(h)
        h = self.linear1(self.norm2(x))
        h = self.linear2(nnx.gelu(h, approximate=False))
        return x + self.dropout(h)


class Encoder(nnx.Module):
    """A linear layer, a block, the mean of what is not padding, a linear layer."""

    def __init__(
        self,
        inputs: int,
        width: int,
        heads: int,
        hidden: int,
        classes: int,
        rate: float,
        *,
        rngs: nnx.Rngs,
    ):
        self.input = nnx.Linear(inputs, width, rngs=rngs)
        self.block = Block(width, heads, hidden, rate, rngs=rngs)
        self.norm = nnx.LayerNorm(width, epsilon=1e-5, rngs=rngs)
        self.output = nnx.Linear(width, classes, rngs=rngs)

    def __call__(
        self, x: Float[Array, "batch length inputs"], padding: Bool[Array, "batch _"]
    ) -> Float[Array, "batch classes"]:
        h = self.norm(self.block(self.input(x), padding))
        there = ~padding[..., None]
        mean = jnp.where(there, h, 0).sum(1) / there.sum(1)
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
    return Encoder(inputs, width, heads, hidden, classes, rate, rngs=nnx.Rngs(0))


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
