"""What is perturbed, what is kept, and what of a pair's rows counts as proof."""

import jax.numpy as jnp
import numpy as np
import optax
import pytest
import torch
from flax import nnx
from torch import nn

from compare import compare_pair
from compare.pair import judge, ledger, measure
from compare.pair.both import Point
from compare.result import Row

RNG = np.random.default_rng(3)


@pytest.mark.parametrize(
    ("value", "fixed"),
    [
        (RNG.random(4), False),
        (np.array([0.0, 1.0, 1.0]), True),
        (np.array([3.0, -7.0]), True),
        (np.array([0.25, -np.inf]), True),
        (np.array([0.25, -1e9]), True),
        (np.array([0.25, np.nan]), True),
        (np.arange(3), False),
    ],
)
def test_discrete_numbers_are_known(value, fixed):
    assert (measure.discrete({"x": value}) == {"x"}) is fixed


def test_masks_stay_and_numbers_move():
    mask, numbers = np.array([0.0, 1.0]), RNG.random(2) + 0.5
    point = Point("train", True, {"w": np.ones(2)}, {"mask": mask, "x": numbers})
    moved = measure.perturbed(point, "float64", seed=0, copy=0)
    assert np.array_equal(moved.inputs["mask"], mask)
    assert (moved.inputs["x"] != numbers).all()
    assert (moved.state["w"] != 1).all()  # a weight of 1 is no label


class Masked(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(5, 4)

    def forward(self, x, mask):
        return torch.softmax(self.fc(x) + (1 - mask) * -1e9, -1)


class JaxMasked(nnx.Module):
    def __init__(self, shift: float) -> None:
        self.fc = nnx.Linear(5, 4, rngs=nnx.Rngs(0))
        self.shift = shift

    def __call__(self, x, mask):
        logits = self.fc(x) + self.shift * jnp.arange(4.0)
        return nnx.softmax(logits + (1 - mask) * -1e9, -1)


@pytest.mark.parametrize("wrong", [False, True])
def test_a_float_mask_hides_no_difference(wrong):
    """1e9 less an ulp is 1e-7 of a logit: as wide a floor would hide 1e-9."""
    inputs = RNG.random((3, 5)), np.tile([1.0, 1.0, 1.0, 0.0], (3, 1))
    report = compare_pair(Masked(), JaxMasked(1e-9 if wrong else 0.0), inputs)
    assert report.passed is not wrong


def row(verdict: str, step: str, phase: str = "outputs") -> Row:
    return Row(phase, "output", "", step, "float64", 0.0, 1.0, 0.0, verdict)


@pytest.mark.parametrize(
    ("rows", "void"),
    [
        ([row("rounding", "train"), row("unresolved", "train")], []),
        ([row("rounding", "train"), row("unresolved", "eval")], ["eval"]),
        ([row("unresolved", "train"), row("rounding", "train", "loss")], ["train"]),
    ],
)
def test_a_point_without_a_resolved_row_has_proved_nothing(rows, void):
    assert [one.step for one in judge._void(rows)] == void


def test_steps_that_do_not_fit_are_judged_all_the_same(monkeypatch):
    monkeypatch.setattr(ledger, "ROOM", 0)
    model, other = nn.Linear(3, 2), nnx.Linear(3, 2, rngs=nnx.Rngs(0))
    report = compare_pair(
        model,
        other,
        RNG.random((4, 3)),
        optimizers=(lambda p: torch.optim.SGD(p, 0.1), optax.sgd(0.11)),
        steps=2,
    )
    assert {r.step for r in report.rows if r.verdict == "semantic"} == {0, 1}
    assert not report.causes


class Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(3, 4, batch_first=True)

    def forward(self, x):
        return self.lstm(x)[0]


@pytest.mark.parametrize("forgotten", [False, True])
def test_a_forgotten_second_bias_is_seen_where_weights_are_as_they_are(forgotten):
    """A converter must add b_ih and b_hh, which is what the map does."""
    model = Recurrent()
    cell = nnx.OptimizedLSTMCell(3, 4, rngs=nnx.Rngs(0))
    lstm = model.lstm
    bias = lstm.bias_ih_l0 if forgotten else lstm.bias_ih_l0 + lstm.bias_hh_l0
    cell.dense_i.kernel[...] = lstm.weight_ih_l0.detach().numpy().T
    cell.dense_h.kernel[...] = lstm.weight_hh_l0.detach().numpy().T
    cell.dense_h.bias[...] = bias.detach().numpy()
    report = compare_pair(model, nnx.RNN(cell), RNG.random((2, 9, 3)), copy=None)
    assert report.passed is not forgotten
    if forgotten:
        assert [row.phase for row in report.failures] == ["parameters"]
