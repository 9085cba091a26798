"""A network without autograd: forward and backward pass written out by hand.

The same twenty lines of NumPy are the oracle. The backward pass zeroes the gradient
where h < 0, so ReLU's derivative at exactly 0 is 1 here, where autograd's is 0.
"""

from functools import partial

import numpy as np

from compare.data import white_noise
from compare.fault import Edit, Fault
from compare.initial import Normal
from compare.spec import Arrays, Prepared, Training, full_batch

POINTS = 64
SIZES = {"inputs": 1000, "hidden": 100, "outputs": 10}
STEPS = 500
LEARNING_RATE = 1e-6


def prediction_inputs(data: Arrays) -> dict[str, Arrays]:
    """The points themselves."""
    return {"": {"x": data["x"]}}


def mean_squared_error(predictions: Arrays, data: Arrays) -> float:
    """How well the points are memorized."""
    return float(np.mean((predictions[""] - data["y"]) ** 2))


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
    prediction_inputs=prediction_inputs,
    metric_name="mean squared error",
    metric=mean_squared_error,
    oracle=in_numpy,
    faults=FAULTS,
)
