"""A perceptron whose layers are normalized, with one residual connection.

    h₁ = gelu(norm(x W₁ + b₁)), h₂ = h₁ + gelu(norm(h₁ W₂ + b₂))
    y = h₂ W₃ + b₃, loss = mean (y − t)²

Source: Ba, Kiros and Hinton, "Layer Normalization" (2016); Hendrycks and Gimpel,
"Gaussian Error Linear Units" (2016), with the exact Φ.
Shapes: x (batch, inputs), t (batch, outputs).
"""

import optax
from flax import nnx
from jax import Array
from jaxtyping import Float


class MLP(nnx.Module):
    """Three linear layers, the first two normalized."""

    def __init__(self, inputs: int, hidden: int, outputs: int, *, rngs: nnx.Rngs):
        self.linear1 = nnx.Linear(inputs, hidden, rngs=rngs)
        self.norm1 = nnx.LayerNorm(hidden, epsilon=1e-5, rngs=rngs)
        self.linear2 = nnx.Linear(hidden, hidden, rngs=rngs)
        self.norm2 = nnx.LayerNorm(hidden, epsilon=1e-5, rngs=rngs)
        self.output = nnx.Linear(hidden, outputs, rngs=rngs)

    def __call__(self, x: Float[Array, "batch inputs"]) -> Float[Array, "batch _"]:
        h = nnx.gelu(self.norm1(self.linear1(x)), approximate=False)
        h = h + nnx.gelu(self.norm2(self.linear2(h)), approximate=False)
        return self.output(h)


def build(*, inputs: int = 5, hidden: int = 8, outputs: int = 3) -> MLP:
    """The model."""
    return MLP(inputs, hidden, outputs, rngs=nnx.Rngs(0))


def build_optimizer(
    *, learning_rate: float = 1e-3, weight_decay: float = 1e-2
) -> optax.GradientTransformation:
    """Adam with decoupled weight decay."""
    return optax.adamw(learning_rate, weight_decay=weight_decay)


def loss(
    outputs: Float[Array, "batch n"], targets: Float[Array, "batch n"]
) -> Float[Array, ""]:
    """Mean squared error."""
    return optax.squared_error(outputs, targets).mean()
