"""Which constants of a program have lost digits to a precision below float64."""

from typing import Any

import jax.numpy as jnp
import numpy as np

# Primitives that keep integers and short numbers exact.
KEEPS = frozenset(
    [
        "add",
        "add_any",
        "broadcast_in_dim",
        "concatenate",
        "convert_element_type",
        "copy",
        "copy_p",
        "cumsum",
        "dynamic_slice",
        "dynamic_update_slice",
        "expand_dims",
        "gather",
        "iota",
        "max",
        "min",
        "mul",
        "neg",
        "pad",
        "reduce_max",
        "reduce_min",
        "reduce_sum",
        "reshape",
        "rev",
        "select_n",
        "sign",
        "slice",
        "split",
        "squeeze",
        "stop_gradient",
        "sub",
        "transpose",
    ]
)


def is_narrow(variable: Any) -> bool:
    """Whether a value of a program holds floating-point numbers below float64."""
    return narrow_dtype(getattr(variable.aval, "dtype", None))


def is_float(variable: Any) -> bool:
    """Whether a value of a program holds floating-point or complex numbers."""
    dtype = getattr(variable.aval, "dtype", None)
    return dtype is not None and jnp.issubdtype(dtype, jnp.inexact)


def narrow_dtype(dtype: Any) -> bool:
    """Whether this is a floating-point type below float64 (or complex128)."""
    if dtype is None or not jnp.issubdtype(dtype, jnp.inexact):
        return False
    return jnp.finfo(dtype).bits < 64


def is_rounded(number: Any) -> bool:
    """Whether digits were lost before: of numbers in float32, or float64 made of them.

    Numbers of float64 are where float32 could hold all of them, and not all are short.
    """
    values = _floats(number)
    if values is None or is_short(number):
        return False
    if narrow_dtype(values.dtype):
        return True
    with np.errstate(over="ignore", under="ignore"):
        return bool(np.all(values.astype(np.float32) == values))


def is_short(number: Any) -> bool:
    """Whether these would be the same numbers in float64.

    That is so of integers, of what is not finite, and of numbers with at most half of
    their type's binary digits, such as 0.375.
    """
    values = _floats(number)
    if values is None:
        return not jnp.issubdtype(_dtype(number), jnp.complexfloating)
    digits = min(jnp.finfo(values.dtype).nmant, 23) // 2
    wide = values.astype(np.float64)
    fractions = np.ldexp(np.frexp(wide)[0], digits + 1)
    short = np.rint(fractions) == fractions
    return bool(np.all(short | (np.rint(wide) == wide) | ~np.isfinite(wide)))


def _dtype(number: Any) -> Any:
    # Not by NumPy where it has a type: random keys are no arrays of NumPy's.
    return number.dtype if hasattr(number, "dtype") else np.asarray(number).dtype


def _floats(number: Any) -> np.ndarray | None:
    return np.asarray(number) if jnp.issubdtype(_dtype(number), jnp.floating) else None
