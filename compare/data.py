"""Seeded data generators: `f(rng, *, …) -> {name: array}`, all in float64.

Shapes are (points, features). Whatever is random comes from the generator that is
handed in, so that one seed gives one data set, for both frameworks.
"""

import numpy as np
from jaxtyping import Float, Int
from numpy.random import Generator, RandomState


def line(
    rng: Generator, *, points: int = 100
) -> dict[str, Float[np.ndarray, "points 1"]]:
    """y = 0.3 + 0.1 x + 0.01 ε with x uniform in [0, 1] and ε standard normal.

    Always the same numbers, those of `RandomState(1234)`: known digits of the least
    squares solution depend on them. Shapes: x (points, 1), y (points, 1).
    """
    del rng
    legacy = RandomState(1234)
    x = legacy.uniform(size=(points, 1))
    return {"x": x, "y": 0.3 + 0.1 * x + 0.01 * legacy.randn(points, 1)}


def design_matrix(
    x: Float[np.ndarray, "points features"],
) -> Float[np.ndarray, "points columns"]:
    """X = (1, x), so that a line is X θ. Shape: (points, 1 + features)."""
    return np.hstack([np.ones((len(x), 1)), x])


def plane(
    rng: Generator, *, points: int = 100
) -> dict[str, Float[np.ndarray, "rows columns"]]:
    """y = x w + 2 + ε with x = 5 · standard normal, w and ε standard normal.

    Shapes: x (points, 2), y (points, 1), and the w that was drawn, true_weight (2, 1).
    """
    weight = rng.standard_normal((2, 1))
    x = 5 * rng.standard_normal((points, 2))
    y = x @ weight + 2 + rng.standard_normal((points, 1))
    return {"x": x, "y": y, "true_weight": weight}


def white_noise(
    rng: Generator, *, points: int = 64, inputs: int = 1000, outputs: int = 10
) -> dict[str, Float[np.ndarray, "points _"]]:
    """x and y standard normal and independent: nothing to learn, only to memorize.

    Shapes: x (points, inputs), y (points, outputs).
    """
    return {
        "x": rng.standard_normal((points, inputs)),
        "y": rng.standard_normal((points, outputs)),
    }


def two_moons(
    rng: Generator, *, points: int = 200, noise: float = 0.1
) -> dict[str, Float[np.ndarray, "points *_"]]:
    """Two half circles, one the other turned around: (cos t, sin t) is labelled 0 and
    (1 − cos t, ½ − sin t) is labelled 1, t in [0, π], plus normal noise.

    Shapes: x (points, 2), y (points,), labels as 0.0 and 1.0.
    """
    # scikit-learn takes a second to import: `twinnets list` must not wait for it.
    from sklearn.datasets import make_moons

    seed = int(rng.integers(2**32))  # all that make_moons accepts
    x, y = make_moons(points, noise=noise, random_state=seed)
    return {"x": np.asarray(x), "y": np.asarray(y, np.float64)}


def shuffled_epochs(
    rng: Generator, *, points: int, epochs: int, batch: int
) -> Int[np.ndarray, "steps batch"]:
    """Indices of every batch of every epoch, each epoch in an order of its own.

    Shape: (epochs · points / batch, batch); `points` is a multiple of `batch`.
    """
    order = np.tile(np.arange(points), (epochs, 1))
    return rng.permuted(order, axis=1).reshape(-1, batch)
