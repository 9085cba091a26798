"""Times by batch size: the points, overhead and throughput, the crossing."""

from dataclasses import replace

import pytest
from drawn_rows import ROUNDED, drawn, rows_with
from made_up_times import EXAMPLE, lost, run, timing

from compare.report.chart import Missing
from compare.report.sweep_charts import BETWEEN, sweeps
from compare.timing import Crossover, Sweep

# 10 µs before work, 10⁹ operations a second, 10³ operations a row.
SIZES = (1, 10, 100)
TIMES = [
    replace(timing("JAX jit", 1e-5 + 1e-6 * size), batch=size, operations=1e3 * size)
    for size in SIZES
]
LINE = Sweep(EXAMPLE, "jax", "jit", list(SIZES), 1e-5, None, None, 1e9, None, None, 0.0)


def points(found) -> dict[float, float]:
    return {row["batch"]: row["micro"] for row in rows_with(found, "low", "micro")}


def test_every_size_is_a_point():
    found = sweeps(run(*TIMES), EXAMPLE)
    assert points(found) == pytest.approx({1: 11.0, 10: 20.0, 100: 110.0})


def test_the_line_goes_through_what_lies_on_it():
    found = sweeps(run(*TIMES, sweeps=[LINE]), EXAMPLE)
    line = [r for r in rows_with(found, "micro") if "low" not in r]
    assert len(line) == BETWEEN
    for row in line:
        assert row["micro"] == pytest.approx(10 + row["batch"], rel=ROUNDED)


def test_without_a_throughput_the_line_is_level():
    level = replace(LINE, throughput=None)
    found = sweeps(run(*TIMES, sweeps=[level]), EXAMPLE)
    assert {r["micro"] for r in rows_with(found, "micro") if "low" not in r} == {10.0}


def test_a_crossing_is_a_rule_where_it_is_on_the_axis():
    def rules(batch):
        one = Crossover(EXAMPLE, "JAX jit", "PyTorch eager", batch)
        found = sweeps(run(*TIMES, sweeps=[LINE], crossovers=[one]), EXAMPLE)
        told = [r for r in rows_with(found, "batch") if "micro" not in r]
        return {row["batch"] for row in told}, drawn(found).describes

    assert rules(50.0)[0] == {50.0}
    assert rules(5000.0)[0] == set()
    assert "the same time at a batch of 5e+03" in rules(5000.0)[1]
    assert rules(None)[0] == set()
    assert "the same time at no batch size" in rules(None)[1]


def test_where_nothing_was_swept_there_is_no_chart():
    assert sweeps(run(timing("JAX jit", 1e-3)), EXAMPLE) is None
    assert sweeps(run(*TIMES), "other") is None


def test_a_sweep_that_has_failed_says_why():
    found = sweeps(run(lost("JAX jit", "failed", "it died", batch=8)), EXAMPLE)
    assert isinstance(found, Missing)
    assert found.why == "JAX jit batch 8: failed, it died"


@pytest.mark.parametrize("odd", [float("nan"), float("inf"), -1.0, 0.0])
def test_odd_numbers_are_left_out(odd):
    line = replace(LINE, overhead=odd, throughput=odd, sizes=[0, 1])
    other = replace(LINE, overhead=odd, throughput=odd)
    timings = [replace(one, operations=odd) for one in TIMES]
    crossed = [Crossover(EXAMPLE, "a", "b", odd)]
    given = run(*timings, sweeps=[line, other], crossovers=crossed)
    assert len(points(sweeps(given, EXAMPLE))) == len(SIZES)
    again = run(*TIMES, sweeps=[line, other], crossovers=crossed)
    assert len(points(sweeps(again, EXAMPLE))) == len(SIZES)
