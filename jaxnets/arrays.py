"""Arrays between NumPy and JAX; both ways always copy, for aliasing has bitten us."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array


def find_device(device: str) -> Any:
    """The first device of a platform; raises RuntimeError where there is none."""
    try:
        return jax.devices(device)[0]
    except RuntimeError as error:
        raise RuntimeError(f"JAX sees no {device.upper()} here") from error


def from_numpy(array: Any, *, device: str = "cpu") -> Array:
    """An array with memory of its own (`jnp.asarray` may share NumPy's)."""
    return jax.device_put(jnp.array(np.asarray(array), copy=True), find_device(device))


def to_numpy(array: Array) -> np.ndarray:
    """An array with memory of its own; NumPy has no bfloat16, which widens exactly."""
    wide = array.astype(jnp.float32) if array.dtype == jnp.bfloat16 else array
    return np.array(wide, copy=True)


def is_array(value: Any) -> bool:
    """Whether this is one of the framework's arrays."""
    return isinstance(value, jax.Array)


def dtype_name(array: Array) -> str:
    """The name of the element type as NumPy spells it."""
    return array.dtype.name
