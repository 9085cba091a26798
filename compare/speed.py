"""Assertions on speed, for the tests of whoever has two ways to do one thing.

    def test_the_new_step_is_not_slower():
        assert_not_slower(lambda: new(batch), lambda: old(batch), by=1.2)

Both are called in turns, in this process, and a bound of an interval decides, not a
number: what noise hides is neither passed nor failed but `Undecided`, which pytest and
unittest count as skipped, with the reason (`pytest -rs` prints it). To have it fail:

    except Undecided as undecided:
        pytest.fail(str(undecided))

How: both are warmed up until the last of five calls are within 5 % of the first of
them, for at most a tenth of the budget each; a sample is as many calls as fill 20 ms.
Samples are taken in the order a b, b a, a b, …, so that a drift cancels, and each pair
is a block of `stats.paired`. The interval is looked at after 6, 15, 40, 100 and 250
pairs and when the budget is over, at a level of 1 − 0.05/6, so that all six intervals
hold the truth in at least 95 % of the runs (Bonferroni): at most 2.5 % pass wrongly
and 2.5 % fail wrongly. Where the true ratio was `by` itself and samples had a noise of
10 %, 2.5 % of 1,000 simulated runs passed and 2.2 % failed. Garbage is collected
between pairs only.

Every result is waited for: by JAX where it has been imported, by PyTorch where it uses
CUDA. That and the loop cost up to a microsecond a call, of both alike. What differs
from process to process is not seen, and two frameworks in one process are in each
other's way: `by` much below 1.1, or JAX against PyTorch, takes processes of their own.
"""

import gc
import math
import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median
from time import perf_counter
from typing import Any
from unittest import SkipTest

from compare import stats

Call = Callable[[], Any]
Clock = Callable[[], float]

BUDGET = 10.0
"""Seconds that an assertion may take."""
SAMPLE = 0.02
"""Seconds that a sample takes at least, or the clock would be what is measured."""
LOOKS = (6, 15, 40, 100, 250, math.inf)
"""After how many pairs the interval is looked at; the last time, when time is up."""
LEAST_PAIRS = 5
LEVEL = 1 - 0.05 / len(LOOKS)
_WARMING = 0.1
_DRIFT = 0.05


class Undecided(SkipTest):
    """The budget was over before a bound said anything; pytest skips."""


def assert_not_slower(
    a: Call,
    b: Call,
    *,
    by: float = 1.2,
    budget: float = BUDGET,
    clock: Clock = perf_counter,
) -> None:
    """`a` takes less than `by` times as long as `b`: time(a) / time(b) < by.

    Raises AssertionError where it takes more, Undecided after `budget` seconds, and
    ValueError for numbers that are not positive. A pair that has begun is finished.
    """
    __tracebackhide__ = True
    _check(by=by, budget=budget)
    found = _until_clear(by, a, b, budget=budget, clock=clock)
    said = f"{found.sentence('a', 'b')}; by={by:g}"
    if found.low > by:
        raise AssertionError(said)
    if found.high >= by:
        raise Undecided(f"after {budget:g} s: {said}")


def assert_speedup(
    fast: Call,
    slow: Call,
    *,
    at_least: float = 1.5,
    budget: float = BUDGET,
    clock: Clock = perf_counter,
) -> None:
    """`slow` takes more than `at_least` times as long: time(slow) / time(fast).

    Raises AssertionError where it takes less, Undecided after `budget` seconds, and
    ValueError for numbers that are not positive. A pair that has begun is finished.
    """
    __tracebackhide__ = True
    _check(at_least=at_least, budget=budget)
    found = _until_clear(at_least, slow, fast, budget=budget, clock=clock)
    said = f"{found.sentence('slow', 'fast')}; at_least={at_least:g}"
    if found.high < at_least:
        raise AssertionError(said)
    if found.low <= at_least:
        raise Undecided(f"after {budget:g} s: {said}")


@dataclass(frozen=True)
class _Found:
    """What a look at the pairs says; both medians in seconds a call."""

    ratio: float
    low: float
    high: float
    subject: float
    reference: float
    pairs: int

    def sentence(self, subject: str, reference: str) -> str:
        return (
            f"{subject} takes {self.ratio:.4g} times as long as {reference}, "
            f"between {self.low:.4g} and {self.high:.4g}: {_time(self.subject)} "
            f"against {_time(self.reference)}, {self.pairs} pairs"
        )


def _until_clear(
    limit: float, subject: Call, reference: Call, *, budget: float, clock: Clock
) -> _Found:
    """Take pairs until the interval lies to one side of the limit, or time is up."""
    deadline = clock() + budget
    pairs: list[tuple[float, float]] = []
    with _uncollected():
        sizes = [
            (call, _calls(call, until=clock() + _WARMING * budget, clock=clock))
            for call in (subject, reference)
        ]
        for look in LOOKS:
            while len(pairs) < look and clock() < deadline:
                pairs.append(_pair(sizes, clock, flipped=len(pairs) % 2 == 1))
            if len(pairs) < LEAST_PAIRS:
                break
            found = _look(pairs)
            if not found.low <= limit <= found.high or clock() >= deadline:
                return found
    raise Undecided(
        f"after {budget:g} s: expected at least {LEAST_PAIRS} pairs of samples, got "
        f"{len(pairs)}: give a larger budget, or less work to a call"
    )


def _pair(
    sizes: Sequence[tuple[Call, int]], clock: Clock, *, flipped: bool
) -> tuple[float, float]:
    """Seconds a call of both, the second one first where flipped."""
    gc.collect(0)  # what the last pair left; all that is older is not looked through
    first, second = (
        _seconds(call, number, clock) / number
        for call, number in (reversed(sizes) if flipped else sizes)
    )
    return (second, first) if flipped else (first, second)


def _look(pairs: Sequence[tuple[float, float]]) -> _Found:
    subject, reference = zip(*pairs, strict=True)
    estimate = stats.paired([[s] for s in subject], [[s] for s in reference])
    bounds = estimate.interval(LEVEL)
    assert bounds is not None  # of five pairs or more
    return _Found(
        estimate.ratio, *bounds, median(subject), median(reference), len(pairs)
    )


def _calls(call: Call, *, until: float, clock: Clock) -> int:
    """Warm up, then double the calls until they fill a sample."""
    last: deque[float] = deque([_seconds(call, 1, clock)], maxlen=5)
    while clock() < until and not _steady(last):
        last.append(_seconds(call, 1, clock))
    number, seconds = 1, last[-1]
    while seconds < SAMPLE:
        number *= 2
        seconds = _seconds(call, number, clock)
    return number


def _steady(last: Sequence[float]) -> bool:
    """Of five calls the last two take as long as the first two, within 5 %."""
    if len(last) < 5:
        return False
    before, after = last[0] + last[1], last[3] + last[4]
    return abs(after - before) <= _DRIFT * min(before, after)


def _seconds(call: Call, number: int, clock: Clock) -> float:
    """Of so many calls, each of them waited for."""
    waits = _waits()
    began = clock()
    for _ in range(number):
        result = call()
        for wait in waits:
            wait(result)
    return clock() - began


def _waits() -> list[Callable[[Any], Any]]:
    """What has to be asked whether a result is there, in the frameworks imported."""
    jax, torch = sys.modules.get("jax"), sys.modules.get("torch")
    waits = [] if jax is None else [jax.block_until_ready]
    if torch is not None and torch.cuda.is_initialized():
        waits.append(lambda _: torch.cuda.synchronize())
    return waits


@contextmanager
def _uncollected() -> Iterator[None]:
    """No garbage is collected by itself; whatever happens, as before afterwards."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _check(**numbers: float) -> None:
    for name, number in numbers.items():
        if not (math.isfinite(number) and number > 0):
            raise ValueError(f"{name}: expected a positive number, got {number}")


def _time(seconds: float) -> str:
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= size:
            return f"{seconds / size:.4g} {unit}"
    return f"{seconds / 1e-9:.4g} ns"
