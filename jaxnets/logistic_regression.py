"""Two moons and a straight line between them: logistic regression.

    p = σ(x w + b),    loss = −mean (y · log p + (1 − y) · log(1 − p))
    θ ← θ − learning_rate · ∂loss/∂θ

Source: "Logistic Regression" in the notebook "Neural Networks with PyTorch".
Shapes: x (batch, inputs), y (batch,); w (inputs, outputs), b (outputs,).
"""

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx
from jax import Array
from jaxtyping import Float


class LogisticRegression(nnx.Module):
    """A linear layer and a sigmoid; the probability of label 1."""

    def __init__(self, inputs: int, outputs: int, *, rngs: nnx.Rngs):
        self.linear = nnx.Linear(inputs, outputs, rngs=rngs)

    def __call__(self, x: Float[Array, "batch inputs"]) -> Float[Array, " batch"]:
        return nnx.sigmoid(self.linear(x)).squeeze(-1)


def build(*, inputs: int = 2, outputs: int = 1) -> LogisticRegression:
    """The model."""
    return LogisticRegression(inputs, outputs, rngs=nnx.Rngs(0))


def build_optimizer(
    model: LogisticRegression, *, learning_rate: float | Array = 0.5
) -> nnx.Optimizer:
    """Plain gradient descent."""
    return nnx.Optimizer(model, optax.sgd(learning_rate), wrt=nnx.Param)


# PyTorch keeps this constant in float32, in float64 too.
_LEAST_VARIANCE = float(np.float32(1e-12))


@jax.custom_jvp
def _cross_entropy(
    p: Float[Array, "..."], y: Float[Array, "..."]
) -> Float[Array, "..."]:
    log_p, log_q = jnp.log(p), jnp.log1p(-p)
    return (y - 1) * jnp.maximum(log_q, -100) - y * jnp.maximum(log_p, -100)


# The derivative of a clamped logarithm is 0 · ∞ = NaN where p has become 0 or 1.
_cross_entropy.defjvps(
    lambda dp, _, p, y: dp * (p - y) / jnp.maximum((1 - p) * p, _LEAST_VARIANCE),
    lambda dy, _, p, y: dy * (jnp.log1p(-p) - jnp.log(p)),
)


def binary_cross_entropy(
    probabilities: Float[Array, " batch"], labels: Float[Array, " batch"]
) -> Float[Array, ""]:
    """Mean cross entropy; logarithms end at −100, p (1 − p) in the slope at 1e-12."""
    return _cross_entropy(probabilities, labels).mean()


def loss(model: LogisticRegression, batch: dict[str, Array]) -> Float[Array, ""]:
    """Binary cross entropy."""
    return binary_cross_entropy(model(batch["x"]), batch["y"])


@nnx.jit
def train_step(
    model: LogisticRegression, optimizer: nnx.Optimizer, batch: dict[str, Array]
) -> Float[Array, ""]:
    """One step of training, in place; returns the loss before it."""
    value, gradients = nnx.value_and_grad(loss)(model, batch)
    optimizer.update(model, gradients)
    return value


def predict(
    model: LogisticRegression, inputs: dict[str, Array]
) -> Float[Array, " batch"]:
    """The probability of label 1."""
    return model(inputs["x"])
