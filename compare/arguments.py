"""What is typed after `twinnets train`, looked at before any work."""

import math
import os
from pathlib import Path
from typing import TYPE_CHECKING

from compare import registry
from compare.fault import FRAMEWORKS, Side
from compare.pool import install_line, installed, missing
from compare.spec import Training

if TYPE_CHECKING:
    from compare.train import Plan

SUFFIXES = (".png", ".svg")


class Wrong(ValueError):
    """An argument that cannot be used, with what to do."""


def training(name: str) -> Training:
    """The spec of an example that is trained."""
    spec = registry.load(name)
    if not isinstance(spec, Training):
        raise Wrong(
            f"{name} is a lesson, nothing in it is trained: see `twinnets show {name}`"
        )
    return spec


def framework(wanted: Side | None) -> Side:
    """The framework asked for, or the only one that is installed."""
    there = installed()
    if not there:
        lines = " or ".join(install_line(name) for name in FRAMEWORKS)
        raise Wrong(f"no framework is installed: {lines}")
    if wanted is None and len(there) == 1:
        return there[0]
    if wanted is None:
        raise Wrong("--framework: expected jax or torch, got nothing")
    if missing(wanted):
        raise Wrong(f"--framework {wanted} is not installed: {install_line(wanted)}")
    return wanted


def steps(wanted: int | None, spec: Training) -> int:
    """At most as many steps as there are batches."""
    if wanted is not None and wanted > spec.steps:
        raise Wrong(f"--steps: expected at most {spec.steps}, got {wanted}")
    return spec.steps if wanted is None else wanted


def sweep(text: str | None, spec: Training) -> dict[str, list[float]]:
    """`name=value,value` of one of the twin's constants."""
    if text is None:
        return {}
    name, _, listed = text.partition("=")
    if name not in spec.hyperparameters:
        known = ", ".join(spec.hyperparameters)
        raise Wrong(f"--sweep: expected one of {known}, got {name!r}")
    try:
        values = [float(value) for value in listed.split(",")]
    except ValueError:
        raise Wrong(
            f"--sweep: expected numbers as in {name}=0,0.1, got {listed!r}"
        ) from None
    if not all(map(math.isfinite, values)):
        raise Wrong(f"--sweep: expected finite numbers, got {listed!r}")
    return {name: values}


def picture(path: Path | None, plan: "Plan") -> None:
    """A file that can be written, and something to draw."""
    if path is None:
        return
    if path.suffix not in SUFFIXES:
        raise Wrong(f"--plot: expected a name in .png or .svg, got {path}")
    if not path.parent.is_dir():
        raise Wrong(f"--plot: there is no folder {path.parent}")
    if not plan.steps and plan.spec.picture is None:
        raise Wrong(f"--plot: {plan.example} has no picture of its data alone")
    if path.is_dir():
        raise Wrong(f"--plot: expected a file, {path} is a folder")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise Wrong(f"--plot: cannot write {path}")
