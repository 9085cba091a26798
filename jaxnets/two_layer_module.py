"""Two layers as a module class of one's own, moved by gradient descent.

    ŷ = max(x W₁ + b₁, 0) W₂ + b₂,    loss = Σ (ŷ − y)²
    θ ← θ − learning_rate · ∂loss/∂θ

Source: the version with custom modules in "Learning PyTorch with Examples".
Shapes: x (batch, inputs), y (batch, outputs); W₁ (inputs, hidden),
W₂ (hidden, outputs).
"""

import jax.numpy as jnp
import optax
from flax import nnx
from jax import Array
from jaxtyping import Float


class TwoLayerNet(nnx.Module):
    """Linear, clamp, linear."""

    def __init__(self, inputs: int, hidden: int, outputs: int, *, rngs: nnx.Rngs):
        self.linear1 = nnx.Linear(inputs, hidden, rngs=rngs)
        self.linear2 = nnx.Linear(hidden, outputs, rngs=rngs)

    def __call__(
        self, x: Float[Array, "batch inputs"]
    ) -> Float[Array, "batch outputs"]:
        h = self.linear1(x)
        # Has the derivative 1 at 0, like PyTorch's clamp; relu has 0 and maximum has ½.
        return self.linear2(jnp.where(h < 0, 0, h))


def build(*, inputs: int = 1000, hidden: int = 100, outputs: int = 10) -> TwoLayerNet:
    """The model."""
    return TwoLayerNet(inputs, hidden, outputs, rngs=nnx.Rngs(0))


def build_optimizer(
    model: TwoLayerNet, *, learning_rate: float | Array = 1e-4
) -> nnx.Optimizer:
    """Plain gradient descent."""
    return nnx.Optimizer(model, optax.sgd(learning_rate), wrt=nnx.Param)


def loss(model: TwoLayerNet, batch: dict[str, Array]) -> Float[Array, ""]:
    """Sum of squared errors."""
    return optax.squared_error(model(batch["x"]), batch["y"]).sum()


@nnx.jit
def train_step(
    model: TwoLayerNet, optimizer: nnx.Optimizer, batch: dict[str, Array]
) -> Float[Array, ""]:
    """One step of training, in place; returns the loss before it."""
    value, gradients = nnx.value_and_grad(loss)(model, batch)
    optimizer.update(model, gradients)
    return value


def predict(
    model: TwoLayerNet, inputs: dict[str, Array]
) -> Float[Array, "batch outputs"]:
    """ŷ."""
    return model(inputs["x"])
