"""The page's part on speed, and what it says of one example."""

from collections.abc import Iterator
from dataclasses import dataclass

from compare.baseline import Change
from compare.report.chart import Figure
from compare.report.fairness import Manifest, Unlike, fairness, unlike
from compare.report.grid_charts import fraction, memory
from compare.report.phase_charts import phases
from compare.report.sample_charts import samples
from compare.report.speed_charts import headline, ratios_of
from compare.report.sweep_charts import sweeps
from compare.result import Run
from compare.show_times import LEGEND
from compare.timing import Claim


@dataclass(frozen=True)
class Speed:
    """What was timed, over all examples."""

    headline: Figure
    legend: str
    figures: list[Figure]
    claims: list[Claim]
    manifests: list[Manifest]
    unlike: list[Unlike]
    changes: list[Change]


def speed_of(run: Run) -> Speed | None:
    """None where nothing was timed, or tried to be."""
    if not run.timings:
        return None
    return Speed(
        headline(run),
        " ".join(LEGEND.split()),
        [fraction(run), memory(run)],
        [claim for claim in run.claims if claim.holds is not True],
        fairness(run),
        unlike(run),
        run.changes,
    )


def timed_figures(run: Run, example: str) -> list[Figure]:
    """Of one example; none where it was not timed."""
    if not any(timing.example == example for timing in run.timings):
        return []
    return list(_figures(run, example))


def _figures(run: Run, example: str) -> Iterator[Figure]:
    yield ratios_of(run, example)
    yield phases(run, example)
    swept = sweeps(run, example)
    if swept is not None:
        yield swept
    yield samples(run, example)
