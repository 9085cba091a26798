"""The result of a run: rows, verdicts, and `run.json`; field names are a contract."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, get_args

from compare import record
from compare.baseline import Change
from compare.timing import Claim, Crossover, Ratio, Sweep, Timing
from compare.trace import Step

SCHEMA = 1
PHASES = (
    "data",
    "parameters",
    "outputs",
    "loss",
    "gradients",
    "state",
    "update",
    "trajectory",
    "predictions",
    "oracle",
)
Verdict = Literal[
    "skipped",
    "bitwise",
    "rounding",
    "differs",
    "precision",
    "unresolved",
    "semantic",
    "crashed",
]
ORDER: tuple[Verdict, ...] = get_args(Verdict)
"""From best to worst; `skipped` rows prove nothing and hide nothing."""
FAILS = frozenset({"unresolved", "semantic", "crashed"})
"""What an example's verdict may not be."""


class NotARun(ValueError):
    """A run.json that cannot be read, with the reason."""


@dataclass(frozen=True)
class Row:
    """One comparison. `score` is error / floor; None where the comparison is exact.

    `step` is a training step, the name of a probe, or None; `index`, `jax` and `torch`
    are the worst element and its two values.
    """

    phase: str
    quantity: str
    leaf: str
    step: Step
    precision: str
    error: float | None
    floor: float | None
    score: float | None
    verdict: Verdict
    why: str = ""
    index: list[int] | None = None
    jax: float | None = None
    torch: float | None = None


@dataclass(frozen=True)
class Example:
    """All rows of one example and what they amount to; `seconds` is wall-clock time."""

    name: str
    kind: Literal["training", "lesson", "pair"]
    verdict: Verdict
    seconds: float
    checks: list[Row]
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Run:
    """A whole run, as written to `run.json`; `run` is its name, found in its traces."""

    schema: int = SCHEMA
    run: str = ""
    seed: int
    environment: dict[str, Any]
    examples: list[Example]
    timings: list[Timing] = field(default_factory=list)
    ratios: list[Ratio] = field(default_factory=list)
    claims: list[Claim] = field(default_factory=list)
    sweeps: list[Sweep] = field(default_factory=list)
    crossovers: list[Crossover] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)


def verdict(rows: Iterable[Row]) -> Verdict:
    """The worst row; unresolved ones count only where a quantity has nothing else.

    Skipped rows count only where there is nothing else at all.
    """
    rows = [row for row in rows if row.verdict != "skipped"]
    if not rows:
        return "skipped"
    found: set[Verdict] = {r.verdict for r in rows if r.verdict != "unresolved"}
    if unresolved(rows) or not found:
        found.add("unresolved")
    return max(found, key=ORDER.index)


def unresolved(rows: Iterable[Row]) -> tuple[str, ...]:
    """Quantities of which every float64 row is unresolved: nothing was compared."""
    verdicts: dict[str, set[str]] = {}
    for row in rows:
        if row.precision == "float64" and row.verdict != "skipped":
            name = " ".join(filter(None, (row.phase, row.quantity, row.leaf)))
            verdicts.setdefault(name, set()).add(row.verdict)
    return tuple(name for name, found in verdicts.items() if found == {"unresolved"})


def in_order(row: Row) -> tuple[int, bool, int, float]:
    """Sort key: by phase, then by step; the worst score first."""
    phase = PHASES.index(row.phase) if row.phase in PHASES else len(PHASES)
    number = row.step if isinstance(row.step, int) else -1
    score = float("inf") if row.score is None else row.score
    return phase, isinstance(row.step, str), number, -score


def first_failure(rows: Iterable[Row]) -> Row | None:
    """The first failing row in the order of phases, then of steps."""
    failing = [row for row in rows if row.verdict in ("semantic", "crashed")]
    return min(failing, key=in_order, default=None)


def failures(rows: Iterable[Row]) -> list[Row]:
    """The first failing row of every phase that has one."""
    rows = [row for row in rows if row.verdict in ("semantic", "crashed")]
    phases = dict.fromkeys(row.phase for row in sorted(rows, key=in_order))
    firsts = (first_failure(r for r in rows if r.phase == phase) for phase in phases)
    return [row for row in firsts if row is not None]


def passed(verdict: Verdict, *, strict: bool = False) -> bool:
    """Whether a verdict passes; under `strict`, `precision` does not."""
    return verdict not in FAILS and not (strict and verdict == "precision")


def largest_score(rows: Iterable[Row], *, precision: str = "float64") -> float | None:
    """The largest score that passed: how close rounding came to the limit."""
    scores = [
        row.score
        for row in rows
        if row.precision == precision
        and row.score is not None
        and row.verdict in ("bitwise", "rounding", "differs")
    ]
    return max(scores, default=None)


TIMES = ("timings", "ratios", "claims", "sweeps", "crossovers", "changes")
"""What `twinnets time` adds to a run; every row names its example."""


def only(run: Run, names: Collection[str], *, swept: bool | None = None) -> Run:
    """The part of a run that is about these examples.

    Of times, if `swept` is given, those at several batch sizes or those at the spec's.
    """
    parts = {
        part: [row for row in getattr(run, part) if _about(row, names, swept)]
        for part in TIMES
    }
    examples = [example for example in run.examples if example.name in names]
    told = run.environment
    if lost := missing(run):
        wanted = [*lost, *(example.name for example in examples)]
        told = told | {"examples": [name for name in wanted if name in names]}
    return replace(run, examples=examples, environment=told, **parts)


def missing(run: Run) -> list[str]:
    """Examples that were asked for and are not there: the run was cut off."""
    wanted = run.environment.get("examples")
    there = {example.name for example in run.examples}
    names = wanted if isinstance(wanted, list) else []
    return [name for name in names if isinstance(name, str) and name not in there]


def but(run: Run, names: Collection[str], *, swept: bool) -> Run:
    """The run without the times that timing these examples anew replaces."""
    parts = {
        part: [row for row in getattr(run, part) if not _about(row, names, swept)]
        for part in TIMES
    }
    return replace(run, **parts)


def _about(row: Any, names: Collection[str], swept: bool | None) -> bool:
    if row.example not in names or swept is None:
        return row.example in names
    if isinstance(row, Claim):  # which are about the spec's size
        return not swept
    return swept == (isinstance(row, Sweep | Crossover) or row.batch is not None)


def with_times(run: Run, *others: Run) -> Run:
    """The run, with the times of these, in the order of its examples."""
    order = [example.name for example in run.examples]
    parts = {
        part: sorted(
            (row for other in others for row in getattr(other, part)),
            key=lambda row: order.index(row.example),
        )
        for part in TIMES
    }
    return replace(run, **parts)


def write(run: Run, path: Path) -> None:
    """Write run.json; a number that is not finite is written as null."""
    path.parent.mkdir(parents=True, exist_ok=True)
    record.write(run, path)


def read(path: Path) -> Run:
    """Read run.json; raises `NotARun` with the reason in a person's words."""
    if not path.is_file():
        raise NotARun(f"{path} is not there: expected the folder of a `twinnets run`")
    return record.read(path, Run, schema=SCHEMA, called="run", wrong=NotARun)
