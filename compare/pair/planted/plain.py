"""Faults in the perceptrons: norms, activations, losses."""

from compare.fault import Edit
from compare.pair.planted.fault import LOSS, PairFault

_FIRST = "nnx.gelu(self.norm1(self.linear1(x)), approximate=False)"
_SECOND = "nnx.gelu(self.norm2(self.linear2(h)), approximate=False)"
_NORM1 = "self.norm1 = nnx.LayerNorm(hidden, epsilon=1e-5, rngs=rngs)"

NNX = (
    PairFault(
        "layer norm with Flax's own eps",
        "mlp",
        "jax",
        Edit(_NORM1, "self.norm1 = nnx.LayerNorm(hidden, rngs=rngs)"),
        "outputs",
        "norm1",
        "eps of a norm",
    ),
    PairFault(
        "layer norm with an eps of 1.1e-5",
        "mlp",
        "torch",
        Edit(
            "self.norm2 = nn.LayerNorm(hidden)",
            "self.norm2 = nn.LayerNorm(hidden, eps=1.1e-5)",
        ),
        "outputs",
        "norm2",
        "eps of a norm",
    ),
    PairFault(
        "tanh in a GELU",
        "mlp",
        "jax",
        Edit(_FIRST, "nnx.gelu(self.norm1(self.linear1(x)))"),
        "outputs",
        "",
        "GELU",
    ),
    PairFault(
        "ReLU for GELU",
        "mlp",
        "jax",
        Edit(_SECOND, "nnx.relu(self.norm2(self.linear2(h)))"),
        "outputs",
        "",
        "activation",
    ),
    PairFault(
        "no activation after the first layer",
        "mlp",
        "jax",
        Edit(_FIRST, "self.norm1(self.linear1(x))"),
        "outputs",
        "",
        "missing activation",
    ),
    PairFault(
        "no residual connection",
        "mlp",
        "jax",
        Edit(f"h = h + {_SECOND}", f"h = {_SECOND}"),
        "outputs",
        "",
        "residual",
    ),
    PairFault(
        "activation before the norm",
        "mlp",
        "jax",
        Edit(_FIRST, "self.norm1(nnx.gelu(self.linear1(x), approximate=False))"),
        "outputs",
        "",
    ),
    PairFault(
        "transposed square kernel",
        "mlp",
        "jax",
        Edit(
            "self.linear2(h)",
            "(h @ self.linear2.kernel[...].T + self.linear2.bias[...])",
        ),
        "outputs",
        "",
        "transposed kernel",
    ),
    PairFault(
        "transposed square kernel in PyTorch",
        "mlp",
        "torch",
        Edit(
            "self.linear2(h)", "F.linear(h, self.linear2.weight.T, self.linear2.bias)"
        ),
        "outputs",
        "",
        "transposed kernel",
    ),
    PairFault(
        "bias of the last layer left out",
        "mlp",
        "jax",
        Edit("self.output(h)", "h @ self.output.kernel[...]"),
        "outputs",
        "",
        "missing bias",
    ),
    PairFault(
        "layer without a bias",
        "mlp",
        "jax",
        Edit(
            "nnx.Linear(inputs, hidden, rngs",
            "nnx.Linear(inputs, hidden, use_bias=False, rngs",
        ),
        "parameters",
        "linear1",
        verdict="refused",
    ),
    PairFault(
        "no last layer",
        "mlp",
        "jax",
        Edit("return self.output(h)", "return h"),
        "outputs",
        None,
        verdict="refused",
    ),
    PairFault(
        "one layer in float32",
        "mlp",
        "jax",
        Edit(
            "self.linear2 = nnx.Linear(hidden, hidden, ",
            'self.linear2 = nnx.Linear(hidden, hidden, dtype="float32", ',
        ),
        "outputs",
        None,
        verdict="precision",
    ),
    PairFault(
        "one layer in bfloat16",
        "mlp",
        "jax",
        Edit(
            "self.linear2 = nnx.Linear(hidden, hidden, ",
            'self.linear2 = nnx.Linear(hidden, hidden, dtype="bfloat16", ',
        ),
        "outputs",
        "linear2",
    ),
    PairFault(
        "sum for mean in the loss",
        "mlp",
        "jax",
        Edit("(outputs, targets).mean()", "(outputs, targets).sum()"),
        "loss",
        LOSS,
        "factor",
    ),
    PairFault(
        "mean over the batch alone",
        "mlp",
        "jax",
        Edit("(outputs, targets).mean()", "(outputs, targets).sum(-1).mean()"),
        "loss",
        LOSS,
        "factor",
    ),
    PairFault(
        "half of a squared error",
        "mlp",
        "jax",
        Edit("optax.squared_error(", "optax.l2_loss("),
        "loss",
        LOSS,
        "factor",
    ),
)

LINEN = (
    PairFault(
        "layer norm with Linen's own eps",
        "mlp_linen",
        "jax",
        Edit("self.norm1 = nn.LayerNorm(epsilon=1e-5)", "self.norm1 = nn.LayerNorm()"),
        "outputs",
        "norm1",
        "eps of a norm",
    ),
    PairFault(
        "tanh in a GELU in Linen",
        "mlp_linen",
        "jax",
        Edit(
            "nn.gelu(self.norm2(self.linear2(h)), approximate=False)",
            "nn.gelu(self.norm2(self.linear2(h)))",
        ),
        "outputs",
        "",
        "GELU",
    ),
    PairFault(
        "residual connection around the wrong part",
        "mlp_linen",
        "jax",
        Edit(
            "h = h + nn.gelu(self.norm2(self.linear2(h)), approximate=False)",
            "h = nn.gelu(h + self.norm2(self.linear2(h)), approximate=False)",
        ),
        "outputs",
        "",
    ),
)

PURE = (
    PairFault(
        "unbiased variance in a norm",
        "mlp_pure",
        "jax",
        Edit(
            "jnp.square(centred).mean(-1, keepdims=True)",
            "x.var(-1, ddof=1, keepdims=True)",
        ),
        "outputs",
        "",
        "variance's correction",
    ),
    PairFault(
        "eps outside of a norm's root",
        "mlp_pure",
        "jax",
        Edit("jnp.sqrt(variance + 1e-5)", "(jnp.sqrt(variance) + 1e-5)"),
        "outputs",
        "",
        "",
    ),
    PairFault(
        "bias of the last layer left out of a function",
        "mlp_pure",
        "jax",
        Edit('_linear(p["output"], h)', 'h @ p["output"]["kernel"]'),
        "outputs",
        "",
        "missing bias",
    ),
    PairFault(
        "no gradient through a norm's variance",
        "mlp_pure",
        "jax",
        Edit(
            "variance = jnp.square(centred).mean(-1, keepdims=True)",
            "variance = jax.lax.stop_gradient(x.var(-1, keepdims=True))",
        ),
        "gradients",
        "",
        "cut gradient",
    ),
    PairFault(
        "NaN from a negative variance",
        "mlp_pure",
        "jax",
        Edit("jnp.sqrt(variance + 1e-5)", "jnp.sqrt(variance - variance.max() - 1e-5)"),
        "outputs",
        "",
    ),
    PairFault(
        "absolute error for squared",
        "mlp_pure",
        "jax",
        Edit("jnp.square(outputs - targets)", "jnp.abs(outputs - targets)"),
        "loss",
        LOSS,
        "loss",
    ),
)

FAULTS = (*NNX, *LINEN, *PURE)
