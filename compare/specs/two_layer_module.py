"""Two layers as a module class of one's own, moved by plain gradient descent.

A class holds the layers and a method says how they are used, in ordinary Python: here
with `clamp(min=0)` in the place of a ReLU, which is the same function with another
derivative at 0.

Notebook: "Introduction to PyTorch", the version with custom modules.
Equation:
    ŷ = max(x W₁ + b₁, 0) W₂ + b₂,  loss = Σ (ŷ − y)²,  θ ← θ − 10⁻⁴ · ∂loss/∂θ
Differs: in the derivative of max(h, 0) at 0. PyTorch's `clamp(min=0)` has 1, so the
zero unit learns; of JAX's spellings `relu` has 0 and `maximum` ½, so the twin writes
`where`.
"""

from dataclasses import replace

from compare.fault import Edit, Fault
from compare.initial import linear
from compare.specs.two_layer_sequential import SIZES
from compare.specs.two_layer_sequential import SPEC as SEQUENTIAL

FAULTS = (
    Fault(
        "relu for clamp",
        "torch",
        "gradients",
        Edit("self.linear1(x).clamp(min=0)", "F.relu(self.linear1(x))"),
    ),
    Fault(
        "momentum of 1e-9",
        "jax",
        "state",
        Edit("optax.sgd(learning_rate)", "optax.sgd(learning_rate, 1e-9)"),
        says="torch has no state momentum",
    ),
)

SPEC = replace(
    SEQUENTIAL,
    teaches="two layers as a module class, clamp for ReLU, plain gradient descent",
    parameters={
        **linear("linear1", SIZES["inputs"], outputs=SIZES["hidden"], zero_unit=0),
        **linear("linear2", SIZES["hidden"], outputs=SIZES["outputs"]),
    },
    faults=FAULTS,
)
