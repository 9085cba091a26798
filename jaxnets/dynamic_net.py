"""A network that is 0 to 3 layers deeper at each step, reusing one layer.

    h₀ = max(x W_in + b_in, 0),    h_{i+1} = max(h_i W_mid + b_mid, 0),    i < depth
    ŷ = h_depth W_out + b_out,    loss = Σ (ŷ − y)²
    m ← momentum · m + g,    θ ← θ − learning_rate · m

Source: "Control Flow + Weight Sharing" in "Learning PyTorch with Examples".
Shapes: x (batch, inputs), y (batch, outputs), depth (); W_in (inputs, hidden),
W_mid (hidden, hidden), W_out (hidden, outputs).
"""

from functools import partial

import jax
import jax.numpy as jnp
import optax
from flax import nnx
from jax import Array
from jaxtyping import Float, Int

MAX_DEPTH = 3


class DynamicNet(nnx.Module):
    """Input layer, the middle layer `depth` times, output layer."""

    def __init__(self, inputs: int, hidden: int, outputs: int, *, rngs: nnx.Rngs):
        self.input_linear = nnx.Linear(inputs, hidden, rngs=rngs)
        self.middle_linear = nnx.Linear(hidden, hidden, rngs=rngs)
        self.output_linear = nnx.Linear(hidden, outputs, rngs=rngs)

    def __call__(
        self, x: Float[Array, "batch inputs"], depth: Int[Array, ""]
    ) -> Float[Array, "batch outputs"]:
        h = _clamp(self.input_linear(x))
        # One branch per depth: a loop of traced length has no reverse derivative.
        branches = [partial(self._middle, times) for times in range(MAX_DEPTH + 1)]
        return self.output_linear(jax.lax.switch(depth, branches, h))

    def _middle(
        self, times: int, h: Float[Array, "batch hidden"]
    ) -> Float[Array, "batch hidden"]:
        for _ in range(times):
            h = _clamp(self.middle_linear(h))
        return h


def _clamp(h: Float[Array, "batch hidden"]) -> Float[Array, "batch hidden"]:
    # Has the derivative 1 at 0, like PyTorch's clamp; relu has 0 and maximum has ½.
    return jnp.where(h < 0, 0, h)


def build(*, inputs: int = 1000, hidden: int = 100, outputs: int = 10) -> DynamicNet:
    """The model."""
    return DynamicNet(inputs, hidden, outputs, rngs=nnx.Rngs(0))


def build_optimizer(
    model: DynamicNet,
    *,
    learning_rate: float | Array = 1e-4,
    momentum: float | Array = 0.9,
) -> nnx.Optimizer:
    """Gradient descent with momentum."""
    return nnx.Optimizer(model, optax.sgd(learning_rate, momentum), wrt=nnx.Param)


def loss(model: DynamicNet, batch: dict[str, Array]) -> Float[Array, ""]:
    """Sum of squared errors at the depth of the batch."""
    predictions = model(batch["x"], batch["depth"])
    return optax.squared_error(predictions, batch["y"]).sum()


@nnx.jit
def train_step(
    model: DynamicNet, optimizer: nnx.Optimizer, batch: dict[str, Array]
) -> Float[Array, ""]:
    """One step of training, in place; returns the loss before it."""
    value, gradients = nnx.value_and_grad(loss)(model, batch)
    optimizer.update(model, gradients)
    return value


def train_step_default(
    model: DynamicNet, optimizer: nnx.Optimizer, batch: dict[str, Array]
) -> Float[Array, ""]:
    """The same step: Optax has no notion of an unused parameter, its gradient is 0."""
    return train_step(model, optimizer, batch)


def predict(
    model: DynamicNet, inputs: dict[str, Array]
) -> Float[Array, "batch outputs"]:
    """ŷ at the depth of the inputs."""
    return model(inputs["x"], inputs["depth"])
