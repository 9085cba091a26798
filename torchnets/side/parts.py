"""What the verbs of a side return and take, as plain tuples of NumPy arrays."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np


class Leaf(NamedTuple):
    """One array of a model: where it stands, and in which layer.

    `kind` is parameter, buffer, or counter: a buffer that is no part of a state
    (integers, truth values, what is not saved).
    """

    path: str
    shape: tuple[int, ...]
    dtype: str
    kind: str
    layer: str
    layer_type: str
    name: str


class Module(NamedTuple):
    """One module: its path ("" is the root), its class, its plain attributes."""

    path: str
    type: str
    settings: dict[str, Any]


class Evaluation(NamedTuple):
    """Outputs, loss and gradients at a state, and the buffers afterwards."""

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
    cotangents: tuple[np.ndarray | None, ...] = ()


class Spot(NamedTuple):
    """Where a float64 run computes in less; `names` () means all of the phases."""

    operation: str
    where: str
    phases: tuple[str, ...]
    names: tuple[str, ...] = ()


class Pull(NamedTuple):
    """How the scalar to differentiate is formed, and where dropout's masks come from.

    `loss(outputs, *targets)`, else Σ output · cotangent; neither: outputs alone.
    `draw(number, shape)` gives uniforms in [0, 1); None: dropout is off.
    """

    loss: Callable[..., Any] | None = None
    targets: tuple[np.ndarray, ...] = ()
    cotangents: Mapping[str, np.ndarray] | None = None
    draw: Callable[..., Any] | None = None
