"""What has no partner, or several: shapes, layers and what was tried, in words."""

from collections.abc import Callable, Sequence

from compare.pair.weights import names
from compare.pair.weights.match import Matching
from compare.pair.weights.match_links import Mismatch
from compare.pair.weights.match_units import Unit

_SHOWN = 4


def describe(unit: Unit) -> str:
    """A layer with its arrays and their shapes, for an error."""
    arrays = ", ".join(
        f"{atom.leaf.path}{f' ({atom.part})' if atom.part else ''} {atom.shape}"
        for atom in unit.atoms.values()
    )
    return f"{arrays} of {unit.type or 'no known layer'}"


def problems(matching: Matching) -> list[str]:
    """What has no partner, or several, with what was tried."""
    lines = []
    sides: tuple[tuple[str, list[Unit], Callable[[Unit], list[Unit]]], ...] = (
        ("PyTorch", matching.torch, matching.candidates),
        ("JAX", matching.jax, matching.rivals),
    )
    for side, units, partners in sides:
        for unit in units:
            fitting = partners(unit)
            lines.append(
                f"{side}: {describe(unit)} "
                + (
                    "could be any of " + _listed(fitting)
                    if fitting
                    else "has no partner; tried "
                    + matching.tried.get(unit.path, _tried(matching, unit))
                )
            )
    return lines


def _listed(units: Sequence[Unit]) -> str:
    first = "; ".join(describe(unit) for unit in units[:_SHOWN])
    more = len(units) - _SHOWN
    return f"{first}; and {more} more" if more > 0 else first


def _tried(matching: Matching, unit: Unit) -> str:
    """Why the nearest one of the other side is none."""
    mine = unit in matching.torch
    others = matching.jax if mine else matching.torch
    if not others:
        return "names, types in order and shapes: nothing is left on the other side"
    near = max(others, key=lambda other: _nearness(unit, other))
    pair = (unit, near) if mine else (near, unit)
    try:
        matching.joiner.join(*pair)
    except Mismatch as error:
        return f"names, types in order and shapes; the nearest: {error}"
    return "names, types in order and shapes"


def _nearness(unit: Unit, other: Unit) -> tuple[int, int]:
    shared = len(names.words(unit.path) & names.words(other.path))
    return (unit.kind == other.kind, shared)
