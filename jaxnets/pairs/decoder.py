"""The next of a sequence of tokens, by a small transformer that sees only the past.

    h = E[token] + P[place]; four times: h ← h + attention(norm h), h ← h + mlp(norm h)
    attention = softmax(Q Kᵀ / √d) V over this place and those before it
    z = norm(h) Eᵀ, loss = mean (log Σ exp z − z_next)

Source: Radford et al., "Language Models are Unsupervised Multitask Learners" (2019):
GPT-2 without dropout, with the embedding as its last layer.
Shapes: tokens (batch, length) and following (batch, length), whole numbers.
"""

import jax.numpy as jnp
import optax
from flax import nnx
from jax import Array
from jaxtyping import Float, Int


class Attention(nnx.Module):
    """Every place looks at itself and at those before it."""

    def __init__(self, width: int, heads: int, *, rngs: nnx.Rngs):
        self.heads = heads
        self.qkv = nnx.Linear(width, 3 * width, rngs=rngs)
        self.out = nnx.Linear(width, width, rngs=rngs)

    def __call__(
        self, x: Float[Array, "batch length width"]
    ) -> Float[Array, "batch length width"]:
        parts = jnp.split(self.qkv(x), 3, axis=-1)
        # (batch, length, heads, depth)
        q, k, v = (h.reshape(*h.shape[:2], self.heads, -1) for h in parts)
        scores = jnp.einsum("bqhd,bkhd->bhqk", q, k) / q.shape[-1] ** 0.5
        past = jnp.tril(jnp.ones(scores.shape[-2:], bool))
        weights = nnx.softmax(jnp.where(past, scores, -jnp.inf), axis=-1)
        h = jnp.einsum("bhqk,bkhd->bqhd", weights, v)
        return self.out(h.reshape(x.shape))


class Block(nnx.Module):
    """Attention and two linear layers, each added to what came in."""

    def __init__(self, width: int, heads: int, hidden: int, *, rngs: nnx.Rngs):
        self.norm1 = nnx.LayerNorm(width, epsilon=1e-5, rngs=rngs)
        self.attention = Attention(width, heads, rngs=rngs)
        self.norm2 = nnx.LayerNorm(width, epsilon=1e-5, rngs=rngs)
        self.linear1 = nnx.Linear(width, hidden, rngs=rngs)
        self.linear2 = nnx.Linear(hidden, width, rngs=rngs)

    def __call__(
        self, x: Float[Array, "batch length width"]
    ) -> Float[Array, "batch length width"]:
        x = x + self.attention(self.norm1(x))
        h = nnx.gelu(self.linear1(self.norm2(x)))
        return x + self.linear2(h)


class Decoder(nnx.Module):
    """Embedding, blocks, and the embedding once more."""

    def __init__(
        self,
        tokens: int,
        places: int,
        width: int,
        heads: int,
        hidden: int,
        blocks: int,
        *,
        rngs: nnx.Rngs,
    ):
        self.embedding = nnx.Embed(tokens, width, rngs=rngs)
        self.positions = nnx.Embed(places, width, rngs=rngs)
        self.blocks = nnx.List(
            Block(width, heads, hidden, rngs=rngs) for _ in range(blocks)
        )
        self.norm = nnx.LayerNorm(width, epsilon=1e-5, rngs=rngs)

    def __call__(
        self, tokens: Int[Array, "batch length"]
    ) -> Float[Array, "batch length tokens"]:
        places = jnp.arange(tokens.shape[1])
        h = self.embedding(tokens) + self.positions(places)
        for block in self.blocks:
            h = block(h)
        return self.embedding.attend(self.norm(h))


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
    return Decoder(tokens, places, width, heads, hidden, blocks, rngs=nnx.Rngs(0))


def build_optimizer(
    *, learning_rate: float = 1e-3, weight_decay: float = 1e-2
) -> optax.GradientTransformation:
    """Adam with decoupled weight decay."""
    return optax.adamw(learning_rate, weight_decay=weight_decay)


def loss(
    outputs: Float[Array, "batch length tokens"], following: Int[Array, "batch length"]
) -> Float[Array, ""]:
    """Mean cross entropy of the token that follows at every place."""
    each = optax.softmax_cross_entropy_with_integer_labels(outputs, following)
    return each.mean()
