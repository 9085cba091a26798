"""Two layers without biases; the backward pass is written by hand, no autograd.

    h = x w1,    u = max(h, 0),    ŷ = u w2,    loss = Σ (ŷ − y)²
    ∂w2 = uᵀ s,    ∂w1 = xᵀ ((s w2ᵀ) · [h ≥ 0])    with s = ∂loss/∂ŷ = 2 (ŷ − y)

Source: the NumPy and tensor versions in "Learning PyTorch with Examples".
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
    """The loss and its derivatives, by the chain rule."""
    x, w1, w2 = batch["x"], model["w1"], model["w2"]
    h = x @ w1
    u = jnp.maximum(h, 0)
    residual = u @ w2 - batch["y"]
    slope = 2.0 * residual
    # The derivative of max(h, 0) at exactly 0 is 1 here; that of relu is 0.
    hidden_slope = jnp.where(h < 0, 0, slope @ w2.T)
    return jnp.sum(residual**2), {"w1": x.T @ hidden_slope, "w2": u.T @ slope}


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
    return jnp.maximum(inputs["x"] @ model["w1"], 0) @ model["w2"]
