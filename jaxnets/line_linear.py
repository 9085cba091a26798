"""A line, fitted by gradient descent: the smallest network there is.

    ŷ = x w + b,    loss = mean (ŷ − y)²,    θ ← θ − learning_rate · ∂loss/∂θ

Source: linear regression in the notebook "Basics of PyTorch".
Shapes: x (batch, inputs), y (batch, outputs); w (inputs, outputs), b (outputs,).
"""

import optax
from flax import nnx
from jax import Array
from jaxtyping import Float


class Line(nnx.Module):
    """ŷ = x w + b."""

    def __init__(self, inputs: int, outputs: int, *, rngs: nnx.Rngs):
        self.linear = nnx.Linear(inputs, outputs, rngs=rngs)

    def __call__(
        self, x: Float[Array, "batch inputs"]
    ) -> Float[Array, "batch outputs"]:
        return self.linear(x)


def build(*, inputs: int = 1, outputs: int = 1) -> Line:
    """The model."""
    return Line(inputs, outputs, rngs=nnx.Rngs(0))


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
