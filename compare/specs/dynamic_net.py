"""A network whose depth changes from step to step, and which reuses one layer.

PyTorch runs whatever Python does; JAX compiles one program that holds every depth. And
a step of depth 0 leaves a layer unused: is its gradient zero, or is there none? With
momentum that is not the same. The depths are drawn beforehand, the same for both.

Notebook: "Introduction to PyTorch", PyTorch: Control Flow + Weight Sharing.
Equation:
    h₀ = max(x W₀ + b₀, 0),  hᵢ = max(hᵢ₋₁ W₁ + b₁, 0) for i = 1, …, depth
    ŷ = h_depth W₂ + b₂,  loss = Σ (ŷ − y)²
    m ← 0.9 m + ∂loss/∂θ,  θ ← θ − 10⁻⁴ m
Differs: in what becomes of an unused layer. In JAX its gradient is 0, and Optax moves
it on by its momentum; in PyTorch `zero_grad` leaves it without a gradient, and SGD
skips it. So the twin asks for zeros, and the step as usually written is a variant. The
derivative of max(h, 0) at 0 is 1 in PyTorch's `clamp(min=0)`; of JAX's spellings `relu`
has 0 and `maximum` ½, so the twin writes `where`.
"""

from functools import partial

import numpy as np

from compare.data import white_noise
from compare.fault import Edit, Fault
from compare.initial import linear
from compare.predictions import mean_squared_error
from compare.spec import Arrays, Batches, Training, Variant
from compare.work import dense

POINTS = 64
SIZES = {"inputs": 1000, "hidden": 100, "outputs": 10}
STEPS = 500
DEPTHS = (0, 1, 2, 3)


def batches(rng: np.random.Generator, data: Arrays) -> Batches:
    """All points at every step, with the depth drawn for it.

    The first four steps have one of each depth, so that the checkpoints 0 to 3 are its
    first use. Depth 0 is the last of them: without momentum from a step before, an
    unused layer stands still in any framework.
    """
    depth = rng.choice(DEPTHS, STEPS).astype(np.int32)
    depth[:3] = rng.permutation(DEPTHS[1:])
    depth[3] = 0
    return Batches(shared=data, stacked={"depth": depth})


def prediction_inputs(data: Arrays) -> dict[str, Arrays]:
    """The points themselves, at each depth."""
    return {
        f"depth {depth}": {"x": data["x"], "depth": np.array(depth, np.int32)}
        for depth in DEPTHS
    }


def work(batch: Arrays) -> float:
    """Operations of one step: the middle layer counts as often as it is used."""
    hidden = [SIZES["hidden"]] * (1 + int(batch["depth"]))
    return dense(SIZES["inputs"], *hidden, SIZES["outputs"])(batch)


def unused_layer_stands_still(before: Arrays, batch: Arrays, jax: Arrays) -> Arrays:
    """At depth 0 PyTorch leaves the middle layer as it was, and its momentum too."""
    if batch["depth"] != 0:
        return jax
    return {
        path: before[path] if "/middle_linear." in path else after
        for path, after in jax.items()
    }


FAULTS = (
    Fault(
        "shared kernel transposed",
        "torch",
        "outputs",
        Edit(
            "h = self.middle_linear(h).clamp(min=0)",
            "h = F.linear(\n"
            "                h, self.middle_linear.weight.T, self.middle_linear.bias\n"
            "            ).clamp(min=0)",
        ),
    ),
    Fault(
        "one depth too many",
        "jax",
        "outputs",
        Edit("lax.switch(depth,", "lax.switch((depth + 1) % 4,"),
    ),
    Fault(
        "clamp's derivative at 0 is 0",
        "jax",
        "gradients",
        Edit("jnp.where(h < 0, 0, h)", "nnx.relu(h)"),
    ),
    Fault(
        "weight sharing broken",
        "torch",
        "gradients",
        Edit(
            "        for _ in range(int(depth)):\n"
            "            h = self.middle_linear(h).clamp(min=0)\n",
            "        for use in range(int(depth)):\n"
            "            layer = self.middle_linear\n"
            "            weight, bias = layer.weight, layer.bias\n"
            "            if use:\n"
            "                weight, bias = weight.detach(), bias.detach()\n"
            "            h = F.linear(h, weight, bias).clamp(min=0)\n",
        ),
    ),
    Fault(
        "momentum + 1e-9 (PyTorch)",
        "torch",
        "state",
        Edit(", momentum=momentum)", ", momentum=momentum + 1e-9)"),
    ),
    Fault(
        "momentum + 1e-9 (JAX)",
        "jax",
        "state",
        Edit("(learning_rate, momentum)", "(learning_rate, momentum + 1e-9)"),
    ),
    Fault(
        "an unused layer skipped",
        "torch",
        "state",
        Edit("zero_grad(set_to_none=False)", "zero_grad(set_to_none=True)"),
    ),
    Fault(
        "Nesterov's momentum",
        "jax",
        "update",
        Edit(
            "optax.sgd(learning_rate, momentum)",
            "optax.sgd(learning_rate, momentum, True)",
        ),
    ),
)

SPEC = Training(
    teaches="a depth drawn at every step, a shared layer, SGD with momentum",
    sizes=SIZES,
    hyperparameters={"learning_rate": 1e-4, "momentum": 0.9},
    parameters={
        **linear("input_linear", SIZES["inputs"], outputs=SIZES["hidden"], zero_unit=0),
        **linear(
            "middle_linear", SIZES["hidden"], outputs=SIZES["hidden"], zero_unit=0
        ),
        **linear("output_linear", SIZES["hidden"], outputs=SIZES["outputs"]),
    },
    steps=STEPS,
    data=partial(
        white_noise, points=POINTS, inputs=SIZES["inputs"], outputs=SIZES["outputs"]
    ),
    batches=batches,
    work=work,
    prediction_inputs=prediction_inputs,
    metric_name="mean squared error over all depths",
    metric=mean_squared_error,
    checkpoints=(0, 1, 2, 3),
    variants=(
        Variant(
            function="train_step_default",
            reason="zero_grad() leaves an unused parameter without a gradient, and SGD "
            "skips it; Optax sees a gradient of zeros and moves it by its momentum",
            relation=unused_layer_stands_still,
        ),
    ),
    printed=range(99, STEPS, 100),
    log_loss=True,
    faults=FAULTS,
    untimed={
        "jax eager": "without `jit`, `lax.switch` compiles its branches at every step",
        "torch compile": "the depth is data, and one graph cannot branch on data",
    },
)
