"""A planted fault: one edit in one side's source, and where it must show."""

from dataclasses import dataclass
from typing import Literal

Side = Literal["jax", "torch"]
FRAMEWORKS: tuple[Side, ...] = ("jax", "torch")
NAMES = {"jax": "JAX", "torch": "PyTorch"}


@dataclass(frozen=True)
class Edit:
    """Replace `find` by `replace` in `file`: "twin", or a part of the runtime."""

    find: str
    replace: str
    file: str = "twin"


@dataclass(frozen=True)
class Fault:
    """One fault: `says` is a piece of what the first failing row must tell.

    Without an edit, the side's trace is one of another run. `example` is the name of
    the spec that lists the fault, filled in when all are collected.
    """

    name: str
    side: Side
    phase: str
    edit: Edit | None
    verdict: Literal["semantic", "precision", "crashed"] = "semantic"
    says: str = ""
    example: str = ""
