"""A line through the points, θ = (intercept, slope), with the update written out.

    ŷ = X θ,    loss = mean (ŷ − y)²,    θ ← θ − learning_rate · ∂loss/∂θ

Source: linear regression in the notebook "Basics of PyTorch".
Shapes: x (batch, columns), its first column ones; y (batch, outputs);
theta (columns, outputs).
"""

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float


def build(*, columns: int = 2, outputs: int = 1) -> dict[str, Array]:
    """θ, as ones."""
    return {"theta": jnp.ones((columns, outputs))}


def build_optimizer(model: dict[str, Array]) -> None:
    """None: the step itself is all there is."""


def loss(model: dict[str, Array], batch: dict[str, Array]) -> Float[Array, ""]:
    """Mean squared error."""
    return jnp.mean((predict(model, batch) - batch["y"]) ** 2)


def loss_and_gradients(
    model: dict[str, Array], batch: dict[str, Array]
) -> tuple[Float[Array, ""], dict[str, Array]]:
    """The loss and its derivatives, by automatic differentiation."""
    return jax.value_and_grad(loss)(model, batch)


@jax.jit
def train_step(
    model: dict[str, Array],
    optimizer: None,
    batch: dict[str, Array],
    *,
    learning_rate: float | Array = 0.1,
) -> tuple[Float[Array, ""], dict[str, Array]]:
    """One step of gradient descent; returns the loss before it and the new θ."""
    value, slopes = loss_and_gradients(model, batch)
    return value, {"theta": model["theta"] - learning_rate * slopes["theta"]}


def predict(
    model: dict[str, Array], inputs: dict[str, Array]
) -> Float[Array, "batch outputs"]:
    """ŷ."""
    return inputs["x"] @ model["theta"]
