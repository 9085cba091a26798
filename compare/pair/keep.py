"""Pairs as a run.json, which `twinnets report` shows."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from compare import result
from compare.doctor import environment
from compare.result import Run


def run(reports: Sequence[Any]) -> Run:
    """One run of several pairs."""
    seed = reports[0].seed if reports else 0
    return Run(
        seed=seed, environment=environment(), examples=[one.example for one in reports]
    )


def write(reports: Sequence[Any], path: Path) -> None:
    """Write it; a path without `.json` is a folder."""
    result.write(run(reports), path if path.suffix == ".json" else path / "run.json")
