"""A user's own pair: whose weights are used, both modes, and what stays as it was."""

from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
import torch
from pair_models import (
    NHWC,
    PICTURES,
    ROWS,
    Linear,
    NnxPictures,
    Pictures,
    failing,
    leaves,
    linear,
    linear_values,
    named,
    normed,
    seeded,
)
from support import python
from torch import Tensor

from compare import assert_equivalent, compare_pair


def outputs_of(torch_model: Any, jax_model: Any, **options: Any) -> list[np.ndarray]:
    """What PyTorch's model gives first, as its loss sees it."""
    seen: list[np.ndarray] = []

    def loss(outputs: Tensor) -> Tensor:
        seen.append(outputs.detach().numpy().copy())
        return outputs.square().sum()

    losses = (loss, lambda outputs: jnp.square(outputs).sum())
    inputs = options.pop("inputs", ROWS)
    report = compare_pair(torch_model, jax_model, inputs, loss=losses, **options)
    assert report.passed
    return seen


def test_copy_says_whose_weights_are_used():
    model, values = seeded(Linear), linear_values()
    rows = ROWS.astype(np.float32)
    ours = model(torch.from_numpy(rows)).detach().numpy()
    theirs = np.asarray(linear(values, rows))
    for copy, wanted in (("torch", ours), ("jax", theirs)):
        (first, *_) = outputs_of(model, (linear, values), copy=copy)
        # Sums of three products of numbers near 1, in another precision and order.
        np.testing.assert_allclose(first, wanted, rtol=0, atol=16 * 2.0**-24)
    assert np.abs(ours - theirs).max() > 0.1


def test_without_a_copy_both_are_taken_as_they_are():
    model = seeded(Linear)
    with torch.no_grad():
        model.layer.bias.zero_()
    own = {"kernel": model.layer.weight.detach().numpy().T.copy(), "bias": np.zeros(2)}
    alike = compare_pair(model, (linear, {"layer": own}), ROWS, copy="none")
    assert alike.passed
    own["kernel"][1, 0] += 1e-3
    unlike = compare_pair(model, (linear, {"layer": own}), ROWS, copy="none")
    assert failing(unlike) == {("parameters", "layer/kernel")}
    assert "0.001 apart" in str(unlike)
    assert "copy='torch'" in str(unlike)


@pytest.mark.parametrize("randomize", [True, False])
def test_a_bias_of_zero_is_drawn_unless_it_is_to_stay(randomize):
    model = seeded(Linear)
    with torch.no_grad():
        model.layer.bias.zero_()
    rows = np.concatenate([np.zeros((1, 3)), ROWS])
    (first, *_) = outputs_of(
        model, (linear, linear_values()), randomize=randomize, inputs=rows
    )
    assert bool(np.any(first[0] != 0)) is randomize


def test_both_modes_the_same_masks_and_the_running_statistics():
    report = normed()
    assert report.passed, str(report)
    assert report.example.facts["mode"] == ["eval", "train"]
    assert leaves(report, "state") == {"norm.running_mean", "norm.running_var"}
    assert report.example.facts["dropout"] == "masks"


def test_masks_of_pictures_are_turned_as_pictures_are():
    report = compare_pair(seeded(Pictures), NnxPictures(), PICTURES, layout=NHWC)
    assert report.passed, str(report)
    assert report.example.facts["mode"] == ["eval", "train"]


def test_another_rate_of_dropout_is_found_in_train_mode_alone():
    report = normed(rate=0.6)
    assert {row.step for row in report.failures} == {"train"}
    assert ("outputs", "") in failing(report)
    assert named(report) == [("", "dropout")]
    assert "PyTorch's dropout drops 0.6 (it drops 0.3)" in str(report)
    off = normed(rate=0.6, dropout="off")
    assert off.passed, str(off)
    assert off.example.facts["dropout"] == "off"


def test_the_callers_world_is_found_as_it_was_left():
    """In a process of its own, for the checks of types in these tests draw too."""
    done = python("tests/pair_world.py")
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["fine", "torch", "jax"]


def test_an_assertion_says_all_and_the_report_of_a_pass_is_returned():
    assert assert_equivalent(torch.tanh, jnp.tanh, ROWS).passed
    with pytest.raises(AssertionError) as told:
        assert_equivalent(lambda x: 2 * x, lambda x: 2.5 * x, ROWS, name="doubled")
    assert str(told.value).startswith("doubled: semantic, ")
    assert "PyTorch's values are multiplied by 1.25" in str(told.value)
