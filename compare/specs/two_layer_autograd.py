"""The two layers by hand once more, with the backward pass left to autograd.

Only the gradients are new, so the run must be that of `two_layer_manual`, step for
step, and NumPy's. It is, because both sides take care of one point: the derivative of
max(h, 0) where h is exactly 0.

Notebook: "Introduction to PyTorch", the version with tensors and autograd.
Equation:
    ŷ = max(x w₁, 0) w₂,  loss = Σ (ŷ − y)²,  w ← w − 10⁻⁶ · ∂loss/∂w
Differs: in the derivative of max(h, 0) at 0. PyTorch's `clamp(min=0)` has 1, as the
mask by hand; of JAX's spellings `relu` has 0 and `maximum` ½, so the twin writes
`where`.
"""

from dataclasses import replace

from compare.fault import Edit, Fault
from compare.spec import Sibling
from compare.specs.two_layer_manual import SPEC as BY_HAND

FAULTS = (
    Fault(
        "a half where clamp has 1",
        "jax",
        "gradients",
        Edit("jnp.where(h < 0, 0, h)", "jnp.maximum(h, 0)"),
    ),
    Fault(
        "gradients of the step before not cleared",
        "torch",
        "update",
        Edit("        weight.grad = None\n", ""),
    ),
)

SPEC = replace(
    BY_HAND,
    teaches="the two layers by hand with automatic gradients: the same run",
    siblings=(Sibling("two_layer_manual"),),
    faults=FAULTS,
    untimed={
        "torch compile": "autograd inside of the step cannot be one graph",
    },
)
