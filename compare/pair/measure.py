"""One-step maps of a pair: both sides, both precisions, and how far copies move."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from compare.fault import FRAMEWORKS, Side
from compare.measure import Collector
from compare.noise import PRECISIONS, Precision, perturb
from compare.pair.both import Both, Point
from compare.pair.inputs import Arrays
from compare.spec import stream
from compare.task import Task

COPIES = 4
"""Perturbed copies of each side, as in a run of the examples."""
HUGE = 1e8
"""Such a number stands for infinity."""
Collectors = Mapping[tuple[Side, Precision], Collector]


def collectors(name: str, *, seed: int, run: str) -> Collectors:
    """Empty traces of both sides in both precisions."""
    return {
        (framework, precision): Collector(
            Task("maps", name, framework, precision, seed, run)
        )
        for precision in PRECISIONS
        for framework in FRAMEWORKS
    }


def measure(
    both: Both,
    point: Point,
    out: Collectors,
    *,
    seed: int,
    say: Callable[[str], None],
) -> Any:
    """Run both sides at a point, twice and with perturbed copies, into the traces.

    Returns PyTorch's evaluation in float32.
    """
    found = None
    for precision in PRECISIONS:
        with both.session(precision):
            say(f"{point.step}: {precision}")
            exact = point.cast(precision)
            base = {}
            for model in both.models():
                own = out[model.framework, precision]
                evaluated = both.evaluate(model, exact)
                base[model.framework] = both.common(model, evaluated, exact)
                if (model.framework, precision) == ("torch", "float32"):
                    found = evaluated
                own.put(base[model.framework])
                own.repeat(both.values(model, exact))
            for copy in range(COPIES):
                say(f"{point.step}: {precision}, copy {copy + 1} of {COPIES}")
                moved = perturbed(exact, precision, seed=seed, copy=copy)
                for model in both.models():
                    own = out[model.framework, precision]
                    own.compare(both.values(model, moved), base[model.framework])
    return found


def perturbed(point: Point, precision: Precision, *, seed: int, copy: int) -> Point:
    """Every number that goes in moved by an ulp, alike on both sides.

    But for inputs that are discrete, though floating-point.
    """
    rng = stream(seed, f"pair copy {copy} {point.step}")
    targets = {str(i): np.asarray(value) for i, value in enumerate(point.targets)}

    def moved(arrays: Arrays, fixed: Arrays) -> Arrays:
        return perturb(arrays, rng, precision=precision, discrete=discrete(fixed))

    return replace(
        point,
        state=moved(point.state, {}),
        inputs=moved(point.inputs, point.inputs),
        targets=tuple(moved(targets, targets).values()),
    )


def discrete(arrays: Mapping[Any, np.ndarray]) -> frozenset[Any]:
    """Arrays of whole numbers, or with such as stand for infinity: masks, labels.

    An ulp of 1e9 in a mask is 1e-7 of a logit, and a step of 5 less an ulp is 4.
    """
    return frozenset(
        name
        for name, value in arrays.items()
        if value.dtype.kind == "f"
        and (not (np.abs(value) < HUGE).all() or bool((value == np.rint(value)).all()))
    )
