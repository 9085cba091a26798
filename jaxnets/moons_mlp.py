"""Two moons told apart by three layers, in batches, with weight decay.

    p = σ(relu(relu(x W₁ + b₁) W₂ + b₂) W₃ + b₃)
    loss = −mean (y · log p + (1 − y) · log(1 − p))
    θ ← θ − learning_rate · (∂loss/∂θ + weight_decay · θ)

Source: "Logistic Regression with a non-linear neural network" in the notebook
"Neural Networks with PyTorch", with the gradients cleared at every batch.
Shapes: x (batch, inputs), y (batch,); W₁ (inputs, hidden), W₂ (hidden, hidden),
W₃ (hidden, outputs).
"""

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx
from jax import Array
from jaxtyping import Float


class MoonsNet(nnx.Module):
    """Three linear layers; the probability of label 1."""

    def __init__(self, inputs: int, hidden: int, outputs: int, *, rngs: nnx.Rngs):
        self.hidden1 = nnx.Linear(inputs, hidden, rngs=rngs)
        self.hidden2 = nnx.Linear(hidden, hidden, rngs=rngs)
        self.output = nnx.Linear(hidden, outputs, rngs=rngs)

    def __call__(self, x: Float[Array, "batch inputs"]) -> Float[Array, " batch"]:
        h = nnx.relu(self.hidden1(x))
        h = nnx.relu(self.hidden2(h))
        return nnx.sigmoid(self.output(h)).squeeze(-1)


def build(*, inputs: int = 2, hidden: int = 500, outputs: int = 1) -> MoonsNet:
    """The model."""
    return MoonsNet(inputs, hidden, outputs, rngs=nnx.Rngs(0))


def build_optimizer(
    model: MoonsNet,
    *,
    learning_rate: float | Array = 0.5,
    weight_decay: float | Array = 1e-2,
) -> nnx.Optimizer:
    """Gradient descent with weight decay."""
    # The decay comes before the step, as part of the gradient.
    descent = optax.chain(
        optax.add_decayed_weights(weight_decay),
        optax.sgd(learning_rate),
    )
    return nnx.Optimizer(model, descent, wrt=nnx.Param)


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


def loss(model: MoonsNet, batch: dict[str, Array]) -> Float[Array, ""]:
    """Binary cross entropy."""
    return binary_cross_entropy(model(batch["x"]), batch["y"])


@nnx.jit
def train_step(
    model: MoonsNet, optimizer: nnx.Optimizer, batch: dict[str, Array]
) -> Float[Array, ""]:
    """One step of training, in place; returns the loss before it."""
    value, gradients = nnx.value_and_grad(loss)(model, batch)
    optimizer.update(model, gradients)
    return value


def predict(model: MoonsNet, inputs: dict[str, Array]) -> Float[Array, " batch"]:
    """The probability of label 1."""
    return model(inputs["x"])
