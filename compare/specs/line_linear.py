"""A line through noisy points, fitted by a linear layer: the least network there is.

The layer brings its own bias, so the points need no column of ones. The loss is
quadratic, so every step of the run is known in closed form: the oracle gives loss and
parameters at each of them, without taking a single step.

Notebook: "Basics of PyTorch", the last part of its linear regression.
Equation:
    ŷ = x w + b,  loss = mean (ŷ − y)²,  θ = (b, w) ← θ − 0.1 · ∂loss/∂θ
    θ_t = θ* + (I − ηH)^t (θ₀ − θ*),  H = 2 XᵀX / N,  X = (1, x)
Differs: in nothing that can be seen. Flax keeps the weight as (inputs, outputs),
PyTorch as (outputs, inputs).
"""

from functools import partial

import numpy as np

from compare.closed_form import descent
from compare.data import design_matrix, line
from compare.fault import Edit, Fault
from compare.initial import linear
from compare.predictions import at_points, mean_squared_error
from compare.spec import Arrays, Prepared, Training, full_batch
from compare.work import dense

POINTS = 100
STEPS = 1000
LEARNING_RATE = 0.1


def in_closed_form(prepared: Prepared, steps: int) -> Arrays:
    """Loss and parameters of every step.

    At step 1000 the run is still up to 1e-5 off θ*, so θ* itself is no reference for
    where it ends.
    """
    bias, weight = (
        prepared.parameters[leaf] for leaf in ("linear.bias", "linear.weight")
    )
    losses, theta = descent(
        design_matrix(prepared.data["x"]),
        prepared.data["y"][:, 0],
        start=np.append(bias, weight),
        learning_rate=LEARNING_RATE,
        steps=steps,
    )
    return {
        "loss": losses,
        "parameters/linear.bias": theta[:, :1],
        "parameters/linear.weight": theta[:, 1:, np.newaxis],
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
    work=dense(1, 1),
    prediction_inputs=at_points,
    metric_name="mean squared error",
    metric=mean_squared_error,
    oracle=in_closed_form,
    printed=(0, *range(99, STEPS, 100)),
    truth=lambda data: {
        "linear.bias": np.array([0.3]),
        "linear.weight": np.array([[0.1]]),
    },
    picture="line",
    log_loss=True,
    faults=FAULTS,
)
