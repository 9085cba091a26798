"""Faults in the recurrent layers: gates, biases, directions, schedules."""

from compare.fault import Edit
from compare.pair.planted.fault import LOSS, OPTIMIZER, PairFault

LSTM = (
    PairFault(
        "hard sigmoid in the gates",
        "lstm",
        "jax",
        Edit(
            "(inputs, hidden, rngs=rngs)",
            "(inputs, hidden, gate_fn=nnx.hard_sigmoid, rngs=rngs)",
        ),
        "outputs",
        "lstm",
    ),
    PairFault(
        "sequence read backwards",
        "lstm",
        "jax",
        Edit(
            "hidden, rngs=rngs))", "hidden, rngs=rngs), reverse=True, keep_order=True)"
        ),
        "outputs",
        "lstm",
    ),
    PairFault(
        "first place for the last",
        "lstm",
        "jax",
        Edit("h[:, -1]", "h[:, 0]"),
        "outputs",
        "",
    ),
    PairFault(
        "mean over a sequence for its last place",
        "lstm",
        "torch",
        Edit("h[:, -1]", "h.mean(1)"),
        "outputs",
        "",
    ),
)

LSTM_PURE = (
    PairFault(
        "output gate before the candidate",
        "lstm_pure",
        "jax",
        Edit("i, f, g, o = ", "i, f, o, g = "),
        "outputs",
        "",
        "gates",
    ),
    PairFault(
        "forget gate before the input gate",
        "lstm_pure",
        "jax",
        Edit("i, f, g, o = ", "f, i, g, o = "),
        "outputs",
        "",
        "gates",
    ),
    PairFault(
        "1 added to the forget gate",
        "lstm_pure",
        "jax",
        Edit("jax.nn.sigmoid(f) * c", "jax.nn.sigmoid(f + 1) * c"),
        "outputs",
        "",
        "recurrent bias",
    ),
    PairFault(
        "one bias of two",
        "lstm_pure",
        "jax",
        Edit(' + p["bias_hh_l0"]', ""),
        "outputs",
        "",
        "recurrent bias",
    ),
    PairFault(
        "no tanh of the memory",
        "lstm_pure",
        "jax",
        Edit("jnp.tanh(c)", "c"),
        "outputs",
        "",
    ),
    PairFault(
        "memory starts at 1",
        "lstm_pure",
        "jax",
        Edit("jnp.zeros((len(x)", "jnp.ones((len(x)"),
        "outputs",
        "",
    ),
    PairFault(
        "no gradient through time",
        "lstm_pure",
        "jax",
        Edit("h, c = carry", "h, c = jax.lax.stop_gradient(carry)"),
        "gradients",
        "",
        "cut gradient",
    ),
)

GRU = (
    PairFault(
        "reset gate before the product",
        "gru",
        "jax",
        Edit(
            "n = nnx.tanh(input_n + r * hidden_n)",
            "hidden_n = jnp.split(self.dense_h(r * carry), 3, axis=-1)[2]\n"
            "        n = nnx.tanh(input_n + hidden_n)",
        ),
        "outputs",
        "gru",
    ),
    PairFault(
        "update gate the other way round",
        "gru",
        "jax",
        Edit("(1 - z) * n + z * carry", "z * n + (1 - z) * carry"),
        "outputs",
        "gru",
    ),
    PairFault(
        "reset and update gate exchanged",
        "gru",
        "jax",
        Edit(
            "r = nnx.sigmoid(input_r + hidden_r)\n"
            "        z = nnx.sigmoid(input_z + hidden_z)",
            "z = nnx.sigmoid(input_r + hidden_r)\n"
            "        r = nnx.sigmoid(input_z + hidden_z)",
        ),
        "outputs",
        "gru",
        "gates",
    ),
    PairFault(
        "no bias of the hidden part",
        "gru",
        "jax",
        Edit("self.dense_h(carry)", "carry @ self.dense_h.kernel[...]"),
        "outputs",
        "gru",
        "recurrent bias",
    ),
    PairFault(
        "Huber's bend at 0.5",
        "gru",
        "jax",
        Edit(
            "optax.huber_loss(outputs, targets)",
            "optax.huber_loss(outputs, targets, delta=0.5)",
        ),
        "loss",
        LOSS,
    ),
    PairFault(
        "squared error for Huber's in PyTorch",
        "gru",
        "torch",
        Edit("F.huber_loss(outputs, targets)", "F.mse_loss(outputs, targets)"),
        "loss",
        LOSS,
        "loss",
    ),
    PairFault(
        "schedule one step ahead",
        "gru",
        "jax",
        Edit("jnp.power(0.9, count)", "jnp.power(0.9, count + 1)"),
        "state",
        OPTIMIZER,
        "schedule",
    ),
)

FAULTS = (*LSTM, *LSTM_PURE, *GRU)
