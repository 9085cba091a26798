"""The line once more, with a column of ones, and the update written out.

θ is one bare array, started at (1, 1). Automatic differentiation gives the slope and
the step is a subtraction: all that an optimizer does in the simplest case. Two other
examples write the same descent differently, `line_sgd` and `line_linear`; started from
the same θ they must give the same run.

Notebook: "Basics of PyTorch", the first loop of its linear regression.
Equation:
    loss = mean (X θ − y)²,  X = (1, x),  θ ← θ − 0.1 · ∂loss/∂θ,  θ₀ = (1, 1)
Differs: in how a step is written. PyTorch changes θ in place, outside of the graph, and
clears the gradient, which it would otherwise add to; JAX returns a new θ.
"""

import numpy as np
from numpy.random import Generator

from compare.closed_form import descent
from compare.data import design_matrix, line
from compare.fault import Edit, Fault
from compare.initial import Given
from compare.predictions import at_points, mean_squared_error
from compare.spec import Arrays, Prepared, Sibling, Training, full_batch
from compare.work import dense

POINTS = 100
STEPS = 1000
LEARNING_RATE = 0.1


def data(rng: Generator) -> Arrays:
    """The points of `line_linear`, with a column of ones."""
    points = line(rng, points=POINTS)
    return {"x": design_matrix(points["x"]), "y": points["y"]}


def in_closed_form(prepared: Prepared, steps: int) -> Arrays:
    """Loss and θ of every step."""
    losses, theta = descent(
        prepared.data["x"],
        prepared.data["y"][:, 0],
        start=prepared.parameters["theta"][:, 0],
        learning_rate=LEARNING_RATE,
        steps=steps,
    )
    return {"loss": losses, "parameters/theta": theta[..., np.newaxis]}


def of_linear_layer(parameters: Arrays) -> Arrays:
    """θ = (bias, weight)."""
    theta = parameters["theta"]
    return {"linear.bias": theta[..., 0, :], "linear.weight": theta[..., 1:, :]}


FAULTS = (
    Fault(
        "the slope of half the loss",
        "jax",
        "gradients",
        Edit(
            "return jax.value_and_grad(loss)(model, batch)",
            "return loss(model, batch), jax.grad(\n"
            "        lambda *at: loss(*at) / 2)(model, batch)",
        ),
    ),
    Fault(
        "slope of θ not cleared",
        "torch",
        "update",
        Edit("    theta.grad = None\n", ""),
    ),
    Fault(
        "a column of ones forgotten",
        "jax",
        "outputs",
        Edit('return inputs["x"] @', 'return inputs["x"].at[:, 0].set(0) @'),
    ),
)

SPEC = Training(
    teaches="the line with a column of ones, gradient descent written out",
    sizes={"columns": 2, "outputs": 1},
    hyperparameters={"learning_rate": LEARNING_RATE},
    parameters={"theta": Given(np.ones((2, 1)))},
    steps=STEPS,
    float64_steps=STEPS,
    data=data,
    batches=full_batch,
    work=dense(2, 1),
    prediction_inputs=at_points,
    metric_name="mean squared error",
    metric=mean_squared_error,
    oracle=in_closed_form,
    siblings=(Sibling("line_sgd"), Sibling("line_linear", of_linear_layer)),
    printed=(0, *range(99, STEPS, 100)),
    truth=lambda data: {"theta": np.array([[0.3], [0.1]])},
    picture="line",
    log_loss=True,
    faults=FAULTS,
    untimed={
        "torch compile": "autograd inside of the step cannot be one graph",
    },
)
