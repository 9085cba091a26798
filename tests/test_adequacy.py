"""Are the inputs such that a fault would show? A zero hides what it multiplies."""

import re

import numpy as np
import pytest
from support import SPECS, TRAININGS, twin_path

from compare.spec import prepare

EVERY = pytest.mark.parametrize("name", TRAININGS)
KINK = re.compile(r"\brelu\b|\bnnx\.relu\b|where\(h < 0|jnp\.maximum\(h")
WITH_KINKS = [
    n for n in TRAININGS if KINK.search(twin_path("jax", n).read_text(encoding="utf-8"))
]
SQUARE = {
    (name, leaf)
    for name in TRAININGS
    for leaf, start in SPECS[name].parameters.items()
    if len(start.shape) == 2 and start.shape[0] == start.shape[1] > 1
}


def zero_unit(start) -> int | None:
    return getattr(start, "zero_unit", None)


def test_there_are_kinks_and_square_kernels_to_look_at():
    assert {"two_layer_manual", "two_layer_module", "moons_mlp"} <= set(WITH_KINKS)
    assert {leaf for _, leaf in SQUARE} == {"hidden2.weight", "middle_linear.weight"}


@pytest.mark.parametrize("name", WITH_KINKS)
def test_every_layer_before_a_kink_has_its_zero_unit(name):
    """All but the last layer; its pre-activation is 0 in every precision."""
    parameters = SPECS[name].parameters
    last = [leaf for leaf in parameters if leaf.startswith(last_layer(parameters))]
    for leaf, start in parameters.items():
        assert (zero_unit(start) is None) == (leaf in last), leaf


def last_layer(parameters) -> str:
    return next(reversed(parameters)).partition(".")[0]


@EVERY
def test_what_leaves_the_zero_unit_is_not_zero(name):
    """Else nothing of it would reach the output."""
    spec = SPECS[name]
    drawn = prepare(spec, 0).parameters
    for leaf, start in spec.parameters.items():
        zeros = drawn[leaf] == 0
        due = np.zeros(zeros.shape, bool)
        if zero_unit(start) is not None:
            due[..., zero_unit(start)] = True
        assert np.array_equal(zeros, due), leaf


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("name", [n for n in TRAININGS if "y" in SPECS[n].discrete])
def test_labels_of_both_classes_occur_in_every_batch(name, seed):
    batches = prepare(SPECS[name], seed).batches
    labels = {**batches.shared, **batches.stacked}["y"].reshape(-1, 50)
    assert set(np.unique(labels)) == {0.0, 1.0}
    assert (np.ptp(labels, axis=-1) == 1).mean() > 0.99


@pytest.mark.parametrize(("name", "leaf"), sorted(SQUARE))
def test_a_square_kernel_has_its_transposition_among_the_faults(name, leaf):
    """Any other kernel that is transposed is refused for its shape."""
    layer = leaf.partition(".")[0]
    found = [
        fault
        for fault in SPECS[name].faults
        if "transposed" in fault.name and layer in getattr(fault.edit, "find", "")
    ]
    assert [fault.phase for fault in found] == ["outputs"]


@pytest.mark.parametrize("name", sorted(SPECS))
def test_every_example_has_a_planted_fault(name):
    assert SPECS[name].faults
