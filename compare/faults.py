"""The planted faults: each one edit in one side's source, and where it must show.

Every harness should prove that it can fail. A fault that is missed, or that shows in
another phase than it should, makes `twinnets selftest` exit with 1.
"""

from dataclasses import dataclass
from typing import Literal

from compare.plant import Edit, Side


@dataclass(frozen=True)
class Fault:
    """One fault: `says` is a piece of what the first failing row must tell.

    Without an edit, the side's trace is one of another run.
    """

    name: str
    example: str
    side: Side
    phase: str
    edit: Edit | None
    verdict: Literal["semantic", "precision", "crashed"] = "semantic"
    says: str = ""


FAULTS = (
    # What each twin receives.
    Fault(
        "batches in another order",
        "moons_mlp_accumulated",
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
        "moons_mlp_accumulated",
        "jax",
        "data",
        Edit(
            "name: from_numpy(value, ",
            'name: from_numpy(np.roll(value, 1, -1) if name == "y" else value, ',
            file="runtime",
        ),
    ),
    # What it starts from.
    Fault(
        "parameters rounded to float32",
        "two_layer_adam",
        "torch",
        "parameters",
        Edit(
            "tensor = from_numpy(value,",
            "tensor = from_numpy(value.astype(np.float32).astype(value.dtype),",
            file="layout",
        ),
    ),
    Fault(
        "default learning rate + 1e-9 of it",
        "line_linear",
        "jax",
        "parameters",
        Edit("= 0.1\n", "= 0.1 * (1 + 1e-9)\n"),
        says="spec has 0.1",
    ),
    Fault(
        "a bias missing in one tree",
        "two_layer_adam",
        "torch",
        "parameters",
        Edit("nn.Linear(hidden, outputs)", "nn.Linear(hidden, outputs, bias=False)"),
        verdict="crashed",
        says="linear2.bias",
    ),
    Fault(
        "a trace of another run",
        "line_linear",
        "torch",
        "data",
        None,
        verdict="crashed",
        says="the torch float64 trace has run",
    ),
    # The forward pass.
    Fault(
        "square kernel transposed",
        "moons_mlp_accumulated",
        "jax",
        "outputs",
        Edit(
            "self.hidden2(h)",
            "h @ self.hidden2.kernel.get_value().T + self.hidden2.bias.get_value()",
        ),
    ),
    Fault(
        "bias not added",
        "two_layer_adam",
        "torch",
        "outputs",
        Edit("self.linear1(x)", "F.linear(x, self.linear1.weight)"),
    ),
    Fault(
        "a NaN in one output",
        "line_linear",
        "jax",
        "outputs",
        Edit("return self.linear(x)", 'return self.linear(x).at[3].set(float("nan"))'),
    ),
    Fault(
        "one depth too many",
        "dynamic_net",
        "jax",
        "outputs",
        Edit("lax.switch(depth,", "lax.switch((depth + 1) % 4,"),
    ),
    Fault(
        "std's divisor switched",
        "tensors",
        "torch",
        "outputs",
        Edit("return matrix.std()\n", "return matrix.std(correction=0)\n"),
        says="the documented difference is gone",
    ),
    Fault(
        "a result of another dtype",
        "tensors",
        "torch",
        "outputs",
        Edit("return mask.sum()", "return mask.sum(dtype=torch.int16)"),
        says="int16",
    ),
    Fault(
        "leaky ReLU",
        "moons_mlp_accumulated",
        "torch",
        "outputs",
        Edit("F.relu(self.hidden1(x))", "F.leaky_relu(self.hidden1(x), 1e-9)"),
    ),
    Fault(
        "matmul in 10 bits, float32 only",
        "two_layer_adam",
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
        "two_layer_adam",
        "jax",
        "outputs",
        Edit("self.linear1(x)", 'self.linear1(x).astype("float32").astype(x.dtype)'),
        verdict="precision",
        says="jax: convert_element_type in float32",
    ),
    Fault(
        "half as much again, float32 only",
        "two_layer_adam",
        "jax",
        "outputs",
        Edit(
            "self.linear1(x)",
            'self.linear1(x) * (1 if x.dtype == "float64" else 1.5)',
        ),
        says="more than bfloat16 could explain",
    ),
    Fault(
        "one row of outputs, float32 only",
        "line_linear",
        "torch",
        "outputs",
        Edit(
            'return model(inputs["x"])',
            'found = model(inputs["x"])\n'
            "    return found if found.dtype == torch.float64 else found[:1]",
        ),
        says="shapes in float32",
    ),
    # The loss.
    Fault(
        "mean for sum",
        "two_layer_adam",
        "jax",
        "loss",
        Edit('batch["y"]).sum()', 'batch["y"]).mean()'),
    ),
    Fault(
        "half the loss",
        "line_linear",
        "torch",
        "loss",
        Edit(
            'return F.mse_loss(model(batch["x"])',
            'return 0.5 * F.mse_loss(model(batch["x"])',
        ),
    ),
    Fault(
        "loss of after the step",
        "line_linear",
        "jax",
        "loss",
        Edit("    return value\n", "    return loss(model, batch)\n"),
    ),
    Fault(
        "clamp of the loss left out",
        "moons_mlp_accumulated",
        "jax",
        "loss",
        Edit("jnp.maximum(log_q, -100)", "log_q"),
    ),
    # The backward pass.
    Fault(
        "one leaf's gradient + 1e-10 of it",
        "two_layer_adam",
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
        "two_layer_adam",
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
        "two_layer_adam",
        "jax",
        "gradients",
        Edit(
            "nnx.relu(self.linear1(x))",
            '__import__("jax").numpy.maximum(self.linear1(x), 0)',
        ),
    ),
    Fault(
        "mask <= for <",
        "two_layer_manual",
        "torch",
        "gradients",
        Edit("masked_fill(h < 0, 0)", "masked_fill(h <= 0, 0)"),
    ),
    Fault(
        "clamp's derivative at 0 is 0",
        "dynamic_net",
        "jax",
        "gradients",
        Edit("jnp.where(h < 0, 0, h)", "nnx.relu(h)"),
    ),
    Fault(
        "weight sharing broken",
        "dynamic_net",
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
        "1e-12 in double in the saturated slope",
        "moons_mlp_accumulated",
        "jax",
        "gradients",
        Edit("_LEAST_VARIANCE = float(np.float32(1e-12))", "_LEAST_VARIANCE = 1e-12"),
    ),
    # The optimizer's state.
    Fault(
        "Adam's b2 + 1e-7",
        "two_layer_adam",
        "jax",
        "state",
        Edit(
            "optax.adam(learning_rate, b1, b2, eps)",
            "optax.adam(learning_rate, b1, b2 + 1e-7, eps)",
        ),
    ),
    Fault(
        "momentum + 1e-9 (PyTorch)",
        "dynamic_net",
        "torch",
        "state",
        Edit(", momentum=momentum)", ", momentum=momentum + 1e-9)"),
    ),
    Fault(
        "momentum + 1e-9 (JAX)",
        "dynamic_net",
        "jax",
        "state",
        Edit("(learning_rate, momentum)", "(learning_rate, momentum + 1e-9)"),
    ),
    Fault(
        "an unused layer skipped",
        "dynamic_net",
        "torch",
        "state",
        Edit("zero_grad(set_to_none=False)", "zero_grad(set_to_none=True)"),
    ),
    Fault(
        "decay enters the accumulated sum",
        "moons_mlp_accumulated",
        "jax",
        "state",
        Edit(
            "_accumulate(),\n        optax.add_decayed_weights(weight_decay),\n",
            "optax.add_decayed_weights(weight_decay),\n        _accumulate(),\n",
        ),
    ),
    Fault(
        "optimizer state lost on loading",
        "two_layer_adam",
        "torch",
        "state",
        Edit(
            "        _load_optimizer(subject, live, state)\n    return live",
            "        pass\n    return live",
            file="layout",
        ),
    ),
    # The step.
    Fault(
        "learning rate + 1e-9 of it (JAX)",
        "two_layer_adam",
        "jax",
        "update",
        Edit("optax.adam(learning_rate,", "optax.adam(learning_rate * (1 + 1e-9),"),
    ),
    Fault(
        "learning rate + 1e-9 of it (PyTorch)",
        "two_layer_adam",
        "torch",
        "update",
        Edit("lr=learning_rate,", "lr=learning_rate * (1 + 1e-9),"),
    ),
    Fault(
        "Adam's eps + 1 % of it",
        "two_layer_adam",
        "torch",
        "update",
        Edit("eps=eps\n", "eps=eps * 1.01\n"),
    ),
    Fault(
        "no bias correction",
        "two_layer_adam",
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
        "Nesterov's momentum",
        "dynamic_net",
        "jax",
        "update",
        Edit(
            "optax.sgd(learning_rate, momentum)",
            "optax.sgd(learning_rate, momentum, True)",
        ),
    ),
    Fault(
        "decay not scaled by the learning rate",
        "moons_mlp_accumulated",
        "jax",
        "update",
        Edit(
            "add_decayed_weights(weight_decay),\n        optax.sgd(learning_rate)",
            "sgd(learning_rate),\n        optax.add_decayed_weights(-weight_decay)",
        ),
    ),
    Fault(
        "one step an epoch",
        "moons_mlp_accumulated",
        "torch",
        "update",
        Edit(
            "    optimizer.step()\n",
            '    if batch["clear"]:\n        optimizer.step()\n',
        ),
    ),
    Fault(
        "a leaf the optimizer does not have",
        "line_linear",
        "torch",
        "update",
        Edit("SGD(model.parameters(),", "SGD([model.linear.weight],"),
    ),
    # The run.
    Fault(
        "a step skipped",
        "line_linear",
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
    Fault(
        "gradients not cleared",
        "two_layer_adam",
        "torch",
        "trajectory",
        Edit("    optimizer.zero_grad()\n", ""),
    ),
)
