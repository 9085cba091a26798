"""Faults in the encoder and the decoder: masks, scales, heads, positions."""

from compare.fault import Edit, Side
from compare.pair.planted.fault import LOSS, PairFault

_ATTENTION = "block.attention"
_FIRST = "blocks.0.attention"


def _encoder(
    name: str,
    find: str,
    replace: str,
    layer: str = _ATTENTION,
    cause: str = "",
    *,
    phase: str = "outputs",
    side: Side = "jax",
    case: str = "encoder",
) -> PairFault:
    return PairFault(name, case, side, Edit(find, replace), phase, layer, cause)


def _decoder(
    name: str,
    find: str,
    replace: str,
    layer: str = _FIRST,
    cause: str = "",
    *,
    phase: str = "outputs",
    side: Side = "jax",
) -> PairFault:
    return PairFault(name, "decoder", side, Edit(find, replace), phase, layer, cause)


ENCODER = (
    _encoder(
        "attention without its scale",
        " / query.shape[-1] ** 0.5",
        "",
        cause="attention's scale",
    ),
    _encoder(
        "attention scaled by the width",
        "query.shape[-1] ** 0.5",
        "(query.shape[-1] * query.shape[-2]) ** 0.5",
        cause="attention's scale",
    ),
    _encoder(
        "inverted mask of padding",
        "there = ~padding[:, None, None, :]",
        "there = padding[:, None, None, :]",
        cause="inverted mask",
    ),
    _encoder(
        "no mask of padding",
        "jnp.where(mask, scores, -jnp.inf)",
        "scores",
        cause="missing mask",
    ),
    _encoder("masked by 0", "(mask, scores, -jnp.inf)", "(mask, scores, 0.0)"),
    _encoder("masked by −10", "(mask, scores, -jnp.inf)", "(mask, scores, -10.0)"),
    _encoder(
        "queries for keys",
        '"bqhd,bkhd->bhqk", query, key',
        '"bqhd,bkhd->bhqk", key, query',
        cause="query, key, value",
    ),
    _encoder(
        "no mask of padding in PyTorch",
        "key_padding_mask=padding",
        "key_padding_mask=None",
        side="torch",
    ),
    _encoder(
        "padding in the mean",
        "jnp.where(there, h, 0).sum(1)",
        "h.sum(1)",
        "",
    ),
    _encoder(
        "divided by the length with padding",
        "/ there.sum(1)",
        "/ h.shape[1]",
        "",
    ),
    _encoder(
        "residual connection from after the norm",
        "h = self.attention(self.norm1(x), mask=there)",
        "x = self.norm1(x)\n        h = self.attention(x, mask=there)",
        "block",
    ),
    _encoder(
        "ReLU for GELU in PyTorch",
        "F.gelu(",
        "F.relu(",
        "block",
        "activation",
        side="torch",
    ),
    _encoder(
        "dropout twice as high",
        "nnx.Dropout(rate,",
        "nnx.Dropout(2 * rate,",
        "block.dropout",
    ),
    _encoder(
        "norm with Flax's own eps in a block",
        "self.norm2 = nnx.LayerNorm(width, epsilon=1e-5, rngs=rngs)",
        "self.norm2 = nnx.LayerNorm(width, rngs=rngs)",
        "block.norm2",
        "eps of a norm",
    ),
)

ENCODER_LINEN = (
    _encoder(
        "tanh in a GELU of a block in Linen",
        "nn.gelu(h, approximate=False)",
        "nn.gelu(h)",
        "block",
        "GELU",
        case="encoder_linen",
    ),
    _encoder(
        "two heads for three in Linen",
        "self.heads, attention_fn",
        "2, attention_fn",
        case="encoder_linen",
        cause="number of heads or groups",
    ),
    _encoder(
        "no gradient through attention's weights",
        "weights = nn.softmax(scores, axis=-1)",
        "weights = jax.lax.stop_gradient(nn.softmax(scores, axis=-1))",
        phase="gradients",
        case="encoder_linen",
        cause="no gradient",
    ),
)

DECODER = (
    _decoder(
        "causal mask one place too wide",
        "jnp.tril(jnp.ones(scores.shape[-2:], bool))",
        "jnp.tril(jnp.ones(scores.shape[-2:], bool), 1)",
        cause="shifted mask",
    ),
    _decoder(
        "no causal mask",
        "jnp.where(past, scores, -jnp.inf)",
        "scores",
        cause="missing mask",
    ),
    _decoder(
        "no causal mask in PyTorch",
        "is_causal=True",
        "is_causal=False",
        cause="added mask",
        side="torch",
    ),
    _decoder(
        "causal mask transposed",
        "jnp.tril(",
        "jnp.triu(",
        cause="inverted mask",
    ),
    _decoder(
        "softmax over the queries",
        "-jnp.inf), axis=-1)",
        "-jnp.inf), axis=-2)",
        cause="softmax axis",
    ),
    _decoder(
        "causal attention without its scale",
        " / q.shape[-1] ** 0.5",
        "",
        cause="attention's scale",
    ),
    _decoder(
        "keys before queries",
        "q, k, v = (",
        "k, q, v = (",
        cause="query, key, value",
    ),
    _decoder(
        "heads as the last axis",
        "h.reshape(*h.shape[:2], self.heads, -1)",
        "h.reshape(*h.shape[:2], -1, self.heads).swapaxes(2, 3)",
        cause="order of heads",
    ),
    _decoder(
        "heads put together in another order",
        "h.reshape(x.shape)",
        "h.swapaxes(1, 2).reshape(x.shape)",
    ),
    _decoder(
        "exact GELU for tanh",
        "nnx.gelu(self.linear1(self.norm2(x)))",
        "nnx.gelu(self.linear1(self.norm2(x)), approximate=False)",
        "blocks.0",
        "GELU",
    ),
    _decoder(
        "positions from 1",
        "jnp.arange(tokens.shape[1])",
        "jnp.arange(1, tokens.shape[1] + 1)",
        "positions",
        "shifted axis",
    ),
    _decoder(
        "embedding scaled by the root of its width",
        "h = self.embedding(tokens) +",
        "h = self.embedding(tokens) * 12**0.5 +",
        "",
        "embedding's scale",
    ),
    _decoder(
        "row of padding that is not trained",
        "self.embedding = nn.Embedding(tokens, width)",
        "self.embedding = nn.Embedding(tokens, width, padding_idx=0)",
        "embedding",
        "padding index",
        phase="gradients",
        side="torch",
    ),
    _decoder(
        "no last norm",
        "attend(self.norm(h))",
        "attend(h)",
        "",
        cause="missing norm",
    ),
    _decoder(
        "last norm with Flax's own eps",
        "self.norm = nnx.LayerNorm(width, epsilon=1e-5, rngs=rngs)",
        "self.norm = nnx.LayerNorm(width, rngs=rngs)",
        "norm",
        "eps of a norm",
    ),
    _decoder(
        "labels shifted once more",
        "(outputs, following)",
        "(\n        outputs[:, :-1], following[:, 1:]\n    )",
        LOSS,
        phase="loss",
    ),
    _decoder(
        "sum over a sequence in the loss",
        "each.mean()",
        "each.sum(-1).mean()",
        LOSS,
        "factor",
        phase="loss",
    ),
)

FAULTS = (*ENCODER, *ENCODER_LINEN, *DECODER)
