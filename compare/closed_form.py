"""Gradient descent on a mean squared error, every step of it, without taking one."""

import numpy as np
from jaxtyping import Float64


def descent(
    x: Float64[np.ndarray, "points features"],
    y: Float64[np.ndarray, "points"],
    *,
    start: Float64[np.ndarray, "features"],
    learning_rate: float,
    steps: int,
) -> tuple[Float64[np.ndarray, "steps"], Float64[np.ndarray, "steps features"]]:
    """θ_t = θ* + (I − ηH)^t (θ₀ − θ*) with H = 2 XᵀX / N and θ* by least squares.

    Returns the loss before every step, and θ after it.
    """
    # Eigenvalues from X, and no power of the rounded 1 − ηλ: else 13 noise floors off.
    _, singular, directions = np.linalg.svd(x, full_matrices=False)
    curvature = 2 * singular**2 / len(x)
    best = np.linalg.lstsq(x, y)[0]
    shrinkage = _powers(learning_rate * curvature, steps)
    distance = shrinkage * (directions @ (start - best))
    losses = np.mean((x @ best - y) ** 2) + distance[:-1] ** 2 @ curvature / 2
    return losses, (best + distance @ directions)[1:]


def _powers(
    rate: Float64[np.ndarray, "features"], steps: int
) -> Float64[np.ndarray, "time features"]:
    """(1 − rate)^t for t = 0 … steps; beyond a rate of 1 the sign alternates."""
    time = np.arange(steps + 1)[:, np.newaxis]
    with np.errstate(divide="ignore"):  # at a rate of 1 a single step is enough
        logarithm = np.log1p(np.where(rate < 1, -rate, rate - 2))
    logarithm = np.maximum(logarithm, -1000)  # its exponential is 0, and 0 · ∞ is not
    return np.where(rate > 1, (-1.0) ** time, 1.0) * np.exp(time * logarithm)
