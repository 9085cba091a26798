"""What both kinds of measurement share: casting, hashing, copies, and collecting."""

import hashlib
import resource
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from compare.noise import Precision, largest_distance, perturb
from compare.spec import stream
from compare.task import Task
from compare.trace import Key, Trace, same_bits

Values = dict[Key, np.ndarray]


def cast(arrays: Mapping[str, np.ndarray], precision: Precision) -> dict[str, Any]:
    """Floating-point arrays in the run's precision; others as they are."""
    return {name: cast_one(value, precision) for name, value in arrays.items()}


def cast_one(value: Any, precision: Precision) -> np.ndarray:
    """One array in the run's precision, if it is floating-point."""
    value = np.asarray(value)
    floats = np.issubdtype(value.dtype, np.floating)
    return value.astype(precision) if floats else value


def digest(value: np.ndarray) -> str:
    """A hash of shape, kind and bits; integers count as int64 in both frameworks."""
    if np.issubdtype(value.dtype, np.integer):
        value = value.astype(np.int64)
    head = f"{value.dtype.str}{value.shape}".encode()
    return hashlib.blake2b(head + value.tobytes(), digest_size=16).hexdigest()


def moved(
    arrays: dict[str, np.ndarray], task: Task, copy: int, **options: Any
) -> dict[str, np.ndarray]:
    """A perturbed copy; the same one in both frameworks."""
    rng = stream(task.seed, f"copy {copy} {sorted(arrays)}")
    return perturb(arrays, rng, precision=task.precision, **options)


class Collector:
    """Fills a trace: values, how far copies moved from them, and facts."""

    def __init__(self, task: Task) -> None:
        self.trace = Trace(
            task.example, task.framework, task.precision, task.seed, task.run
        )

    def put(self, values: Values, *, rows: bool = False) -> None:
        """Values of the run; `rows` are judged one by one along the first axis."""
        for key, value in values.items():
            self.trace.arrays[key] = value
            self.trace.sensitivity[key] = np.zeros(len(value) if rows else ())

    def repeat(self, again: Values) -> None:
        """The same run once more: what has other bits says nothing about rounding."""
        other = [k for k, v in again.items() if not same_bits(v, self.trace.arrays[k])]
        if other:
            listed = self.trace.facts.setdefault("not repeatable", [])
            listed += [list(key) for key in other]

    def compare(self, copy: Values, base: Values) -> None:
        """Widen the sensitivity by a copy; one that is not finite is left out."""
        for key, value in copy.items():
            so_far = self.trace.sensitivity[key]
            apart = largest_distance(value, base[key], rows=bool(so_far.ndim))
            if not np.isfinite(apart).all():
                dropped = self.trace.facts.setdefault("copies not finite", [])
                dropped.append(" ".join(map(str, key)))
                continue
            self.trace.sensitivity[key] = np.asarray(np.maximum(so_far, apart))

    def fact(self, name: str, value: Any) -> None:
        """Anything that can be written as JSON; mappings are joined."""
        if isinstance(value, dict):
            value = self.trace.facts.get(name, {}) | value
        self.trace.facts[name] = value

    def finish(self) -> Trace:
        """The trace, with the process's peak memory in bytes."""
        self.fact("peak memory", peak_memory())
        return self.trace


def peak_memory() -> int:
    """Bytes that this process has held at most.

    Linux counts what a process inherits before it becomes another program: its parent's
    memory. Its own high-water mark has not seen that.
    """
    status = Path("/proc/self/status")
    if status.exists():
        lines = status.read_text().splitlines()
        marks = [line for line in lines if line.startswith("VmHWM:")]
        if marks:
            return int(marks[0].split()[1]) * 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
