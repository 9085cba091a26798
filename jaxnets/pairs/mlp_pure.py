"""A perceptron whose layers are normalized, with one residual connection.

    h₁ = gelu(norm(x W₁ + b₁)), h₂ = h₁ + gelu(norm(h₁ W₂ + b₂))
    y = h₂ W₃ + b₃, loss = mean (y − t)²
    norm(h) = (h − mean h) / √(var h + ε) · scale + bias

Source: Ba, Kiros and Hinton, "Layer Normalization" (2016); Hendrycks and Gimpel,
"Gaussian Error Linear Units" (2016), with the exact Φ. A function of a dict of arrays.
Shapes: x (batch, inputs), t (batch, outputs).
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import optax
from jax import Array
from jaxtyping import Float

Parameters = dict[str, dict[str, Array]]


def _linear(p: dict[str, Array], x: Float[Array, "batch _"]) -> Float[Array, "batch _"]:
    return x @ p["kernel"] + p["bias"]


def _norm(p: dict[str, Array], x: Float[Array, "batch _"]) -> Float[Array, "batch _"]:
    centred = x - x.mean(-1, keepdims=True)
    variance = jnp.square(centred).mean(-1, keepdims=True)
    return centred / jnp.sqrt(variance + 1e-5) * p["scale"] + p["bias"]


def apply(p: Parameters, x: Float[Array, "batch inputs"]) -> Float[Array, "batch _"]:
    """Three linear layers, the first two normalized."""
    h = jax.nn.gelu(_norm(p["norm1"], _linear(p["linear1"], x)), approximate=False)
    g = _norm(p["norm2"], _linear(p["linear2"], h))
    h = h + jax.nn.gelu(g, approximate=False)
    return _linear(p["output"], h)


def build(
    *, inputs: int = 5, hidden: int = 8, outputs: int = 3
) -> tuple[Callable[..., Array], Parameters]:
    """The function and its parameters."""
    keys = jax.random.split(jax.random.key(0), 3)
    draw = jax.nn.initializers.lecun_normal()

    def linear(key: Array, rows: int, columns: int) -> dict[str, Array]:
        return {"kernel": draw(key, (rows, columns)), "bias": jnp.zeros(columns)}

    def norm() -> dict[str, Array]:
        return {"scale": jnp.ones(hidden), "bias": jnp.zeros(hidden)}

    return apply, {
        "linear1": linear(keys[0], inputs, hidden),
        "norm1": norm(),
        "linear2": linear(keys[1], hidden, hidden),
        "norm2": norm(),
        "output": linear(keys[2], hidden, outputs),
    }


def build_optimizer(
    *, learning_rate: float = 1e-3, weight_decay: float = 1e-2
) -> optax.GradientTransformation:
    """Adam with decoupled weight decay."""
    return optax.adamw(learning_rate, weight_decay=weight_decay)


def loss(
    outputs: Float[Array, "batch n"], targets: Float[Array, "batch n"]
) -> Float[Array, ""]:
    """Mean squared error."""
    return jnp.mean(jnp.square(outputs - targets))
