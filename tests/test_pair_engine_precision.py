"""What is float32 inside of a float64 run, and what differs by design."""

import re
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import torch
from flax import nnx
from pair_models import (
    ROWS,
    SEQUENCES,
    NnxPerceptron,
    Perceptron,
    leaves,
    linears,
    seeded,
)
from torch import Tensor, nn

from compare import compare_pair
from compare.pair.report import PairReport


class Attention(nn.Module):
    """Self-attention of two heads."""

    def __init__(self) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(6, 2, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.attention(x, x, x, need_weights=False)[0]


def attend(query, key, value, **_: Any) -> jax.Array:
    """Attention that keeps to the precision of what it is given."""
    scores = jnp.einsum("...qhd,...khd->...hqk", query, key)
    weights = jax.nn.softmax(scores / np.sqrt(query.shape[-1]), axis=-1)
    return jnp.einsum("...hqk,...khd->...qhd", weights, value)


class NnxAttention(nnx.Module):
    """Its port, with attention that keeps to its precision."""

    def __init__(self) -> None:
        self.attention = nnx.MultiHeadAttention(
            2, 6, decode=False, attention_fn=attend, rngs=nnx.Rngs(0)
        )

    def __call__(self, x: jax.Array) -> jax.Array:
        return self.attention(x)


class Recurrent(nn.Module):
    """A recurrent layer of PyTorch, its outputs alone."""

    def __init__(self, layer: type[nn.RNNBase]) -> None:
        super().__init__()
        self.cells = layer(6, 4, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.cells(x)[0]


class NnxRecurrent(nnx.Module):
    """A cell of Flax in a loop."""

    def __init__(self, cell: Any, **options: Any) -> None:
        self.cells = nnx.RNN(cell(6, 4, rngs=nnx.Rngs(0), **options))

    def __call__(self, x: jax.Array) -> jax.Array:
        return self.cells(x)


# ---------------------------------------------------------------------- low precision


def spots(report: PairReport) -> list[str]:
    return [
        f"{one['operation']}, {one['where']}" for one in report.example.facts["spots"]
    ]


def scheduled(parameters: Any) -> Any:
    optimizer = torch.optim.SGD(parameters, 0.1)
    return optimizer, torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.9)


LOW = {
    "SimpleCell": (
        lambda: compare_pair(
            seeded(lambda: Recurrent(nn.RNN)), NnxRecurrent(nnx.SimpleCell), SEQUENCES
        ),
        r"dot_general in float32, .*flax/nnx/nn/linear\.py:\d+ \(Linear.__call__\)",
    ),
    "one layer that is told to": (
        lambda: compare_pair(
            seeded(Perceptron), NnxPerceptron(dtype=jnp.float32), ROWS
        ),
        r"normalisation in float32, .*normalization\.py:\d+ \(LayerNorm.__call__\)",
    ),
    "a schedule": (
        lambda: linears(
            optimizers=(scheduled, optax.sgd(optax.exponential_decay(0.1, 1, 0.9))),
            steps=2,
        ),
        r"in float32, .*optax/.*_schedule\.py:\d+ \(exponential_decay.schedule\)",
    ),
}


@cache
def low(name: str) -> PairReport:
    return LOW[name][0]()


@pytest.mark.parametrize("name", LOW)
def test_float32_is_told_with_its_line_and_passes_as_precision(name):
    report, says = low(name), LOW[name][1]
    assert (report.verdict, report.passed) == ("precision", True), str(report)
    assert report.failures == []
    assert any(re.search(says, spot) for spot in spots(report)), spots(report)
    assert {one["side"] for one in report.example.facts["spots"]} == {"jax"}
    assert "less than float64 in the float64 run: jax: " in str(report)
    assert "as near as float32 comes" in str(report)


def test_what_does_not_depend_on_it_is_judged_as_ever():
    report = low("one layer that is told to")
    verdicts = {
        row.leaf: row.verdict
        for row in report.example.checks
        if row.phase == "gradients" and row.precision == "float64"
    }
    # The sum of the cotangents of the outputs: no layer before it has a part in it.
    assert verdicts.pop("two.bias") in ("bitwise", "rounding")
    assert set(verdicts.values()) == {"precision"}


def test_a_mistake_is_none_of_precision_though_float32_is_near():
    report = compare_pair(
        seeded(Perceptron), NnxPerceptron(1e-3, dtype=jnp.float32), ROWS
    )
    assert report.verdict == "semantic"
    assert report.causes[0]["name"] == "eps of a norm"


def test_attention_that_keeps_to_float64_passes_with_a_key_bias_that_vanishes():
    report = compare_pair(seeded(Attention), NnxAttention(), SEQUENCES)
    assert report.verdict == "rounding", str(report)
    (keys,) = [
        row
        for row in report.example.checks
        if (row.leaf, row.precision) == ("attention.in_proj_bias[1]", "float64")
    ]
    # A softmax takes away what all its scores have in common.
    assert keys.why == "zero but for rounding on both sides"


# ----------------------------------------------------------------- different by design


def test_the_second_bias_of_an_lstm_differs_by_design():
    optimizers = (lambda p: torch.optim.SGD(p, 0.1), optax.sgd(0.1))
    report = compare_pair(
        seeded(lambda: Recurrent(nn.LSTM)),
        NnxRecurrent(nnx.OptimizedLSTMCell),
        SEQUENCES,
        optimizers=optimizers,
        steps=1,
    )
    assert (report.verdict, report.passed) == ("differs", True)
    assert any("trains two biases" in note for note in report.example.facts["notes"])
    assert any(
        "twice as far under SGD" in note for note in report.example.facts["notes"]
    )
    rows = report.example.checks
    assert {row.leaf for row in rows if row.verdict == "differs"} == {
        "cells.bias_hh_l0"
    }
    assert "cells.bias_ih_l0" in leaves(report, "update")


def test_the_bias_that_a_gru_of_flax_lacks_is_told():
    report = compare_pair(
        seeded(lambda: Recurrent(nn.GRU)), NnxRecurrent(nnx.GRUCell), SEQUENCES
    )
    assert report.passed, str(report)
    told = [note for note in report.example.facts["notes"] if "no hidden bias" in note]
    assert told
    assert "cells.bias_hh_l0" in told[0]
    assert "held at 0" in told[0]
