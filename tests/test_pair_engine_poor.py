"""A user's own pair with numbers that show little: NaN, integers, zeros, few bits."""

from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
import torch
from flax import nnx
from pair_models import (
    ROWS,
    Linear,
    NnxNormed,
    Normed,
    failing,
    linear,
    linear_values,
    linears,
    seeded,
)
from torch import nn

from compare import compare_pair


@pytest.mark.parametrize(
    ("jax_model", "says"),
    [(jnp.log, "neither framework is finite"), (lambda x: jnp.log(abs(x)), "nan")],
)
def test_nan_fails_on_both_sides_and_on_one(jax_model, says):
    report = compare_pair(torch.log, jax_model, ROWS)
    assert report.verdict == "semantic"
    assert ("outputs", "") in failing(report)
    assert says in str(report)


def test_the_layer_behind_which_both_sides_are_nan_is_named():
    class Logs(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.one, self.two = nn.Linear(3, 5), nn.Linear(5, 2)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.two(torch.log(self.one(x)))

    class NnxLogs(nnx.Module):
        def __init__(self) -> None:
            rngs = nnx.Rngs(0)
            self.one = nnx.Linear(3, 5, rngs=rngs)
            self.two = nnx.Linear(5, 2, rngs=rngs)

        def __call__(self, x):
            return self.two(jnp.log(self.one(x)))

    report = compare_pair(seeded(Logs), NnxLogs(), ROWS)
    assert not report.passed
    where = "what it does before `two`, where neither side is finite any more"
    assert where in str(report)


@pytest.mark.parametrize(("copy", "side"), [("torch", "PyTorch"), ("jax", "JAX")])
def test_a_model_in_half_precision_is_compared_with_a_warning(copy, side):
    model, layer = seeded(Linear), linear_values()["layer"]
    if copy == "torch":
        model = model.bfloat16()
    else:
        layer = {name: jnp.asarray(v, "bfloat16") for name, v in layer.items()}
    report = compare_pair(model, (linear, {"layer": layer}), ROWS, copy=copy)
    assert report.passed
    (warning,) = report.warnings
    assert warning.startswith(f"{side}'s model is in half precision")


def test_whole_outputs_are_compared_and_their_lack_of_gradients_is_told():
    report = compare_pair(lambda x: x.argmax(1), lambda x: x.argmax(1), ROWS)
    assert (report.verdict, len(report.warnings)) == ("bitwise", 1)
    assert "the backward pass cannot be seen" in report.warnings[0]
    other = compare_pair(lambda x: x.argmax(1), lambda x: x.argmin(1), ROWS)
    assert failing(other) == {("outputs", "")}


def test_a_side_without_parameters_is_told():
    model = seeded(Linear)
    own = {n: v.detach().numpy() for n, v in model.named_parameters()}
    port = lambda x: x @ own["layer.weight"].T + own["layer.bias"]  # noqa: E731
    report = compare_pair(model, port, ROWS)
    assert report.passed
    assert "PyTorch's 2 parameters have no partner" in report.warnings[0]


POOR: dict[str, tuple[Any, str]] = {
    "zeros": (lambda: linears(np.zeros((4, 3))), "all zero"),
    "constant": (lambda: linears(np.ones((4, 3))), "constant"),
    "alike": (lambda: linears(np.tile(ROWS[:1], (4, 1))), "every example is the same"),
    "one": (lambda: linears(ROWS[:1]), "a batch of 1"),
    "one for batch norm": (
        lambda: compare_pair(
            seeded(Normed).eval(), NnxNormed(), ROWS[:1], dropout="off"
        ),
        "a batch of 1 with batch normalisation",
    ),
}


@pytest.mark.parametrize("name", POOR)
def test_inputs_that_are_too_poor_to_show_faults_are_told(name):
    make, says = POOR[name]
    report = make()
    assert any(says in warning for warning in report.warnings), report.warnings
    assert f"warning: {report.warnings[0]}" in str(report)


def test_rich_inputs_have_no_warnings():
    assert linears().warnings == []
