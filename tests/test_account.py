"""What a cell's workers have measured, as a row: by numbers worked out by hand."""

from dataclasses import replace
from statistics import median

import numpy as np
import pytest
from made_up_times import PHASES, PRODUCT, cell, done, row, sampled, with_samples
from training_traces import training

from compare.account import eager_of, operations_of, row_of, setup
from compare.measure_time import SIZE
from compare.registry import load
from compare.spec import Batches, Prepared, Training, prepare
from compare.timing import WINDOW, Sampled, Timing


def with_calls(step: float, first: float, second: float, **changes) -> Sampled:
    """A worker whose first two calls took so long; seconds."""
    phases = {**PHASES, "first call": first, "second call": second}
    return sampled(step, phases=phases, **changes)


def told(*workers: Sampled, eager=None, operations=1e6) -> Timing:
    """The row of JAX's jit, with these workers in blocks in order."""
    return row_of(
        cell("JAX jit"),
        dict(enumerate(workers)),
        proof=row(score=2.5),
        products="float32",
        eager=None if eager is None else dict(enumerate(eager)),
        operations=operations,
    )


# ---------------------------------------------------------------------- what is typical


def test_typical_is_of_the_workers_medians():
    """Medians 1, 2, 4: the mean log is log 2, of standard error log 2 / √3.

    Student's 97.5 % quantile for 2 degrees of freedom is 4.30265 (any table).
    """
    found = told(sampled(0.9, 1.0, 7.0), sampled(2.0), sampled(4.0, 4.0, 0.1))
    step = found.typical["step"]
    reach = 2 ** (4.30265 / np.sqrt(3))
    assert step.seconds == pytest.approx(2.0)
    assert (step.low, step.high) == pytest.approx((2 / reach, 2 * reach), rel=1e-4)


def test_of_one_block_no_interval_is_told():
    step = told(sampled(1.0)).typical["step"]
    assert (step.seconds, step.low, step.high) == (1.0, None, None)


def test_every_quantity_that_all_workers_have():
    """A program of the whole run has no step to wait for, and no forward pass."""
    every = told(sampled(1.0), sampled(1.0))
    assert set(every.typical) == {"step", "latency", "forward", "forward + backward"}
    whole = sampled(1.0)
    for name in ("latency", "forward", "forward + backward"):
        del whole.samples[name]
    assert set(told(whole, whole).typical) == {"step"}
    assert set(told(sampled(1.0), whole).typical) == {"step"}


def test_workers_are_in_the_order_of_blocks():
    first, later = sampled(1.0), sampled(2.0)
    found = row_of(
        cell("JAX jit"),
        {7: later, 0: first},
        proof=row(),
        products="float32",
        eager=None,
        operations=1.0,
    )
    assert found.workers == [first, later]


def test_a_row_says_what_it_is_of():
    at = cell("JAX jit again", "moons_mlp", batch=64)
    found = row_of(
        at,
        {0: sampled(1.0)},
        proof=row(score=2.5),
        products="tf32",
        eager=None,
        operations=1.0,
    )
    assert found.cell == at
    assert (found.outcome, found.why) == ("equivalent", "")
    assert (found.products, found.score) == ("tf32", 2.5)


# ------------------------------------------------------------------------ phases, speed


def test_the_first_worker_is_cold_and_the_others_are_warm():
    """Three warm ones, of which one was disturbed: their median is told."""
    cold, *warm = (with_calls(1.0, first, 0.0) for first in (0.9, 0.1, 0.3, 0.2))
    found = told(cold, *warm)
    assert found.phases == cold.phases
    assert found.warm_phases == {**PHASES, "first call": 0.2, "second call": 0.0}


def test_of_one_block_nothing_is_warm():
    assert told(sampled(1.0)).warm_phases == {}


def test_speed_and_its_fraction_of_a_large_product():
    """10⁶ operations in 1 ms; the products, 2 · SIZE³ each, take 10, 20 and 90 ms."""
    workers = [with_samples(sampled(1e-3), product=[p]) for p in (0.01, 0.02, 0.09)]
    found = told(*workers, operations=1e6)
    assert found.operations == 1e6
    assert found.speed == pytest.approx(1e9)
    assert found.fraction == pytest.approx(1e9 / (2 * SIZE**3 / 0.02))


def test_a_mode_as_fast_as_a_product_has_the_fraction_1():
    assert told(sampled(PRODUCT), operations=2.0 * SIZE**3).fraction == pytest.approx(1)


# --------------------------------------------------------------------------- setting up


@pytest.mark.parametrize(
    ("step", "first", "second", "a_call", "expected"),
    [
        (0.01, 3.0, 0.05, 1, 3.03),
        (0.01, 3.01, 0.01, 1, 3.0),
        (0.01, 0.005, 0.005, 1, 0.0),  # never below
        (0.01, 3.0, 1.5, 100, 2.5),  # a call of a hundred steps takes 1 s
    ],
)
def test_setup(step, first, second, a_call, expected):
    worker = with_calls(step, first, second, steps_a_call=a_call)
    assert setup(worker) == pytest.approx(expected)


EAGER = [with_calls(0.010, 0.110, 0.010), with_calls(0.010, 0.060, 0.010)]
"""Setups of 0.1 s and 0.05 s: 0.075 s is typical."""


@pytest.mark.parametrize(
    ("step", "first", "expected"),
    [
        (0.005, 1.005, (1.0 - 0.075) / 0.005),
        (0.009, 1.009, (1.0 - 0.075) / 0.001),
        (0.005, 0.005, 0.0),  # compiling costs less than eager's start
        (0.010, 1.0, None),
        (0.011, 0.011, None),  # slower: never, however cheap
    ],
)
def test_compiling_pays_after_so_many_steps(step, first, expected):
    found = told(with_calls(step, first, step), eager=EAGER)
    assert found.pays_after == (None if expected is None else pytest.approx(expected))


def test_a_warm_cache_pays_sooner():
    """Setups of 2.075 s cold, then 0.475 s and 0.675 s; 5 ms gained a step."""
    workers = [with_calls(0.005, s + 0.005, 0.005) for s in (2.075, 0.475, 0.675)]
    found = told(*workers, eager=EAGER)
    assert found.pays_after == pytest.approx(400)
    assert found.pays_after_warm == pytest.approx(100)


def test_nothing_pays_where_there_is_nothing_to_weigh_it_against():
    found = told(sampled(1.0), sampled(1.0))
    assert (found.pays_after, found.pays_after_warm) == (None, None)
    once = told(with_calls(0.005, 1.0, 0.005), eager=EAGER)
    assert once.pays_after is not None
    assert once.pays_after_warm is None


def test_what_has_paid_takes_as_long_as_eager():
    """The definition itself: setup + n · step is the same on both sides."""
    jit = with_calls(0.004, 0.7, 0.02)
    n = told(jit, eager=EAGER[:1]).pays_after
    assert n is not None
    totals = [setup(w) + n * median(w.samples["step"]) for w in (jit, EAGER[0])]
    assert totals[0] == pytest.approx(totals[1])


# -------------------------------------------------------------------------------- eager


def test_compiling_is_weighed_against_eager_steps():
    found = done(
        {"PyTorch notebook": 3.0, "PyTorch eager": 2.0, "JAX eager": 9.0, "JAX jit": 1}
    )
    assert eager_of(cell("PyTorch tuned"), found) is found[cell("PyTorch eager")]
    assert eager_of(cell("JAX scan"), found) is found[cell("JAX eager")]
    assert eager_of(cell("JAX jit again"), found) is found[cell("JAX eager")]


def test_or_against_the_notebook():
    found = done({"PyTorch notebook": 3.0, "PyTorch eager again": 2.0, "JAX jit": 1.0})
    assert eager_of(cell("PyTorch tuned"), found) is found[cell("PyTorch notebook")]
    assert eager_of(cell("JAX scan"), found) is None


@pytest.mark.parametrize(
    "name", ["PyTorch notebook", "PyTorch eager", "JAX eager", "JAX eager again"]
)
def test_eager_steps_are_not_weighed(name):
    times = ["PyTorch notebook", "PyTorch eager", "JAX eager"]
    assert eager_of(cell(name), done(dict.fromkeys(times, 1.0))) is None


def test_eager_steps_are_of_the_same_batch():
    other = {cell("JAX eager", batch=64): {0: sampled(1.0)}}
    assert eager_of(cell("JAX jit", batch=256), other) is None
    assert eager_of(cell("JAX jit", batch=64), other) == {0: sampled(1.0)}


# --------------------------------------------------------------------------- operations


def known(name: str) -> tuple[Training, Prepared]:
    spec = load(name)
    assert isinstance(spec, Training)
    return spec, prepare(spec, 3)


def test_operations_of_a_depth_that_changes():
    """64 points; widths 1000, 100 once and `depth` times more, 10.

    Forward 2 · (1000 · 100 + depth · 100² + 100 · 10) a point; of the backward pass's
    two products a layer the first layer has one.
    """
    spec, prepared = known("dynamic_net")
    depths = prepared.batches.stacked["depth"]
    assert len(depths) == spec.steps == WINDOW
    first, rest = 2 * 1000 * 100, 2 * (depths.mean() * 100**2 + 100 * 10)
    assert operations_of(spec, prepared) == pytest.approx(64 * (2 * first + 3 * rest))
    assert len(set(depths)) == 4


def test_operations_where_all_steps_see_the_same():
    """64 · (2 · 2 · 1000 · 100 + 3 · 2 · 100 · 10)."""
    assert operations_of(*known("two_layer_manual")) == 64 * 406_000


def made_up(steps: int) -> tuple[Training, Prepared]:
    """A step's operations are its number, 0 to the window's end; then many more."""
    numbers = np.arange(steps)
    work = np.where(numbers < WINDOW, numbers, 10**9)
    spec = training(steps=steps, work=lambda batch: float(batch["work"]))
    return spec, Prepared({}, {}, Batches({}, {"work": work}))


@pytest.mark.parametrize(
    ("steps", "expected"), [(7, 3.0), (WINDOW, 249.5), (WINDOW + 100, 249.5)]
)
def test_operations_are_those_of_the_window(steps, expected):
    assert operations_of(*made_up(steps)) == expected


def test_fewer_steps_than_batches():
    spec, prepared = made_up(WINDOW)
    assert operations_of(replace(spec, steps=3), prepared) == 1.0
