"""Times of two runs: what both have timed, and what only one of them has.

Then and now are no pairs, so the interval of their ratio is Welch's, as that of a
baseline is. It knows what differs between processes of one session; what differs from
one day to the next, such as heat or other work, is in neither run.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import isfinite

from compare import baseline, stats
from compare.baseline import Key
from compare.fault import Side
from compare.result import Run
from compare.stats import LEAST_BAND, Speed
from compare.timing import Cell, Products, Timing, Typical

PLAUSIBLE = (1e-12, 1e6)
"""Seconds of a step that a clock can have told."""
NOT_TIMED = "not timed"


@dataclass(frozen=True)
class _Of:
    """Which cell it is."""

    example: str
    framework: Side
    mode: str
    batch: int | None
    products: Products

    @property
    def label(self) -> str:
        """The cell in words, without its example."""
        cell = Cell(self.example, self.framework, self.mode, self.batch)
        rounded = "" if self.products == "float32" else f" {self.products}"
        return f"{cell}{rounded}"


@dataclass(frozen=True)
class Timed(_Of):
    """Seconds per step of a cell that both runs have; `ratio` is now / then.

    `verdict` is that of `compare.stats.decide`, with the noise band of the run that has
    the wider one. The bounds are None where either has fewer than two blocks.
    """

    then: Typical
    now: Typical
    ratio: float
    low: float | None
    high: float | None
    verdict: Speed


@dataclass(frozen=True)
class Untimed(_Of):
    """A cell that one run has timed; `then` or `now` is why the other has not."""

    then: str
    now: str


def times(then: Run, now: Run) -> tuple[list[Timed], list[Untimed]]:
    """What is known of every cell that at least one of the runs has timed."""
    left, right = _medians(then), _medians(now)
    bands = _bands(then, now)
    timed = [
        _timed(key, left[key], right[key], bands.get(key.example, LEAST_BAND))
        for key in left
        if key in right
    ]
    whys = _whys(then), _whys(now)
    untimed = [
        Untimed(
            *key,
            "" if key in left else whys[0].get(key, NOT_TIMED),
            "" if key in right else whys[1].get(key, NOT_TIMED),
        )
        for key in left | right
        if not (key in left and key in right)
    ]
    return timed, untimed


def _timed(key: Key, then: list[float], now: list[float], band: float) -> Timed:
    found = baseline.since(now, then)
    low, high = found.interval() or (None, None)
    verdict = stats.decide(found, band=band)
    return Timed(*key, _typical(then), _typical(now), found.ratio, low, high, verdict)


def _typical(medians: Iterable[float]) -> Typical:
    found = stats.typical([[one] for one in medians])
    low, high = found.interval() or (None, None)
    return Typical(found.seconds, low, high)


def _medians(run: Run) -> dict[Key, list[float]]:
    return baseline.medians([timing for timing in run.timings if _measured(timing)])


def _measured(timing: Timing) -> bool:
    """A run.json that was made by other means may hold anything."""
    low, high = PLAUSIBLE
    rows = [worker.samples.get("step", []) for worker in timing.workers]
    return bool(rows) and all(
        row and all(low <= seconds <= high for seconds in row) for row in rows
    )


def _bands(*runs: Run) -> dict[str, float]:
    """By example, how far a mode differs from itself, as |log|, in the noisier run.

    A run that has no control tells of no noise; the least band holds in any case.
    """
    bands: dict[str, float] = {}
    for run in runs:
        for ratio in run.ratios:
            if ratio.band is not None and isfinite(ratio.band):
                least = bands.get(ratio.example, LEAST_BAND)
                bands[ratio.example] = max(least, ratio.band)
    return bands


def _whys(run: Run) -> dict[Key, str]:
    return dict(_lost(run.timings))


def _lost(timings: Iterable[Timing]) -> Iterator[tuple[Key, str]]:
    for t in timings:
        if not t.control:
            told = "no seconds" if t.outcome == "equivalent" else t.outcome
            key = Key(t.example, t.framework, t.mode, t.batch, t.products)
            yield key, f"{told}: {t.why}" if t.why else told
