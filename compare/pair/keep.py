"""Pairs as a run.json, which `twinnets report` shows."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from compare import result
from compare.doctor import environment
from compare.result import Run


def run(reports: Sequence[Any], *, command: Sequence[str] = ()) -> Run:
    """One run of several pairs, and the command that made it, if there was one."""
    told = {"command": [*command]} if command else {}
    return Run(
        seed=reports[0].seed if reports else 0,
        environment=environment() | told,
        examples=[one.example for one in reports],
    )


def write(reports: Sequence[Any], path: Path) -> None:
    """Write it; a path without `.json` is a folder."""
    result.write(run(reports), path if path.suffix == ".json" else path / "run.json")
