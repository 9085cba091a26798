"""A user's own pair that cannot be compared, or raises."""

from inspect import unwrap
from typing import Any

import jax.numpy as jnp
import numpy as np
import optax
import pytest
import torch
from flax import nnx
from pair_models import (
    PICTURES,
    ROWS,
    Linear,
    drawn,
    linear,
    linear_values,
    linears,
    seeded,
)
from torch import nn

from compare import assert_equivalent, compare_pair
from compare.pair.wrong import Wrong

SAME = (torch.tanh, jnp.tanh)
SGD = (lambda parameters: torch.optim.SGD(parameters, 0.1), optax.sgd(0.1))
PORT = (linear, linear_values())


def twice(x: Any) -> Any:
    return 2 * x


def swapped() -> nnx.Linear:
    """Made when it is needed: JAX must not start while tests are collected."""
    return nnx.Linear(3, 2, rngs=nnx.Rngs(0))


# ------------------------------------------------------------- what cannot be compared

WRONG: dict[str, tuple[Any, Any, Any, dict[str, Any], list[str]]] = {
    "the models swapped": (
        swapped,
        nn.Linear(3, 2),
        ROWS,
        {},
        ["the PyTorch model: Linear is a JAX model", "comes first"],
    ),
    "two models of PyTorch": (
        nn.Linear(3, 2),
        nn.Linear(3, 2),
        ROWS,
        {},
        ["the JAX model: expected a model of JAX, got Linear, which is PyTorch's"],
    ),
    "a class of PyTorch": (Linear, PORT, ROWS, {}, ["got the class Linear; hand over"]),
    "a class of nnx": (nn.Linear(3, 2), nnx.Linear, ROWS, {}, ["the class Linear"]),
    "no model": (twice, 3, ROWS, {}, ["the JAX model: expected an nnx.Module"]),
    "one loss": (*SAME, ROWS, {"loss": twice}, ["loss: expected PyTorch's and JAX's"]),
    "losses that are none": (*SAME, ROWS, {"loss": (1, 2)}, ["loss: expected two"]),
    "one optimizer": (*SAME, ROWS, {"optimizers": SGD[1]}, ["optimizers: expected"]),
    "no steps": (*SAME, ROWS, {"steps": 0}, ["steps: expected at least 1, got 0"]),
    "steps in words": (*SAME, ROWS, {"steps": 2.5}, ["at least 1, got 2.5"]),
    "another word for copy": (
        *SAME,
        ROWS,
        {"copy": "both"},
        ['copy: expected "torch" (PyTorch\'s weights are copied', "got 'both'"],
    ),
    "another word for dropout": (
        *SAME,
        ROWS,
        {"dropout": "on"},
        ['"masks"', "got 'on'"],
    ),
    "no inputs": (*SAME, (), {}, ["inputs: expected at least one array, got none"]),
    "empty inputs": (*SAME, np.zeros((0, 3)), {}, ["0 of shape (0, 3)"]),
    "complex inputs": (*SAME, ROWS + 1j, {}, ["inputs[0]", "complex numbers"]),
    "words for inputs": (*SAME, "words", {}, ["inputs[0]: expected numbers"]),
    "a layout of nothing": (
        *SAME,
        PICTURES,
        {"layout": {"inputs.pictures": ("NCHW", "NHWC")}},
        ["there is no 'inputs.pictures', but inputs.0"],
    ),
    "a layout of no output": (
        *SAME,
        PICTURES,
        {"layout": {"outputs.logits": ("NCHW", "NHWC")}},
        ["there is no 'outputs.logits'"],
    ),
    "an output without a partner": (
        lambda x: {"logits": x, "hidden": x[0]},
        lambda x: {"logits": x},
        ROWS,
        {},
        ["outputs without a partner: PyTorch's hidden (3,)"],
    ),
    "more positions on one side": (
        lambda x: (x, x),
        lambda x: (x, x, x[0]),
        ROWS,
        {},
        ["outputs without a partner: JAX's 2 (3,)"],
    ),
    "outputs of other shapes": (
        twice,
        lambda x: 2 * x.T,
        ROWS,
        {},
        ["PyTorch's has shape (4, 3), JAX's (3, 4)", "layout="],
    ),
    "no outputs": (lambda x: None, twice, ROWS, {}, ["returns no arrays"]),
    "no overlap of parameters": (
        seeded(Linear),
        (lambda p, x: x @ p["matrix"], {"matrix": drawn(3, 7)}),
        ROWS,
        {},
        ["no overlap of parameters", "layer.weight (2, 3) of Linear", "matrix (3, 7)"],
    ),
    "a shape that cannot be mapped": (
        seeded(Linear),
        (linear, linear_values(3, 4)),
        ROWS,
        {},
        [
            "layer.weight (2, 3) of Linear cannot be laid out as layer/kernel (3, 4)",
            "tried as it is, transposed",
            "rename={",
        ],
    ),
    "a rename of nothing": (
        seeded(Linear),
        PORT,
        ROWS,
        {"rename": {"lyer": "layer"}},
        ["rename: 'lyer' meets no leaf or layer of PyTorch"],
    ),
    "a transform that computes": (
        seeded(Linear),
        PORT,
        ROWS,
        {"transform": {"layer.weight": lambda weight: 2 * weight.T}},
        ["layer.weight", "only rearrange"],
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_cannot_be_compared_says_what_to_do(name):
    torch_model, jax_model, inputs, options, says = WRONG[name]
    torch_model = swapped() if torch_model is swapped else torch_model
    with pytest.raises(Wrong) as told:
        # What is asked for is wrong on purpose, of types too.
        unwrap(compare_pair)(torch_model, jax_model, inputs, **options)
    for words in says:
        assert words in str(told.value)


# ---------------------------------------------------------------------- what it raises


def burst(*_: Any) -> Any:
    raise ArithmeticError("on purpose")


def branches(x: Any) -> Any:
    return x if x.sum() > 0 else -x


CRASHES: dict[str, tuple[Any, Any, dict[str, Any], list[str]]] = {
    "PyTorch's model": (
        burst,
        twice,
        {},
        [
            "PyTorch raised in a forward and backward pass",
            "ArithmeticError: on purpose",
        ],
    ),
    "JAX's model": (
        twice,
        burst,
        {},
        ["JAX raised in a first call", "ArithmeticError: on purpose"],
    ),
    "PyTorch's loss": (
        twice,
        twice,
        {"loss": (burst, jnp.sum)},
        ["PyTorch raised in a forward and backward pass (train mode, inputs (4, 3))"],
    ),
    "JAX's loss": (
        twice,
        twice,
        {"loss": (torch.sum, burst)},
        ["JAX raised in a forward and backward pass (train mode, inputs (4, 3))"],
    ),
    "a loss of many numbers": (
        twice,
        twice,
        {"loss": (torch.sum, twice)},
        ["JAX raised", "expected a single float", "take its mean or sum"],
    ),
    "a function that cannot be traced": (
        twice,
        branches,
        {},
        ["JAX raised", "cannot be traced", "use jnp.where"],
    ),
}


@pytest.mark.parametrize("name", CRASHES)
def test_a_side_that_raises_is_a_crashed_row(name):
    torch_model, jax_model, options, says = CRASHES[name]
    with pytest.raises(AssertionError) as told:
        assert_equivalent(torch_model, jax_model, ROWS, **options)
    for words in says:
        assert words in str(told.value)
    report = compare_pair(torch_model, jax_model, ROWS, **options)
    assert (report.verdict, report.passed) == ("crashed", False)
    (row,) = report.failures
    assert str(report).count(row.why) == 1


@pytest.mark.parametrize(
    ("optimizers", "says"),
    [
        ((SGD[0], SGD[0]), "JAX raised in making its optimizer"),
        ((burst, SGD[1]), "PyTorch raised in making its optimizer: ArithmeticError"),
        ((SGD[0], optax.GradientTransformation(optax.sgd(1.0).init, burst)), "JAX"),
    ],
)
def test_an_optimizer_that_raises_is_a_crashed_row(optimizers, says):
    report = linears(optimizers=optimizers, steps=1)
    assert report.verdict == "crashed"
    assert says in str(report)
