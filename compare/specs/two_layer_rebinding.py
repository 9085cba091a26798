"""A training loop that trains nothing: the update goes to a name, not to the model.

The notebook's loop says `param = param - …` where it means `param -= …`. That makes a
new tensor, gives it to the loop's variable and forgets it, so the loss stays where it
was, to the last bit, for all 500 steps; the printed losses are five times the same. In
JAX nothing is ever changed in place, so the same mistake is to compute new parameters
and not to use them. Nothing warns of it in either framework. `two_layer_sequential` is
what was meant.

Notebook: "Introduction to PyTorch", the version with `nn`, as printed.
Equation:
    ŷ = relu(x W₁ + b₁) W₂ + b₂,  loss = Σ (ŷ − y)²,  θ ← θ
Differs: in nothing: both stand still.
"""

from dataclasses import replace

from compare.fault import Edit, Fault
from compare.specs.two_layer_sequential import SPEC as MENDED

FAULTS = (
    Fault(
        "what must stand still moves",
        "torch",
        "update",
        Edit("parameter = parameter -", "parameter -="),
    ),
    Fault(
        "gradients of nothing",
        "jax",
        "gradients",
        Edit(
            'squared_error(model(batch["x"])',
            'squared_error(jax.lax.stop_gradient(model(batch["x"]))',
        ),
    ),
)

SPEC = replace(
    MENDED,
    teaches="an update that makes new parameters and throws them away",
    still=frozenset(MENDED.parameters),
    faults=FAULTS,
    untimed={
        "jax scan": "nothing changes from step to step, and XLA takes one for them all"
    },
)
