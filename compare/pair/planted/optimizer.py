"""Faults in the perceptrons' optimizers, where gradients agree."""

from compare.fault import Edit
from compare.pair.planted.fault import OPTIMIZER, PairFault

_ADAMW = "optax.adamw(learning_rate, weight_decay=weight_decay)"

FAULTS = (
    PairFault(
        "weight decay as part of the gradient",
        "mlp",
        "jax",
        Edit(
            _ADAMW,
            "optax.chain(\n        optax.add_decayed_weights(weight_decay), "
            "optax.adam(learning_rate)\n    )",
        ),
        "state",
        OPTIMIZER,
        "weight decay",
    ),
    PairFault(
        "weight decay as part of the gradient in PyTorch",
        "mlp",
        "torch",
        Edit("from torch.optim import AdamW", "from torch.optim import Adam as AdamW"),
        "state",
        OPTIMIZER,
        "weight decay",
    ),
    PairFault(
        "weight decay as Optax has it",
        "mlp",
        "jax",
        Edit(_ADAMW, "optax.adamw(learning_rate)"),
        "state",
        OPTIMIZER,
        "weight decay",
    ),
    PairFault(
        "learning rate larger by 1e-6 of it",
        "mlp",
        "jax",
        Edit(_ADAMW, _ADAMW.replace("rate,", "rate * (1 + 1e-6),")),
        "state",
        OPTIMIZER,
        "any factor",
    ),
    PairFault(
        "learning rate ten times as large",
        "mlp",
        "torch",
        Edit("lr=learning_rate", "lr=10 * learning_rate"),
        "state",
        OPTIMIZER,
        "learning rate",
    ),
    PairFault(
        "second beta of 0.99",
        "mlp",
        "jax",
        Edit(_ADAMW, _ADAMW.replace("rate,", "rate, b2=0.99,")),
        "state",
        OPTIMIZER,
        "betas",
    ),
    PairFault(
        "eps inside of the root",
        "mlp",
        "jax",
        Edit(_ADAMW, _ADAMW.replace("rate,", "rate, eps=0.0, eps_root=1e-8,")),
        "state",
        OPTIMIZER,
        "place of eps",
    ),
    PairFault(
        "eps of 1e-7",
        "mlp",
        "jax",
        Edit(_ADAMW, _ADAMW.replace("rate,", "rate, eps=1e-7,")),
        "state",
        OPTIMIZER,
        "eps of the optimizer",
    ),
    PairFault(
        "clipped gradients",
        "mlp",
        "jax",
        Edit(_ADAMW, f"optax.chain(optax.clip_by_global_norm(0.1), {_ADAMW})"),
        "state",
        OPTIMIZER,
        "clipping",
    ),
    PairFault(
        "Nesterov's momentum",
        "mlp",
        "jax",
        Edit(_ADAMW, _ADAMW.replace("rate,", "rate, nesterov=True,")),
        "state",
        OPTIMIZER,
        "variant of the optimizer",
    ),
    PairFault(
        "no weight decay of biases and norms",
        "mlp_pure",
        "jax",
        Edit(
            _ADAMW,
            "optax.adamw(\n        learning_rate,\n        weight_decay=weight_decay,\n"
            "        mask=lambda p: jax.tree.map(lambda leaf: leaf.ndim > 1, p),\n"
            "    )",
        ),
        "state",
        OPTIMIZER,
        "weight decay",
    ),
)
