"""Two moons and a straight line between them: a linear layer behind a sigmoid.

The least that can be called a classifier. Its surface of probabilities is a slope
across a straight line, and the moons are not to be parted by one: a tenth to a
seventh of the points stay on the wrong side, so `moons_mlp` has hidden layers.

Notebook: "Neural Networks with PyTorch", Logistic Regression.
Equation:
    p = σ(x w + b),  loss = −mean (y log p + (1 − y) log(1 − p)),
    ∂loss/∂w = xᵀ (p − y) / N,  ∂loss/∂b = mean (p − y),  θ ← θ − 0.5 · ∂loss/∂θ
Differs: in the loss of saturated probabilities, as in `moons_mlp`; the run does not
come near them, the probes do.
"""

from functools import partial

import numpy as np
from numpy.random import Generator

from compare.data import two_moons
from compare.fault import Edit, Fault
from compare.initial import linear
from compare.predictions import accuracy, at_plane
from compare.spec import Arrays, Prepared, Probe, Training, full_batch
from compare.specs.moons_mlp import POINTS, PROBED_LOGITS
from compare.work import dense

STEPS = 1000
LEARNING_RATE = 0.5


def in_numpy(prepared: Prepared, steps: int) -> Arrays:
    """The same descent with the gradient worked out by hand."""
    x, y = prepared.data["x"], prepared.data["y"]
    weight = prepared.parameters["linear.weight"].copy()
    bias = prepared.parameters["linear.bias"].copy()
    losses = np.empty(steps)
    weights, biases = np.empty((steps, *weight.shape)), np.empty((steps, *bias.shape))
    for step in range(steps):
        logits = (x @ weight + bias)[:, 0]
        # log(1 + exp z) − y z, in the form that does not overflow.
        losses[step] = np.mean(np.logaddexp(0, logits) - y * logits)
        slope = (1 / (1 + np.exp(-logits)) - y)[:, np.newaxis] / len(y)
        weight -= LEARNING_RATE * x.T @ slope
        bias -= LEARNING_RATE * slope.sum(axis=0)
        weights[step], biases[step] = weight, bias
    return {
        "loss": losses,
        "parameters/linear.weight": weights,
        "parameters/linear.bias": biases,
    }


def probes(rng: Generator, prepared: Prepared) -> tuple[Probe, ...]:
    """One step from saturated probabilities, on both sides and with both labels."""
    counts = (67, 53, 43, 37)
    signs = np.repeat([1.0, -1.0, 1.0, -1.0], counts)
    other = rng.choice([-0.5, -0.25, 0.25, 0.5], POINTS)
    parameters = {"linear.weight": np.array([[1.0], [0.0]]), "linear.bias": np.zeros(1)}
    return tuple(
        Probe(
            f"logits ±{logit}",
            parameters,
            {
                "x": np.stack([signs * logit, other], axis=1),
                "y": np.repeat([0.0, 1.0, 1.0, 0.0], counts),
            },
        )
        for logit in PROBED_LOGITS
    )


FAULTS = (
    Fault(
        "bias inside the sigmoid forgotten",
        "torch",
        "outputs",
        Edit("self.linear(x)", "F.linear(x, self.linear.weight)"),
    ),
    Fault(
        "cross entropy of one label only",
        "jax",
        "loss",
        Edit("(y - 1) * jnp.maximum(log_q, -100) - y", "-y"),
    ),
)

SPEC = Training(
    teaches="two moons and a straight line: what a linear classifier can do",
    sizes={"inputs": 2, "outputs": 1},
    hyperparameters={"learning_rate": LEARNING_RATE},
    parameters=linear("linear", 2, outputs=1),
    steps=STEPS,
    float64_steps=STEPS,
    data=partial(two_moons, points=POINTS, noise=0.1),
    batches=full_batch,
    work=dense(2, 1),
    prediction_inputs=at_plane,
    metric_name="accuracy",
    metric=accuracy,
    discrete=frozenset({"y"}),
    probes=probes,
    oracle=in_numpy,
    printed=range(49, STEPS, 50),
    picture="plane",
    faults=FAULTS,
)
