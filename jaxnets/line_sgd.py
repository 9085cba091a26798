"""A line through the points, θ = (intercept, slope), moved by the optimizer library.

    ŷ = X θ,    loss = mean (ŷ − y)²,    θ ← θ − learning_rate · ∂loss/∂θ

Source: linear regression in the notebook "Basics of PyTorch".
Shapes: x (batch, columns), its first column ones; y (batch, outputs);
theta (columns, outputs).
"""

import jax.numpy as jnp
import optax
from flax import nnx
from jax import Array
from jaxtyping import Float


class Line(nnx.Module):
    """ŷ = X θ, with θ started at ones."""

    def __init__(self, columns: int, outputs: int):
        self.theta = nnx.Param(jnp.ones((columns, outputs)))

    def __call__(
        self, x: Float[Array, "batch columns"]
    ) -> Float[Array, "batch outputs"]:
        return x @ self.theta[...]


def build(*, columns: int = 2, outputs: int = 1) -> Line:
    """The model."""
    return Line(columns, outputs)


def build_optimizer(
    model: Line, *, learning_rate: float | Array = 0.1
) -> nnx.Optimizer:
    """Plain gradient descent."""
    return nnx.Optimizer(model, optax.sgd(learning_rate), wrt=nnx.Param)


def loss(model: Line, batch: dict[str, Array]) -> Float[Array, ""]:
    """Mean squared error."""
    return optax.squared_error(model(batch["x"]), batch["y"]).mean()


@nnx.jit
def train_step(
    model: Line, optimizer: nnx.Optimizer, batch: dict[str, Array]
) -> Float[Array, ""]:
    """One step of training, in place; returns the loss before it."""
    value, gradients = nnx.value_and_grad(loss)(model, batch)
    optimizer.update(model, gradients)
    return value


def predict(model: Line, inputs: dict[str, Array]) -> Float[Array, "batch outputs"]:
    """ŷ."""
    return model(inputs["x"])
