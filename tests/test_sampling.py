"""Sampling against a clock that only a made-up program turns.

Putting its objects back takes a thousand seconds, which must be in no sample.
"""

import gc
from contextlib import nullcontext
from itertools import count, cycle, islice
from math import ceil

import pytest
from fake_device import BACK, HAND_OVER, WORK, Device, walk
from hypothesis import given
from hypothesis import strategies as st

from compare import sampling
from compare.sampling import Recompiled, drift, no_collection, sampled, warm_up


@pytest.fixture
def on(monkeypatch):
    """Sampling by the clock of a device."""

    def on(device: Device) -> Device:
        monkeypatch.setattr(sampling, "perf_counter", device)
        monkeypatch.setattr(sampling, "process_time", lambda: device() / 2)
        return device

    return on


def without(log: list, *words: str) -> list:
    return [entry for entry in log if entry not in words]


# ------------------------------------------------------------------------- the walk

asked = st.lists(st.tuples(st.integers(1, 20), st.booleans()), min_size=1, max_size=6)


@given(window=st.integers(1, 9), asked=asked)
def test_a_walk_takes_the_window_in_order_and_starts_over(window, asked):
    device = Device()
    on_its_way = walk(device, window)
    for steps, waits in asked:
        on_its_way.seconds(steps, waits=waits)
    steps = sum(steps for steps, _ in asked)
    due = [
        entry
        for step in range(steps)
        for entry in (*(["restart"] if step and step % window == 0 else []), step)
    ]
    due = [entry if entry == "restart" else entry % window for entry in due]
    assert without(device.log, "wait") == due


@pytest.mark.parametrize("steps", [1, 7, 8, 9, 50])
@pytest.mark.parametrize("waits", [True, False])
@pytest.mark.parametrize("whole", [True, False])
def test_putting_the_objects_back_is_never_timed(on, steps, waits, whole):
    device = on(Device())
    on_its_way = walk(device, 8, whole=whole)
    seconds = on_its_way.seconds(steps, waits=waits)
    taken = ceil(steps / 8) * 8 if whole else steps
    assert seconds == HAND_OVER + WORK
    assert on_its_way.spent == [taken * seconds, taken * seconds / 2]
    assert device.now == taken * seconds + BACK * device.log.count("restart")


@pytest.mark.parametrize(("steps", "calls"), [(1, 1), (8, 1), (9, 2), (24, 3)])
def test_a_whole_program_gets_all_batches_from_the_start(on, steps, calls):
    device = on(Device())
    walk(device, 8, whole=True).seconds(steps)
    assert without(device.log, "wait") == ["restart", *range(8)] * calls


def test_every_step_is_waited_for_or_the_last_one(on):
    device = on(Device())
    on_its_way = walk(device, 8)
    on_its_way.seconds(3, waits=True)
    assert device.log == [0, "wait", 1, "wait", 2, "wait"]
    device.log.clear()
    on_its_way.seconds(3)
    assert device.log == [3, 4, 5, "wait"]


# ------------------------------------------------------------- a wait that is no wait


@pytest.mark.parametrize("before", range(9))
@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize(("honest", "due"), [(True, 0.0), (False, WORK / HAND_OVER)])
def test_what_is_left_over_after_the_wait(on, before, whole, honest, due):
    """Wherever the walk is: a number is read after the last step and the one before."""
    device = on(Device(honest=honest))
    on_its_way = walk(device, 8, whole=whole)
    for _ in range(before):
        on_its_way.seconds(1)
    device.wait()
    assert on_its_way.left_over(4) == due


@pytest.mark.parametrize("before", [0, 2, 5, 8])
def test_what_is_left_over_is_of_so_many_steps_of_the_window(on, before):
    device = on(Device())
    on_its_way = walk(device, 8)
    for _ in range(before):
        on_its_way.seconds(1)
    device.log.clear()
    on_its_way.left_over(4)
    on_its_way.seconds(2)
    taken = without(device.log, "wait", "restart")
    assert taken[:4] == [*range(taken[0], taken[0] + 4)]
    assert taken == [*islice(cycle(range(8)), taken[0], taken[0] + 6)]
    # Where the window is over, the state is the one that the window starts with.
    assert ("restart" in device.log) == (0 in taken and before > 0)


# ---------------------------------------------------------------------- the samples


class Taking:
    """Seconds per call, less where many are done in a row; tells how many were."""

    def __init__(self, alone: float, in_a_row: float):
        self._alone, self._in_a_row, self.counts = alone, in_a_row, []

    def __call__(self, calls: int) -> float:
        self.counts.append(calls)
        return self._alone if calls == 1 else self._in_a_row


LENGTHS = [
    # seconds a call, alone and in a row → calls a sample, samples
    (1.0, 1.0, 1, 5),  # more than a second in all, but never less than 5
    (2.0**-4, 2.0**-4, 1, 16),  # what fits into a second
    (2.0**-10, 2.0**-10, 21, 30),  # 20 ms are 20.48 calls; 48 samples would fit
    (2.0**-10, 2.0**-13, 164, 30),
]


@pytest.mark.parametrize(("alone", "in_a_row", "count", "samples"), LENGTHS)
def test_samples_are_long_and_many_enough(alone, in_a_row, count, samples):
    taking = Taking(alone, in_a_row)
    found = sampled(taking)
    assert found == [in_a_row] * samples
    assert taking.counts[-samples:] == [count] * samples


@given(st.floats(1e-8, 10), st.integers(5, 30), st.integers(1, 500))
def test_a_sample_is_never_shorter_than_20_ms(each, most, at_once):
    taking = Taking(each, each)
    found = sampled(taking, most=most, at_once=at_once)
    assert 5 <= len(found) <= most
    assert set(taking.counts[-len(found) :]) == {taking.counts[-1]}
    assert taking.counts[-1] * each >= 0.02
    assert taking.counts[-1] % at_once == 0
    # 5 where a second is over, else no more than fit into it.
    assert len(found) == 5 or len(found) * taking.counts[-1] * each <= 1 + 1e-9


def test_samples_of_a_whole_program_are_as_many_as_fit_into_a_second(on):
    """128 steps are one call: a sample is no shorter than that."""
    device = on(Device())
    on_its_way = walk(device, 128, whole=True)
    run = 128 * (HAND_OVER + WORK)  # 0.16 s
    assert len(sampled(on_its_way.seconds, at_once=128)) == int(1 / run)


# ------------------------------------------------------------------------- the drift

seconds = st.lists(st.floats(1e-6, 1e3), min_size=2, max_size=8)


@given(seconds, st.integers(-20, 20))
def test_drift_does_not_depend_on_the_unit(samples, power):
    assert drift([2.0**power * s for s in samples]) == drift(samples)


@given(seconds)
def test_drift_is_of_the_same_size_backwards(samples):
    assert drift(samples[::-1]) == drift(samples)


@given(st.floats(1e-6, 1e3), st.integers(2, 8))
def test_what_stands_still_does_not_drift(value, times):
    assert drift([value] * times) == 0


def test_the_drift_of_a_line_is_its_rise_over_its_middle():
    """From 8 to 12 by ones: 4 in all, and 10 in the middle."""
    assert drift([8.0, 9.0, 10.0, 11.0, 12.0]) == 4 / 10


@pytest.mark.parametrize("at", range(5))
def test_one_sample_of_five_is_no_drift(at):
    samples = [1.0] * 5
    samples[at] = 100.0
    assert drift(samples) == 0


# ------------------------------------------------------------------------ warming up


@pytest.mark.parametrize("compiles", [0, 1, 4])
def test_warming_up_waits_until_nothing_compiles(on, compiles):
    device = on(Device(compiles=compiles))
    assert warm_up(walk(device, 4096), device)
    # Five samples of which none has compiled; the first is taken before counting.
    assert device.takes == max(compiles, 1) + (5 if compiles > 1 else 4)


def test_a_drift_that_never_ends_is_told(on):
    """5 % a sample, of which five are 20 %."""
    device = on(Device(slower=1.05))
    assert not warm_up(walk(device, 2**20), device)
    assert device.now >= sampling.PATIENCE


def test_a_drift_that_ends_is_waited_for(on, monkeypatch):
    device = on(Device(slower=0.9))
    take = device.take

    def less_and_less(batches):
        device._slower = 1.0 if device.takes > 20 else 0.9
        return take(batches)

    monkeypatch.setattr(device, "take", less_and_less)
    assert warm_up(walk(device, 2**20), device)
    assert device.takes > 20


def test_what_compiles_at_every_step_is_refused(on, monkeypatch):
    monkeypatch.setattr(sampling, "PATIENCE", 1.0)
    device = on(Device(compiles=10**9))
    with pytest.raises(Recompiled, match="at every step"):
        warm_up(walk(device, 2**20), device)
    assert device.now >= 1.0


def test_what_compiles_when_patience_is_over_and_then_no_more_is_timed(on, monkeypatch):
    """A step that takes longer than all patience compiles at its first call."""
    monkeypatch.setattr(sampling, "PATIENCE", (HAND_OVER + WORK) / 2)
    device = on(Device(compiles=1))
    assert not warm_up(walk(device, 2**20), device)


# ------------------------------------------------------------- the garbage collector


@pytest.fixture
def collector():
    """The collector as it was, whatever a test does."""
    enabled = gc.isenabled()
    yield
    (gc.enable if enabled else gc.disable)()


@pytest.mark.parametrize("enabled", [True, False])
@pytest.mark.parametrize("fails", [True, False])
def test_the_collector_is_as_it_was_before(collector, enabled, fails):
    (gc.enable if enabled else gc.disable)()
    frozen = gc.get_freeze_count()
    number = count()
    with pytest.raises(ZeroDivisionError) if fails else nullcontext(), no_collection():
        assert not gc.isenabled()
        assert gc.get_freeze_count() > frozen
        next(number)
        1 / (0 if fails else 1)
    assert next(number) == 1
    assert gc.isenabled() == enabled
    assert gc.get_freeze_count() == frozen
