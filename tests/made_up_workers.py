"""Workers that are made up, for timing an example, and its cells."""

from collections.abc import Callable, Mapping

from made_up_times import cell, example, proved, row, sampled

from compare import time_run
from compare.registry import load
from compare.spec import Training, prepare
from compare.time_run import Passed
from compare.timing import Cell, Proved, Sampled

EXAMPLE = "two_layer_manual"
BOTH = (("torch", "eager"), ("torch", "tuned"), ("jax", "jit"))
EAGER, TUNED, JIT = (
    cell(name, EXAMPLE) for name in ("PyTorch eager", "PyTorch tuned", "JAX jit")
)
AGAIN = EAGER._replace(control=True)
ORDER = [EAGER, TUNED, JIT, AGAIN]


def ran(*, verdict="rounding", name=EXAMPLE, batch=None) -> Passed:
    """A run that has passed, or has not."""
    spec = load(name)
    assert isinstance(spec, Training)
    return Passed(example(name, verdict), {}, {}, prepare(spec, 0), 0, batch)


Takes = Callable[[Cell, int], Sampled]


class Made:
    """Workers that measure what is made up, and turn the clock by what they take."""

    def __init__(self, monkeypatch, measures: Takes, took: Mapping[Cell, float]):
        self.now, self.asked, self.counts = 50.0, [], []
        self._measures, self._took = measures, took
        self.rows = dict.fromkeys(took, row())
        self.told: list[tuple[Cell, float, float]] = []
        monkeypatch.setattr(time_run, "_measured", self._measured)
        monkeypatch.setattr(time_run, "prove", self._prove)
        monkeypatch.setattr(time_run, "perf_counter", lambda: self.now)

    def _measured(self, at, ran, plan, places, *, count) -> Proved:
        self.asked.append(at)
        self.counts.append(count)
        self.now += self._took.get(at, 1.0)
        self._at = at
        return proved(at, self._measures(at, self.asked.count(at) - 1))

    def _prove(self, sides, trace, *, products):
        return self.rows.get(self._at, row())

    def tell(self, at: Cell, so_far: float, left: float) -> None:
        self.told.append((at, so_far, left))


def steady(at: Cell, block: int) -> Sampled:
    """Any cell takes 1 ms a step, and is known to a tenth of a percent."""
    return sampled(1e-3 * (1 + 1e-3 * (block % 2)))
