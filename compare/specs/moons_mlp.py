"""Two moons told apart by a network of three layers, in batches, with weight decay.

A straight line cannot part the moons (`logistic_regression`); two hidden layers can.
The loss is taken of probabilities, which saturate: the probes reach logits where a
logarithm must be clamped and where a careless port turns to NaN. What weight decay
does is answered by `twinnets train moons_mlp --framework jax --sweep
weight_decay=0,1e-4,…`.

Notebook: "Neural Networks with PyTorch", the non-linear network, mended: gradients are
cleared at every batch. `moons_mlp_accumulated` is the loop as printed.
Equation:
    p = σ(relu(relu(x W₁ + b₁) W₂ + b₂) W₃ + b₃)
    loss = −mean (y log p + (1 − y) log(1 − p))
    θ ← θ − 0.5 (∂loss/∂θ + 0.01 θ)
Differs: in the loss. PyTorch ends both logarithms at −100 and gives a finite slope
where p has become 0 or 1; JAX has no such loss of probabilities, and clamping the
logarithm gives 0 · ∞ = NaN there, so the twin writes the derivative itself.
"""

from functools import partial

import numpy as np
from numpy.random import Generator

from compare.data import shuffled_epochs, two_moons
from compare.fault import Edit, Fault
from compare.initial import linear
from compare.predictions import accuracy, at_plane
from compare.spec import Arrays, Batches, Prepared, Probe, Training
from compare.work import dense

POINTS = 200
BATCH = 50
EPOCHS = 1000
BATCHES_PER_EPOCH = POINTS // BATCH
STEPS = EPOCHS * BATCHES_PER_EPOCH
SIZES = {"inputs": 2, "hidden": 500, "outputs": 1}
PROBED_LOGITS = (20, 40, 800)


def batches(rng: Generator, data: Arrays) -> Batches:
    """Batches of a new order in every epoch."""
    rows = shuffled_epochs(rng, points=POINTS, epochs=EPOCHS, batch=BATCH)
    return Batches(stacked={"x": data["x"][rows], "y": data["y"][rows]})


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
        "hidden kernel transposed",
        "torch",
        "outputs",
        Edit(
            "self.hidden2(h)",
            "F.linear(h, self.hidden2.weight.T, self.hidden2.bias)",
        ),
    ),
    Fault(
        "decay of the biases left out",
        "jax",
        "update",
        Edit(
            "optax.add_decayed_weights(weight_decay)",
            "optax.add_decayed_weights(\n"
            "            weight_decay, mask=lambda tree: jax.tree.map(\n"
            "                lambda leaf: leaf.ndim > 1, tree))",
        ),
    ),
    Fault(
        "decay + 1e-9 of it",
        "torch",
        "update",
        Edit("weight_decay=weight_decay", "weight_decay=weight_decay * (1 + 1e-9)"),
    ),
)

SPEC = Training(
    teaches="two moons by three layers: batches, weight decay, a clamped cross entropy",
    sizes=SIZES,
    hyperparameters={"learning_rate": 0.5, "weight_decay": 1e-2},
    parameters={
        **linear("hidden1", SIZES["inputs"], outputs=SIZES["hidden"], zero_unit=0),
        **linear("hidden2", SIZES["hidden"], outputs=SIZES["hidden"], zero_unit=0),
        **linear("output", SIZES["hidden"], outputs=SIZES["outputs"]),
    },
    steps=STEPS,
    data=partial(two_moons, points=POINTS, noise=0.1),
    batches=batches,
    work=dense(SIZES["inputs"], SIZES["hidden"], SIZES["hidden"], SIZES["outputs"]),
    prediction_inputs=at_plane,
    metric_name="accuracy",
    metric=accuracy,
    discrete=frozenset({"y"}),
    checkpoints=(0, 1, 2, 3, 4, 5),
    probes=probes,
    printed=range(100 * BATCHES_PER_EPOCH - 1, STEPS, 100 * BATCHES_PER_EPOCH),
    picture="plane",
    log_loss=True,
    faults=FAULTS,
)
