"""What a comparison found: to print, to keep, to reproduce."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from compare import result
from compare.noise import LIMIT
from compare.result import Example, Row

LISTED = 40
"""Failing quantities that are printed."""
NOTED = 3
"""Notes, spots and warnings of a kind that are printed."""


@dataclass(frozen=True)
class Failing:
    """The smallest layer that differs on its own, with all that it takes to show it."""

    torch: Any
    jax: Any
    torch_path: str
    jax_path: str
    inputs: tuple[np.ndarray, ...]
    jax_inputs: tuple[np.ndarray, ...]
    torch_outputs: tuple[np.ndarray, ...]
    jax_outputs: tuple[np.ndarray, ...]
    weights_torch: Mapping[str, np.ndarray]
    weights_jax: Mapping[str, np.ndarray]


@dataclass(frozen=True)
class PairReport:
    """All rows of a pair, the first layer that differs, the likely causes."""

    example: Example
    seed: int
    failing: Failing | None = field(default=None, repr=False)

    @property
    def passed(self) -> bool:
        """Whether both models do the same."""
        return result.passed(self.example.verdict)

    @property
    def verdict(self) -> str:
        """The worst row's."""
        return self.example.verdict

    @property
    def rows(self) -> list[Row]:
        """Every comparison, worst first."""
        return sorted(self.example.checks, key=_badness)

    @property
    def failures(self) -> list[Row]:
        """What fails, one row for each quantity, worst first.

        A parameter that a wrong update has moved is told as that update.
        """
        found: dict[tuple[str, ...], Row] = {}
        for row in self.rows:
            if row.verdict in ("semantic", "crashed"):
                found.setdefault((row.phase, row.quantity, row.leaf), row)
        return [
            row
            for (phase, quantity, leaf), row in found.items()
            if (phase, quantity) != ("state", "parameter")
            or ("update", "update", leaf) not in found
        ]

    @property
    def weights(self) -> list[dict[str, Any]]:
        """The map: PyTorch's path, JAX's path, shapes, transform, note."""
        return self.example.facts.get("weights", [])

    @property
    def layers(self) -> list[dict[str, Any]]:
        """Layer by layer, in the order of execution; empty where nothing differs."""
        return self.example.facts.get("layers", [])

    @property
    def causes(self) -> list[dict[str, Any]]:
        """What makes them match: layer, name, sentence, score before and after."""
        return self.example.facts.get("causes", [])

    @property
    def warnings(self) -> list[str]:
        """What these inputs cannot show."""
        return self.example.facts.get("warnings", [])

    def write(self, path: str | Path) -> None:
        """Write a run.json with this pair alone, for `twinnets report`."""
        from compare.pair.keep import write

        write([self], Path(path))

    def write_repro(self, path: str | Path) -> None:
        """Write a script with the smallest failing layer, and its numbers beside it.

        Raises ValueError where there is none.
        """
        from compare.pair import repro

        if self.failing is None:
            raise ValueError(
                "write_repro: expected a pair with a layer that differs on its own; "
                f"this one is {self.verdict!r}"
            )
        repro.write(self.failing, Path(path))

    def __str__(self) -> str:
        return "\n".join(_lines(self))


def _badness(row: Row) -> tuple[int, float]:
    """Crashed, then the largest score; exact comparisons that fail before those."""
    failing = row.verdict in ("semantic", "crashed")
    worst = float("inf") if failing else 0.0
    score = worst if row.score is None else row.score
    return -result.ORDER.index(row.verdict), -score


def crashed(why: str) -> Row:
    """The row of a side that raised."""
    return Row("outputs", "run", "", None, "float64", None, None, None, "crashed", why)


def _lines(report: PairReport) -> Iterator[str]:
    example = report.example
    checks = [row for row in example.checks if row.verdict != "skipped"]
    failures = report.failures
    yield _headline(example, checks)
    yield from _why(example.facts)
    yield from (row.why for row in failures if row.verdict == "crashed")
    differing = [row for row in failures if row.verdict != "crashed"]
    if differing:
        yield ""
        yield from _table(differing[:LISTED])
        if len(differing) > LISTED:
            yield f"… and {len(differing) - LISTED} more (report.failures)"
    open_ = [] if failures else result.unresolved(checks)
    yield from _some("nothing could be compared of", open_)
    if not failures:
        yield from _phases(checks)
    spots = example.facts.get("spots", [])
    told = [f"{spot['side']}: {spot['operation']}, {spot['where']}" for spot in spots]
    yield from _some("less than float64 in the float64 run", told)
    yield from _some("note", example.facts.get("notes", []))
    yield from _some("warning", report.warnings)


def _headline(example: Example, checks: Sequence[Row]) -> str:
    bad = sum(row.verdict in ("semantic", "crashed") for row in checks)
    if bad:
        return f"{example.name}: {example.verdict}, {bad} of {len(checks)} checks fail"
    score = result.largest_score(checks)
    told = "" if score is None else f", largest score {score:.2g} of {LIMIT:g}"
    word = example.verdict
    if word in ("differs", "precision"):
        word += " (passes)"
    return f"{example.name}: {word}, {len(checks)} checks{told}"


def _why(facts: Mapping[str, Any]) -> Iterator[str]:
    """Where it is, and what makes it match."""
    blamed = facts.get("blamed")
    if blamed:
        yield blamed["says"]
    for cause in facts.get("causes", []):
        layer = f"{cause['layer']}: " if cause["layer"] else ""
        yield (
            f"likely cause: {layer}{cause['says']} "
            f"(score {_short(cause['before'])} → {_short(cause['after'])})"
        )


def _short(score: Any) -> str:
    return f"{score:.2g}" if isinstance(score, (int, float)) else str(score)


def _table(rows: Sequence[Row]) -> Iterator[str]:
    """Failing quantities under headings, in columns."""
    heading = ("phase", "quantity", "leaf", "at", "score", "JAX", "PyTorch")
    cells = [heading, *(_cells(row) for row in rows)]
    widths = [max(len(line[i]) for line in cells) for i in range(len(heading))]
    for line in cells:
        joined = zip(line, widths, strict=True)
        yield "  ".join(cell.ljust(width) for cell, width in joined).rstrip()


def _cells(row: Row) -> tuple[str, ...]:
    values = (row.jax, row.torch)
    told = tuple("" if value is None else f"{value:.6g}" for value in values)
    at = "" if row.step is None else str(row.step)
    at += f" {row.index}" if row.index else ""
    score = "" if row.score is None else f"{row.score:.2g}"
    if row.precision != "float64":
        at = f"{at} {row.precision}".strip()
    if row.jax is None and row.why:
        told = (row.why, "")
    return row.phase, row.quantity, row.leaf, at, score, *told


def _phases(checks: Sequence[Row]) -> Iterator[str]:
    """How many checks of each phase, and how near they came."""
    for phase in result.PHASES:
        rows = [row for row in checks if row.phase == phase]
        if rows:
            score = result.largest_score(rows)
            low = sum(row.verdict == "precision" for row in rows)
            near = "exact" if score is None else f"largest score {score:.2g}"
            near = f"{low} of them as near as float32 comes" if low else near
            yield f"  {phase}: {len(rows)} checks, {near}"


def _some(what: str, sentences: Sequence[str]) -> Iterator[str]:
    for sentence in sentences[:NOTED]:
        yield f"{what}: {sentence}"
    if len(sentences) > NOTED:
        yield f"{what}: … and {len(sentences) - NOTED} more"
