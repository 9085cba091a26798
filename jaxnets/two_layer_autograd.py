"""Two layers without biases; the backward pass is left to automatic differentiation.

    ŷ = max(x w1, 0) w2,    loss = Σ (ŷ − y)²,    w ← w − learning_rate · ∂loss/∂w

Source: the version with autograd in "Learning PyTorch with Examples".
Shapes: x (batch, inputs), y (batch, outputs); w1 (inputs, hidden),
w2 (hidden, outputs).
"""

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float


def build(
    *, inputs: int = 1000, hidden: int = 100, outputs: int = 10
) -> dict[str, Array]:
    """The weights, as zeros to be filled in."""
    return {"w1": jnp.zeros((inputs, hidden)), "w2": jnp.zeros((hidden, outputs))}


def build_optimizer(model: dict[str, Array]) -> None:
    """None: the step itself is all there is."""


def loss(model: dict[str, Array], batch: dict[str, Array]) -> Float[Array, ""]:
    """Sum of squared errors."""
    return jnp.sum((predict(model, batch) - batch["y"]) ** 2)


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
    learning_rate: float | Array = 1e-6,
) -> tuple[Float[Array, ""], dict[str, Array]]:
    """One step of gradient descent; returns the loss before it and the new weights."""
    value, slopes = loss_and_gradients(model, batch)
    model = {name: model[name] - learning_rate * slopes[name] for name in model}
    return value, model


def predict(
    model: dict[str, Array], inputs: dict[str, Array]
) -> Float[Array, "batch outputs"]:
    """ŷ."""
    h = inputs["x"] @ model["w1"]
    # Has the derivative 1 at 0, like PyTorch's clamp; relu has 0 and maximum has ½.
    return jnp.where(h < 0, 0, h) @ model["w2"]
