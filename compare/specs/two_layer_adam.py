"""The same two layers with autograd and Adam, as one would write them today.

Adam is where ports go wrong in silence: eps inside or outside the root, the bias
correction, the order of the betas. ReLU's derivative at exactly 0 is 0 here, so the
zero unit never moves; in `two_layer_manual` it does.
"""

from functools import partial

import numpy as np

from compare.data import white_noise
from compare.initial import linear
from compare.spec import Arrays, Training, full_batch

POINTS = 64
SIZES = {"inputs": 1000, "hidden": 100, "outputs": 10}
STEPS = 500


def prediction_inputs(data: Arrays) -> dict[str, Arrays]:
    """The points themselves."""
    return {"": {"x": data["x"]}}


def mean_squared_error(predictions: Arrays, data: Arrays) -> float:
    """How well the points are memorized."""
    return float(np.mean((predictions[""] - data["y"]) ** 2))


SPEC = Training(
    teaches="a two-layer network with autograd and Adam",
    sizes=SIZES,
    hyperparameters={"learning_rate": 1e-4, "b1": 0.9, "b2": 0.999, "eps": 1e-8},
    parameters={
        **linear("linear1", SIZES["inputs"], outputs=SIZES["hidden"], zero_unit=0),
        **linear("linear2", SIZES["hidden"], outputs=SIZES["outputs"]),
    },
    steps=STEPS,
    data=partial(
        white_noise, points=POINTS, inputs=SIZES["inputs"], outputs=SIZES["outputs"]
    ),
    batches=full_batch,
    prediction_inputs=prediction_inputs,
    metric_name="mean squared error",
    metric=mean_squared_error,
)
