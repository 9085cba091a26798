"""The least a network can be: a line, fitted by gradient descent.

The loss is quadratic, so every step of the run is known in closed form: the oracle
gives loss and parameters at each of them, without taking a single step.
"""

from functools import partial

import numpy as np

from compare.data import line
from compare.fault import Edit, Fault
from compare.initial import linear
from compare.spec import Arrays, Prepared, Training, full_batch

POINTS = 100
STEPS = 1000
LEARNING_RATE = 0.1


def prediction_inputs(data: Arrays) -> dict[str, Arrays]:
    """The points themselves."""
    return {"": {"x": data["x"]}}


def mean_squared_error(predictions: Arrays, data: Arrays) -> float:
    """How far the line is from the points."""
    return float(np.mean((predictions[""] - data["y"]) ** 2))


def least_squares(data: Arrays) -> np.ndarray:
    """θ* = (bias, weight) of the best line: (0.30076306, 0.09882648)."""
    return np.linalg.lstsq(design_matrix(data), data["y"][:, 0])[0]


def design_matrix(data: Arrays) -> np.ndarray:
    """X = (1, x), so that the prediction is X θ."""
    return np.hstack([np.ones_like(data["x"]), data["x"]])


def closed_form(prepared: Prepared, steps: int) -> Arrays:
    """θ_t = θ* + (I − ηH)^t (θ₀ − θ*) with H = 2 XᵀX / N.

    At step 1000 the run is still up to 1e-5 off θ*, so θ* itself is no reference for
    where it ends.
    """
    x, y = design_matrix(prepared.data), prepared.data["y"][:, 0]
    # Eigenvalues from X, and no power of the rounded 1 − ηλ: else 13 noise floors off.
    _, singular, directions = np.linalg.svd(x, full_matrices=False)
    curvature = 2 * singular**2 / len(x)
    best = least_squares(prepared.data)
    start = [
        prepared.parameters["linear.bias"][0],
        prepared.parameters["linear.weight"][0, 0],
    ]
    time = np.arange(steps + 1)[:, np.newaxis]
    shrinkage = np.exp(time * np.log1p(-LEARNING_RATE * curvature))
    distance = shrinkage * (directions @ (start - best))
    theta = best + distance @ directions
    return {
        "loss": np.mean((x @ best - y) ** 2) + distance[:-1] ** 2 @ curvature / 2,
        "parameters/linear.bias": theta[1:, :1],
        "parameters/linear.weight": theta[1:, 1:, np.newaxis],
    }


FAULTS = (
    Fault(
        "default learning rate + 1e-9 of it",
        "jax",
        "parameters",
        Edit("= 0.1\n", "= 0.1 * (1 + 1e-9)\n"),
        says="spec has 0.1",
    ),
    Fault(
        "a trace of another run",
        "torch",
        "data",
        None,
        verdict="crashed",
        says="the torch float64 trace has run",
    ),
    Fault(
        "a NaN in one output",
        "jax",
        "outputs",
        Edit("return self.linear(x)", 'return self.linear(x).at[3].set(float("nan"))'),
    ),
    Fault(
        "one row of outputs, float32 only",
        "torch",
        "outputs",
        Edit(
            'return model(inputs["x"])',
            'found = model(inputs["x"])\n'
            "    return found if found.dtype == torch.float64 else found[:1]",
        ),
        says="shapes in float32",
    ),
    Fault(
        "half the loss",
        "torch",
        "loss",
        Edit(
            'return F.mse_loss(model(batch["x"])',
            'return 0.5 * F.mse_loss(model(batch["x"])',
        ),
    ),
    Fault(
        "loss of after the step",
        "jax",
        "loss",
        Edit("    return value\n", "    return loss(model, batch)\n"),
    ),
    Fault(
        "a leaf the optimizer does not have",
        "torch",
        "update",
        Edit("SGD(model.parameters(),", "SGD([model.linear.weight],"),
    ),
    Fault(
        "a step skipped",
        "torch",
        "trajectory",
        Edit(
            "        returned, live = _step(subject, live, batch)\n        losses",
            "        if step != 5:\n"
            "            returned, live = _step(subject, live, batch)\n"
            "        losses",
            file="runtime",
        ),
    ),
)

SPEC = Training(
    teaches="a line by gradient descent, every step known in closed form",
    sizes={"inputs": 1, "outputs": 1},
    hyperparameters={"learning_rate": LEARNING_RATE},
    parameters=linear("linear", 1, outputs=1),
    steps=STEPS,
    float64_steps=STEPS,
    data=partial(line, points=POINTS),
    batches=full_batch,
    prediction_inputs=prediction_inputs,
    metric_name="mean squared error",
    metric=mean_squared_error,
    oracle=closed_form,
    faults=FAULTS,
)
