"""Linear regression: a plane through noisy points, fitted by gradient descent.

    ŷ = x w + b,    loss = mean (ŷ − y)²,    θ ← θ − learning_rate · ∂loss/∂θ

Source: "Linear Regression" in the notebook "Neural Networks with PyTorch".
Shapes: x (batch, inputs), y (batch, outputs); w (inputs, outputs), b (outputs,).
"""

import optax
from flax import nnx
from jax import Array
from jaxtyping import Float


class LinearRegression(nnx.Module):
    """ŷ = x w + b."""

    def __init__(self, inputs: int, outputs: int, *, rngs: nnx.Rngs):
        self.fc = nnx.Linear(inputs, outputs, rngs=rngs)

    def __call__(
        self, x: Float[Array, "batch inputs"]
    ) -> Float[Array, "batch outputs"]:
        return self.fc(x)


def build(*, inputs: int = 2, outputs: int = 1) -> LinearRegression:
    """The model."""
    return LinearRegression(inputs, outputs, rngs=nnx.Rngs(0))


def build_optimizer(
    model: LinearRegression, *, learning_rate: float | Array = 1e-2
) -> nnx.Optimizer:
    """Plain gradient descent."""
    return nnx.Optimizer(model, optax.sgd(learning_rate), wrt=nnx.Param)


def loss(model: LinearRegression, batch: dict[str, Array]) -> Float[Array, ""]:
    """Mean squared error."""
    return optax.squared_error(model(batch["x"]), batch["y"]).mean()


@nnx.jit
def train_step(
    model: LinearRegression, optimizer: nnx.Optimizer, batch: dict[str, Array]
) -> Float[Array, ""]:
    """One step of training, in place; returns the loss before it."""
    value, gradients = nnx.value_and_grad(loss)(model, batch)
    optimizer.update(model, gradients)
    return value


def predict(
    model: LinearRegression, inputs: dict[str, Array]
) -> Float[Array, "batch outputs"]:
    """ŷ."""
    return model(inputs["x"])
