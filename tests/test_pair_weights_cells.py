"""Recurrent layers and attention with mapped weights: the same outputs in both."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from flax import linen, nnx
from pair_sides import couple, drawn, same_outputs
from torch import nn

from compare.pair.weights.proof import prove


def _rngs() -> nnx.Rngs:
    return nnx.Rngs(0)


class First(nn.Module):
    """A recurrent layer without its final state."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layer(x)[0]


class Recurrent(nnx.Module):
    """Layers of cells, one after the other; in both directions where there are two."""

    def __init__(self, cells: list[list[Any]]) -> None:
        self.layers = nnx.List(
            [
                nnx.RNN(own[0])
                if len(own) == 1
                else nnx.Bidirectional(nnx.RNN(own[0]), nnx.RNN(own[1]))
                for own in cells
            ]
        )

    def __call__(self, x: jax.Array) -> jax.Array:
        for layer in self.layers:
            x = layer(x)
        return x


CELLS = {
    "lstm": (nn.LSTM, nnx.LSTMCell),
    "optimized lstm": (nn.LSTM, nnx.OptimizedLSTMCell),
    "gru": (nn.GRU, nnx.GRUCell),
    "rnn": (nn.RNN, nnx.SimpleCell),
}


@pytest.mark.parametrize("layers, directions", [(1, 1), (2, 1), (2, 2)])
@pytest.mark.parametrize("name", CELLS)
def test_recurrent_layers(name: str, layers: int, directions: int) -> None:
    kind, cell = CELLS[name]
    recurrent = kind(
        3, 4, num_layers=layers, bidirectional=directions == 2, batch_first=True
    )
    sizes = [3, *[4 * directions] * (layers - 1)]
    # SimpleCell computes in float32 unless it is told not to.
    extra = {"dtype": jnp.float64} if cell is nnx.SimpleCell else {}
    cells = [
        [cell(size, 4, rngs=_rngs(), **extra) for _ in range(directions)]
        for size in sizes
    ]
    pair = couple(First(recurrent), Recurrent(cells))
    rng = np.random.default_rng(5)
    same_outputs(pair, (rng.standard_normal((2, 5, 3)),))
    words = {"lstm": "two biases", "gru": "held at 0"}.get(name, "two biases")
    assert any(words in note for note in pair.map.notes)


def test_the_hidden_bias_of_a_gru_that_flax_lacks_is_held_at_zero() -> None:
    pair = couple(nn.GRUCell(3, 4), nnx.GRUCell(3, 4, rngs=_rngs()))
    state = pair.map.to_torch(pair.map.to_jax(drawn(pair.map.torch_shapes)))
    assert not state["bias_hh"].any() and state["bias_ih"].all()
    held = [row for row in pair.map.table() if not row["jax"]]
    assert [row["torch"] for row in held] == ["bias_hh"]
    assert held[0]["transform"] == "rows 8:12, no partner: held at 0"
    labels = pair.map.canonical("torch", drawn(pair.map.torch_shapes), folded=True)
    assert "bias_hh[0]" in labels and "bias_hh[1]" not in labels


def test_a_second_bias_has_the_gradient_of_the_first() -> None:
    pair = couple(nn.LSTMCell(3, 4), nnx.OptimizedLSTMCell(3, 4, rngs=_rngs()))
    gradients = drawn(pair.map.jax_shapes)
    short = pair.map.canonical("jax", gradients)
    whole = pair.map.canonical("jax", gradients, folded=True)
    assert whole.keys() - short.keys() == {"bias_hh"}
    np.testing.assert_array_equal(whole["bias_hh"], whole["bias_ih"])
    summed = pair.map.to_jax(drawn(pair.map.torch_shapes))["dense_h/bias"]
    two = drawn(pair.map.torch_shapes)
    np.testing.assert_array_equal(summed, two["bias_ih"] + two["bias_hh"])


class OwnAttention(nn.Module):
    """Attention of three Linears, or of a fused one."""

    def __init__(self, *, fused: bool) -> None:
        super().__init__()
        self.fused = fused
        if fused:
            self.qkv = nn.Linear(6, 18)
        else:
            self.q_proj, self.k_proj = nn.Linear(6, 6), nn.Linear(6, 6)
            self.v_proj = nn.Linear(6, 6)
        self.proj = nn.Linear(6, 6)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.fused:
            q, k, v = self.qkv(x).chunk(3, -1)
        else:
            q, k, v = self.q_proj(x), self.k_proj(x), self.v_proj(x)
        q, k, v = (a.unflatten(-1, (2, 3)).transpose(1, 2) for a in (q, k, v))
        found = nn.functional.scaled_dot_product_attention(q, k, v)
        return self.proj(found.transpose(1, 2).flatten(2))


class FusedAttention(nn.Module):
    def __init__(self, **settings: Any) -> None:
        super().__init__()
        self.attn = nn.MultiheadAttention(6, 2, batch_first=True, **settings)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.attn(x, x, x, need_weights=False)[0]


def attention(q: jax.Array, k: jax.Array, v: jax.Array) -> jax.Array:
    """Softmax in the precision of its input, which Flax's own does not have."""
    scores = jnp.einsum("bqhd,bkhd->bhqk", q, k) / np.sqrt(q.shape[-1])
    return jnp.einsum("bhqk,bkhd->bqhd", jax.nn.softmax(scores), v)


class Heads(nnx.Module):
    """Kernels of (features, heads, dim), as Flax's attention has them."""

    def __init__(self) -> None:
        rngs = _rngs()
        self.query = nnx.LinearGeneral(6, (2, 3), rngs=rngs)
        self.key = nnx.LinearGeneral(6, (2, 3), rngs=rngs)
        self.value = nnx.LinearGeneral(6, (2, 3), rngs=rngs)
        self.out = nnx.LinearGeneral((2, 3), 6, axis=(-2, -1), rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        return self.out(attention(self.query(x), self.key(x), self.value(x)))


class Fused(nnx.Module):
    def __init__(self) -> None:
        self.qkv = nnx.Linear(6, 18, rngs=_rngs())
        self.proj = nnx.Linear(6, 6, rngs=_rngs())

    def __call__(self, x: jax.Array) -> jax.Array:
        heads = [a.reshape(*a.shape[:2], 2, 3) for a in jnp.split(self.qkv(x), 3, -1)]
        return self.proj(attention(*heads).reshape(x.shape))


TORCH_ATTENTION = {
    "torch's": FusedAttention,
    "torch's, split": lambda: FusedAttention(kdim=6, vdim=6),
    "own, fused": lambda: OwnAttention(fused=True),
    "own, split": lambda: OwnAttention(fused=False),
}
JAX_ATTENTION = {"heads": Heads, "fused": Fused}


@pytest.mark.parametrize("other", JAX_ATTENTION)
@pytest.mark.parametrize("mine", TORCH_ATTENTION)
def test_attention(mine: str, other: str) -> None:
    pair = couple(TORCH_ATTENTION[mine](), JAX_ATTENTION[other]())
    same_outputs(pair, (np.random.default_rng(5).standard_normal((2, 5, 6)),))


def test_flax_attention_has_the_same_map_as_heads() -> None:
    flax = nnx.MultiHeadAttention(2, 6, decode=False, rngs=_rngs())
    pair = couple(nn.MultiheadAttention(6, 2), flax)
    assert {
        row["transform"] for row in pair.map.table() if row["jax"] == "key/kernel"
    } == {"rows 6:12, transposed, as (6, 2, 3)"}
    assert prove(pair.map, drawn(pair.map.torch_shapes)) == []


class LinenBlock(linen.Module):
    @linen.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        h = linen.LayerNorm(epsilon=1e-5)(x)
        split = [
            linen.DenseGeneral((2, 3), name=n)(h) for n in ("query", "key", "value")
        ]
        h = attention(*split)
        x = x + linen.DenseGeneral(6, axis=(-2, -1), name="out")(h)
        h = linen.LayerNorm(epsilon=1e-5)(x)
        return x + linen.Dense(6)(linen.relu(linen.Dense(8)(h)))


class LinenNet(linen.Module):
    """Blocks whose layers have no names but those that Linen gives them."""

    @linen.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        x = linen.Dense(6)(x)
        for _ in range(2):
            x = LinenBlock()(x)
        return linen.Dense(5)(linen.LayerNorm(epsilon=1e-5)(x))


class Encoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(4, 6)
        layer = nn.TransformerEncoderLayer(
            6, 2, 8, dropout=0.0, batch_first=True, norm_first=True
        )
        self.blocks = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.norm, self.head = nn.LayerNorm(6), nn.Linear(6, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.norm(self.blocks(self.first(x))))


def test_layers_that_linen_has_named() -> None:
    model, x = LinenNet(), np.random.default_rng(5).standard_normal((2, 5, 4))
    variables = model.init(jax.random.key(0), jnp.zeros((1, 1, 4)))
    pair = couple(Encoder(), (model, variables))
    same_outputs(pair, (x,))
    # `jit` sorts variables by name; the map is the same.
    ordered = jax.tree.map(lambda array: array, variables)
    assert list(ordered["params"]) != list(variables["params"])
    assert couple(Encoder(), (model, ordered)).map.table() == pair.map.table()


class LinenRecurrent(linen.Module):
    cell: Any

    @linen.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        return linen.RNN(self.cell)(x)


LINEN_CELLS = {
    "lstm": (nn.LSTM, linen.LSTMCell),
    "optimized lstm": (nn.LSTM, linen.OptimizedLSTMCell),
    "gru": (nn.GRU, linen.GRUCell),
    "rnn": (nn.RNN, linen.SimpleCell),
}


@pytest.mark.parametrize("name", LINEN_CELLS)
def test_linens_cells(name: str) -> None:
    kind, cell = LINEN_CELLS[name]
    model = LinenRecurrent(cell(4, param_dtype=jnp.float64))
    with jax.enable_x64(True):
        variables = model.init(jax.random.key(0), jnp.zeros((1, 1, 3)))
    pair = couple(First(kind(3, 4, batch_first=True)), (model, variables))
    held = [row["torch"] for row in pair.map.table() if not row["jax"]]
    assert held == []
    same_outputs(pair, (np.random.default_rng(5).standard_normal((2, 5, 3)),))
