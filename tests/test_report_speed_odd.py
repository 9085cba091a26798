"""Nothing odd about a run's times may raise: what cannot be drawn says why."""

from collections.abc import Callable
from dataclasses import replace
from math import inf, isfinite, nan
from xml.etree.ElementTree import fromstring

import made_up_times as times
import pytest
from made_up_runs import HOSTILE, RUNS

from compare.report.chart import Chart, Missing
from compare.report.fairness import fairness, unlike
from compare.report.grid_charts import fraction, memory
from compare.report.phase_charts import phases
from compare.report.sample_charts import samples
from compare.report.speed_charts import headline, ratios_of
from compare.report.steady import steady
from compare.report.sweep_charts import sweeps
from compare.result import Run
from compare.timing import Claim, Crossover, Ratio, Sweep, Timing, Typical

WHOLE = (headline, fraction, memory)
OF_ONE = (ratios_of, phases, sweeps, samples)
NAMES = ("JAX jit", "JAX scan", "PyTorch notebook", "PyTorch notebook again")
WIDEST = 460
"""Pixels: what is beside the plot is cut, but for numbers of odd lengths."""


def drawn_all(run: Run) -> dict[str, Chart | Missing | None]:
    """Every figure, by chart and example; the tables are made too."""
    found = {f"{chart.__name__}": chart(run) for chart in WHOLE}
    examples = dict.fromkeys(timing.example for timing in run.timings)
    for example in [*examples, "an example that is not there"]:
        found |= {f"{one.__name__} of {example}": one(run, example) for one in OF_ONE}
        own = [t for t in run.timings if t.example == example and not t.control]
        assert len(steady(run, example)) == len(own)
    fairness(run), unlike(run)
    return found


def checked(run: Run) -> list[str]:
    """Which were drawn; those that were not say why, and no two share a name."""
    found = {key: one for key, one in drawn_all(run).items() if one is not None}
    names = [one.name for key, one in found.items() if "not there" not in key]
    assert len(set(names)) == len(names)
    for one in found.values():
        if isinstance(one, Missing):
            assert one.why
        else:
            assert float(one.svg.split('width="')[1].split('"')[0]) < WIDEST
    return [key for key, one in found.items() if isinstance(one, Chart)]


@pytest.mark.parametrize("make", RUNS)
def test_of_any_run_all_is_drawn_or_told(make: Callable[[], Run]):
    checked(make())


def timed(example: str, **changes) -> Run:
    """An example in some modes, at its own size and swept."""
    timings = [times.timing(name, 1e-3, 2e-3, example=example) for name in NAMES]
    swept = [replace(t, batch=size) for t in timings[:3] for size in (1, 100)]
    loop, best = "PyTorch notebook", {"fastest": True, "example": example}
    lines = [Sweep(example, "jax", "jit", [1, 100], 1e-4, *[None] * 5, worst=0.0)]
    given = times.run(
        *timings, *swept, ratios=[times.ratio("JAX jit", loop, 0.5, **best)]
    )
    crossed = [Crossover(example, "JAX jit", loop, 20.0)]
    return replace(given, **{"sweeps": lines, "crossovers": crossed} | changes)


@pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE)
def test_whatever_an_example_is_called_all_is_drawn(name):
    found = [one for one in drawn_all(timed(name)).values() if isinstance(one, Chart)]
    assert len(found) == len(WHOLE) + len(OF_ONE)
    for one in found:
        fromstring(one.svg)  # it can be read, and what a name says is no element
        assert "<script" not in one.svg


def _bytes(odd: float | None) -> int | None:
    return int(odd) if odd is not None and isfinite(odd) else None


def with_number(odd: float | None) -> Run:
    """This instead of every number that a timing, ratio, sweep or crossover has."""
    number = nan if odd is None else odd
    given = timed("a")

    def one(timing: Timing) -> Timing:
        workers = [
            replace(
                worker,
                samples={name: [number, 1e-3] for name in worker.samples},
                memory=dict.fromkeys(worker.memory, _bytes(odd)),
            )
            for worker in timing.workers
        ]
        typical = dict(timing.typical)
        typical["step"] = Typical(1e-3, odd, odd)
        typical["latency"] = Typical(number, odd, odd)
        phases = dict.fromkeys(timing.phases, number)
        return replace(
            timing,
            typical=typical,
            phases=phases,
            warm_phases=phases,
            pays_after=odd,
            pays_after_warm=odd,
            operations=odd,
            speed=odd,
            fraction=odd,
            workers=workers,
        )

    def ratio(found: Ratio) -> Ratio:
        return replace(found, ratio=number, low=odd, high=odd, band=odd)

    lost = Typical(number, odd, odd)
    return replace(
        given,
        timings=[
            *map(one, given.timings),
            replace(given.timings[1], example="b", typical={"step": lost}),
        ],
        ratios=[*map(ratio, given.ratios), *given.ratios],
        sweeps=[
            replace(s, overhead=number, throughput=odd, worst=number)
            for s in given.sweeps
        ],
        crossovers=[Crossover("a", "JAX jit", "JAX scan", odd)],
        claims=[Claim("a", "says", None, "why")],
    )


ODD = [nan, inf, -inf, 0.0, -1.0, 5e-324, 1e-200, 1e200, 1.7e308, None]


@pytest.mark.parametrize("odd", ODD)
def test_whatever_a_number_is_all_is_drawn_or_told(odd):
    found = checked(with_number(odd))
    assert {"headline", "ratios_of of a", "samples of a", "sweeps of a"} <= {*found}


@pytest.mark.parametrize("side", ["JAX", "PyTorch"])
def test_of_one_framework_alone_there_are_its_own_charts(side):
    given = timed("a")
    alone = [t for t in given.timings if str(t.cell).startswith(side)]
    found = checked(replace(given, timings=alone, ratios=[]))
    assert found == ["fraction", "memory", "phases of a", "sweeps of a", "samples of a"]


def test_many_examples_and_blocks():
    modes = ("JAX jit", "PyTorch eager")
    names = [f"example {number}" for number in range(22)]
    timings = [
        times.timing(mode, *[1e-3] * blocks, example=name)
        for name, blocks in zip(names, [40] + [2] * 21, strict=True)
        for mode in modes
    ]
    ratios = [
        times.ratio(*modes, 1.1 ** (place - 11), example=name, fastest=True)
        for place, name in enumerate(names)
    ]
    given = times.run(*timings, ratios=ratios)
    for one in (*(chart(given) for chart in WHOLE), samples(given, names[0])):
        assert isinstance(one, Chart)
