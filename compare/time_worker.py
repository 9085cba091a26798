"""A timing worker: a process for one cell, in which no other framework ever is."""

import os
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from time import perf_counter

from compare import worker
from compare.measure_time import measure_time
from compare.parcel import Parcel, pack
from compare.plant import PACKAGE, code
from compare.registry import training
from compare.task import Failed
from compare.timing import Proved, TimingTask


def settings(device: str, threads: int, cache: Path) -> dict[str, str]:
    """What a framework reads while it is imported; compilers keep what they make."""
    return {
        **worker.environment("float32", device, threads=threads),
        "JAX_COMPILATION_CACHE_DIR": str(cache / "xla"),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
        "TORCHINDUCTOR_CACHE_DIR": str(cache / "inductor"),
        "TRITON_CACHE_DIR": str(cache / "triton"),
        "CUDA_CACHE_PATH": str(cache / "cuda"),
    }


def send(task: TimingTask, threads: int, where: str) -> Parcel:
    """Do the task; its answer is left in a file in this folder."""
    return pack(perform(task, threads), where)


def perform(task: TimingTask, threads: int) -> Proved:
    """Import the framework, start the device, measure; raises `Failed`."""
    _pin(threads)
    try:
        return _perform(task)
    except (Exception, SystemExit) as error:
        first = str(error).strip().split("\n")[0]
        raise Failed(f"{type(error).__name__}: {first}") from None


def _perform(task: TimingTask) -> Proved:
    spec = training(task.cell.example)
    framework = task.cell.framework
    began = perf_counter()
    import_module(f"{PACKAGE[framework]}.runtime")
    imported = perf_counter()
    parts = code(framework, task.cell.example, task.edit)
    began_device = perf_counter()
    parts["runtime"].start(precision="float32", device=task.device)
    started = perf_counter()
    ledger = parts["gauges"].Ledger()
    proved = measure_time(task, spec, parts, ledger)
    phases = {
        "import": imported - began,
        "device start": started - began_device,
        **proved.sampled.phases,
    }
    return replace(proved, sampled=replace(proved.sampled, phases=phases))


def _pin(threads: int) -> None:
    """Keep to so many cores: some of a framework's threads obey nothing else."""
    if hasattr(os, "sched_setaffinity"):
        allowed = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, allowed[:threads])


def cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
