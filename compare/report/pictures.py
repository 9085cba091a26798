"""What the notebooks draw, of both frameworks: a fitted line, a surface over the plane.

Predictions are those of the check, which asks both frameworks with the same parameters,
the ones at the end of the run.
"""

from collections.abc import Callable
from typing import Any

import altair as alt
import numpy as np

from compare.check import Sides
from compare.fault import FRAMEWORKS, NAMES
from compare.report import chart, layers
from compare.report.chart import Figure, Missing, draw, slug
from compare.spec import Arrays, Training, prepare
from compare.trace import Key

WIDTH = 240
"""Of a panel over the plane, in pixels."""


class NotDrawn(ValueError):
    """A picture that cannot be drawn, with the reason."""


def figures(name: str, spec: Training, sides: Sides, *, seed: int) -> list[Figure]:
    """Of a line both fits; of a plane both surfaces and how far they are apart.

    An example without a picture has none. What the traces lack is `Missing`.
    """
    if spec.picture is None:
        return []
    data = prepare(spec, seed).data
    called = slug(name)
    if spec.picture == "line":
        made = [_line(f"{called}--line", spec, data, sides)]
    else:
        made = [_surface(f"{called}--{side}", data, sides, side) for side in FRAMEWORKS]
        made.append(_difference(f"{called}--difference", sides))
    return [_or_missing(*each) for each in made]


Made = tuple[str, str, Callable[[], tuple[Any, str]]]
"""Name, title, and what makes the chart and its description; raises `NotDrawn`."""


def _or_missing(name: str, title: str, make: Callable[[], tuple[Any, str]]) -> Figure:
    try:
        made, describes = make()
    except NotDrawn as error:
        return Missing(name, title, str(error))
    return draw(made, name, title=title, describes=describes)


def predicted(sides: Sides, side: str, leaf: str) -> np.ndarray:
    """A framework's float64 predictions, all of them; raises `NotDrawn`."""
    trace = sides.get((side, "float64"))
    key = Key("predictions", "predict", leaf)
    if trace is None:
        raise NotDrawn(f"there is no float64 trace of {NAMES[side]}")
    if key not in trace.arrays:
        raise NotDrawn(f"the float64 trace of {NAMES[side]} has no predictions")
    found = trace.arrays[key]
    if key in trace.places:
        raise NotDrawn(
            f"the traces keep {found.size:,} of {np.prod(trace.shapes[key]):,} "
            "predictions, as earlier versions did: run the example again"
        )
    return finite(found)


def finite(found: np.ndarray) -> np.ndarray:
    """Predictions as float64, if any can be drawn; raises `NotDrawn`."""
    if found.dtype.kind not in "biuf" or not found.size:
        raise NotDrawn(f"the predictions are {found.dtype} of shape {found.shape}")
    if not np.isfinite(found).any():
        raise NotDrawn("no prediction is finite")
    return found.astype(np.float64)


def over_plane(found: np.ndarray) -> np.ndarray:
    """Predictions as a square, the lowest row first; raises `NotDrawn`."""
    square = layers.grid(found)
    if square is None:
        raise NotDrawn(f"{found.size:,} predictions are no grid over the plane")
    return square


def at_points(found: np.ndarray, data: Arrays) -> np.ndarray:
    """Predictions of the data's points; raises `NotDrawn`."""
    if found.size != len(data["x"]):
        points = len(data["x"])
        raise NotDrawn(f"expected {points} predictions, one a point, got {found.size}")
    return found


def true_line(spec: Training, data: Arrays) -> np.ndarray | None:
    """a + b x at the points, where the true parameters are two numbers, a and b."""
    if spec.truth is None:
        return None
    numbers = [np.ravel(leaf) for leaf in spec.truth(data).values()]
    if sum(map(len, numbers)) != 2:
        return None
    intercept, slope = np.concatenate(numbers)
    return intercept + slope * data["x"][:, -1]


def _line(name: str, spec: Training, data: Arrays, sides: Sides) -> Made:
    def make() -> tuple[Any, str]:
        fitted = {
            NAMES[side]: at_points(predicted(sides, side, ""), data)
            for side in FRAMEWORKS
        }
        truth = true_line(spec, data)
        made = alt.layer(*layers.lines(data, fitted, truth))
        beside = "" if truth is None else " and the line that they were made with"
        told = (
            f"{len(data['x'])} points{beside}, and what JAX (solid) and PyTorch "
            "(dashed) predict of them with the parameters at the end of the run"
        )
        told += _lost(*fitted.values())
        return made.properties(width=chart.WIDTH, height=chart.HEIGHT), f"{told}."

    return name, "Data and fit", make


def _surface(name: str, data: Arrays, sides: Sides, side: str) -> Made:
    def make() -> tuple[Any, str]:
        found = over_plane(predicted(sides, side, "plane"))
        key = layers.key_of(layers.BANDS, top=1.0, title="p(label 1)", width=WIDTH)
        made = alt.layer(
            layers.surface(found, layers.BANDS, top=1.0, width=WIDTH),
            key,
            *layers.labelled(data),
            layers.key_of_labels(),
        )
        known = found[np.isfinite(found)]
        told = (
            f"What {NAMES[side]} predicts over the plane with the parameters at the "
            f"end of the run, from {known.min():.3g} to {known.max():.3g}, and the "
            f"{len(data['x'])} points: label 0 as light circles, 1 as dark squares"
        )
        return _sized(made), f"{told}{_lost(found)}."

    return name, f"Surface of {NAMES[side]}", make


def _difference(name: str, sides: Sides) -> Made:
    def make() -> tuple[Any, str]:
        jax, torch = (over_plane(predicted(sides, s, "plane")) for s in FRAMEWORKS)
        if jax.shape != torch.shape:
            raise NotDrawn(f"JAX has {jax.size:,} predictions, PyTorch {torch.size:,}")
        with np.errstate(invalid="ignore", over="ignore"):  # inf − inf: left out
            apart = np.abs(jax - torch)
        if not np.isfinite(apart).any():
            raise NotDrawn("at no place are both predictions finite")
        largest = float(apart[np.isfinite(apart)].max())
        if not largest:
            raise NotDrawn(f"there is no difference at any of {apart.size:,} places")
        # The smallest numbers have no power of ten that could divide them.
        power = max(int(np.floor(np.log10(largest))), -300)
        unit = float(f"1e{power}")
        top, title = largest / unit, f"|JAX − PyTorch| in 1e{power}"
        made = alt.layer(
            layers.surface(apart / unit, layers.GROWING, top=top, width=WIDTH),
            layers.key_of(layers.GROWING, top=top, title=title, width=WIDTH),
        )
        same = int((apart == 0).sum())
        told = (
            "How far the float64 predictions are apart over the plane: at most "
            f"{largest:.2g}, and not at all at {same:,} of {apart.size:,} places"
        )
        return _sized(made), f"{told}{_lost(apart)}."

    return name, "Difference of the surfaces", make


def _sized(made: Any) -> Any:
    return made.properties(width=WIDTH, height=layers.height_of(WIDTH))


def _lost(*found: np.ndarray) -> str:
    lost = sum(int((~np.isfinite(each)).sum()) for each in found)
    return f"; left out are {lost:,} numbers that are not finite" if lost else ""
