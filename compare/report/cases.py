"""What a run amounts to as tests: one for each phase of each example, and of times."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from compare import answer, result
from compare.fault import NAMES
from compare.pair_facts import Pair, pair_of
from compare.result import Example, Row, Run
from compare.timing import Cell

LISTED = 20
"""Rows of a phase that are told."""
Kind = Literal["failure", "error", "skipped"]


@dataclass(frozen=True)
class Case:
    """A test; `kind` is None where it has passed."""

    name: str
    kind: Kind | None = None
    type: str = ""
    message: str = ""
    text: str = ""

    @property
    def failed(self) -> bool:
        """Whether it counts against the run."""
        return self.kind in ("failure", "error")


@dataclass(frozen=True)
class Suite:
    """The tests of one example; `seconds` are None where nobody has counted."""

    name: str
    cases: Sequence[Case]
    seconds: float | None = None


# ------------------------------------------------------------------- rows into tests


def suite(example: Example, *, strict: bool = False) -> Suite:
    """Phases in the order in which a fault travels, those that are unknown last."""
    rows: dict[str, list[Row]] = {}
    for row in sorted(example.checks, key=result.in_order):
        rows.setdefault(_name(row), []).append(row)
    passed = result.passed(example.verdict, strict=strict)
    strictly = strict and not passed
    cases = [_case(name, found, strict=strictly) for name, found in rows.items()]
    cases = _explained(cases, pair_of(example))
    if example.verdict == "skipped":
        cases = [c if c.failed else _skipped(c.name, example.checks) for c in cases]
    if not cases or not (passed or any(case.failed for case in cases)):
        cases = [_alone(example, passed=passed), *cases]
    return Suite(f"twinnets.{example.name}", cases, example.seconds)


def _explained(cases: list[Case], pair: Pair | None) -> list[Case]:
    """The first test that fails tells what is known of where and why."""
    told = [pair.blamed, *(one.sentence for one in pair.causes)] if pair else []
    at = next((n for n, case in enumerate(cases) if case.failed), None)
    if at is None or not (why := "\n".join(filter(None, told))):
        return cases
    found = replace(cases[at], text=f"{why}\n\n{cases[at].text}")
    return [*cases[:at], found, *cases[at + 1 :]]


def _name(row: Row) -> str:
    """The phase, or "run" for what is said of an example as a whole."""
    return row.phase if row.precision else "run"


def _case(name: str, rows: Sequence[Row], *, strict: bool) -> Case:
    """What the rows of one phase amount to."""
    if failing := [row for row in rows if row.verdict in ("semantic", "crashed")]:
        return _failed(name, failing)
    if lines := answer.nothing_resolved(rows):
        return Case(name, "failure", "unresolved", lines[0], _listed(lines))
    if strict and (loose := [row for row in rows if row.verdict == "precision"]):
        return _failed(name, loose)
    if all(row.verdict == "skipped" for row in rows):
        return _skipped(name, rows)
    return Case(name)


def _failed(name: str, rows: Sequence[Row]) -> Case:
    """The first row in a sentence, and all of them with their values."""
    first = rows[0]
    kind: Kind = "error" if first.verdict == "crashed" else "failure"
    text = _listed([_line(row) for row in rows])
    return Case(name, kind, first.verdict, answer.describe(first), text)


def _listed(lines: Sequence[str]) -> str:
    more = len(lines) - LISTED
    told = [*lines[:LISTED], *([f"and {more} more"] if more > 0 else [])]
    return "\n".join(told)


def _line(row: Row) -> str:
    """A row in a sentence, with its worst element."""
    values = {NAMES["jax"]: row.jax, NAMES["torch"]: row.torch}
    told = [f"{name} {value!r}" for name, value in values.items() if value is not None]
    where = "" if row.index is None else f" at {row.index}"
    return answer.describe(row) + (f"\n  {', '.join(told)}{where}" if told else "")


def _skipped(name: str, rows: Sequence[Row]) -> Case:
    why = next((r.why for r in rows if r.verdict == "skipped" and r.why), "skipped")
    return Case(name, "skipped", message=why)


def _alone(example: Example, *, passed: bool) -> Case:
    """An example whose verdict no row explains."""
    if passed:
        return Case("run", "skipped", message="nothing was compared")
    kind: Kind = "error" if example.verdict == "crashed" else "failure"
    why = f"{example.verdict}, and no row says why"
    return Case("run", kind, example.verdict, why, why)


# ------------------------------------------------------------------ times into tests


def cut_off(run: Run) -> Iterator[Suite]:
    """Examples that were asked for and never done have not passed."""
    why = "the run was cut off before this example was done"
    for name in result.missing(run):
        yield Suite(f"twinnets.{name}", [Case("run", "error", "missing", why, why)])


def time_suites(run: Run) -> Iterator[Suite]:
    """What must hold of times, and what has none; as `twinnets time` judges them."""
    parts = (run.claims, run.timings, run.changes)
    for name in dict.fromkeys(row.example for part in parts for row in part):
        if cases := [*_claims(run, name), *_untimed(run, name), *_changes(run, name)]:
            yield Suite(f"twinnets.time.{name}", cases)


def _claims(run: Run, name: str) -> Iterator[Case]:
    for claim in run.claims:
        if claim.example != name:
            continue
        if claim.holds is None:
            yield Case(claim.claim, "skipped", message=f"undecided: {claim.why}")
        elif claim.holds:
            yield Case(claim.claim)
        else:
            why = f"does not hold: {claim.claim}; {claim.why}"
            yield Case(claim.claim, "failure", "claim", why, why)


def _untimed(run: Run, name: str) -> Iterator[Case]:
    """Controls are no result of their own."""
    kinds: dict[str, Kind] = {"not equivalent": "failure", "failed": "error"}
    for timing in run.timings:
        if timing.example != name or timing.control or timing.outcome == "equivalent":
            continue
        kind = kinds.get(timing.outcome, "skipped")
        why = f"{timing.outcome}: {timing.why}"
        yield Case(str(timing.cell), kind, timing.outcome, why, why)


def _changes(run: Run, name: str) -> Iterator[Case]:
    """Against the baseline."""
    for change in run.changes:
        if change.example != name:
            continue
        cell = Cell(name, change.framework, change.mode, change.batch)
        why = f"{change.verdict}: {answer.change(change)}"
        if change.verdict == "regressed":
            yield Case(f"{cell} against its baseline", "failure", "baseline", why, why)
        elif change.verdict == "kept":
            yield Case(f"{cell} against its baseline")
        else:
            yield Case(f"{cell} against its baseline", "skipped", message=why)
