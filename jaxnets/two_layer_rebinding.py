"""Two layers whose update is thrown away: a training loop that trains nothing.

    ŷ = relu(x W₁ + b₁) W₂ + b₂,    loss = Σ (ŷ − y)²
    θ ← θ

Source: the version with `nn`, as printed, in "Learning PyTorch with Examples".
Shapes: x (batch, inputs), y (batch, outputs); W₁ (inputs, hidden),
W₂ (hidden, outputs).
"""

import jax
import optax
from flax import nnx
from jax import Array
from jaxtyping import Float


def build(
    *, inputs: int = 1000, hidden: int = 100, outputs: int = 10
) -> nnx.Sequential:
    """The model."""
    rngs = nnx.Rngs(0)
    return nnx.Sequential(
        nnx.Linear(inputs, hidden, rngs=rngs),
        nnx.relu,
        nnx.Linear(hidden, outputs, rngs=rngs),
    )


def build_optimizer(model: nnx.Sequential) -> None:
    """None: the step itself is all there is."""


def loss(model: nnx.Sequential, batch: dict[str, Array]) -> Float[Array, ""]:
    """Sum of squared errors."""
    return optax.squared_error(model(batch["x"]), batch["y"]).sum()


@nnx.jit
def train_step(
    model: nnx.Sequential,
    optimizer: None,
    batch: dict[str, Array],
    *,
    learning_rate: float | Array = 1e-4,
) -> Float[Array, ""]:
    """What looks like a step of training; returns the loss, which never changes."""
    value, slopes = nnx.value_and_grad(loss)(model, batch)
    # The new parameters are returned and dropped: the model keeps the old ones.
    parameters = nnx.state(model, nnx.Param)
    jax.tree.map(lambda p, slope: p - learning_rate * slope, parameters, slopes)
    return value


def predict(
    model: nnx.Sequential, inputs: dict[str, Array]
) -> Float[Array, "batch outputs"]:
    """ŷ."""
    return model(inputs["x"])
