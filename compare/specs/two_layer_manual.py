"""A network without autograd: forward and backward pass written out by hand.

What automatic differentiation does is shown on the smallest network that needs it: two
layers, no biases, the chain rule in five lines. The same twenty lines of NumPy are the
oracle: a third opinion, from a library that knows no gradients.

Notebook: "Introduction to PyTorch", the NumPy version and the tensor version.
Equation:
    h = x w₁,  u = max(h, 0),  ŷ = u w₂,  loss = Σ (ŷ − y)²,  s = 2 (ŷ − y)
    w₂ ← w₂ − 10⁻⁶ uᵀ s,  w₁ ← w₁ − 10⁻⁶ xᵀ ((s w₂ᵀ) · [h ≥ 0])
Differs: in nothing, for the mask is written by hand on both sides. It is 0 where h < 0,
so ReLU's derivative at exactly 0 is 1 here, where autograd's of `relu` is 0.
"""

from functools import partial

import numpy as np

from compare.data import white_noise
from compare.fault import Edit, Fault
from compare.initial import Normal
from compare.predictions import at_points, mean_squared_error
from compare.spec import Arrays, Prepared, Training, full_batch
from compare.work import dense

POINTS = 64
SIZES = {"inputs": 1000, "hidden": 100, "outputs": 10}
STEPS = 500
LEARNING_RATE = 1e-6


def in_numpy(prepared: Prepared, steps: int) -> Arrays:
    """The same descent in NumPy; w1 is left out, being 100,000 numbers per step."""
    x, y = prepared.data["x"], prepared.data["y"]
    w1, w2 = prepared.parameters["w1"].copy(), prepared.parameters["w2"].copy()
    losses, output_weights = np.empty(steps), np.empty((steps, *w2.shape))
    for step in range(steps):
        h = x @ w1
        activation = np.maximum(h, 0)
        residual = activation @ w2 - y
        losses[step] = np.sum(residual**2)
        slope = 2 * residual
        hidden_slope = np.where(h < 0, 0, slope @ w2.T)
        w1 -= LEARNING_RATE * (x.T @ hidden_slope)
        w2 -= LEARNING_RATE * (activation.T @ slope)
        output_weights[step] = w2
    return {"loss": losses, "parameters/w2": output_weights}


FAULTS = (
    Fault(
        "mask <= for <",
        "torch",
        "gradients",
        Edit("masked_fill(h < 0, 0)", "masked_fill(h <= 0, 0)"),
    ),
)

SPEC = Training(
    teaches="a two-layer network with the backward pass written by hand",
    sizes=SIZES,
    hyperparameters={"learning_rate": LEARNING_RATE},
    parameters={
        "w1": Normal((SIZES["inputs"], SIZES["hidden"]), zero_unit=0),
        "w2": Normal((SIZES["hidden"], SIZES["outputs"])),
    },
    steps=STEPS,
    float64_steps=STEPS,
    data=partial(
        white_noise, points=POINTS, inputs=SIZES["inputs"], outputs=SIZES["outputs"]
    ),
    batches=full_batch,
    work=dense(*SIZES.values()),
    prediction_inputs=at_points,
    metric_name="mean squared error",
    metric=mean_squared_error,
    oracle=in_numpy,
    printed=range(99, STEPS, 100),
    log_loss=True,
    faults=FAULTS,
)
