"""A sequence told apart by the last hidden state of a long short-term memory.

    i, f, o = σ(x W + h U + b), g = tanh(x W + h U + b)
    c ← f · c + i · g, h ← o · tanh c
    z = h_last V + b, loss = mean (log Σ exp z − z_label)

Source: Hochreiter and Schmidhuber, "Long Short-Term Memory" (1997), with the forget
gate of Gers, Schmidhuber and Cummins (2000).
Shapes: x (batch, length, inputs), labels (batch,) whole numbers.
"""

from typing import cast

import optax
from flax import nnx
from jax import Array
from jaxtyping import Float, Int


class Classifier(nnx.Module):
    """One recurrent layer and a linear one."""

    def __init__(self, inputs: int, hidden: int, classes: int, *, rngs: nnx.Rngs):
        self.lstm = nnx.RNN(nnx.OptimizedLSTMCell(inputs, hidden, rngs=rngs))
        self.output = nnx.Linear(hidden, classes, rngs=rngs)

    def __call__(
        self, x: Float[Array, "batch length inputs"]
    ) -> Float[Array, "batch classes"]:
        h = cast(Array, self.lstm(x))
        return self.output(h[:, -1])


def build(*, inputs: int = 5, hidden: int = 7, classes: int = 4) -> Classifier:
    """The model."""
    return Classifier(inputs, hidden, classes, rngs=nnx.Rngs(0))


def build_optimizer(
    *, learning_rate: float = 1e-3, weight_decay: float = 1e-2
) -> optax.GradientTransformation:
    """Adam with decoupled weight decay."""
    return optax.adamw(learning_rate, weight_decay=weight_decay)


def loss(
    outputs: Float[Array, "batch classes"], labels: Int[Array, " batch"]
) -> Float[Array, ""]:
    """Mean cross entropy of logits."""
    return optax.softmax_cross_entropy_with_integer_labels(outputs, labels).mean()
