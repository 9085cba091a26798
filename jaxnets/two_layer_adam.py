"""Two layers with autograd and Adam, as one would write them today.

    ŷ = relu(x W₁ + b₁) W₂ + b₂,    loss = Σ (ŷ − y)²
    m ← b1 m + (1 − b1) g,    v ← b2 v + (1 − b2) g²
    θ ← θ − learning_rate · m / (1 − b1ᵗ) / (√(v / (1 − b2ᵗ)) + eps)

Source: the version with `optim` in "Learning PyTorch with Examples".
Shapes: x (batch, inputs), y (batch, outputs); W₁ (inputs, hidden),
W₂ (hidden, outputs).
"""

import optax
from flax import nnx
from jax import Array
from jaxtyping import Float


class TwoLayerNet(nnx.Module):
    """Linear, ReLU, linear."""

    def __init__(self, inputs: int, hidden: int, outputs: int, *, rngs: nnx.Rngs):
        self.linear1 = nnx.Linear(inputs, hidden, rngs=rngs)
        self.linear2 = nnx.Linear(hidden, outputs, rngs=rngs)

    def __call__(
        self, x: Float[Array, "batch inputs"]
    ) -> Float[Array, "batch outputs"]:
        return self.linear2(nnx.relu(self.linear1(x)))


def build(*, inputs: int = 1000, hidden: int = 100, outputs: int = 10) -> TwoLayerNet:
    """The model."""
    return TwoLayerNet(inputs, hidden, outputs, rngs=nnx.Rngs(0))


def build_optimizer(
    model: TwoLayerNet,
    *,
    learning_rate: float | Array = 1e-4,
    b1: float | Array = 0.9,
    b2: float | Array = 0.999,
    eps: float | Array = 1e-8,
) -> nnx.Optimizer:
    """Adam."""
    adam = optax.adam(learning_rate, b1, b2, eps)
    return nnx.Optimizer(model, adam, wrt=nnx.Param)


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
