"""What does not match, where, by how much, and what it is most likely due to."""

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from compare import answer, cause, pair_facts, result
from compare.report import told
from compare.report.chart import slug
from compare.report.told import Fact
from compare.result import Example, Row, Run, Verdict


@dataclass(frozen=True)
class Mismatch:
    """One example that does not pass; `others` are the phases that fail after it.

    `blamed` says which layer of a pair it is; what is "" is not known.
    """

    name: str
    slug: str
    verdict: Verdict
    sentence: str
    blamed: str
    values: list[Fact]
    cause: str
    others: list[str]
    command: str
    show: str


def mismatches(run: Run) -> list[Mismatch]:
    """Every example that does not pass, in the run's order."""
    return [
        _mismatch(run, example)
        for example in run.examples
        if not result.passed(example.verdict)
    ]


def _mismatch(run: Run, example: Example) -> Mismatch:
    rows = result.failures(example.checks)
    sentences = [answer.describe(row) for row in rows]
    sentences += answer.nothing_resolved(example.checks)
    pair = pair_facts.pair_of(example)
    likely = pair.likely if pair else ""
    return Mismatch(
        example.name,
        slug(example.name),
        example.verdict,
        sentences[0] if sentences else f"the example is {example.verdict}",
        pair.blamed if pair else "",
        list(_values(rows)),
        likely or (cause.likely(rows[0]) if rows else ""),
        sentences[1:],
        told.again(run, [example.name]),
        "" if pair else shlex.join(["twinnets", "show", example.name]),
    )


def _values(rows: Sequence[Row]) -> Iterator[Fact]:
    """Of the first row that differs, what it has of: where, and both values."""
    if not rows:
        return
    row = rows[0]
    yield Fact("Phase", row.phase)
    layer, _, leaf = row.leaf.rpartition(".")
    for name, value in (("Layer", layer), ("Leaf", leaf)):
        if value:
            yield Fact(name, value)
    if row.step is not None:
        yield Fact("Step", str(row.step))
    if row.index:
        yield Fact("Index", str(row.index))
    for name, number in (("JAX", row.jax), ("PyTorch", row.torch)):
        if number is not None:
            yield Fact(name, repr(number))
    for name, number in (("Off by", row.error), ("Score", row.score)):
        if number is not None:
            yield Fact(name, f"{number:.3g}")
