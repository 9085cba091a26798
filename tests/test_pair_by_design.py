"""Differences by design, random numbers, and what a user's mistake looks like."""

import traceback

import jax.numpy as jnp
import numpy as np
import pytest
import torch
from flax import nnx
from torch import nn

from compare import assert_equivalent, compare_pair
from compare.pair.wrong import Wrong

RNG = np.random.default_rng(5)
ROWS = RNG.standard_normal((6, 3))


class Normed(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(3, 4)
        self.norm = nn.BatchNorm1d(4, momentum=0.1)

    def forward(self, x):
        return self.norm(self.fc(x))


class JaxNormed(nnx.Module):
    def __init__(self, momentum: float) -> None:
        rngs = nnx.Rngs(0)
        self.fc = nnx.Linear(3, 4, rngs=rngs)
        self.norm = nnx.BatchNorm(4, momentum=momentum, epsilon=1e-5, rngs=rngs)

    def __call__(self, x):
        return self.norm(self.fc(x))


def test_a_faithful_port_of_batch_norm_differs_by_design():
    """Flax has no unbiased running variance: what it has is exactly the biased one."""
    report = compare_pair(Normed(), JaxNormed(0.9), ROWS)
    assert report.verdict == "differs" and report.passed
    rows = [row for row in report.rows if row.verdict == "differs"]
    assert {row.leaf for row in rows} == {"norm.running_var"}
    assert all("unbiased" in row.why for row in rows)


def test_a_wrong_running_variance_does_not_pass_by_design():
    report = compare_pair(Normed(), JaxNormed(0.99), ROWS)
    assert not report.passed
    failing = {row.leaf for row in report.failures}
    assert failing == {"norm.running_mean", "norm.running_var"}


class Noisy(nn.Module):
    def forward(self, x):
        return x + torch.randn(3)


def test_random_numbers_are_no_difference_to_be_explained():
    report = compare_pair(Noisy(), lambda x: x, ROWS)
    assert report.verdict == "crashed"
    assert "draws random numbers (randn)" in str(report)


class Failing(nn.Module):
    def forward(self, x):
        return x.reshape(7, -1)


def test_what_a_model_raises_has_its_line():
    report = compare_pair(Failing(), lambda x: x, ROWS)
    told = str(report)
    line = Failing.forward.__code__.co_firstlineno + 1
    assert f"test_pair_by_design.py:{line}, in forward" in told
    assert "inputs (6, 3)" in told


def other(x):
    return jnp.tanh(x) @ jnp.ones((5, 2))


def test_and_so_has_what_jax_raises():
    told = str(compare_pair(torch.tanh, other, ROWS))
    assert f"test_pair_by_design.py:{other.__code__.co_firstlineno + 1}, in" in told


@pytest.mark.parametrize(
    ("given", "options", "says"),
    [
        (ROWS.tolist(), {}, "one argument for each of its items"),
        (ROWS * np.nan, {}, "holds NaN"),
        (ROWS, {"targets": (ROWS,)}, "given without loss"),
        (ROWS, {"loss": (sum, sum), "targets": [0, 1]}, "np.asarray"),
    ],
)
def test_mistakes_are_told_without_our_frames(given, options, says):
    with pytest.raises(Wrong, match=says) as caught:
        assert_equivalent(torch.tanh, jnp.tanh, given, **options)
    ours = [
        frame
        for frame in traceback.extract_tb(caught.value.__traceback__)
        if "compare" in frame.filename and "test_" not in frame.filename
    ]
    assert len(ours) <= 2 and caught.value.__cause__ is None
