"""Everything that the page says, before it is set: a run's folder → plain data."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from compare import answer, noise, outcome, registry, result
from compare.outcome import Report
from compare.pair_facts import Pair, pair_of
from compare.registry import UnknownExample
from compare.report import matrix, mismatch, pictures, sweep_pictures, told
from compare.report.chart import Chart, Figure, Missing, slug
from compare.report.checks import Quantity, quantities
from compare.report.documentation import Documentation, documentation
from compare.report.matrix import Line
from compare.report.mismatch import Mismatch
from compare.report.speed_view import Speed, speed_of, timed_figures
from compare.report.steady import Steady, steady
from compare.report.told import Fact
from compare.report.traces import NoTraces, traces_of
from compare.report.training_charts import figures, heat_map
from compare.report.twins import Facing, twins
from compare.result import Example, Run
from compare.spec import Training


@dataclass(frozen=True, kw_only=True)
class Section:
    """One example."""

    example: Example
    slug: str
    open: bool
    teaches: str
    pair: Pair | None
    documentation: Documentation | None
    metrics: list[Fact]
    notes: list[str]
    figures: list[Figure]
    steady: list[Steady]
    speed: list[Figure]
    twins: list[Facing] | None
    quantities: list[Quantity]


@dataclass(frozen=True, kw_only=True)
class View:
    """The page, from top to bottom."""

    agreement: str
    state: Literal["good", "open", "bad"]
    sentences: list[str]
    facts: list[Fact]
    commands: list[Fact]
    mismatches: list[Mismatch]
    pairs: bool
    columns: Sequence[str]
    verdicts: list[str]
    matrix: list[Line]
    legend: str
    limit: float
    limit32: float
    speed: Speed | None
    sections: list[Section]
    faults: Report | None
    packages: list[Fact]
    flags: list[Fact]

    @property
    def parts(self) -> Iterator[tuple[str, str]]:
        """What the page's navigation lists: identifiers and titles."""
        if self.mismatches:
            yield "mismatch", "What does not match"
        yield "matrix", "What was compared"
        if self.speed:
            yield "speed", "How fast"
        yield "examples", "Pairs" if self.pairs else "Examples"
        if self.faults:
            yield "faults", "Can it fail?"
        yield "environment", "Versions"

    @property
    def charts(self) -> Iterator[Figure]:
        """All charts of the page."""
        if self.speed:
            yield self.speed.headline
            yield from self.speed.figures
        for section in self.sections:
            yield from section.figures
            yield from section.speed


def view_of(run: Run, folder: Path) -> View:
    """The whole page; a part that cannot be read says why in its place."""
    faults, complaint = outcome.told(folder, run.environment)
    lost = ", ".join(result.missing(run))
    said = [f"the run was cut off; not done: {lost}"] if lost else []
    said += answer.besides(run, faults)
    said += [complaint] if complaint else []
    return View(
        agreement=answer.agreement(run),
        state=_state(run, faults),
        sentences=[answer.sentence(line) for line in said],
        facts=told.facts(run),
        commands=told.commands(run),
        mismatches=mismatch.mismatches(run),
        pairs=answer.pairs_alone(run),
        columns=matrix.columns(run),
        verdicts=sorted({one.verdict for one in run.examples}, key=result.ORDER.index),
        matrix=matrix.matrix(run),
        legend=matrix.legend(run),
        limit=noise.LIMIT,
        limit32=noise.FLOAT32_LIMIT,
        speed=speed_of(run),
        sections=[_section(run, example, folder) for example in run.examples],
        faults=faults,
        packages=told.packages(run),
        flags=told.flags(run),
    )


def _state(run: Run, faults: Report | None) -> Literal["good", "open", "bad"]:
    """Green only where nothing at all speaks against the run."""
    if not answer.all_agree(run):
        return "bad"
    return "good" if answer.sound(run, faults) else "open"


def _section(run: Run, example: Example, folder: Path) -> Section:
    name = example.name
    pair = pair_of(example)  # whose name may be that of an example
    return Section(
        example=example,
        slug=slug(name),
        open=not result.passed(example.verdict),
        teaches=_models(pair) if pair else _teaches(name),
        pair=pair,
        documentation=None if pair else documentation(name),
        metrics=list(_metrics(example, pair)),
        notes=_notes(example),
        figures=_figures(run, example, folder),
        steady=steady(run, name),
        speed=timed_figures(run, name),
        twins=None if pair else twins(name),
        quantities=quantities(example.checks),
    )


def _models(pair: Pair) -> str:
    return " · ".join(filter(None, (pair.torch, pair.jax)))


def _teaches(name: str) -> str:
    try:
        return registry.summary(name)
    except UnknownExample:
        return ""


def _figures(run: Run, example: Example, folder: Path) -> list[Figure]:
    """Curves and pictures of the traces, or why there are none; scores of the rows.

    Of a pair there are scores, where it has any.
    """
    if example.kind == "pair":
        scores = heat_map(example)
        return [scores] if isinstance(scores, Chart) else []
    if example.kind != "training":
        return []
    name = example.name
    try:
        spec = registry.load(name)
    except UnknownExample:
        return [heat_map(example)]
    if not isinstance(spec, Training):  # it was a training in another version
        return [heat_map(example)]
    try:
        sides = traces_of(folder, name, run=run.run)
    except NoTraces as error:
        curves: list[Figure] = [Missing(f"{slug(name)}--curves", "Curves", str(error))]
    else:
        curves = figures(example, spec, sides)
        curves += pictures.figures(name, spec, sides, seed=run.seed)
    swept = sweep_pictures.figures(folder, name, spec, seed=run.seed)
    return [*curves, heat_map(example), *swept]


def _metrics(example: Example, pair: Pair | None) -> Iterator[Fact]:
    """What the trainings ended with, and how far their runs can be compared."""
    for name, said in pair.told if pair else ():
        yield Fact(name, said)
    metric = example.facts.get("metric")
    for side, found in metric.items() if isinstance(metric, dict) else ():
        for name, value in found.items() if isinstance(found, dict) else ():
            if (score := told.number(value)) is not None:
                yield Fact(f"{name} ({side}, float32)", f"{score:.6g}")
    horizon = told.number(example.facts.get("horizon"))
    if horizon is not None:
        yield Fact("Horizon", f"{horizon:.0f} steps")
    yield Fact("Seconds", f"{example.seconds:.1f}")


def _notes(example: Example) -> list[str]:
    """Why a verdict that passes is not plain agreement."""
    return answer.few(
        answer.describe(row)
        for row in example.checks
        if row.verdict in ("precision", "skipped") and row.why
    )
