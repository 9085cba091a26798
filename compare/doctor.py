"""What this machine and this installation are, and what is missing."""

import os
import platform
import subprocess
import tempfile
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import psutil
from rich.console import Console
from rich.table import Table

from compare import record
from compare.fault import FRAMEWORKS
from compare.pool import Crashed, NotReady, Workers, install_line, installed, missing
from compare.worker import THREADS

PACKAGES = (
    "twinnets",
    "numpy",
    "jax",
    "jaxlib",
    "flax",
    "optax",
    "grain",
    "torch",
    "scikit-learn",
    "scipy",
    "altair",
    "vl-convert-python",
)


def environment() -> dict[str, Any]:
    """The machine and the versions; imports no framework. Memory is in bytes."""
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory": psutil.virtual_memory().total,
        "threads per worker": int(THREADS),
        "packages": {name: _version(name) for name in PACKAGES},
        "commit": _commit(),
    }


def _commit() -> str:
    """Of the repository that this is run in; "-dirty" where it was changed since."""
    asked = ["git", "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
    try:
        told = subprocess.run(asked, capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return "unknown"
    return told.stdout.strip() or "unknown"


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def print_report(*, as_json: bool) -> bool:
    """Print everything; whether a framework is there, and starts."""
    found = environment()
    there = installed()
    with tempfile.TemporaryDirectory() as logs, Workers(there, Path(logs)) as workers:
        try:
            found["workers"] = workers.describe()
        except (Crashed, NotReady) as error:
            found["workers"] = {"error": {"reason": str(error)}}
            there = ()
    found["missing"] = {
        name: install_line(name) for name in FRAMEWORKS if missing(name)
    }
    if as_json:
        print(record.text(found))
    else:
        _print(found)
    return bool(there)


def _print(found: dict[str, Any]) -> None:
    console = Console()
    table = Table(box=None, show_header=False, pad_edge=False)
    for name in ("python", "platform", "processor", "cores", "threads per worker"):
        table.add_row(name, str(found[name]))
    table.add_row("memory", f"{found['memory'] / 2**30:.1f} GiB")
    for name, number in found["packages"].items():
        table.add_row(name, number)
    for side, told in found["workers"].items():
        settings = ", ".join(f"{name} {value}" for name, value in told.items())
        table.add_row(side, settings)
    console.print(table)
    for name, line in found["missing"].items():
        console.print(f"{name} is missing: {line}", style="bold")
