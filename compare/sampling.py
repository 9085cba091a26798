"""Sampling seconds inside one worker: warm up, walk along the run, never time set-up.

Samples are of at least 20 ms; steps are taken along the run's window, so that all of
them are seen, and start over from the same state at its end. Putting the objects back
is not timed.
"""

import gc
import statistics
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import ceil
from time import perf_counter, process_time
from types import ModuleType
from typing import Any

import numpy as np

LEAST = 0.02
"""Seconds of a sample: the clock and one wait are nothing beside it."""
SAMPLES = (5, 30)
"""At least and at most so many samples of a quantity."""
ENOUGH = 1.0
"""Seconds of samples of one quantity after which the least number is enough."""
PATIENCE = 20.0
"""Seconds of warming up after which a mode that drifts is timed all the same."""
DRIFT = 0.05
"""Of five samples in a row: with more than this a mode is still warming up."""


NEVER = (
    "programs are compiled at every step: a shape, or a number that the compiler looks "
    "at, changes from step to step"
)


class Recompiled(RuntimeError):
    """Something was compiled while being timed."""


def drift(samples: list[float]) -> float:
    """How far a line through the samples rises or falls, as a fraction of the median.

    The slope is the median of those between all pairs (Theil, 1950; Sen, 1968).
    """
    pairs = [
        (later - earlier) / (j - i)
        for i, earlier in enumerate(samples)
        for j, later in enumerate(samples)
        if i < j
    ]
    slope = statistics.median(pairs)
    return abs(slope) * (len(samples) - 1) / statistics.median(samples)


@dataclass
class Walk:
    """Takes steps along the run's window, over and over, and tells their seconds."""

    gauges: ModuleType
    program: Any
    start: Any
    batches: Any
    steps: int
    whole: bool
    """All steps are one program, which takes all of them at once."""
    at: int = 0
    spent: list[float] = field(default_factory=lambda: [0.0, 0.0])
    """Wall-clock and CPU seconds of all that was timed."""

    def begin(self) -> None:
        """Back to the state that the run starts from."""
        self.program.restart(self.start)
        self.at = 0
        self.gauges.synchronize(self.program.pending())

    def _rows(self, steps: int) -> Iterator[Any]:
        """Batches for so many steps, in pieces that fit into the window."""
        while steps > 0:
            if self.whole or self.at >= self.steps:
                self.begin()
            if self.whole:
                yield self.batches
                steps -= self.steps
                continue
            begin = self.at
            piece = min(steps, self.steps - begin)
            self.at, steps = begin + piece, steps - piece
            yield self.batches[begin : self.at]

    def seconds(self, steps: int, *, waits: bool = False) -> float:
        """Seconds per step; with `waits` every step is waited for."""
        total, taken = 0.0, 0
        for rows in self._rows(steps):
            taken += self.steps if self.whole else len(rows)
            pieces = [[row] for row in rows] if waits else [rows]
            with self.program.guard():
                began, cpu = perf_counter(), process_time()
                for piece in pieces:
                    losses = self.program.take(piece)
                    self.gauges.synchronize((losses, self.program.pending()))
                wall, cpu = perf_counter() - began, process_time() - cpu
            total += wall
            self.spent = [self.spent[0] + wall, self.spent[1] + cpu]
        return total / taken

    def left_over(self, steps: int, *, times: int = 1) -> float:
        """What was left to wait for after the wait, as a fraction of the time before.

        Reading a first number waits for what is left; reading another one does not.
        They are losses of the last two of so many steps of the window, which are taken
        so many times: what reading itself costs is nothing beside 20 ms.
        """
        if self.at + steps > self.steps:
            self.begin()
        rows = next(self._rows(steps))
        began = perf_counter()
        losses = self.program.take(rows)
        for _ in range(times - 1):
            losses = self.program.take(rows)
        self.gauges.synchronize((losses, self.program.pending()))
        waited = perf_counter()
        float(losses[-1])
        read = perf_counter()
        float(losses[-2])
        again = perf_counter()
        return (read - waited - (again - read)) / (waited - began)


def repeated(
    gauges: ModuleType, call: Callable[[], Any], guard: Callable[[], Any]
) -> Callable[[int], float]:
    """Seconds of one call, from so many in a row with one wait at the end."""

    def seconds(calls: int) -> float:
        with guard():
            began = perf_counter()
            values = [call() for _ in range(calls)]
            gauges.synchronize(values)
            return (perf_counter() - began) / calls

    return seconds


def sampled(
    seconds: Callable[[int], float], *, most: int = SAMPLES[1], at_once: int = 1
) -> list[float]:
    """Samples of at least 20 ms each: as many as fit into a second, at least 5.

    What is only done `at_once` so many times is counted by those.
    """
    one = min(seconds(1), seconds(1))
    one = seconds(_enough(one, at_once))  # of many in a row, which may be much faster
    count = _enough(one, at_once)
    times = int(np.clip(ENOUGH / (one * count), SAMPLES[0], most))
    return [seconds(count) for _ in range(times)]


def _enough(one: float, at_once: int) -> int:
    """How many of so many seconds each make a sample."""
    return max(1, ceil(LEAST / (one * at_once))) * at_once


def warm_up(walk: Walk, ledger: Any) -> bool:
    """Take steps until nothing compiles and the time stands still; whether it does.

    Raises `Recompiled` where something still compiles when patience is over.
    """
    began, recent = perf_counter(), [walk.seconds(1)]
    while perf_counter() - began < PATIENCE or not recent:
        before = ledger.counts()
        now = walk.seconds(max(1, ceil(LEAST / recent[-1]) if recent else 1))
        recent = [*recent, now][-5:] if ledger.counts() == before else []
        if len(recent) == 5 and drift(recent) < DRIFT:
            return True
        if not recent and perf_counter() - began > PATIENCE:
            raise Recompiled(NEVER)
    return False


@contextmanager
def no_collection() -> Iterator[None]:
    """Without the garbage collector, which would come in between."""
    enabled = gc.isenabled()
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
        gc.unfreeze()
