"""What both models are fed: NumPy arrays by name, exact in both precisions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from compare.pair.layout import Layout
from compare.pair.wrong import Wrong
from compare.spec import stream

Arrays = dict[str, np.ndarray]


def draw(inputs: Any, *, seed: int, purpose: str) -> Arrays:
    """The inputs by name; a function of a Generator is called with the seed's.

    Positional ones are called "0", "1" and so on. Floating-point numbers are rounded to
    float32, so that both precisions start from the same ones, and held in float64.
    """
    if callable(inputs):
        inputs = inputs(stream(seed, purpose))
    if isinstance(inputs, Mapping):
        named: Mapping[Any, Any] = inputs
    elif isinstance(inputs, (tuple, list)):
        named = dict(enumerate(inputs))
    else:
        named = {0: inputs}
    if not named:
        raise Wrong("inputs: expected at least one array, got none")
    _no_lists("inputs", inputs)
    return {
        str(name): exact(value, f"inputs[{name!r}]") for name, value in named.items()
    }


def _no_lists(what: str, values: Any) -> None:
    """A list of numbers would be as many arguments; raises `Wrong`."""
    if isinstance(values, (tuple, list)):
        for one in values:
            if isinstance(one, (bool, int, float, list)):
                raise Wrong(
                    f"{what}: a tuple or list is one argument for each of its items, "
                    f"and one of them is {type(one).__name__}; give np.asarray(…)"
                )


def exact(value: Any, name: str) -> np.ndarray:
    """An array of float64 numbers that float32 can hold, of integers or of booleans."""
    try:
        array = np.asarray(value)
    except (TypeError, ValueError, RuntimeError) as error:
        raise Wrong(
            f"{name}: expected what NumPy can make an array of, got "
            f"{type(value).__name__} ({error})"
        ) from error
    if array.dtype.kind in "biu":
        return array.copy()
    if array.dtype.kind == "f" and np.isnan(array).any():
        raise Wrong(f"{name}: holds NaN, which nothing can be told from")
    if array.dtype.kind == "f" or array.dtype.name == "bfloat16":
        with np.errstate(over="ignore"):  # what float32 cannot hold shows as inf
            return array.astype(np.float32, copy=False).astype(np.float64)
    raise Wrong(
        f"{name}: expected numbers or booleans, got {type(value).__name__} of type "
        f"{array.dtype}; complex numbers are not supported"
    )


def targets(values: Any, *, seed: int) -> tuple[np.ndarray, ...]:
    """What the losses get besides outputs; a function of a Generator is called."""
    if callable(values):
        values = values(stream(seed, "pair targets"))
    if not isinstance(values, Sequence) or isinstance(values, np.ndarray):
        values = (values,)
    _no_lists("targets", values)
    return tuple(exact(value, f"targets[{i}]") for i, value in enumerate(values))


@dataclass(eq=False)
class Masks:
    """Dropout's random numbers of one framework, and the shapes asked for, by call.

    The n-th call's are the same on both sides. A mask of images is turned as images
    are; `asked` has every shape as PyTorch lays it out, that of the first time.
    """

    seed: int
    axes: Layout | None = None
    asked: dict[int, tuple[int, ...]] = field(default_factory=dict)

    def __call__(self, number: int, shape: tuple[int, ...]) -> np.ndarray:
        """The uniform numbers of a call of dropout."""
        order = None if self.axes is None else self.axes.axes("", len(shape))
        first = shape
        if order is not None:
            first = tuple(shape[axis] for axis in np.argsort(order))
        self.asked.setdefault(number, first)
        drawn = stream(self.seed, f"pair dropout {number}").random(first)
        return drawn if order is None else np.ascontiguousarray(drawn.transpose(order))


def draws(axes: Layout, *, seed: int) -> dict[str, Masks]:
    """Dropout's random numbers for each framework."""
    return {"torch": Masks(seed), "jax": Masks(seed, axes)}
