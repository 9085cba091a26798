"""Data generators: known numbers, labels, orders."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compare.data import (
    design_matrix,
    line,
    plane,
    shuffled_epochs,
    two_moons,
    white_noise,
)


def rng(seed=0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_the_line_is_that_of_randomstate_1234():
    """RandomState(1234).uniform() begins with these digits (NumPy's own tests of the
    legacy generator use this seed: 0.19151945, 0.62210877, 0.43772774)."""
    data = line(rng(), points=100)
    assert data["x"].shape == data["y"].shape == (100, 1)
    assert data["x"][:3, 0].round(8).tolist() == [0.19151945, 0.62210877, 0.43772774]


def test_the_best_line_has_the_known_digits():
    """The notebook's least squares solution: 0.30076306 + 0.09882648 x."""
    data = line(rng())
    design = np.hstack([np.ones((100, 1)), data["x"]])
    best = np.linalg.lstsq(design, data["y"][:, 0])[0]
    assert best.round(8).tolist() == [0.30076306, 0.09882648]


def test_the_noise_of_the_line_is_a_hundredth():
    """The residual is ε/100, with ε standard normal: five deviations of its spread."""
    data = line(rng())
    noise = (data["y"] - 0.3 - 0.1 * data["x"]) / 0.01
    assert abs(noise.std() - 1) < 5 / np.sqrt(2 * 100)


def test_the_line_depends_on_no_seed():
    first, second = line(rng(1), points=7), line(rng(2), points=7)
    assert all(np.array_equal(first[name], second[name]) for name in ("x", "y"))


def test_a_design_matrix_has_a_column_of_ones_in_front():
    x = np.array([[2.0, 3.0], [5.0, 7.0], [11.0, 13.0]])
    assert design_matrix(x).tolist() == [[1, 2, 3], [1, 5, 7], [1, 11, 13]]


def test_the_plane_is_made_with_the_weight_that_it_tells():
    """y = x w + 2 + ε: least squares comes back to w, 2 and the size of the noise."""
    points = 10_000
    data = plane(rng(), points=points)
    assert {name: value.shape for name, value in data.items()} == {
        "x": (points, 2),
        "y": (points, 1),
        "true_weight": (2, 1),
    }
    design = design_matrix(data["x"])
    best, residual, _, _ = np.linalg.lstsq(design, data["y"][:, 0])
    due = np.append(2, data["true_weight"])
    # Its covariance is (XᵀX)⁻¹ for noise of variance 1: five deviations.
    spread = np.sqrt(np.diag(np.linalg.inv(design.T @ design)))
    assert (np.abs(best - due) < 5 * spread).all()
    assert abs(residual[0] / points - 1) < 5 * np.sqrt(2 / points)


def test_the_inputs_of_the_plane_are_five_times_as_wide():
    points = 10_000
    variance = plane(rng(), points=points)["x"].var(axis=0) / 25
    # A sample's variance is off by √(2/n) of it: five times that.
    assert (np.abs(variance - 1) < 5 * np.sqrt(2 / points)).all()


def test_the_plane_comes_from_the_generator_that_is_handed_in():
    first, same, other = (plane(rng(s), points=10) for s in (1, 1, 2))
    for name in ("x", "y", "true_weight"):
        assert np.array_equal(first[name], same[name])
        assert not np.any(first[name] == other[name])


def test_white_noise_is_independent_and_seeded():
    sizes = {"points": 30, "inputs": 7, "outputs": 5}
    first, same, other = (white_noise(rng(s), **sizes) for s in (1, 1, 2))
    assert first["x"].shape == (30, 7)
    assert first["y"].shape == (30, 5)
    assert np.array_equal(first["x"], same["x"])
    assert np.array_equal(first["y"], same["y"])
    assert not np.any(first["x"] == other["x"])
    assert not np.isin(first["y"], first["x"]).any()


def test_moons_without_noise_are_two_half_circles():
    """(cos t, sin t) is labelled 0; (1 − cos t, ½ − sin t) is labelled 1."""
    data = two_moons(rng(3), points=40, noise=0.0)
    x, y = data["x"], data["y"]
    assert (x.shape, y.shape) == ((40, 2), (40,))
    assert x.dtype == y.dtype == np.float64
    upper, lower = x[y == 0], x[y == 1]
    assert len(upper) == len(lower) == 20
    # One rounding of each coordinate and three of the sum: 4 ulps of 1.
    ulps = 4 * 2.0**-52
    assert np.abs(np.hypot(*upper.T) - 1).max() <= ulps
    assert np.abs(np.hypot(*(lower - [1, 0.5]).T) - 1).max() <= ulps
    assert upper[:, 1].min() >= 0
    assert lower[:, 1].max() <= 0.5


def test_moons_come_from_the_generator_that_is_handed_in():
    first, same, other = (two_moons(rng(s), points=10) for s in (1, 1, 2))
    assert np.array_equal(first["x"], same["x"])
    assert not np.any(first["x"] == other["x"])
    one = rng(1)
    assert not np.any(two_moons(one)["x"] == two_moons(one)["x"])


@pytest.mark.parametrize("noise", [0.0, 0.3])
def test_moons_have_the_noise_that_is_asked_for(noise):
    points = 400
    clean = two_moons(rng(5), points=points, noise=0.0)
    noisy = two_moons(rng(5), points=points, noise=noise)
    radius = np.hypot(*noisy["x"][noisy["y"] == 0].T)
    # Across the circle the noise is that of a coordinate: five deviations of it.
    assert abs((radius - 1).std() - noise) <= 5 * noise / np.sqrt(2 * points / 2)
    assert sorted(noisy["y"]) == sorted(clean["y"])


@given(
    st.integers(1, 6), st.integers(1, 5), st.integers(1, 4), st.integers(0, 2**32 - 1)
)
def test_every_epoch_is_a_permutation(batches, batch, epochs, seed):
    points = batches * batch
    rows = shuffled_epochs(rng(seed), points=points, epochs=epochs, batch=batch)
    assert rows.shape == (epochs * batches, batch)
    for epoch in rows.reshape(epochs, points):
        assert sorted(epoch) == [*range(points)]


def test_epochs_have_orders_of_their_own():
    rows = shuffled_epochs(rng(), points=50, epochs=3, batch=10).reshape(3, 50)
    assert len({tuple(epoch) for epoch in rows}) == 3
    assert [*range(50)] not in rows.tolist()
    again = shuffled_epochs(rng(), points=50, epochs=3, batch=25).reshape(3, 50)
    assert np.array_equal(rows, again)
