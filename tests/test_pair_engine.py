"""A user's own pair: what is taken, and what is then compared."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import torch
from pair_models import (
    NHWC,
    PICTURES,
    RNG,
    ROWS,
    Linear,
    LinenLayers,
    affine,
    drawn,
    leaves,
    linears,
    seeded,
    two_layers,
)
from torch import Tensor, nn

from compare import assert_equivalent
from compare.result import in_order

IDS = RNG.integers(0, 7, (4, 9))
MASK = IDS > 2


@dataclass
class Answer(dict):
    """Like the outputs of transformers: fields, some of them empty."""

    logits: Any
    hidden: Any = None
    states: Any = ()


class Named(NamedTuple):
    logits: Any
    states: Any


class Words(nn.Module):
    """An embedding under a mask, with outputs of every kind."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(7, 4)
        self.head = nn.Linear(4, 3)

    def forward(self, ids: Tensor, mask: Tensor) -> dict[str, Any]:
        h = self.words(ids) * mask[..., None]
        logits = self.head(h)
        return {"logits": logits, "all": (h, [h.sum(1)]), "word": logits.argmax(-1)}


def words(params: Any, ids: jax.Array, mask: jax.Array) -> dict[str, Any]:
    h = params["words"]["embedding"][ids] * mask[..., None]
    logits = affine(params["head"], h)
    return {"logits": logits, "all": (h, [h.sum(1)]), "word": logits.argmax(-1)}


@jax.tree_util.register_dataclass
@dataclass
class Layer:
    weight: Any
    bias: Any


@jax.tree_util.register_dataclass
@dataclass
class Layers:
    layers: list[Layer]


TREE = Layers([Layer(drawn(5, 3), drawn(5)), Layer(drawn(2, 5), drawn(2))])
FLAT = {"layer": {"kernel": drawn(6), "bias": drawn(2)}}
OTHER = {"dense": [drawn(3, 2), drawn(2)]}


def layers(params: Layers, x: jax.Array) -> jax.Array:
    first, second = params.layers
    h = jnp.tanh(x @ first.weight.T + first.bias)
    return h @ second.weight.T + second.bias


def flat(params: Any, x: jax.Array) -> jax.Array:
    own = params["layer"]
    return x @ own["kernel"].reshape(3, 2) + own["bias"]


def linen_layers() -> tuple[LinenLayers, Any]:
    model = LinenLayers()
    return model, model.init(jax.random.key(0), ROWS)


def table() -> dict[str, tuple[Any, Any, Any, dict[str, Any], set[str], set[str]]]:
    """Both models, inputs, options; the leaves of outputs and of gradients."""
    same, one = {"0.weight", "0.bias", "2.weight", "2.bias", "0"}, {""}
    weights = {"layer.weight", "layer.bias", "0"}
    words_values = {
        "words": {"embedding": drawn(7, 4)},
        "head": {"kernel": drawn(4, 3), "bias": drawn(3)},
    }
    return {
        "functions of the inputs alone": (
            lambda x, y: torch.tanh(x) * y,
            lambda x, y: jnp.tanh(x) * y,
            (ROWS, ROWS + 1),
            {},
            one,
            {"0", "1"},
        ),
        "inputs by name, integers and a mask": (
            seeded(Words),
            (words, words_values),
            {"ids": IDS, "mask": MASK},
            {},
            {"logits", "all.0", "all.1.0", "word"},
            {"words.weight", "head.weight", "head.bias"},
        ),
        "fields of classes": (
            lambda x: Answer(2 * x, None, (x, x + 1)),
            lambda x: Named(2 * x, (x, x + 1)),
            ROWS,
            {},
            {"logits", "states.0", "states.1"},
            {"0"},
        ),
        "positions against names": (
            lambda x: (2 * x, x[0]),
            lambda x: {"twice": 2 * x, "one": x[0]},
            ROWS,
            {},
            {"0", "1"},
            {"0"},
        ),
        "a tree of dataclasses and lists": (
            seeded(two_layers),
            (layers, TREE),
            ROWS,
            {},
            one,
            same,
        ),
        "Linen": (seeded(two_layers), linen_layers, ROWS, {}, one, same),
        "rename": (
            seeded(Linear),
            (lambda p, x: x @ p["dense"][0] + p["dense"][1], OTHER),
            ROWS,
            {"rename": {"layer.weight": "dense/0", "layer.bias": "dense/1"}},
            one,
            weights,
        ),
        "transform": (
            seeded(Linear),
            (flat, FLAT),
            ROWS,
            {"transform": {"layer.weight": lambda weight: weight.T.reshape(-1)}},
            one,
            weights,
        ),
        "layout of inputs": (
            lambda x: x.mean((2, 3)),
            lambda x: x.mean((1, 2)),
            PICTURES,
            {"layout": {"inputs": NHWC}},
            one,
            {"0"},
        ),
        "layout of one output": (
            lambda x: {"a": 2 * x, "b": x},
            lambda x: {"a": jnp.moveaxis(2 * x, 1, -1), "b": x},
            PICTURES,
            {"layout": {"outputs.a": NHWC}},
            {"a", "b"},
            {"0"},
        ),
        "frozen by a rename to None": (
            nn.LayerNorm(3, eps=1.0),
            (
                lambda p, x: (
                    (x - x.mean(-1, keepdims=True))
                    / jnp.sqrt(x.var(-1, keepdims=True) + 1.0)
                    * p["scale"]
                ),
                {"scale": np.ones(3)},
            ),
            ROWS,
            {"rename": {"bias": None}, "randomize": False},
            one,
            {"weight", "0"},
        ),
    }


TABLE = table()


@pytest.mark.parametrize("name", TABLE)
def test_every_output_and_gradient_is_compared(name):
    torch_model, jax_model, inputs, options, outputs, gradients = TABLE[name]
    if jax_model is linen_layers:  # JAX must not start while tests are collected
        jax_model = linen_layers()
    report = assert_equivalent(torch_model, jax_model, inputs, **options)
    assert leaves(report, "outputs") == outputs
    assert leaves(report, "gradients") == gradients
    assert leaves(report, "loss") == {""}
    precisions = {row.precision for row in report.example.checks}
    assert precisions == {"float64", "float32"}
    mapped = {row["torch"] for row in report.weights if row["jax"]}
    assert mapped == gradients - {"0", "1"}
    assert report.example.checks == sorted(report.example.checks, key=in_order)


@jax.tree_util.register_dataclass
@dataclass
class Affine:
    """As Equinox's modules: a pytree that holds its arrays, and is called."""

    weight: jax.Array
    bias: jax.Array

    def __call__(self, x: jax.Array, *, train: bool = False) -> jax.Array:
        return jnp.where(train, 2.0, 1.0) * (x @ self.weight.T + self.bias)


class Doubles(nn.Linear):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) * (2.0 if self.training else 1.0)


def test_a_callable_pytree_is_its_own_parameters():
    theirs = Affine(drawn(5, 3), drawn(5))
    report = assert_equivalent(seeded(lambda: Doubles(3, 5)), theirs, ROWS)
    assert [one["jax"] for one in report.weights] == ["weight", "bias"]
    assert set(report.example.facts["mode"]) == {"eval", "train"}
    np.testing.assert_array_equal(theirs.weight, drawn(5, 3))


def test_a_function_of_a_generator_gives_a_new_batch_at_each_step():
    batches: list[bytes] = []
    wished: list[bytes] = []

    def batch(rng: np.random.Generator) -> np.ndarray:
        made = rng.standard_normal((4, 3))
        batches.append(made.tobytes())
        return made

    def targets(rng: np.random.Generator) -> np.ndarray:
        made = rng.standard_normal((4, 2))
        wished.append(made.tobytes())
        return made

    def loss(outputs: Any, targets: Any) -> Any:
        return ((outputs - targets) ** 2).mean()

    report = linears(
        batch,
        loss=(loss, loss),
        targets=targets,
        optimizers=(lambda p: torch.optim.SGD(p, 0.1), optax.sgd(0.1)),
        steps=3,
    )
    assert report.passed
    assert len(set(batches)) == len(set(wished)) == 3
    steps = {row.step for row in report.example.checks if row.phase == "update"}
    assert steps == {0, 1, 2}
