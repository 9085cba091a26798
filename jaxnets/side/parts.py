"""What a side tells of a model, as plain data; PyTorch's side has the same."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np


class Leaf(NamedTuple):
    """A parameter, buffer or counter, and the layer that it belongs to."""

    path: str
    shape: tuple[int, ...]
    dtype: str
    kind: str
    layer: str
    layer_type: str
    name: str


class Module(NamedTuple):
    """A module, and those of its attributes that are plain values."""

    path: str
    type: str
    settings: Mapping[str, Any]


class Evaluation(NamedTuple):
    """What one call of a model gives, and the gradients of a scalar of it."""

    outputs: dict[str, np.ndarray]
    loss: np.ndarray | None
    parameters: dict[str, np.ndarray]
    inputs: dict[str, np.ndarray]
    buffers: dict[str, np.ndarray]
    unused: tuple[str, ...]


class Call(NamedTuple):
    """One call of one module; `number` counts the calls of this path before it."""

    path: str
    number: int
    type: str
    inputs: tuple[np.ndarray, ...]
    outputs: tuple[np.ndarray, ...]
    cotangents: tuple[np.ndarray | None, ...]


class Spot(NamedTuple):
    """An operation that computes in less than the run's precision, and where."""

    operation: str
    where: str
    phases: tuple[str, ...]
    names: tuple[str, ...]


class Pull(NamedTuple):
    """How the scalar that is differentiated is formed, and where masks come from.

    loss(outputs, *targets), or else the sum of outputs times cotangents; without
    both there is none. `draw(number, shape)` gives the uniform numbers of the n-th
    dropout; without it dropout is off.
    """

    loss: Callable[..., Any] | None = None
    targets: tuple[np.ndarray, ...] = ()
    cotangents: Mapping[str, np.ndarray] | None = None
    draw: Callable[[int, tuple[int, ...]], np.ndarray] | None = None
