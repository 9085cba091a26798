"""What is read beside the time: what compiles, what is held, under which conditions."""

import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

_PHASES = {
    "jaxpr_trace_duration": "trace",
    "jaxpr_to_mlir_module_duration": "lower",
    "backend_compile_duration": "compile",
}
_PRECISION = {"float32": "highest", "tf32": "tensorfloat32", "bfloat16": "bfloat16"}


class Ledger:
    """Seconds of tracing, lowering and compiling so far, and how many programs."""

    def __init__(self) -> None:
        self._spans: dict[str, list[tuple[float, float]]] = {}
        self._programs = 0
        jax.monitoring.register_event_duration_secs_listener(self._hear)

    def _hear(self, event: str, duration_secs: float, **_: Any) -> None:
        phase = _PHASES.get(event.rpartition("/")[2])
        if phase is None:
            return
        self._programs += phase == "compile"
        end = time.perf_counter()
        spans = self._spans.setdefault(phase, [])
        # One that is inside of another is told first: its time counts once.
        while spans and spans[-1][0] >= end - duration_secs:
            spans.pop()
        spans.append((end - duration_secs, end))

    def seconds(self) -> dict[str, float]:
        """Seconds so far by phase."""
        return {
            phase: sum((end - begin for begin, end in self._spans.get(phase, ())), 0.0)
            for phase in _PHASES.values()
        }

    def counts(self) -> dict[str, int]:
        """Programs compiled so far; JAX has no graph breaks."""
        return Counter({"programs": self._programs, "graph breaks": 0})


def set_conditions(products: str) -> None:
    """What the factors of a product of float32 matrices are rounded to."""
    jax.config.update("jax_default_matmul_precision", _PRECISION[products])


def synchronize(values: Any) -> None:
    """Wait for these arrays, all of them."""
    jax.block_until_ready(values)


def conditions() -> dict[str, str]:
    """What must be equal in both frameworks for their times to be like for like."""
    precision = str(jax.config.values["jax_default_matmul_precision"])
    told = {ours: name for name, ours in _PRECISION.items()}
    small = jnp.full(8, 1e-38, jnp.float32)
    return {
        "dtype": jnp.result_type(float).name,
        "products": told.get(precision, precision),
        "subnormal numbers": "kept" if (small * 0.01).any() else "flushed",
        "device": jax.config.values["jax_default_device"].platform,
    }


def memory() -> int | None:
    """Peak of what the device's allocator has handed out, bytes; None on a CPU."""
    told = jax.config.values["jax_default_device"].memory_stats()
    return None if told is None else told.get("peak_bytes_in_use")


def product(size: int) -> Callable[[], Any]:
    """A product of two square matrices."""
    left = jnp.ones((size, size), jnp.float32)
    multiply = jax.jit(jnp.matmul)
    return lambda: multiply(left, left)
