"""Linear regression in the plane: two inputs, one output, a weight to be found.

The points are made with a weight that is drawn and a bias of 2; the fit must come back
to them up to the noise. The inputs are spread five times as wide as a standard
normal's, so that the loss is steep along the weight and flat along the bias: that is
what bounds the learning rate.

Notebook: "Neural Networks with PyTorch", Linear Regression.
Equation:
    y = x w + 2 + ε,  ŷ = x W + b
    loss = mean (ŷ − y)²,  θ = (b, W) ← θ − 0.01 · ∂loss/∂θ
    θ_t = θ* + (I − ηH)^t (θ₀ − θ*),  H = 2 XᵀX / N,  X = (1, x)
Differs: in nothing that can be seen. Flax keeps the weight as (inputs, outputs),
PyTorch as (outputs, inputs).
"""

from functools import partial

import numpy as np
from numpy.random import Generator

from compare.closed_form import descent
from compare.data import design_matrix, plane
from compare.fault import Edit, Fault
from compare.initial import linear
from compare.predictions import at_points, mean_squared_error
from compare.spec import Arrays, Batches, Prepared, Training
from compare.work import dense

POINTS = 100
STEPS = 500
LEARNING_RATE = 1e-2


def batches(rng: Generator, data: Arrays) -> Batches:
    """All points at every step, without the weight that they were made with."""
    return Batches(shared={"x": data["x"], "y": data["y"]})


def in_closed_form(prepared: Prepared, steps: int) -> Arrays:
    """Loss and parameters of every step."""
    weight, bias = prepared.parameters["fc.weight"], prepared.parameters["fc.bias"]
    losses, theta = descent(
        design_matrix(prepared.data["x"]),
        prepared.data["y"][:, 0],
        start=np.concatenate([bias, weight[:, 0]]),
        learning_rate=LEARNING_RATE,
        steps=steps,
    )
    return {
        "loss": losses,
        "parameters/fc.bias": theta[:, :1],
        "parameters/fc.weight": theta[:, 1:, np.newaxis],
    }


def truth(data: Arrays) -> Arrays:
    """What the points were made with."""
    return {"fc.weight": data["true_weight"], "fc.bias": np.array([2.0])}


FAULTS = (
    Fault(
        "targets of another shape",
        "torch",
        "loss",
        Edit(
            'F.mse_loss(model(batch["x"]), batch["y"])',
            '(model(batch["x"]) - batch["y"].T).square().mean()',
        ),
    ),
    Fault(
        "the inputs' order switched",
        "jax",
        "outputs",
        Edit("self.fc(x)", "self.fc(x[:, ::-1])"),
    ),
)

SPEC = Training(
    teaches="linear regression in the plane, every step known in closed form",
    sizes={"inputs": 2, "outputs": 1},
    hyperparameters={"learning_rate": LEARNING_RATE},
    parameters=linear("fc", 2, outputs=1),
    steps=STEPS,
    float64_steps=STEPS,
    data=partial(plane, points=POINTS),
    batches=batches,
    work=dense(2, 1),
    prediction_inputs=at_points,
    metric_name="mean squared error",
    metric=mean_squared_error,
    oracle=in_closed_form,
    printed=range(49, STEPS, 50),
    truth=truth,
    faults=FAULTS,
)
