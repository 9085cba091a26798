"""Which constants of a model have lost digits to a precision below float64."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from torchnets.arrays import dtype_name, to_numpy

DIGITS = {torch.float16: 5, torch.bfloat16: 3}
"""Binary digits of a short number: half of what the type has, of float32 11."""


def is_rounded(tensor: Tensor) -> bool:
    """Whether digits were lost before: of numbers in float32, or float64 made of them.

    Numbers of float64 are where float32 could hold all of them, and not all are short.
    """
    if tensor.is_complex():
        tensor = torch.view_as_real(tensor.resolve_conj())
    if not tensor.is_floating_point():
        return False
    values = to_numpy(tensor)
    if is_short(values, digits=DIGITS.get(tensor.dtype, 11)):
        return False
    if tensor.dtype != torch.float64:
        return True
    with np.errstate(over="ignore", under="ignore"):
        return bool(np.all(values.astype(np.float32) == values))


def made_in(tensor: Tensor) -> str:
    """The type that a rounded constant's digits were lost to."""
    name = dtype_name(tensor)
    return {"float64": "float32", "complex128": "complex64"}.get(name, name)


def is_short(values: np.ndarray, *, digits: int = 11) -> bool:
    """Whether these would be the same numbers in float64.

    That is so of integers, of what is not finite, and of numbers with few binary
    digits, such as 0.375.
    """
    wide = np.asarray(values, np.float64)
    fractions = np.ldexp(np.frexp(wide)[0], digits + 1)
    short = np.rint(fractions) == fractions
    return bool(np.all(short | (np.rint(wide) == wide) | ~np.isfinite(wide)))
