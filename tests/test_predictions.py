"""What predictions are made of, and how good they are."""

import numpy as np
import pytest

from compare.predictions import PLANE, accuracy, at_plane, at_points, mean_squared_error

DATA = {"x": np.array([[0.5, 2.0], [1.5, -1.0]]), "y": np.array([0.0, 1.0])}


def test_at_the_points_are_the_points_and_not_their_targets():
    found = at_points(DATA)
    assert list(found) == [""]
    assert list(found[""]) == ["x"]
    assert found[""]["x"] is DATA["x"]


def test_over_the_plane_are_a_grid_and_the_points():
    found = at_plane(DATA)
    assert {label: list(given) for label, given in found.items()} == {
        "plane": ["x"],
        "points": ["x"],
    }
    assert found["points"]["x"] is DATA["x"]
    assert found["plane"]["x"].shape == (100 * 100, 2)


def test_the_grid_runs_from_left_to_right_and_then_upwards():
    """As a picture is drawn: the first 100 points are the lowest row."""
    grid = at_plane(DATA)["plane"]["x"].reshape(100, 100, 2)
    (left, right), (low, high) = PLANE
    corners = grid[0, 0], grid[0, -1], grid[-1, 0], grid[-1, -1]
    assert [corner.tolist() for corner in corners] == [
        [left, low],
        [right, low],
        [left, high],
        [right, high],
    ]
    assert (np.diff(grid[..., 0], axis=1) > 0).all()
    assert (np.diff(grid[..., 1], axis=0) > 0).all()
    assert (np.diff(grid[..., 0], axis=0) == 0).all()
    assert (np.diff(grid[..., 1], axis=1) == 0).all()


@pytest.mark.parametrize(
    ("predictions", "error"),
    [
        ({"": [0.0, 1.0]}, 0.0),
        ({"": [2.0, 1.0]}, 2.0),
        # Over all that were made: (4 + 0 + 0 + 16) / 4.
        ({"depth 0": [2.0, 1.0], "depth 1": [0.0, 5.0]}, 5.0),
    ],
)
def test_the_mean_squared_error_is_over_all_predictions(predictions, error):
    made = {label: np.array(values) for label, values in predictions.items()}
    assert mean_squared_error(made, DATA) == error


@pytest.mark.parametrize(
    ("probabilities", "share"),
    [
        ([0.1, 0.9], 1.0),
        ([0.9, 0.9], 0.5),
        ([0.9, 0.1], 0.0),
        # Just ½ is label 0.
        ([0.5, 0.5], 0.5),
        ([0.5, 0.5000001], 1.0),
    ],
)
def test_the_accuracy_is_the_share_on_the_right_side(probabilities, share):
    made = {"points": np.array(probabilities), "plane": np.array([np.nan])}
    assert accuracy(made, DATA) == share
