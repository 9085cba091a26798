"""The port of `torch_model.py`."""

import jax.numpy as jnp
from flax import nnx


def attention(query, key, value, **options):
    """(batch, length, heads, depth) each; no mask, no dropout."""
    scores = jnp.einsum("bqhd,bkhd->bhqk", query, key) / query.shape[-1] ** 0.5
    return jnp.einsum("bhqk,bkhd->bqhd", nnx.softmax(scores), value)


class Block(nnx.Module):
    """Attention and two linear layers, each added to what came in."""

    def __init__(self, width: int, heads: int, *, rngs: nnx.Rngs):
        self.norm1 = nnx.LayerNorm(width, epsilon=1e-5, rngs=rngs)
        self.attention = nnx.MultiHeadAttention(
            heads, width, decode=False, attention_fn=attention, rngs=rngs
        )
        self.norm2 = nnx.LayerNorm(width, epsilon=1e-5, rngs=rngs)
        self.up = nnx.Linear(width, 4 * width, rngs=rngs)
        self.down = nnx.Linear(4 * width, width, rngs=rngs)

    def __call__(self, x):
        x = x + self.attention(self.norm1(x))
        h = nnx.gelu(self.up(self.norm2(x)), approximate=False)
        return x + self.down(h)


class Classifier(nnx.Module):
    """Whole numbers (batch, length) → logits (batch, classes)."""

    def __init__(self, words=50, length=32, width=24, heads=4, classes=5, *, rngs):
        self.words = nnx.Embed(words, width, rngs=rngs)
        self.positions = nnx.Embed(length, width, rngs=rngs)
        self.block = Block(width, heads, rngs=rngs)
        self.norm = nnx.LayerNorm(width, epsilon=1e-5, rngs=rngs)
        self.head = nnx.Linear(width, classes, rngs=rngs)

    def __call__(self, tokens):
        x = self.words(tokens) + self.positions(jnp.arange(tokens.shape[1]))
        return self.head(self.norm(self.block(x)).mean(1))


def jax_model() -> Classifier:
    """The model; its weights do not matter, for a comparison copies PyTorch's."""
    return Classifier(rngs=nnx.Rngs(0))
