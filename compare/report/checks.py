"""An example's rows, one line for each quantity: what a reader wants of thousands."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from compare import result
from compare.answer import few
from compare.result import Row, Verdict
from compare.trace import Step


@dataclass(frozen=True)
class Precision:
    """What the rows of one precision amount to; `step` is where the worst one is."""

    verdict: Verdict
    checks: int
    score: float | None
    leaf: str
    step: Step
    unresolved: int


@dataclass(frozen=True)
class Quantity:
    """All rows of one quantity of a phase."""

    phase: str
    name: str
    float64: Precision | None
    float32: Precision | None
    why: list[str]


def quantities(rows: Iterable[Row]) -> list[Quantity]:
    """In the order of phases."""
    found: dict[tuple[str, str], list[Row]] = {}
    for row in sorted(rows, key=lambda row: (result.in_order(row)[0], row.phase)):
        found.setdefault((row.phase, row.quantity), []).append(row)
    return [
        Quantity(
            phase,
            name,
            _precision([row for row in own if row.precision != "float32"]),
            _precision([row for row in own if row.precision == "float32"]),
            few(row.why for row in own if _tells(row)),
        )
        for (phase, name), own in found.items()
    ]


def _tells(row: Row) -> bool:
    """That rounding is of the size of a value is told by a number."""
    return bool(row.why) and row.verdict != "unresolved"


def _precision(rows: Sequence[Row]) -> Precision | None:
    if not rows:
        return None
    found = result.verdict(rows)
    own = [row for row in rows if row.verdict == found]
    worst = result.first_failure(rows) or max(own or rows, key=_size)
    return Precision(
        found,
        len(rows),
        worst.score,
        worst.leaf,
        worst.step,
        sum(row.verdict == "unresolved" for row in rows),
    )


def _size(row: Row) -> float:
    resolved = row.verdict != "unresolved"
    return -1.0 if row.score is None else row.score if resolved else -0.5
