"""What is typed after `twinnets time`, looked at before any work."""

from collections.abc import Sequence
from math import isfinite

from compare import registry
from compare.arguments import Wrong
from compare.fault import Side
from compare.pool import installed
from compare.spec import Training
from compare.timing import MODES, Products

UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0}
Modes = tuple[tuple[Side, str], ...]


def trainings(names: Sequence[str] | None) -> list[str]:
    """These examples, or all that are trained."""
    if names:
        for name in names:
            if not isinstance(registry.load(name), Training):
                raise Wrong(
                    f"{name} is a lesson, nothing in it takes time: see `twinnets list`"
                )
        return list(dict.fromkeys(names))
    every = registry.names()
    return [name for name in every if isinstance(registry.load(name), Training)]


def seconds(text: str) -> float:
    """A budget such as 90, 120s or 2m."""
    number, unit = (text[:-1], text[-1]) if text[-1:] in UNITS else (text, "s")
    try:
        found = float(number) * UNITS[unit]
    except ValueError:
        found = -1.0
    if not 0 <= found < float("inf"):
        raise Wrong(f"--budget: expected seconds as in 90, 120s or 2m, got {text!r}")
    return found


def modes(text: str | None, *, budget: float, blocks: int) -> tuple[Modes, str]:
    """The modes asked for, or as many as fit into the budget, and what was left out.

    A name that both frameworks have, such as `eager`, stands for both.
    """
    there: list[tuple[Side, str]] = [
        (side, mode) for side in reversed(installed()) for mode in MODES[side]
    ]
    if text is not None:
        asked = [name.strip() for name in text.split(",")]
        known = list(dict.fromkeys(mode for _, mode in there))
        for name in asked:
            if name not in known:
                raise Wrong(
                    f"--modes: expected some of {', '.join(known)}, got {name!r}"
                )
        return tuple(one for one in there if one[1] in asked), ""
    kept = sorted(there, key=_cost)
    left_out = []
    while len(kept) > 2 and blocks * _total(kept) > max(budget, 1.0):
        if _cost(kept[-1]) <= CHEAP:
            break
        left_out.append(kept.pop())
    names = ", ".join(
        f"{mode} (about {_cost((f, mode)):.0f} s)" for f, mode in left_out
    )
    why = f"left out, for {blocks} blocks would not fit the budget: {names}"
    return tuple(one for one in there if one in kept), why if left_out else ""


CHEAP = 8.0
"""Seconds of a worker that no budget leaves out."""


def _cost(one: tuple[Side, str]) -> float:
    return MODES[one[0]][one[1]]


def _total(kept: Sequence[tuple[Side, str]]) -> float:
    return sum(map(_cost, kept)) + _cost(kept[0])  # and the control


def sizes(text: str | None) -> list[int]:
    """`batch=64,256` → the sizes, smallest first."""
    if text is None:
        return []
    name, _, listed = text.partition("=")
    if name != "batch":
        raise Wrong(f"--sweep: expected batch=64,256,…, got {text!r}")
    try:
        found = sorted({int(size) for size in listed.split(",")})
    except ValueError:
        found = []
    if len(found) < 2 or found[0] < 1:
        raise Wrong(
            f"--sweep: expected two sizes or more, each at least 1, got {listed!r}"
        )
    return found


def products(precision: Products, device: str) -> Products:
    """What a device can do."""
    if precision != "float32" and device == "cpu":
        raise Wrong(
            f"--precision {precision}: expected float32 on a CPU, which multiplies in "
            "nothing less; add --device gpu"
        )
    return precision


def threads(wanted: int | None, cores: int) -> int:
    """All cores that may be used, or fewer."""
    if wanted is not None and wanted > cores:
        raise Wrong(f"--threads: expected at most {cores}, got {wanted}")
    return wanted or cores


def slowdown(limit: float) -> float:
    """A finite one."""
    if not isfinite(limit):
        raise Wrong(
            "--max-slowdown: expected a number such as 1.1 for a tenth longer, "
            f"got {limit}"
        )
    return limit
