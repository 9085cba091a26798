"""Everything of JAX that numbers depend on, set for a while and put back."""

import random
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import jax
import numpy as np


@contextmanager
def session(precision: str) -> Iterator[None]:
    """Compute in float32 or float64, on the CPU, with full products of matrices.

    Afterwards all is as it was, whatever happens inside. Raises ValueError for
    another precision.
    """
    if precision not in ("float32", "float64"):
        raise ValueError(f"precision: expected float32 or float64, got {precision!r}")
    own, numpys = random.getstate(), np.random.get_state()  # noqa: NPY002
    with ExitStack() as stack:
        stack.callback(random.setstate, own)
        stack.callback(np.random.set_state, numpys)
        stack.enter_context(jax.enable_x64(precision == "float64"))
        stack.enter_context(jax.default_matmul_precision("highest"))
        stack.enter_context(jax.default_device(jax.devices("cpu")[0]))
        yield
