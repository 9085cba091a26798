"""The PyTorch side of a pair: what a float64 run computes in less."""

import inspect
import math

import numpy as np
import pytest
import torch
from side_torch_models import MODELS, build, inputs
from torch import nn
from torch.nn import functional

from torchnets.side import runtime
from torchnets.side.parts import Pull
from torchnets.side.precision import CONSTANTS

ALL = ("outputs", "loss", "gradients", "buffers")


def spots(model, arrays, pull):
    with runtime.session("float64"):
        subject = runtime.open_model(model)
        state = {k: v.astype(np.float64) for k, v in runtime.state(subject).items()}
        return runtime.low_precision(subject, state, arrays, train=True, pull=pull)


def total(outputs):
    return outputs.square().sum()


@pytest.mark.parametrize("name", sorted({*MODELS} - {"nested", "recurrent"}))
def test_an_honest_model_has_no_spots(name):
    assert spots(build(name), inputs(name), Pull(total)) == []


class Narrow(nn.Module):
    def __init__(self):
        super().__init__()
        self.lin = nn.Linear(4, 4)
        self.scale = torch.full((4,), 0.3)

    def forward(self, x):
        weights = functional.softmax(self.lin(x).float(), -1)  # leaves
        wide = (2 * weights).exp().to(x.dtype)  # back
        return wide * self.scale  # mixes


def line(kind, mark: str) -> str:
    """Where a comment stands, as a spot tells it."""
    rows, start = inspect.getsourcelines(kind)
    place = next(at for at, row in enumerate(rows) if mark in row)
    return f"test_side_torch_precision.py:{start + place} (forward)"


def test_operations_that_leave_float64_are_told_once_with_the_users_line():
    found = spots(Narrow(), {"0": np.ones((3, 4))}, Pull(total))
    assert [(spot.operation, spot.where, spot.phases) for spot in found] == [
        ("_to_copy float64→float32", line(Narrow, "# leaves"), ALL),
        ("mul with float32 numbers of the model", line(Narrow, "# mixes"), ALL),
        ("_to_copy float64→float32", line(Narrow, "# back"), ("gradients",)),
    ]
    assert {spot.names for spot in found} == {()}


def test_what_a_loss_does_is_told_of_the_loss_and_the_gradients():
    def loss(outputs):
        return outputs.half().sum().double()

    (spot,) = spots(build("perceptron"), inputs("perceptron"), Pull(loss))
    assert spot.operation == "_to_copy float64→float16"
    assert spot.where.endswith("(loss)")
    assert spot.phases == ("loss", "gradients")


def test_outputs_alone_have_no_gradients_to_look_at():
    model = nn.Sequential(nn.Linear(2, 2), nn.Hardsigmoid())
    assert spots(model, {"0": np.ones((1, 2))}, Pull()) == []


def test_numbers_made_in_float32_are_told():
    def counted(x):
        return x + torch.arange(3, dtype=torch.float32) / 7

    (spot,) = spots(counted, {"0": np.ones(3)}, Pull())
    assert spot.operation == "arange in float32"
    assert spot.where.endswith("(counted)")


class Table(nn.Module):
    """Adds a buffer that is not saved; a second one is not used."""

    def __init__(self, table, *, persistent=False):
        super().__init__()
        self.register_buffer("pe", table, persistent=persistent)
        self.register_buffer("idle", torch.arange(3.0).sin(), persistent=False)

    def forward(self, x):
        return x * (self.pe.real if self.pe.is_complex() else self.pe[:])


FLOAT32 = torch.arange(3.0).cos()
TABLES = {
    "float32": (FLOAT32, "float32"),
    "float64 made of it": (FLOAT32.double(), "float32"),
    "bfloat16": (FLOAT32.bfloat16(), "bfloat16"),
    "complex64": (torch.polar(torch.ones(3), torch.arange(3.0)), "complex64"),
    "float64": (torch.arange(3.0, dtype=torch.float64).cos(), None),
    "short": (torch.tensor([0.375, 1e6, -torch.inf]), None),
    "short bfloat16": (torch.tensor([0.5, 3.0, 0.0]).bfloat16(), None),
}


@pytest.mark.parametrize("case", TABLES)
def test_a_table_made_in_float32_is_told_if_it_is_used(case):
    """A port that makes it in float64 is 1e-7 away, and neither is at fault."""
    table, told = TABLES[case]
    found = spots(Table(table), {"0": np.ones(3)}, Pull(total))
    expected = [(f"a constant in {told}: pe", "buffer pe", ALL)] if told else []
    assert [(spot.operation, spot.where, spot.phases) for spot in found] == expected


def test_a_saved_table_is_in_the_state_and_no_constant():
    assert spots(Table(FLOAT32, persistent=True), {"0": np.ones(3)}, Pull(total)) == []


@pytest.mark.parametrize("table", [FLOAT32, torch.tensor([0.375, 1e6, -torch.inf])])
def test_both_sides_mean_the_same_by_short(table):
    from jaxnets.side import runtime as jax_side

    short = jax_side.is_short(table.numpy())
    assert runtime.is_short(table.numpy()) == short == (table is not FLOAT32)


# ------------------------------------------------- kernels with constants in float32


def hard(x):
    """Slope of clip(x + 3, 0, 6)/6."""
    return np.where(np.abs(x) < 3, 1 / 6, 0.0)


def celu(x):
    """Slope of α (exp(x/α) − 1) for x < 0, α = 0.7."""
    return np.where(x > 0, 1.0, np.exp(x / 0.7))


def cross_entropy(p):
    """Slope of −log p, with p (1 − p) of at least 1e-12."""
    return (p - 1) / np.maximum(p * (1 - p), 1e-12)


def binary(p):
    return functional.binary_cross_entropy(p, torch.ones_like(p), reduction="sum")


WHERE = np.array([-2.5, -0.7, -0.1, 0.3, 1.9])
SMALL = np.array([1e-13, 3e-13, 0.3])
KERNELS = {
    "hardsigmoid_backward": (functional.hardsigmoid, hard, WHERE, 3e-8),
    "elu_backward": (lambda x: functional.celu(x, 0.7), celu, WHERE, 5e-8),
    "binary_cross_entropy_backward": (binary, cross_entropy, SMALL, 4e-9),
}


def test_every_kernel_of_the_table_is_measured():
    assert KERNELS.keys() == CONSTANTS.keys()


@pytest.mark.parametrize("name", KERNELS)
def test_a_kernel_of_the_table_is_off_by_a_rounding_of_float32(name):
    """Against the formula in NumPy's float64; the size as measured, within a factor."""
    function, slope, where, size = KERNELS[name]
    pull = Pull(loss=lambda outputs: outputs.sum())
    with runtime.session("float64"):
        subject = runtime.open_model(function)
        found = runtime.evaluate(subject, {}, {"0": where}, train=True, pull=pull)
        told = runtime.low_precision(subject, {}, {"0": where}, train=True, pull=pull)
    error = np.abs(found.inputs["0"] / slope(where) - 1).max()
    assert size / 2 < error < size * 2
    assert [spot.operation.partition(" ")[0] for spot in told] == [name]
    assert told[0].phases == ("gradients",)


@pytest.mark.parametrize(
    "function",
    [
        functional.elu,
        lambda x: functional.elu(x, 0.7),
        functional.celu,
        functional.selu,
    ],
)
def test_elu_and_celu_of_one_hold_no_such_constant(function):
    assert spots(function, {"0": WHERE}, Pull(total)) == []


HONEST = {
    "hardswish": (
        functional.hardswish,
        lambda x: np.where(np.abs(x) < 3, (2 * x + 3) / 6, x > 0),
    ),
    "softplus": (functional.softplus, lambda x: 1 / (1 + np.exp(-x))),
    "gelu": (
        lambda x: functional.gelu(x, approximate="none"),
        lambda x: (
            np.vectorize(lambda t: (1 + math.erf(t / math.sqrt(2))) / 2)(x)
            + x * np.exp(-x * x / 2) / math.sqrt(2 * math.pi)
        ),
    ),
    "silu": (
        functional.silu,
        lambda x: (1 + np.exp(-x) * (1 + x)) / (1 + np.exp(-x)) ** 2,
    ),
    "elu": (
        lambda x: functional.elu(x, 0.7),
        lambda x: np.where(x > 0, 1, 0.7 * np.exp(x)),
    ),
    "logsigmoid": (functional.logsigmoid, lambda x: 1 / (1 + np.exp(x))),
    "huber": (
        lambda x: functional.huber_loss(
            x, torch.zeros_like(x), reduction="sum", delta=0.7
        ),
        lambda x: np.clip(x, -0.7, 0.7),
    ),
    "logits": (
        lambda x: functional.binary_cross_entropy_with_logits(
            x, torch.full_like(x, 0.3), reduction="sum"
        ),
        lambda x: 1 / (1 + np.exp(-x)) - 0.3,
    ),
}


@pytest.mark.parametrize("name", HONEST)
def test_kernels_that_are_not_in_the_table_are_as_good_as_float64(name):
    function, slope = HONEST[name]
    pull = Pull(loss=lambda outputs: outputs.sum())
    with runtime.session("float64"):
        subject = runtime.open_model(function)
        found = runtime.evaluate(subject, {}, {"0": WHERE}, train=True, pull=pull)
    np.testing.assert_allclose(found.inputs["0"], slope(WHERE), rtol=1e-14, atol=1e-15)


def test_nadam_is_as_good_as_float64_where_that_is_the_default():
    """Timothy Dozat's momentum schedule μ = β₁ (1 − 0.96^(0.004 t)/2), written out."""
    gradients = [0.3, -0.7, 0.11, 0.5]
    value, first, second, product = 0.4, 0.0, 0.0, 1.0
    with runtime.session("float64"):
        parameters = {"x": np.array([0.4])}
        memory = runtime.begin(torch.optim.NAdam, parameters)
        for step, gradient in enumerate(gradients, 1):
            parameters, memory = runtime.advance(
                torch.optim.NAdam, memory, parameters, {"x": np.array([gradient])}
            )
            now, after = (
                0.9 * (1 - 0.5 * 0.96 ** (0.004 * at)) for at in (step, step + 1)
            )
            product *= now
            first = 0.9 * first + 0.1 * gradient
            second = 0.999 * second + 0.001 * gradient**2
            root = math.sqrt(second / (1 - 0.999**step)) + 1e-8
            value -= 0.002 * (1 - now) / (1 - product) * gradient / root
            value -= 0.002 * after / (1 - product * after) * first / root
    assert parameters["x"][0] == pytest.approx(value, rel=1e-14)
