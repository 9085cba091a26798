"""What both models are fed: NumPy arrays by name, exact in both precisions."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from compare.pair.layout import Layout
from compare.pair.wrong import Wrong
from compare.spec import stream

Arrays = dict[str, np.ndarray]
Draw = Callable[[int, tuple[int, ...]], np.ndarray]


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
    return {
        str(name): exact(value, f"inputs[{name!r}]") for name, value in named.items()
    }


def exact(value: Any, name: str) -> np.ndarray:
    """An array of float64 numbers that float32 can hold, of integers or of booleans."""
    try:
        array = np.array(value, copy=True)
    except (TypeError, ValueError, RuntimeError) as error:
        raise Wrong(
            f"{name}: expected what NumPy can make an array of, got "
            f"{type(value).__name__} ({error})"
        ) from error
    if array.dtype.kind in "biu":
        return array
    if array.dtype.kind == "f" or array.dtype.name == "bfloat16":
        with np.errstate(over="ignore"):  # what float32 cannot hold shows as inf
            return array.astype(np.float32).astype(np.float64)
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
    return tuple(exact(value, f"targets[{i}]") for i, value in enumerate(values))


def draws(axes: Layout, *, seed: int) -> dict[str, Draw]:
    """Dropout's random numbers for each framework: the n-th call's are the same.

    A mask of images is turned as images are.
    """

    def torch(number: int, shape: tuple[int, ...]) -> np.ndarray:
        return stream(seed, f"pair dropout {number}").random(shape)

    def jax(number: int, shape: tuple[int, ...]) -> np.ndarray:
        order = axes.axes("", len(shape))
        if order is None:
            return torch(number, shape)
        first = tuple(shape[axis] for axis in np.argsort(order))
        return np.ascontiguousarray(torch(number, first).transpose(order))

    return {"torch": torch, "jax": jax}
