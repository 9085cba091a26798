"""What predictions are made of, and how good they are."""

import numpy as np

from compare.spec import Arrays

PLANE = ((-1.5, 2.5), (-1.0, 1.5))
"""The part of the plane that two moons lie in."""


def at_points(data: Arrays) -> dict[str, Arrays]:
    """The points themselves."""
    return {"": {"x": data["x"]}}


def at_plane(data: Arrays) -> dict[str, Arrays]:
    """A grid of 100 × 100 over the plane, and the points themselves."""
    columns, rows = np.meshgrid(*(np.linspace(*side, 100) for side in PLANE))
    grid = np.stack([columns.ravel(), rows.ravel()], axis=1)
    return {"plane": {"x": grid}, "points": {"x": data["x"]}}


def mean_squared_error(predictions: Arrays, data: Arrays) -> float:
    """How far predictions are from the data, over all that were made."""
    return float(np.mean([(made - data["y"]) ** 2 for made in predictions.values()]))


def accuracy(predictions: Arrays, data: Arrays) -> float:
    """The share of the points that are on the right side of ½."""
    return float(np.mean((predictions["points"] > 0.5) == (data["y"] > 0.5)))
