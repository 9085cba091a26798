"""Starting parameters, drawn in NumPy in the canonical layout.

The canonical layout of a linear layer is `x @ weight + bias`, so a weight has the
shape (inputs, outputs).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy.random import Generator


@dataclass(frozen=True)
class Uniform:
    """Uniform in ±bound; every entry that leads into `zero_unit` is exactly 0.

    The zero unit has a pre-activation of exactly 0 in every precision, so that what a
    framework takes for ReLU's derivative at the kink is seen.
    """

    shape: tuple[int, ...]
    bound: float
    zero_unit: int | None = None


@dataclass(frozen=True)
class Normal:
    """Standard normal; every entry that leads into `zero_unit` is exactly 0."""

    shape: tuple[int, ...]
    zero_unit: int | None = None


@dataclass(frozen=True)
class Given:
    """The numbers themselves."""

    value: Float[np.ndarray, "..."]

    @property
    def shape(self) -> tuple[int, ...]:
        return self.value.shape


Start = Uniform | Normal | Given


def linear(
    path: str, inputs: int, *, outputs: int, zero_unit: int | None = None
) -> dict[str, Start]:
    """Weight and bias of a linear layer, uniform in ±1/√inputs (PyTorch's default)."""
    bound = inputs**-0.5
    return {
        f"{path}.weight": Uniform((inputs, outputs), bound, zero_unit),
        f"{path}.bias": Uniform((outputs,), bound, zero_unit),
    }


def draw(
    parameters: Mapping[str, Start], rng: Generator
) -> dict[str, Float[np.ndarray, "..."]]:
    """Draw every parameter, in the order of the mapping, in float64."""
    return {path: _draw(start, rng) for path, start in parameters.items()}


def _draw(start: Start, rng: Generator) -> Float[np.ndarray, "..."]:
    if isinstance(start, Given):
        return np.array(start.value, np.float64)
    if isinstance(start, Uniform):
        value = rng.uniform(-start.bound, start.bound, start.shape)
    else:
        value = rng.standard_normal(start.shape)
    if start.zero_unit is not None:
        value[..., start.zero_unit] = 0.0
    return value
