"""Examples × what was compared: one letter a cell, and the sentence behind it."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

from compare import result
from compare.fault import NAMES
from compare.report.chart import slug
from compare.result import Example, Row, Run, Verdict
from compare.timing import EAGER, Ratio

PHASES: dict[str, tuple[str, ...]] = {
    "inputs": ("data", "parameters"),
    "outputs": ("outputs",),
    "loss": ("loss",),
    "gradients": ("gradients",),
    "optimizer": ("state", "update"),
    "trajectory": ("trajectory",),
    "predictions": ("predictions",),
    "oracle": ("oracle",),
}
"""Columns of float64 rows, and the phases that each is made of."""
FLOAT32 = "float32"
TIMES = ("eager", "jit", "fastest")
"""JAX against PyTorch: both eager, JAX compiled, each in its fastest mode."""
COLUMNS = (*PHASES, FLOAT32, *TIMES)
LETTERS: dict[Verdict, str] = {
    "bitwise": "B",
    "rounding": "R",
    "differs": "D",
    "precision": "P",
    "unresolved": "U",
    "semantic": "S",
    "crashed": "C",
    "skipped": "–",
}
FASTER = {"jax": "J", "torch": "T", "same": "=", "undecided": "?"}
LEGEND = (
    "B every bit equal · R equal up to rounding · D differs by design, as documented · "
    "P one side is much less precise · U rounding as large as the value · "
    "S they compute different things · C crashed · – skipped. "
    "Times: J JAX is faster · T PyTorch is faster · = the same · ? undecided."
)


@dataclass(frozen=True)
class Cell:
    """`letter` is "" where nothing was compared; `number` is what it is sorted by."""

    column: str
    letter: str = ""
    kind: str = "none"
    says: str = ""
    short: str = ""
    number: float | None = None

    @property
    def part(self) -> str:
        """Which part of the example's section tells more."""
        if self.column in TIMES:
            return "speed"
        return "checks" if self.column == FLOAT32 else self.column


@dataclass(frozen=True)
class Line:
    """One example; `slug` is where its section is."""

    example: Example
    slug: str
    cells: list[Cell]


def matrix(run: Run) -> list[Line]:
    """One line an example, in the run's order."""
    return [
        Line(one, slug(one.name), [_cell(run, one, column) for column in COLUMNS])
        for one in run.examples
    ]


def _cell(run: Run, example: Example, column: str) -> Cell:
    if column in TIMES:
        return _time(column, ratio_of(run.ratios, example.name, column))
    rows = [row for row in example.checks if _belongs(row, column)]
    return _checked(column, rows)


def _belongs(row: Row, column: str) -> bool:
    if column == FLOAT32:
        return row.precision == FLOAT32
    if row.precision == FLOAT32:
        return False
    # A crash before anything was compared is a row of the phase "data".
    return row.phase in PHASES[column]


def _checked(column: str, rows: Sequence[Row]) -> Cell:
    if not rows:
        return Cell(column, says="nothing to compare")
    found = result.verdict(rows)
    scores = [row.score for row in rows if row.score is not None]
    largest = max(scores, default=None)
    told = "" if largest is None else f", largest score {largest:.2g}"
    many = f"{len(rows)} check" + ("s" if len(rows) > 1 else "")
    short = "" if largest is None else f"{largest:.2g}"
    says = f"{found}: {many}{told}"
    return Cell(column, LETTERS[found], found, says, short, largest)


def ratio_of(ratios: Sequence[Ratio], example: str, column: str) -> Ratio | None:
    """The comparison of the two frameworks that a column tells of, at full size."""
    jax, torch = NAMES["jax"], NAMES["torch"]
    notebook = {f"{torch} {mode}" for mode in EAGER["torch"]}
    for ratio in ratios:
        if ratio.example != example or ratio.batch is not None:
            continue
        if column == "fastest":
            if ratio.fastest:
                return ratio
        elif ratio.subject == f"{jax} {column}" and ratio.reference in notebook:
            return ratio
    return None


def as_fast(ratio: Ratio) -> tuple[float, str]:
    """How many times as fast the subject is, and the interval."""
    times, low, high = (
        1 / seconds if seconds else None
        for seconds in (ratio.ratio, ratio.high, ratio.low)
    )
    interval = "" if low is None or high is None else f"{low:.3g} to {high:.3g}"
    return inf if times is None else times, interval


def _time(column: str, ratio: Ratio | None) -> Cell:
    if ratio is None:
        return Cell(column, says="not timed")
    times, interval = as_fast(ratio)
    pair = f"{ratio.subject} against {ratio.reference}"
    told = f" ({interval})" if interval else ""
    faster = {"FASTER": "jax", "SLOWER": "torch", "SAME": "same"}
    kind = faster.get(ratio.verdict, "undecided")
    says = f"{pair}: {times:.3g} × as fast{told}, {ratio.verdict}"
    return Cell(column, FASTER[kind], kind, says, f"{times:.2g}×", times)
