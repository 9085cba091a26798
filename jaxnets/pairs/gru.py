"""A prediction at every step of a sequence by a gated recurrent unit.

    r, z = σ(x W + b + h U), n = tanh(x W + b + r · (h U + c))
    h ← (1 − z) · n + z · h, y = h V + b
    loss = mean huber(y − t), huber(e) = e²/2 where |e| < 1, else |e| − 1/2
    learning rate of step k = 10⁻³ · 0.9ᵏ

Source: Cho et al., "Learning Phrase Representations using RNN Encoder-Decoder" (2014);
PyTorch's order, in which the reset gate comes after the product with U.
Shapes: x (batch, length, inputs), t (batch, length, outputs).
"""

from typing import cast

import jax.numpy as jnp
import optax
from flax import nnx
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Float, Int


class GRUCell(nnx.GRUCell):
    """With c, the bias of the hidden part, which `nnx.GRUCell` has not."""

    def __init__(self, inputs: int, hidden: int, *, rngs: nnx.Rngs):
        super().__init__(inputs, hidden, rngs=rngs)
        self.dense_h = nnx.Linear(hidden, 3 * hidden, rngs=rngs)

    def __call__(
        self, carry: Float[Array, "batch hidden"], inputs: Float[Array, "batch _"]
    ) -> tuple[Float[Array, "batch hidden"], Float[Array, "batch hidden"]]:
        input_r, input_z, input_n = jnp.split(self.dense_i(inputs), 3, axis=-1)
        hidden_r, hidden_z, hidden_n = jnp.split(self.dense_h(carry), 3, axis=-1)
        r = nnx.sigmoid(input_r + hidden_r)
        z = nnx.sigmoid(input_z + hidden_z)
        n = nnx.tanh(input_n + r * hidden_n)
        h = (1 - z) * n + z * carry
        return h, h


class Predictor(nnx.Module):
    """One recurrent layer and a linear one."""

    def __init__(self, inputs: int, hidden: int, outputs: int, *, rngs: nnx.Rngs):
        self.gru = nnx.RNN(GRUCell(inputs, hidden, rngs=rngs))
        self.output = nnx.Linear(hidden, outputs, rngs=rngs)

    def __call__(
        self, x: Float[Array, "batch length inputs"]
    ) -> Float[Array, "batch length outputs"]:
        h = cast(Array, self.gru(x))
        return self.output(h)


def build(*, inputs: int = 5, hidden: int = 7, outputs: int = 2) -> Predictor:
    """The model."""
    return Predictor(inputs, hidden, outputs, rngs=nnx.Rngs(0))


def build_optimizer(
    *, learning_rate: float = 1e-3, weight_decay: float = 1e-2
) -> optax.GradientTransformation:
    """Adam with decoupled weight decay, and its schedule."""

    # `optax.exponential_decay` takes its power in float32, in float64 too.
    def schedule(count: Int[ArrayLike, ""]) -> Float[Array, ""]:
        return learning_rate * jnp.power(0.9, count)

    return optax.adamw(schedule, weight_decay=weight_decay)


def loss(
    outputs: Float[Array, "*shape"], targets: Float[Array, "*shape"]
) -> Float[Array, ""]:
    """Mean of a square that becomes a line."""
    return optax.huber_loss(outputs, targets).mean()
