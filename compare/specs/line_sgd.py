"""The line once more, moved by the optimizer library in place of a subtraction.

Same θ, same column of ones, same loss as `line_manual`. What is new is a thing that
holds the rule of the step, so that the loop no longer changes when the rule does.

Notebook: "Basics of PyTorch", the second loop of its linear regression.
Equation:
    loss = mean (X θ − y)²,  X = (1, x),  θ ← θ − 0.1 · ∂loss/∂θ,  θ₀ = (1, 1)
Differs: in who knows whom. PyTorch's optimizer holds the tensors and reads their
`.grad`; Optax is a function from gradients to updates, which NNX's `Optimizer` applies.
"""

from dataclasses import replace

from compare.fault import Edit, Fault
from compare.spec import Sibling
from compare.specs.line_manual import SPEC as BY_HAND
from compare.specs.line_manual import of_linear_layer

FAULTS = (
    Fault(
        "ascent for descent",
        "jax",
        "update",
        Edit("optax.sgd(learning_rate)", "optax.sgd(-learning_rate)"),
    ),
    Fault(
        "a decay of 1e-9 that nobody asked for",
        "torch",
        "update",
        Edit("lr=learning_rate", "lr=learning_rate, weight_decay=1e-9"),
    ),
)

SPEC = replace(
    BY_HAND,
    teaches="the line with a column of ones, gradient descent by the library",
    siblings=(Sibling("line_linear", of_linear_layer),),
    faults=FAULTS,
)
