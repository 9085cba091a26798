"""A sequence told apart by the last hidden state of a long short-term memory.

    i, f, o = σ(W x + U h + b), g = tanh(W x + U h + b)
    c ← f · c + i · g, h ← o · tanh c
    z = h_last Vᵀ + b, loss = mean (log Σ exp z − z_label)

Source: Hochreiter and Schmidhuber, "Long Short-Term Memory" (1997), with the forget
gate of Gers, Schmidhuber and Cummins (2000). A function of a dict of arrays, which
are named and laid out as PyTorch's are.
Shapes: x (batch, length, inputs), labels (batch,) whole numbers.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import optax
from jax import Array
from jaxtyping import Float, Int

Parameters = dict[str, dict[str, Array]]


def _lstm(
    p: dict[str, Array], x: Float[Array, "batch length inputs"]
) -> Float[Array, "batch length hidden"]:
    def step(carry: tuple[Array, Array], x: Array) -> tuple[tuple[Array, Array], Array]:
        h, c = carry
        gates = x @ p["weight_ih_l0"].T + p["bias_ih_l0"]
        gates = gates + h @ p["weight_hh_l0"].T + p["bias_hh_l0"]
        i, f, g, o = jnp.split(gates, 4, axis=-1)
        c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
        h = jax.nn.sigmoid(o) * jnp.tanh(c)
        return (h, c), h

    start = jnp.zeros((len(x), p["weight_hh_l0"].shape[1]), x.dtype)
    _, h = jax.lax.scan(step, (start, start), x.swapaxes(0, 1))
    return h.swapaxes(0, 1)


def apply(
    p: Parameters, x: Float[Array, "batch length inputs"]
) -> Float[Array, "batch classes"]:
    """One recurrent layer and a linear one."""
    h = _lstm(p["lstm"], x)
    return h[:, -1] @ p["output"]["weight"].T + p["output"]["bias"]


def build(
    *, inputs: int = 5, hidden: int = 7, classes: int = 4
) -> tuple[Callable[..., Array], Parameters]:
    """The function and its parameters."""
    keys = iter(jax.random.split(jax.random.key(0), 6))

    def draw(*shape: int) -> Array:
        limit = hidden**-0.5
        return jax.random.uniform(next(keys), shape, minval=-limit, maxval=limit)

    return apply, {
        "lstm": {
            "weight_ih_l0": draw(4 * hidden, inputs),
            "weight_hh_l0": draw(4 * hidden, hidden),
            "bias_ih_l0": draw(4 * hidden),
            "bias_hh_l0": draw(4 * hidden),
        },
        "output": {"weight": draw(classes, hidden), "bias": draw(classes)},
    }


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
