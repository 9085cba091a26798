"""The same two layers with autograd and Adam, as one would write them today.

Adam is where ports go wrong in silence: eps inside or outside the root, the bias
correction, the order of the betas. ReLU's derivative at exactly 0 is 0 here, so the
zero unit never moves; in `two_layer_manual` it does.

Notebook: "Introduction to PyTorch", PyTorch: optim.
Equation:
    ŷ = relu(x W₁ + b₁) W₂ + b₂,  loss = Σ (ŷ − y)²,  g = ∂loss/∂θ
    m ← 0.9 m + 0.1 g,  v ← 0.999 v + 0.001 g²
    θ ← θ − 10⁻⁴ · m / (1 − 0.9ᵗ) / (√(v / (1 − 0.999ᵗ)) + 10⁻⁸)
Differs: in how the correction is computed. Optax counts the steps once and forms
1 − 0.999ᵗ in the run's precision, which in float32 is off by 2 · 10⁻⁵ of itself;
PyTorch counts them for each parameter and forms it in 64 bits in any case.
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
        "parameters rounded to float32",
        "torch",
        "parameters",
        Edit(
            "tensor = from_numpy(value,",
            "tensor = from_numpy(value.astype(np.float32).astype(value.dtype),",
            file="layout",
        ),
    ),
    Fault(
        "a bias missing in one tree",
        "torch",
        "parameters",
        Edit("nn.Linear(hidden, outputs)", "nn.Linear(hidden, outputs, bias=False)"),
        verdict="crashed",
        says="linear2.bias",
    ),
    Fault(
        "bias not added",
        "torch",
        "outputs",
        Edit("self.linear1(x)", "F.linear(x, self.linear1.weight)"),
    ),
    Fault(
        "matmul in 10 bits, float32 only",
        "torch",
        "outputs",
        Edit(
            "self.linear1(x)",
            "self.linear1(x if x.dtype == torch.float64 "
            "else (x.view(torch.int32) & -8192).view(torch.float32))",
        ),
        verdict="precision",
        says="PyTorch is",
    ),
    Fault(
        "a layer in float32 inside float64",
        "jax",
        "outputs",
        Edit("self.linear1(x)", 'self.linear1(x).astype("float32").astype(x.dtype)'),
        verdict="precision",
        says="jax: convert_element_type in float32",
    ),
    Fault(
        "half as much again, float32 only",
        "jax",
        "outputs",
        Edit(
            "self.linear1(x)",
            'self.linear1(x) * (1 if x.dtype == "float64" else 1.5)',
        ),
        says="more than bfloat16 could explain",
    ),
    Fault(
        "mean for sum",
        "jax",
        "loss",
        Edit('batch["y"]).sum()', 'batch["y"]).mean()'),
    ),
    Fault(
        "one leaf's gradient + 1e-10 of it",
        "torch",
        "gradients",
        Edit(
            "self.linear2 = nn.Linear(hidden, outputs)\n",
            "self.linear2 = nn.Linear(hidden, outputs)\n"
            "        self.linear1.weight.register_hook(lambda g: g * (1 + 1e-10))\n",
        ),
    ),
    Fault(
        "a gradient with noise of its own",
        "torch",
        "gradients",
        Edit(
            "self.linear2 = nn.Linear(hidden, outputs)\n",
            "self.linear2 = nn.Linear(hidden, outputs)\n"
            "        self.linear1.weight.register_hook(\n"
            "            lambda g: g * (1 + 1e-5 * torch.randn_like(g)))\n",
        ),
        says="gives other bits when run again",
    ),
    Fault(
        "ReLU's derivative at 0 is a half",
        "jax",
        "gradients",
        Edit(
            "nnx.relu(self.linear1(x))",
            '__import__("jax").numpy.maximum(self.linear1(x), 0)',
        ),
    ),
    Fault(
        "Adam's b2 + 1e-7",
        "jax",
        "state",
        Edit(
            "optax.adam(learning_rate, b1, b2, eps)",
            "optax.adam(learning_rate, b1, b2 + 1e-7, eps)",
        ),
    ),
    Fault(
        "optimizer state lost on loading",
        "torch",
        "state",
        Edit(
            "        _load_optimizer(subject, live, state)\n    return live",
            "        pass\n    return live",
            file="layout",
        ),
    ),
    Fault(
        "learning rate + 1e-9 of it (JAX)",
        "jax",
        "update",
        Edit("optax.adam(learning_rate,", "optax.adam(learning_rate * (1 + 1e-9),"),
    ),
    Fault(
        "learning rate + 1e-9 of it (PyTorch)",
        "torch",
        "update",
        Edit("lr=learning_rate,", "lr=learning_rate * (1 + 1e-9),"),
    ),
    Fault(
        "Adam's eps + 1 % of it",
        "torch",
        "update",
        Edit("eps=eps\n", "eps=eps * 1.01\n"),
    ),
    Fault(
        "no bias correction",
        "torch",
        "update",
        Edit(
            "    optimizer.step()\n",
            "    counts = [kept['step'] for kept in optimizer.state.values()]\n"
            "    for count in counts:\n"
            "        count.add_(10**6)\n"
            "    optimizer.step()\n"
            "    for count in counts:\n"
            "        count.sub_(10**6)\n",
        ),
    ),
    Fault(
        "gradients not cleared",
        "torch",
        "trajectory",
        Edit("    optimizer.zero_grad()\n", ""),
    ),
)

SPEC = Training(
    teaches="a two-layer network with autograd and Adam",
    sizes=SIZES,
    hyperparameters={"learning_rate": 1e-4, "b1": 0.9, "b2": 0.999, "eps": 1e-8},
    parameters={
        **linear("linear1", SIZES["inputs"], outputs=SIZES["hidden"], zero_unit=0),
        **linear("linear2", SIZES["hidden"], outputs=SIZES["outputs"]),
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
