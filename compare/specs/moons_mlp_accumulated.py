"""Two moons, and an optimizer that is cleared once per epoch, not once per batch.

Gradients add up over the batches of an epoch while every batch takes a step with the
sum so far. The loss is taken of probabilities, which saturate: the probes reach logits
where a logarithm must be clamped and where a careless port turns to NaN.
"""

import numpy as np

from compare.data import shuffled_epochs, two_moons
from compare.fault import Edit, Fault
from compare.initial import linear
from compare.spec import Arrays, Batches, Prepared, Probe, Training

POINTS = 200
BATCH = 50
EPOCHS = 1000
BATCHES_PER_EPOCH = POINTS // BATCH
STEPS = EPOCHS * BATCHES_PER_EPOCH
SIZES = {"inputs": 2, "hidden": 500, "outputs": 1}
PROBED_LOGITS = (20, 40, 800)


def data(rng: np.random.Generator) -> Arrays:
    """Two moons of 100 points each."""
    return two_moons(rng, points=POINTS, noise=0.1)


def batches(rng: np.random.Generator, data: Arrays) -> Batches:
    """Batches of a new order in every epoch; `clear` marks the first of an epoch."""
    rows = shuffled_epochs(rng, points=POINTS, epochs=EPOCHS, batch=BATCH)
    clear = np.arange(STEPS) % BATCHES_PER_EPOCH == 0
    return Batches(stacked={"x": data["x"][rows], "y": data["y"][rows], "clear": clear})


def prediction_inputs(data: Arrays) -> dict[str, Arrays]:
    """A mesh over the plane, and the points themselves."""
    columns, rows = np.meshgrid(
        np.linspace(-1.5, 2.5, 40), np.linspace(-1.0, 1.5, 40), indexing="ij"
    )
    mesh = np.stack([columns.ravel(), rows.ravel()], axis=1)
    return {"mesh": {"x": mesh}, "train": {"x": data["x"]}}


def accuracy(predictions: Arrays, data: Arrays) -> float:
    """The share of the points that are on the right side of ½."""
    return float(np.mean((predictions["train"] > 0.5) == (data["y"] > 0.5)))


def probes(rng: np.random.Generator, prepared: Prepared) -> tuple[Probe, ...]:
    """One step from saturated probabilities, on both sides and with both labels."""
    return tuple(
        Probe(f"logits ±{logit}", identity_parameters(rng), saturated(rng, logit))
        for logit in PROBED_LOGITS
    )


def saturated(rng: np.random.Generator, logit: int) -> Arrays:
    """A batch for `identity_parameters`: logits of ±`logit`, each with both labels.

    The four counts differ, lest errors of one sign be made up for by the other.
    """
    counts = (17, 13, 11, 9)
    sign = np.repeat([1.0, -1.0, 1.0, -1.0], counts)
    other = rng.choice([-0.5, -0.25, 0.25, 0.5], BATCH)
    return {
        "x": np.stack([sign * logit, other], axis=1),
        "y": np.repeat([0.0, 1.0, 1.0, 0.0], counts),
        "clear": np.array(True),
    }


def identity_parameters(rng: np.random.Generator) -> Arrays:
    """Parameters for which the logit is exactly x₀, and every leaf has a gradient.

    Units 0 and 1 of each layer carry max(x₀, 0) and max(−x₀, 0). The other units of
    the first layer come in pairs, which the second layer weighs with opposite signs.
    All numbers are powers of two or small sums of them, so that sums are exact in any
    order, and the biases keep every unit off the kink of ReLU.
    """
    hidden, half = SIZES["hidden"], (SIZES["hidden"] - 2) // 2

    def signs(*shape: int) -> np.ndarray:
        return rng.choice([-1.0, 1.0], shape)

    # With x a multiple of 2⁻², x @ pairs is one of 2⁻⁵: no bias of 2⁻⁶ cancels it.
    pairs, pairs_bias = signs(SIZES["inputs"], half) / 8, signs(half) / 64
    opposed = signs(half, hidden - 2) / 16
    hidden2 = np.zeros((hidden, hidden))
    hidden2[:2, :2] = np.eye(2)
    hidden2[2:, 2:] = np.concatenate([opposed, -opposed])
    hidden2_bias = np.concatenate([[1, 2], rng.choice([0.25, 0.5], hidden - 2)])
    output = np.concatenate([[1, -1], signs(hidden - 2) / 16])
    return {
        "hidden1.weight": np.hstack([[[1, -1], [0, 0]], pairs, pairs]),
        "hidden1.bias": np.concatenate([[0, 0], pairs_bias, pairs_bias]),
        "hidden2.weight": hidden2,
        "hidden2.bias": hidden2_bias,
        "output.weight": output[:, np.newaxis],
        "output.bias": np.array([-(output @ hidden2_bias)]),
    }


FAULTS = (
    Fault(
        "batches in another order",
        "torch",
        "data",
        Edit(
            "name: from_numpy(value, ",
            "name: from_numpy("
            "value[::-1].copy() if value.shape[1:2] == (50,) else value, ",
            file="runtime",
        ),
    ),
    Fault(
        "labels shifted by a row",
        "jax",
        "data",
        Edit(
            "name: from_numpy(value, ",
            'name: from_numpy(np.roll(value, 1, -1) if name == "y" else value, ',
            file="runtime",
        ),
    ),
    Fault(
        "square kernel transposed",
        "jax",
        "outputs",
        Edit(
            "self.hidden2(h)",
            "h @ self.hidden2.kernel.get_value().T + self.hidden2.bias.get_value()",
        ),
    ),
    Fault(
        "leaky ReLU",
        "torch",
        "outputs",
        Edit("F.relu(self.hidden1(x))", "F.leaky_relu(self.hidden1(x), 1e-9)"),
    ),
    Fault(
        "clamp of the loss left out",
        "jax",
        "loss",
        Edit("jnp.maximum(log_q, -100)", "log_q"),
    ),
    Fault(
        "1e-12 in double in the saturated slope",
        "jax",
        "gradients",
        Edit("_LEAST_VARIANCE = float(np.float32(1e-12))", "_LEAST_VARIANCE = 1e-12"),
    ),
    Fault(
        "decay enters the accumulated sum",
        "jax",
        "state",
        Edit(
            "_accumulate(),\n        optax.add_decayed_weights(weight_decay),\n",
            "optax.add_decayed_weights(weight_decay),\n        _accumulate(),\n",
        ),
    ),
    Fault(
        "decay not scaled by the learning rate",
        "jax",
        "update",
        Edit(
            "add_decayed_weights(weight_decay),\n        optax.sgd(learning_rate)",
            "sgd(learning_rate),\n        optax.add_decayed_weights(-weight_decay)",
        ),
    ),
    Fault(
        "one step an epoch",
        "torch",
        "update",
        Edit(
            "    optimizer.step()\n",
            '    if batch["clear"]:\n        optimizer.step()\n',
        ),
    ),
)

SPEC = Training(
    teaches="two moons, gradients summed over an epoch, a clamped cross entropy",
    sizes=SIZES,
    hyperparameters={"learning_rate": 0.5, "weight_decay": 1e-2},
    parameters={
        **linear("hidden1", SIZES["inputs"], outputs=SIZES["hidden"], zero_unit=0),
        **linear("hidden2", SIZES["hidden"], outputs=SIZES["hidden"], zero_unit=0),
        **linear("output", SIZES["hidden"], outputs=SIZES["outputs"]),
    },
    steps=STEPS,
    data=data,
    batches=batches,
    prediction_inputs=prediction_inputs,
    metric_name="accuracy",
    metric=accuracy,
    discrete=frozenset({"y"}),
    # Each place in an epoch, with and without an epoch before.
    checkpoints=(0, 1, 2, 3, 4, 5),
    probes=probes,
    accumulates=True,
    faults=FAULTS,
)
