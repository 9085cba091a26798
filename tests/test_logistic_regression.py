"""What a linear classifier can do: its surface is a slope across a straight line."""

import numpy as np
import pytest
from support import SPECS

from compare import noise, trace_file
from compare.fault import FRAMEWORKS
from compare.predictions import at_plane
from compare.spec import prepare
from compare.trace import Key

pytest_plugins = ("warm",)

PLANE = Key("predictions", "predict", "plane")
BOTH = pytest.mark.parametrize("framework", FRAMEWORKS)
LINEAR = pytest.mark.parametrize(
    ("name", "linear"), [("logistic_regression", True), ("moons_mlp", False)]
)


@pytest.fixture
def surface(whole, framework, name) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Points of the plane as (1, x), their probabilities in float64, and its floor."""
    wide, narrow = (
        trace_file.load(whole.folder / "traces" / f"{name}.{framework}.{precision}")
        for precision in noise.PRECISIONS
    )
    p, short = wide.arrays[PLANE], narrow.arrays[PLANE]
    data = prepare(SPECS[name], whole.found.seed).data
    grid = at_plane(data)["plane"]["x"].astype(np.float32)
    floor = noise.float64_floor(
        (p, p), (short, None), sensitivity=wide.sensitivity[PLANE]
    )
    return np.hstack([np.ones((len(grid), 1)), grid]), p, floor


def affine(x: np.ndarray, p: np.ndarray) -> np.ndarray:
    """The affine map that is nearest to log(p / (1 − p))."""
    logits = np.log(p) - np.log1p(-p)
    return x @ np.linalg.lstsq(x, logits)[0]


@BOTH
@LINEAR
def test_the_surface_is_a_sigmoid_of_an_affine_map(surface, linear):
    x, p, floor = surface
    fitted = 1 / (1 + np.exp(-affine(x, p)))
    apart = noise.largest_distance(p, fitted)
    assert (apart <= noise.LIMIT * floor) == linear
    assert len(p) == 10_000
    assert p.min() < 0.1 < 0.9 < p.max()


@BOTH
@LINEAR
def test_a_half_is_on_a_straight_line(surface, linear):
    """On one side of it are all points of more than ½, and on the other the rest."""
    x, p, floor = surface
    line = affine(x, p)
    # Only rounding may put a point on the other side: the slope of σ at 0 is ¼.
    clear = np.abs(line) > 4 * noise.LIMIT * floor
    assert clear.mean() > 0.9
    assert np.array_equal(line[clear] > 0, p[clear] > 0.5) == linear
    assert 0 < np.mean(p > 0.5) < 1
