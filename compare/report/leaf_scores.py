"""Scores of gradients and updates, by leaf and by checkpoint, in a few classes."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite

from compare.noise import LIMIT
from compare.report.text import one_line
from compare.result import FAILS, Example, Row

PHASES = {"gradients": "gradients", "update": "updates of the parameters"}
"""What has scores for every leaf, and what it is called."""
NONE, SMALL, SOME, MUCH, LOST, UNCLEAR = (
    "0",
    "≤ 1",
    "≤ 4",
    f"≤ {LIMIT:.0f}",
    f"> {LIMIT:.0f}: fails",
    "unresolved",
)


@dataclass(frozen=True)
class Cell:
    """The worst row of one leaf at one checkpoint or probe."""

    phase: str
    leaf: str
    point: str
    score: float | None
    verdict: str

    @property
    def kind(self) -> str:
        """Its class; a row that fails without a score could not even be compared."""
        if self.verdict == "unresolved":
            return UNCLEAR
        if self.verdict in FAILS or self.score is None or self.score > LIMIT:
            return LOST
        bounds = {NONE: 0.0, SMALL: 1.0, SOME: 4.0, MUCH: LIMIT}
        return next(name for name, most in bounds.items() if self.score <= most)

    @property
    def badness(self) -> tuple[bool, float]:
        """Sorts failing cells behind others, and those by score."""
        score = float("inf") if self.score is None else self.score
        return self.kind == LOST, score


def cells(example: Example) -> list[Cell]:
    """One for each phase, leaf and point; exact comparisons that hold have no score.

    Documented differences have a function of their own, so an update has its own name.
    """
    held: dict[tuple[str, str, str], Cell] = {}
    for row in sorted(example.checks, key=_when):
        if row.phase not in PHASES or row.precision != "float64":
            continue
        score = row.score if row.score is not None and isfinite(row.score) else None
        usual = score is not None and row.quantity in ("gradient", "update")
        if not usual and row.verdict not in FAILS:
            continue
        point = "run" if row.step is None else one_line(row.step)
        whole = row.leaf or row.quantity
        cell = Cell(row.phase, one_line(whole), point, score, row.verdict)
        place = cell.phase, whole, cell.point
        if place not in held or cell.badness > held[place].badness:
            held[place] = cell
    return list(held.values())


def _when(row: Row) -> tuple[bool, int]:
    """Steps in their order, then probes as they come, then the whole run."""
    step = row.step
    return not isinstance(step, int), step if isinstance(step, int) else step is None


def worst(cells: Sequence[Cell], field: str, *, at_most: int) -> list[str]:
    """The worst leaves or points, in the order of all."""
    badness: dict[str, tuple[bool, float]] = {}
    for cell in cells:
        name = getattr(cell, field)
        badness[name] = max(cell.badness, badness.get(name, cell.badness))
    kept = sorted(badness, key=badness.__getitem__, reverse=True)[:at_most]
    return [name for name in badness if name in kept]


def told(cells: Sequence[Cell], shown: Sequence[Cell]) -> str:
    """The scores in words, and how many of them are drawn."""
    kinds = [cell.kind for cell in cells]
    leaves, points = ({getattr(c, f) for c in cells} for f in ("leaf", "point"))
    told = (
        f"Scores of {_many(len(leaves), 'leaf', 'leaves')} at "
        f"{_many(len(points), 'checkpoint or probe', 'checkpoints and probes')}"
    )
    passed = [c for c in cells if c.kind not in (LOST, UNCLEAR) and c.score is not None]
    if passed:
        top = max(passed, key=lambda cell: cell.badness)
        told += (
            f": the largest that passes is {top.score:.2g} ({top.leaf} at step "
            f"{top.point}), {LIMIT:.0f} would be rounding still; "
            f"{kinds.count(NONE)} are 0"
        )
    told += f"; {kinds.count(LOST)} fail, {kinds.count(UNCLEAR)} are unresolved."
    if len(shown) < len(cells):
        told += f" The {len(shown):,} worst places of {len(cells):,} are drawn."
    return told


def _many(count: int, one: str, more: str) -> str:
    return f"{count:,} {one if count == 1 else more}"
