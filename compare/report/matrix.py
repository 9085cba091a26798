"""Examples × what was compared: one letter a cell, and the sentence behind it."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

from compare import result
from compare.answer import as_fast, fastest, pairs_alone
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
TIMES = {"eager time": "eager", "jit time": "jit", "fastest time": "fastest"}
"""JAX against PyTorch: both eager, JAX compiled, each in its fastest mode."""
COLUMNS = (*PHASES, FLOAT32, *TIMES)
OF_PAIRS = ("inputs", "outputs", "loss", "gradients", "optimizer", FLOAT32)
"""What there is of users' own models."""
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
    "S they compute different things · C crashed · – skipped."
)
OF_TIMES = "Times: J JAX is faster · T PyTorch is faster · = the same · ? undecided."


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
        return "checks" if self.column == FLOAT32 else f"in-{self.column}"

    @property
    def sort(self) -> str:
        """The number as JavaScript reads it; what fails without one is the largest."""
        return "Infinity" if self.number == inf else repr(self.number)


@dataclass(frozen=True)
class Line:
    """One example; `slug` is where its section is."""

    example: Example
    slug: str
    cells: list[Cell]


def matrix(run: Run) -> list[Line]:
    """One line an example, in the run's order."""
    return [
        Line(one, slug(one.name), [_cell(run, one, column) for column in columns(run)])
        for one in run.examples
    ]


def columns(run: Run) -> Sequence[str]:
    """All, or those that pairs have where there is nothing else."""
    if not pairs_alone(run) or run.timings:
        return COLUMNS
    phases = {row.phase for one in run.examples for row in one.checks}
    others = [name for name, own in PHASES.items() if phases.intersection(own)]
    return [name for name in COLUMNS if name in OF_PAIRS or name in others]


def legend(run: Run) -> str:
    """What the letters mean, those of times where there is a column of them."""
    timed = TIMES.keys() & set(columns(run))
    return f"{LEGEND} {OF_TIMES}" if timed else LEGEND


def _cell(run: Run, example: Example, column: str) -> Cell:
    if column in TIMES:
        return _time(column, ratio_of(run, example.name, TIMES[column]))
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
    fails = result.first_failure(rows)
    number = fails.score if fails else _largest(rows)
    told = "" if number is None else f", largest score {number:.2g}"
    many = f"{len(rows)} check" + ("s" if len(rows) > 1 else "")
    short = "" if number is None else f"{number:.2g}"
    if found in result.FAILS and number is None:
        number = inf
    return Cell(column, LETTERS[found], found, f"{found}: {many}{told}", short, number)


def _largest(rows: Sequence[Row]) -> float | None:
    """Of what says something."""
    known = [row.score for row in rows if row.verdict != "unresolved"]
    return max((score for score in known if score is not None), default=None)


def ratio_of(run: Run, example: str, mode: str) -> Ratio | None:
    """The comparison of the two frameworks that a column tells of, at full size."""
    loops = {f"{NAMES['torch']} {loop}" for loop in EAGER["torch"]}
    found = (
        fastest(run)
        if mode == "fastest"
        else [
            ratio
            for ratio in run.ratios
            if ratio.subject == f"{NAMES['jax']} {mode}" and ratio.reference in loops
        ]
    )
    own = (r for r in found if r.example == example and r.batch is None)
    return next(own, None)


def _time(column: str, ratio: Ratio | None) -> Cell:
    if ratio is None:
        return Cell(column, says="not timed")
    times, interval = as_fast(ratio)
    pair = f"{ratio.subject} against {ratio.reference}"
    told = f" ({interval})" if interval else ""
    faster = {"FASTER": "jax", "SLOWER": "torch", "SAME": "same"}
    kind = faster.get(ratio.verdict, "undecided")
    says = f"{pair}: {times:.3g} × as fast{told}, {ratio.verdict}"
    return Cell(column, FASTER[kind], kind, says, f"{times:.3g}×", times)
