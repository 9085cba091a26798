"""Finding what computes in less than float64 inside a float64 run."""

from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np


def narrow_operations(program: Any, file: str) -> Iterator[str]:
    """Operations that return floating-point numbers below float64."""
    for equation in program.eqns:
        for variable in equation.outvars:
            dtype = getattr(variable.aval, "dtype", np.dtype(bool))
            if jnp.issubdtype(dtype, jnp.floating) and dtype.itemsize < 8:
                where = _line(equation, file)
                yield f"{equation.primitive.name} in {dtype.name}{where}"
        for value in jax.tree.leaves(
            list(equation.params.values()), is_leaf=lambda v: hasattr(v, "eqns")
        ):
            inner = getattr(value, "jaxpr", value)
            if hasattr(inner, "eqns"):
                yield from narrow_operations(inner, file)


def _line(equation: Any, file: str) -> str:
    traceback = equation.source_info.traceback
    frames = traceback.frames if traceback else ()
    lines = [frame.line_num for frame in frames if frame.file_name == file]
    return f" (line {lines[0]})" if lines else ""
