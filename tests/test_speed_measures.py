"""How `speed` measures: turns, warming up, samples, budget, garbage, waiting."""

import gc
import sys
import weakref
from types import SimpleNamespace

import pytest
from fake_time import World, outcome, told

from compare import speed
from compare.speed import Undecided, assert_not_slower


def measured(*callables, limit, clock, budget=10.0):
    """What is found before anything is asserted."""
    try:
        return speed._until_clear(limit, *callables, budget=budget, clock=clock)
    except Undecided as undecided:
        pytest.fail(str(undecided))


# ------------------------------------------------------------------- how it measures


def test_pairs_are_taken_in_turns():
    world = World(noise=0)
    callables = world.takes(0.03, name="a"), world.takes(0.03, name="b")
    assert outcome(assert_not_slower, *callables, clock=world) == "passed"
    assert "".join(world.calls) == "aaaaa" + "bbbbb" + "abba" * 3


def test_a_drift_cancels():
    """Each call takes longer than the last: a fixed order would blame the second."""
    world = World(noise=0, drift=1.0)
    callables = world.takes(0.03), world.takes(0.03)
    found = measured(*callables, limit=2.0, clock=world)
    assert found.pairs == 6
    assert found.ratio == pytest.approx(1, abs=2e-3)


@pytest.mark.parametrize("slow", [1, 3, 5])
def test_the_first_calls_may_take_longer(slow):
    """They compile; of the ratio 1 nothing is seen of them."""
    world = World(noise=0)
    compiles = world.takes(0.03, first=[0.7, *[0.1] * (slow - 1)])
    found = measured(compiles, world.takes(0.03), limit=1.2, budget=20.0, clock=world)
    assert found.ratio == pytest.approx(1)


def test_warming_up_ends_where_nothing_becomes_steady():
    """Each call takes a tenth less than the last, for ever."""
    world = World(noise=0)
    shrinking = world.takes(0.0, first=[0.9**k for k in range(500)])
    assert speed._calls(shrinking, until=world.now + 3, clock=world) >= 1
    assert 3 <= world.now - 1000 < 4


@pytest.mark.parametrize(
    ("seconds", "expected"), [(0.03, 1), (0.019, 2), (1e-3, 32), (1e-6, 2**15)]
)
def test_a_sample_takes_20_milliseconds_at_least(seconds, expected):
    world = World(noise=0)
    assert speed._calls(world.takes(seconds), until=2000.0, clock=world) == expected


def test_the_budget_is_kept_but_for_the_last_pair():
    world = World()
    callables = world.takes(0.36), world.takes(0.30)
    found = outcome(assert_not_slower, *callables, budget=20.0, clock=world)
    assert found == "undecided"
    assert 20 <= world.now - 1000 < 20 + 2 * 0.66


@pytest.mark.parametrize(
    ("budget", "expected", "words"),
    [
        (5.4, "undecided", "after 5.4 s: expected at least 5 pairs of samples, got 4"),
        (5.6, "failed", "a takes 3 times as long as b"),
    ],
)
def test_five_pairs_can_decide_and_fewer_cannot(budget, expected, words):
    """1.5 s of warming up, 1 + 3 calls; a pair of 1 s begins at 1.5, 2.5, … 5.5 s."""
    world = World(noise=0)
    callables = world.takes(0.75), world.takes(0.25)
    found, said = told(assert_not_slower, *callables, budget=budget, clock=world)
    assert found == expected
    assert said.startswith(words)


# -------------------------------------------------------------------------- garbage


@pytest.fixture
def collecting():
    """As it was, whatever the test does."""
    before = gc.isenabled()
    yield
    (gc.enable if before else gc.disable)()


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize(("a", "expected"), [(0.03, "passed"), (0.06, "failed")])
def test_garbage_is_collected_as_before_afterwards(collecting, before, a, expected):
    world, seen = World(), []
    inner = world.takes(a)

    def call():
        seen.append(gc.isenabled())
        inner()

    (gc.enable if before else gc.disable)()
    found = outcome(assert_not_slower, call, world.takes(0.03), clock=world)
    assert (found, gc.isenabled()) == (expected, before)
    assert set(seen) == {False}


def test_garbage_of_one_pair_is_gone_before_the_next():
    """Results that hold themselves are not freed until they are collected."""
    world, made, alive = World(noise=0), [], []

    class Result:
        def __init__(self):
            self.itself = self
            made.append(weakref.ref(self))
            alive.append(sum(result() is not None for result in made))

    inner = world.takes(0.030)

    def call():
        inner()
        return Result()

    found = outcome(assert_not_slower, call, world.takes(0.030), clock=world)
    assert (found, len(made)) == ("passed", 5 + 6)
    # Five of the warming up, and the first of the first pair; later on one at a time.
    assert max(alive) <= 6
    assert alive[-1] == 1


def test_garbage_is_collected_again_after_an_error(collecting):
    def fails():
        raise LookupError("its own words")

    gc.enable()
    with pytest.raises(LookupError, match="its own words"):
        assert_not_slower(fails, fails)
    assert gc.isenabled()


# -------------------------------------------------------------------------- waiting


def cuda(world, *, used):
    """PyTorch as `speed` sees it, with 10 ms of work to wait for."""
    part = SimpleNamespace(
        is_initialized=lambda: used, synchronize=world.takes(0.01, name="torch")
    )
    return SimpleNamespace(cuda=part)


def test_results_are_waited_for_by_jax_as_part_of_the_time(monkeypatch):
    world, seen = World(noise=0), []
    finish = world.takes(0.05)

    def block_until_ready(result):
        seen.append(result)
        finish()

    monkeypatch.setitem(
        sys.modules, "jax", SimpleNamespace(block_until_ready=block_until_ready)
    )
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    assert speed._seconds(lambda: "result", 3, world) == pytest.approx(0.15)
    assert seen == ["result"] * 3


@pytest.mark.parametrize(("used", "expected"), [(True, 0.02), (False, 0.0)])
def test_cuda_is_waited_for_where_it_is_used(monkeypatch, used, expected):
    world = World(noise=0)
    monkeypatch.delitem(sys.modules, "jax", raising=False)
    monkeypatch.setitem(sys.modules, "torch", cuda(world, used=used))
    assert speed._seconds(lambda: None, 2, world) == pytest.approx(expected)
