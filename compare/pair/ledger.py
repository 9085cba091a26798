"""Points of a pair, judged one after the other: rows stay, arrays need not."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from compare.pair import judge
from compare.pair.ask import Ask
from compare.pair.both import Both, Point
from compare.pair.design import by_design
from compare.pair.judge import Spot
from compare.pair.measure import Collectors, collectors
from compare.result import Row
from compare.task import Task
from compare.trace import Trace, merge

Traces = dict[tuple[str, str], Trace]
ROOM = 2**30
"""Bytes of arrays that are kept for explanations; the first point's in any case."""


@dataclass
class Ledger:
    """Rows of all points so far, and the traces of as many as there is room for.

    A step of an optimizer is 120 bytes a parameter: all of them would not fit.
    """

    both: Both
    ask: Ask
    rows: list[Row] = field(default_factory=list)
    spots: list[Spot] = field(default_factory=list)
    traces: Traces = field(default_factory=dict)
    lone_slots: list[str] = field(default_factory=list)
    room: int = field(default_factory=lambda: ROOM)

    def open(self) -> Collectors:
        """Empty traces for a point."""
        return collectors(self.ask.name, seed=self.ask.seed, run=self.ask.run)

    def close(self, out: Collectors, point: Point) -> bool:
        """Judge a point; whether its arrays are kept."""
        sides: dict[tuple[str, str], Trace] = {
            k: one.finish() for k, one in out.items()
        }
        task = Task(
            "maps", self.ask.name, "jax", "float64", self.ask.seed, self.ask.run
        )
        rows = judge.rows(self.both, sides, task, self.spots)
        self.rows += by_design(self.both, point, sides, rows)
        slots = [*self.lone_slots, *judge.lone_slots(sides)]
        self.lone_slots = list(dict.fromkeys(slots))
        self.room -= sum(value.nbytes for value in _arrays(sides))
        if self.traces and self.room < 0:
            return False
        self.traces = {
            side: merge([self.traces[side], trace]) if self.traces else trace
            for side, trace in sides.items()
        }
        return True


def _arrays(sides: Traces) -> Iterator[np.ndarray]:
    for trace in sides.values():
        yield from trace.arrays.values()
