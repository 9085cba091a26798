"""The worker's side: set a process up for one framework and precision, do one task."""

import ctypes
import os
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import psutil

from compare.clock import Clock, Timed
from compare.measure_lesson import lesson
from compare.measure_maps import maps
from compare.measure_training import trajectory
from compare.noise import Precision
from compare.parcel import Parcel, pack
from compare.plant import PACKAGE, by_name, modules
from compare.registry import load
from compare.spec import Lesson
from compare.task import Failed, State, Task
from compare.trace import Trace

THREADS = 1
"""Of each worker: the same order of summation on every machine."""
CLOCK = Clock()
"""A worker is a process of its own; imported elsewhere, this counts nothing."""
PLENTY = 3 * 2**29
"""Bytes of memory above which a worker drops its compiled programs after a task."""


def enter(settings: Mapping[str, str], log: Path) -> None:
    """Set the process up before a framework is imported; what it says goes to `log`."""
    with log.open("a") as stream:
        os.dup2(stream.fileno(), 1)
        os.dup2(stream.fileno(), 2)
    os.environ |= settings


def start(framework: str, precision: Precision, device: str) -> int:
    """Import the framework; raises RuntimeError without the device; returns the pid."""
    with CLOCK.importing():
        runtime = import_module(f"{PACKAGE[framework]}.runtime")
        runtime.start(precision=precision, device=device)
    runtime.on_compile(CLOCK.hear)
    return os.getpid()


def environment(
    precision: Precision, device: str, *, threads: int = THREADS
) -> dict[str, str]:
    """What a framework reads while it is imported."""
    flags = [
        os.environ.get("XLA_FLAGS", ""),
        f"--xla_cpu_multi_thread_eigen={str(threads > 1).lower()}",
        f"intra_op_parallelism_threads={threads}",
    ]
    return {
        "JAX_ENABLE_X64": str(precision == "float64"),
        "JAX_PLATFORMS": "cpu" if device == "cpu" else "cuda,cpu",
        "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
        "XLA_FLAGS": " ".join(flags).strip(),
        "OMP_NUM_THREADS": str(threads),
        "MKL_NUM_THREADS": str(threads),
        "TF_CPP_MIN_LOG_LEVEL": "2",
    }


def send(task: Task, where: str) -> Parcel:
    """Do one task; its answer is left in a file in this folder."""
    return pack(perform(task), where)


def perform(task: Task) -> tuple[Trace, dict[int, State]]:
    """Do one task: its trace, and the checkpoint states of a trajectory."""
    try:
        runtime, twin = modules(task.framework, task.example, task.edit)
        with by_name(twin):
            return _perform(task, Timed(runtime, CLOCK), twin)
    except (Exception, SystemExit) as error:
        raise Failed(f"{type(error).__name__}: {error}") from None
    finally:
        if psutil.Process().memory_info().rss > PLENTY:
            with CLOCK.running():
                import_module(f"{PACKAGE[task.framework]}.runtime").forget()
                hand_back()


def hand_back() -> None:
    """Give freed memory back: a process that stays as large would forget every time."""
    libc = ctypes.CDLL(None)
    if hasattr(libc, "malloc_trim"):  # glibc's
        libc.malloc_trim(0)


def _perform(
    task: Task, runtime: Any, twin: ModuleType
) -> tuple[Trace, dict[int, State]]:
    spec = load(task.example)
    if isinstance(spec, Lesson):
        return lesson(task, runtime, twin, spec), {}
    if task.kind == "trajectory":
        return trajectory(task, runtime, twin, spec)
    return maps(task, runtime, twin, spec), {}


def spent() -> dict[str, float]:
    """CPU seconds of this process so far, by what they went into."""
    return CLOCK.spent()


def describe(framework: str) -> dict[str, str]:
    """Versions, devices and settings of this process's framework."""
    return import_module(f"{PACKAGE[framework]}.runtime").describe()
