"""Overhead and throughput of a mode, and the batches that tell them."""

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from compare.spec import Batches
from compare.sweep import Fit, crossover, fit, resize

WORK = (1e6, 8e6, 64e6, 512e6)
"""Operations of a step at four sizes of a batch, as of a small MLP."""


def blocks(rng, overhead, throughput, *, count, noise=0.03, work=WORK):
    """Of every size the samples of so many workers, which differ by `noise`."""
    return [
        (
            (overhead + each / throughput)
            * np.exp(noise * rng.standard_normal((count, 1)))
        ).tolist()
        for each in work
    ]


def exact(overhead, throughput, *, count=1, work=WORK):
    return [[[overhead + each / throughput]] * count for each in work]


# ------------------------------------------------------------------------- recovery


SIZES = st.lists(st.integers(0, 12), min_size=2, max_size=6, unique=True)
"""As powers of 2, so that a line is well determined."""


@given(
    SIZES,
    st.floats(1e3, 1e9),
    st.just(0.0) | st.floats(1e-7, 1e-1),
    st.floats(1e7, 1e14),
    st.integers(1, 3),
)
def test_planted_numbers_come_back(powers, smallest, overhead, throughput, count):
    work = [smallest * 2**power for power in powers]
    found = fit(work, exact(overhead, throughput, count=count, work=work))
    seconds = [overhead + each / throughput for each in work]
    # What remains is rounding: of the shortest time and, to the slope, of the longest.
    assert found.overhead == pytest.approx(overhead, abs=1e-11 * min(seconds))
    least = 1e-11 * max(seconds) / max(work)
    assert 1 / found.throughput == pytest.approx(1 / throughput, abs=least)
    assert found.worst < 1e-11


def test_a_line_by_hand():
    """20 µs and 1e9 a second; medians of (20 + 10, 20 + 1000) µs in both blocks."""
    found = fit(
        [1e4, 1e6],
        [[[30e-6, 1.0, 1e-9], [30e-6]], [[1020e-6], [9.0, 1020e-6, 1e-6]]],
    )
    assert found.overhead == pytest.approx(20e-6)
    assert found.throughput == pytest.approx(1e9)
    assert found.overhead_interval == pytest.approx((20e-6, 20e-6))
    assert found.throughput_interval == pytest.approx((1e9, 1e9))
    assert found.worst == pytest.approx(0, abs=1e-12)


def test_errors_are_relative():
    """Times 1, 2 and 2 at 1, 2 and 3: Σ (a/t + bn/t − 1)² has its minimum, by its
    normal equations 3/2 a + 9/4 b = 2 and 9/4 a + 17/4 b = 7/2, at 10/21 and 4/7."""
    found = fit([1.0, 2.0, 3.0], [[[1.0]], [[2.0]], [[2.0]]])
    assert found.overhead == pytest.approx(10 / 21)
    assert found.throughput == pytest.approx(7 / 4)
    # Lines: 22/21, 34/21, 46/21 against 1, 2, 2.
    assert found.worst == pytest.approx(4 / 21)


@given(st.randoms(), st.integers(0, 100), st.floats(1e-3, 1e3), st.floats(1e-3, 1e3))
def test_units_and_the_order_of_sizes_are_nothing(random, seed, second, operation):
    rng = np.random.default_rng(seed)
    measured = blocks(rng, 1e-4, 1e11, count=3, noise=0.1)
    before = fit(WORK, measured)
    scaled = [
        (operation * work, [[second * s for s in samples] for samples in each])
        for work, each in zip(WORK, measured, strict=True)
    ]
    after = fit(*zip(*random.sample(scaled, len(scaled)), strict=True))
    assert after.overhead == pytest.approx(second * before.overhead)
    assert after.throughput == pytest.approx(before.throughput * operation / second)
    assert after.overhead_interval == pytest.approx(
        [second * bound for bound in before.overhead_interval]
    )
    assert after.worst == pytest.approx(before.worst)


# ------------------------------------------------------------------------ intervals


@pytest.mark.parametrize("count", [3, 5])
@pytest.mark.parametrize("overhead", [0.0, 3e-7, 1e-4, 1e-2])
def test_the_intervals_hold_the_truth(count, overhead):
    """Without an overhead, with one that noise hides, and with one that hides work."""
    rng = np.random.default_rng(count)
    covered, runs = np.zeros(2), 1_000
    for _ in range(runs):
        found = fit(WORK, blocks(rng, overhead, 1e11, count=count))
        (low, high), bounds = found.overhead_interval, found.throughput_interval
        covered += low <= overhead <= high, bounds[0] <= 1e11 <= bounds[1]
    # 3 standard deviations of a share of 95 % in 1,000 are 2.1 %. At the bound one
    # side of the overhead's interval cannot miss.
    assert 0.929 < covered[0] / runs < (0.971 if overhead else 0.99)
    assert covered[1] / runs > 0.929


TIMES = st.lists(
    st.lists(st.floats(1e-6, 1e-2), min_size=3, max_size=3), min_size=2, max_size=4
)


@given(TIMES)
def test_whatever_the_times_the_intervals_hold_the_numbers(times):
    found = fit(WORK[: len(times)], [[[s] for s in each] for each in times])
    low, high = found.overhead_interval
    rounding = 1e-9 * max(max(each) for each in times)
    assert 0 <= low <= found.overhead + rounding
    assert found.overhead - rounding <= high
    assert found.throughput > 0
    if found.throughput_interval:
        low, high = found.throughput_interval
        assert low <= found.throughput <= high


def test_one_block_has_no_intervals():
    found = fit(WORK, exact(1e-4, 1e11))
    assert found.overhead_interval is found.throughput_interval is None


def test_times_that_grow_faster_than_work_have_no_overhead():
    found = fit([1e6, 2e6], [[[1e-5]] * 2, [[4e-5]] * 2])
    assert found.overhead == 0
    assert found.overhead_interval == (0, 0)
    # Through the origin: Σ (bn/t − 1)² with n/t of 1e11 and 5e10 has its minimum at
    # b = 1.5e11 / 1.25e22; times are 1.2e-5 and 2.4e-5.
    assert found.throughput == pytest.approx(1.25e22 / 1.5e11)
    assert found.worst == pytest.approx(0.4)


@pytest.mark.parametrize("last", [1e-4, 0.9e-4])
def test_times_that_do_not_grow_are_overhead_alone(last):
    found = fit([1e6, 2e6], [[[1e-4]] * 2, [[last]] * 2])
    assert 0.9e-4 <= found.overhead <= 1e-4 * (1 + 1e-12)
    low, high = found.overhead_interval
    assert (low, high) == pytest.approx((found.overhead, found.overhead))
    assert found.throughput > 1e16  # a nanosecond would be 1e15
    if last < 1e-4:
        assert found.throughput == math.inf
        assert found.throughput_interval is None


def test_one_block_that_does_not_grow_leaves_the_throughput_open():
    found = fit([1e6, 2e6], [[[1e-4], [1e-4]], [[1.5e-4], [0.9e-4]]])
    assert math.isfinite(found.throughput)
    assert found.throughput_interval is None


# ------------------------------------------------------------------------ crossover


def line(overhead, throughput) -> Fit:
    return Fit(overhead, None, throughput, None, 0.0)


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        # 10 µs and 1e9 a second against 110 µs and 2e9: 100 µs / (1 ns − 0.5 ns).
        (line(10e-6, 1e9), line(110e-6, 2e9), 2e5),
        (line(110e-6, 2e9), line(10e-6, 1e9), 2e5),
        (line(0.0, 1e9), line(1e-6, math.inf), 1e3),
        (line(10e-6, 2e9), line(110e-6, 1e9), None),
        (line(10e-6, 1e9), line(110e-6, 1e9), None),
        (line(10e-6, 1e9), line(10e-6, 2e9), None),
        (line(10e-6, 1e9), line(10e-6, 1e9), None),
        (line(1e-6, math.inf), line(2e-6, math.inf), None),
    ],
)
def test_where_two_modes_change_places(left, right, expected):
    found = crossover(left, right)
    assert found == (None if expected is None else pytest.approx(expected))


LINES = st.builds(line, st.floats(0, 1), st.floats(1e3, 1e15))


@given(LINES, LINES)
def test_both_take_the_same_time_there(left, right):
    found = crossover(left, right)
    assert crossover(right, left) == found
    assume(found is not None)
    assert found > 0
    times = [one.overhead + found / one.throughput for one in (left, right)]
    assert times[0] == pytest.approx(times[1], rel=1e-6)
    # Beyond it the one with the larger throughput is ahead.
    ahead, behind = sorted((left, right), key=lambda one: -one.throughput)
    far = [one.overhead + 2 * found / one.throughput for one in (ahead, behind)]
    assert far[0] <= far[1] * (1 + 1e-9)


# ------------------------------------------------------------------------ bad input


@pytest.mark.parametrize(
    ("operations", "measured", "message"),
    [
        ([], [], "operations: expected at least 2 distinct sizes, .* got 0"),
        ([1e6], [[[1.0]]], "operations: .* got 1: time another batch size"),
        ([1e6, 1e6], [[[1.0]], [[1.0]]], "operations: .* got 1"),
        ([1e6, 0.0], [[[1.0]], [[1.0]]], r"operations: .* positive .* got 0\.0"),
        ([1e6, math.inf], [[[1.0]], [[1.0]]], "operations: .* got inf"),
        ([1e6, 2e6], [[[1.0]]], "blocks: expected those of 2 sizes, .* got 1"),
        ([1e6, 2e6], [[[1.0]] * 2, [[1.0]]], r"blocks: .* got \[2, 1\] blocks"),
        ([1e6, 2e6], [[], []], r"blocks\[0\]: expected at least one block"),
        ([1e6, 2e6], [[[1.0]], [[-1.0]]], r"blocks\[1\]: .* got -1\.0 in block 0"),
    ],
)
def test_what_no_line_goes_through(operations, measured, message):
    with pytest.raises(ValueError, match=message):
        fit(operations, measured)


# -------------------------------------------------------------------------- batches


def test_rows_are_repeated_in_order():
    x = np.arange(6.0).reshape(3, 2)
    found = resize(Batches(shared={"x": x, "y": x[:, 0]}), 7).shared
    assert found["x"].tolist() == x[[0, 1, 2, 0, 1, 2, 0]].tolist()
    assert found["y"].tolist() == [0.0, 2.0, 4.0, 0.0, 2.0, 4.0, 0.0]


def test_stacked_batches_keep_their_steps():
    x = np.arange(12).reshape(2, 3, 2)
    y, clear = x[:, :, 1], np.array([True, False])
    before = Batches({"weight": x[0]}, {"x": x, "y": y, "clear": clear})
    found = resize(before, 4)
    for step in range(2):
        after, was = found.at(step), before.at(step)
        assert after["x"].tolist() == was["x"][[0, 1, 2, 0]].tolist()
        assert after["y"].tolist() == was["y"][[0, 1, 2, 0]].tolist()
        assert after["clear"] == was["clear"]
        assert after["weight"] is was["weight"]


@given(st.integers(1, 5), st.integers(1, 20))
def test_any_size_is_a_part_of_the_rows_again_and_again(rows, size):
    x = np.arange(3 * rows * 2, dtype=np.float32).reshape(3, rows, 2)
    found = resize(Batches(shared={"y": x[0]}, stacked={"x": x}), size)
    np.testing.assert_array_equal(
        found.stacked["x"], np.concatenate([x] * 20, axis=1)[:, :size]
    )
    np.testing.assert_array_equal(found.shared["y"], np.concatenate([x[0]] * 20)[:size])
    assert found.stacked["x"].dtype == np.float32


@pytest.mark.parametrize("size", [0, -1])
def test_a_batch_has_a_row(size):
    with pytest.raises(ValueError, match=f"size: expected at least 1 row, got {size}"):
        resize(Batches(shared={"x": np.ones((2, 1))}), size)
