"""Two layers as a sequence of modules, with the update written out by hand.

Layers hold their own parameters, so the model is a list of what is done one after the
other; nothing has to be subclassed. The step is still a subtraction. How it is written
matters: in `two_layer_rebinding` the difference goes to a name, and nothing is learnt.

Notebook: "Introduction to PyTorch", the version with `nn`, mended.
Equation:
    ŷ = relu(x W₁ + b₁) W₂ + b₂,  loss = Σ (ŷ − y)²,  θ ← θ − 10⁻⁴ · ∂loss/∂θ
Differs: in how parameters are changed. PyTorch writes into them under `no_grad`; in NNX
the state is taken out, a new one is computed and put back.
"""

from functools import partial

from compare.data import white_noise
from compare.fault import Edit, Fault
from compare.initial import linear
from compare.predictions import at_points, mean_squared_error
from compare.spec import Training, full_batch
from compare.work import dense

POINTS = 64
SIZES = {"inputs": 1000, "hidden": 100, "outputs": 10}
STEPS = 500

FAULTS = (
    Fault(
        "biases left out of the update",
        "torch",
        "update",
        Edit(
            "for parameter in model.parameters():\n            parameter -=",
            "for parameter in model.parameters():\n"
            "            if parameter.ndim > 1:\n"
            "                parameter -=",
        ),
    ),
    Fault(
        "a layer's output squashed",
        "jax",
        "outputs",
        Edit("        nnx.relu,\n", "        nnx.softplus,\n"),
    ),
)

SPEC = Training(
    teaches="two layers as a sequence of modules, the update written by hand",
    sizes=SIZES,
    hyperparameters={"learning_rate": 1e-4},
    parameters={
        **linear("0", SIZES["inputs"], outputs=SIZES["hidden"], zero_unit=0),
        **linear("2", SIZES["hidden"], outputs=SIZES["outputs"]),
    },
    steps=STEPS,
    data=partial(
        white_noise, points=POINTS, inputs=SIZES["inputs"], outputs=SIZES["outputs"]
    ),
    batches=full_batch,
    work=dense(*SIZES.values()),
    prediction_inputs=at_points,
    metric_name="mean squared error",
    metric=mean_squared_error,
    printed=range(99, STEPS, 100),
    log_loss=True,
    faults=FAULTS,
)
