"""What the tests with frameworks share: examples, sources, small pieces of runs."""

import ast
import os
import subprocess
import sys
from importlib import import_module
from math import prod
from pathlib import Path

from compare import registry
from compare.fault import FRAMEWORKS
from compare.plant import PACKAGE
from compare.spec import Lesson, Training
from compare.task import Effort

ROOT = Path(__file__).parent.parent
NAMES = registry.names()
SPECS = {name: registry.load(name) for name in NAMES}
TRAININGS = tuple(n for n, spec in SPECS.items() if isinstance(spec, Training))
LESSONS = tuple(n for n, spec in SPECS.items() if isinstance(spec, Lesson))
SIDES = tuple((side, p) for side in FRAMEWORKS for p in ("float64", "float32"))
SMALL = Effort(copies=2, steps=6, float64_steps=6, checkpoints=3)
"""Enough for every phase of a training."""
COPIED = "two_layer_adam"
"""The example that tests take out of the run of everything and tamper with."""


def twin_path(framework: str, name: str) -> Path:
    """Where the source of a twin is."""
    return ROOT / PACKAGE[framework] / (name.replace(".", "/") + ".py")


def tree(framework: str, name: str) -> ast.Module:
    """The syntax tree of a twin."""
    return ast.parse(twin_path(framework, name).read_text(encoding="utf-8"))


def twin(framework: str, name: str):
    """The twin itself, imported here."""
    return import_module(f"{PACKAGE[framework]}.{name}")


def imports(module: ast.Module) -> set[str]:
    """The top-level packages that a file imports, anywhere in it."""
    found = set()
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports have no place in a twin"
            found.add(node.module)
    return {name.partition(".")[0] for name in found}


def python(*arguments: str, timeout: float = 120, **environment: str):
    """Run this Python in the repository's folder."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


def twinnets(*arguments: str, **options):
    """Run the command line as a process of its own."""
    return python("-m", "compare", *arguments, **options)


def recorded(name: str) -> set[str]:
    """Parameters of at most 1,000 numbers, which are kept at every step."""
    leaves = SPECS[name].parameters.items()
    return {leaf for leaf, start in leaves if prod(start.shape) <= 1000}


def failing(example, phase: str = "") -> list:
    """The failing rows of an example, of one phase where one is given."""
    return [
        row
        for row in example.checks
        if row.verdict in ("semantic", "crashed") and phase in ("", row.phase)
    ]
