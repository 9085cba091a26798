"""Gradient descent in closed form, against a loop that takes every step."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compare import noise
from compare.closed_form import descent
from compare.data import design_matrix, line

COPIES = 4


def loop(x, y, *, start, learning_rate, steps):
    """The same descent one step after the other, in whatever precision comes in."""
    theta, losses, path = start, [], []
    for _ in range(steps):
        residual = x @ theta - y
        losses.append(np.mean(residual**2))
        theta = theta - learning_rate * (2 / len(x)) * (x.T @ residual)
        path.append(theta)
    return np.array(losses), np.array(path)


def floor(got, due, *, sensitivity):
    return noise.float64_floor((got, due), (None, None), sensitivity=sensitivity)


def moved(x, y, *, start, **how) -> list[np.ndarray]:
    """How far copies move, at each step, whose numbers are changed by one ulp."""
    base, widest = descent(x, y, start=start, **how), []
    for copy in range(COPIES):
        rng, numbers = np.random.default_rng(copy), {"x": x, "y": y, "start": start}
        again = descent(**how, **noise.perturb(numbers, rng, precision="float64"))
        widest.append(
            [
                noise.largest_distance(one, other, rows=True)
                for one, other in zip(base, again, strict=True)
            ]
        )
    return [*np.max(widest, axis=0)]


def largest_score(x, y, *, start, **how) -> float:
    """The largest error against the loop, in the harness's own floors."""
    wide = [array.astype(np.longdouble) for array in (x, y, start)]
    due = loop(*wide[:2], start=wide[2], **how)
    scores = [
        noise.largest_distance(got, want, rows=True)
        / floor(got, want, sensitivity=apart)
        for got, want, apart in zip(
            descent(x, y, start=start, **how),
            (array.astype(np.float64) for array in due),
            moved(x, y, start=start, **how),
            strict=True,
        )
    ]
    return float(np.max(scores))


def drawn(seed: int, points: int, features: int):
    """Points, targets and a start."""
    rng = np.random.default_rng(seed)
    x, start = rng.standard_normal((points, features)), rng.standard_normal(features)
    return x, rng.standard_normal(points), start


@given(
    st.integers(0, 2**32 - 1),
    st.integers(2, 12),
    st.integers(1, 3),
    # In units of the steepest direction's 1 / λ: at 1 it is done in one step, beyond
    # that it overshoots, and beyond 2 it diverges.
    st.floats(0.01, 2.2),
    st.integers(1, 40),
)
def test_it_is_the_loop(seed, points, features, rate, steps):
    x, y, start = drawn(seed, max(points, features + 1), features)
    steepest = 2 * np.linalg.norm(x, 2) ** 2 / len(x)
    how = {"start": start, "learning_rate": rate / steepest, "steps": steps}
    assert largest_score(x, y, **how) <= noise.LIMIT


@pytest.mark.parametrize("rate", [0.0, 0.5, 1.0, 1.5, 2.0, 2.5])
def test_one_direction_by_hand(rate):
    """Points (2, 2) and (0, 1): H = 4 exactly, θ* = 1, loss = 2 (θ − 1)² + ½."""
    found = descent(
        np.array([[2.0], [0.0]]),
        np.array([2.0, 1.0]),
        start=np.array([4.0]),
        learning_rate=rate / 4,
        steps=4,
    )
    distance = 3 * (1 - rate) ** np.arange(5)
    due = 2 * distance[:-1] ** 2 + 0.5, 1 + distance[1:, np.newaxis]
    for got, want in zip(found, due, strict=True):
        units = floor(got, want, sensitivity=np.zeros(()))
        assert noise.largest_distance(got, want) <= noise.LIMIT * units


def test_shapes_and_the_loss_before_the_first_step():
    x, y, start = drawn(0, 7, 3)
    losses, theta = descent(x, y, start=start, learning_rate=0.1, steps=5)
    assert (losses.shape, theta.shape) == ((5,), (5, 3))
    assert losses[0] == pytest.approx(np.mean((x @ start - y) ** 2), rel=1e-14)


def test_without_a_step_there_is_nothing():
    x, y, start = drawn(0, 7, 3)
    losses, theta = descent(x, y, start=start, learning_rate=0.1, steps=0)
    assert (losses.shape, theta.shape) == ((0,), (0, 3))


# --------------------------------------------------------------------- known figures


@pytest.fixture(scope="module")
def notebook():
    """The notebook's line: θ from (1, 1), learning rate 0.1."""
    data = line(np.random.default_rng(0))
    return descent(
        design_matrix(data["x"]),
        data["y"][:, 0],
        start=np.ones(2),
        learning_rate=0.1,
        steps=20_000,
    )


def test_the_losses_that_the_notebook_prints(notebook):
    losses, _ = notebook
    assert f"{losses[0]:.7f}" == "1.4227023"
    assert f"{losses[999]:.4e}" == "9.2726e-05"


def test_it_ends_where_least_squares_does(notebook):
    """After 20,000 steps the flattest direction, η λ = 0.012, has shrunk by 10⁻¹⁰⁰."""
    _, theta = notebook
    assert theta[-1].round(8).tolist() == [0.30076306, 0.09882648]
