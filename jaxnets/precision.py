"""Finding what computes in less than float64 inside a float64 run."""

from collections.abc import Iterator
from typing import Any

import jax.numpy as jnp
import numpy as np

from jaxnets.operations import inner_programs


def narrow_operations(program: Any, file: str) -> Iterator[str]:
    """Operations that return floating-point numbers below float64."""
    for equation in program.eqns:
        for variable in equation.outvars:
            dtype = getattr(variable.aval, "dtype", np.dtype(bool))
            if jnp.issubdtype(dtype, jnp.floating) and dtype.itemsize < 8:
                where = _line(equation, file)
                yield f"{equation.primitive.name} in {dtype.name}{where}"
        for inner in inner_programs(equation):
            yield from narrow_operations(inner, file)


def _line(equation: Any, file: str) -> str:
    traceback = equation.source_info.traceback
    frames = traceback.frames if traceback else ()
    lines = [frame.line_num for frame in frames if frame.file_name == file]
    return f" (line {lines[0]})" if lines else ""
