"""Two moons, and an optimizer that is cleared once per epoch, not once per batch.

The notebook's loop clears the gradients where an epoch begins. So they add up over the
batches of an epoch, while every batch takes a step with the sum so far: the fourth
batch moves by four gradients at once. It learns all the same, and nothing warns of it.
`moons_mlp` is the loop that was meant.

Notebook: "Neural Networks with PyTorch", the non-linear network, as printed.
Equation:
    a ← g at the start of an epoch, else a + g,  g = ∂loss/∂θ
    θ ← θ − 0.5 (a + 0.01 θ)
Differs: in where the sum lives. PyTorch keeps it in `.grad`, where it stays unasked;
Optax needs a transformation with a state of its own. It is not `optax.MultiSteps`,
which takes a step only when the sum is complete.
"""

from dataclasses import replace

import numpy as np
from numpy.random import Generator

from compare.fault import Edit, Fault
from compare.spec import Arrays, Batches, Prepared, Probe
from compare.specs import moons_mlp
from compare.specs.moons_mlp import BATCHES_PER_EPOCH, STEPS
from compare.specs.moons_mlp import SPEC as CLEARED


def batches(rng: Generator, data: Arrays) -> Batches:
    """The batches of `moons_mlp`; `clear` marks the first of an epoch."""
    stacked = moons_mlp.batches(rng, data).stacked
    clear = np.arange(STEPS) % BATCHES_PER_EPOCH == 0
    return Batches(stacked=stacked | {"clear": clear})


def probes(rng: Generator, prepared: Prepared) -> tuple[Probe, ...]:
    """The probes of `moons_mlp`, each the first batch of an epoch."""
    return tuple(
        replace(probe, batch=probe.batch | {"clear": np.array(True)})
        for probe in moons_mlp.probes(rng, prepared)
    )


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

SPEC = replace(
    CLEARED,
    teaches="two moons with gradients summed over an epoch, a step at every batch",
    batches=batches,
    # Each place in an epoch, with and without an epoch before.
    checkpoints=(0, 1, 2, 3, 4, 5),
    probes=probes,
    accumulates=True,
    faults=FAULTS,
)
