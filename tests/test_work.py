"""The work of a training step: one formula, and what both frameworks count."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from in_worker import compiled_operations, operations
from support import TRAININGS

from compare.fault import FRAMEWORKS, Edit
from compare.work import dense

pytest_plugins = ("warm",)

BOTH = pytest.mark.parametrize("framework", FRAMEWORKS)
EVERY_TRAINING = pytest.mark.parametrize("name", TRAININGS)

FORWARD = 64 * 2 * (1000 * 100 + 100 * 10)
TWO_LAYERS = 64 * 2 * (1000 * 100 + 100 * 10) * 3 - 64 * 2 * 1000 * 100
"""64 points, 1000 → 100 → 10: three passes less the slopes of the inputs."""
MIDDLE = 3 * 64 * 2 * 100 * 100
"""The middle layer of `dynamic_net`, for each time that it is used."""
MOONS = 50 * 2 * (2 * 500 + 500 * 500 + 500 * 1) * 3 - 50 * 2 * 2 * 500
"""50 points a batch, 2 → 500 → 500 → 1."""
BY_HAND = {
    "dynamic_net": [TWO_LAYERS + depth * MIDDLE for depth in range(4)],
    "line_linear": [2 * 100 * 2 * 1 * 1],  # forward and ∂w, 100 points
    "line_manual": [2 * 100 * 2 * 2 * 1],
    "line_sgd": [2 * 100 * 2 * 2 * 1],
    "linear_regression": [2 * 100 * 2 * 2 * 1],
    "logistic_regression": [2 * 200 * 2 * 2 * 1],
    "moons_mlp": [MOONS],
    "moons_mlp_accumulated": [MOONS],
} | {name: [TWO_LAYERS] for name in TRAININGS if name.startswith("two_layer_")}
"""Operations of the first step, or of `dynamic_net`'s first four, by depth."""
STEPS = {"dynamic_net": (0, 1, 2, 3)}
"""Those in which every depth occurs."""


# ------------------------------------------------------------------------ the formula

sizes = st.integers(1, 50)


def products(points: int, widths: list[int]) -> list[np.ndarray]:
    """Every product of a step, of ones, so that its numbers are its terms."""
    weights = [np.ones(shape) for shape in pairwise(widths)]
    h, made, inputs = np.ones((points, widths[0])), [], []
    for weight in weights:
        inputs.append(h)
        made.append(h @ weight)
        h = np.ones_like(made[-1])
    slope = h
    for place in reversed(range(len(weights))):
        made.append(inputs[place].T @ slope)
        if place:
            made.append(slope @ weights[place].T)
            slope = np.ones_like(made[-1])
    return made


@given(sizes, st.lists(sizes, min_size=2, max_size=5))
def test_each_term_of_each_product_is_two_operations(points, widths):
    """A product of ones says how many terms it has."""
    due = 2 * sum(product.sum() for product in products(points, widths))
    assert dense(*widths)({"x": np.empty((points, widths[0]))}) == due


@pytest.mark.parametrize("widths", [(), (3,)])
def test_a_layer_has_two_widths(widths):
    with pytest.raises(ValueError, match=r"widths: expected .* at least two, got"):
        dense(*widths)


# ---------------------------------------------------------------- as frameworks count


@BOTH
@EVERY_TRAINING
def test_the_formula_is_what_a_framework_counts(ask, framework, name):
    steps = STEPS.get(name, (0,))
    found = ask(operations, framework, name, "float64", steps)
    assert [work for work, _ in found] == [counted for _, counted in found]
    # The depths come in an order of their own.
    assert sorted(counted for _, counted in found) == BY_HAND[name]


TWICE = Edit(
    "    value, slopes = loss_and_gradients(model, batch)\n",
    "    value, slopes = loss(model, batch), loss_and_gradients(model, batch)[1]\n",
)


@BOTH
def test_a_forward_pass_that_is_done_twice_is_counted_twice(ask, framework):
    """XLA would drop the second one; what is counted is the step as written."""
    ((work, counted),) = ask(
        operations, framework, "two_layer_manual", "float64", (0,), TWICE
    )
    assert counted - work == FORWARD


XLA = {
    # the products that are left, and what they would be with a pass more
    "dynamic_net": (TWO_LAYERS + 3 * MIDDLE, TWO_LAYERS + 4 * MIDDLE),
    "moons_mlp": (MOONS, MOONS + MOONS // 3),
    "moons_mlp_accumulated": (MOONS, MOONS + MOONS // 3),
    "two_layer_adam": (TWO_LAYERS, TWO_LAYERS + FORWARD),
    "two_layer_autograd": (TWO_LAYERS, TWO_LAYERS + FORWARD),
    "two_layer_manual": (TWO_LAYERS, TWO_LAYERS + FORWARD),
    "two_layer_module": (TWO_LAYERS, TWO_LAYERS + FORWARD),
    "two_layer_rebinding": (FORWARD, 2 * FORWARD),
    "two_layer_sequential": (TWO_LAYERS, TWO_LAYERS + FORWARD),
}
"""Trainings in which products are most of the work.

Of the depths XLA counts the largest. It drops slopes that nobody uses.
"""


@pytest.mark.parametrize("name", XLA)
def test_xla_counts_all_products_and_does_no_pass_twice(ask, name):
    """What is done element by element it counts too, which is less than a pass."""
    least, with_one_more = XLA[name]
    assert least < ask(compiled_operations, "jax", name) < with_one_more
