"""Assertions on speed, on a clock that only the callables turn."""

import gc
import math
import sys
import weakref
from time import perf_counter
from types import SimpleNamespace

import numpy as np
import pytest
from support import python

from compare import speed
from compare.speed import Undecided, assert_not_slower, assert_speedup


class World:
    """A clock, and callables that turn it by what they take, with noise."""

    def __init__(self, seed=0, *, noise=0.05, drift=0.0):
        self.now, self.calls = 1000.0, []
        self._rng = np.random.default_rng(seed)
        self._noise, self._drift = noise, drift

    def __call__(self) -> float:
        return self.now

    def takes(self, seconds, *, name="", first=()):
        """A callable; `first` is what its first calls take."""
        early = list(first)

        def call():
            self.calls.append(name)
            noise = self._noise * self._rng.standard_normal()
            drift = 1 + self._drift * (self.now - 1000)
            self.now += early.pop(0) if early else seconds * math.exp(noise) * drift

        return call


def told(assertion, *callables, **options) -> tuple[str, str]:
    """What came out and what was said; `Undecided` itself would skip the test here."""
    try:
        assertion(*callables, **options)
    except Undecided as undecided:
        return "undecided", str(undecided)
    except AssertionError as error:
        return "failed", str(error)
    return "passed", ""


def outcome(assertion, *callables, **options) -> str:
    return told(assertion, *callables, **options)[0]


def measured(*callables, limit, clock, budget=10.0):
    """What is found before anything is asserted."""
    try:
        return speed._until_clear(limit, *callables, budget=budget, clock=clock)
    except Undecided as undecided:
        pytest.fail(str(undecided))


# ------------------------------------------------------------------------ verdicts


@pytest.mark.parametrize(
    ("a", "b", "by", "expected"),
    [
        (0.030, 0.030, 1.2, "passed"),
        (0.010, 0.030, 1.2, "passed"),
        (0.045, 0.030, 1.2, "failed"),
        (0.033, 0.030, 1.05, "failed"),
        (0.036, 0.030, 1.2, "undecided"),
        (0.030, 0.030, 1.001, "undecided"),
        # Less than 20 ms: samples of many calls; one that is 1,000 times as slow.
        (0.001, 0.001, 1.2, "passed"),
        (1e-6, 2e-6, 1.2, "passed"),
        (2e-6, 1e-6, 1.2, "failed"),
        (0.03, 3e-5, 1.2, "failed"),
        # More than once as fast can be asked for too.
        (0.030, 0.040, 0.9, "passed"),
        (0.040, 0.040, 0.9, "failed"),
    ],
)
def test_not_slower(a, b, by, expected):
    world = World()
    callables = world.takes(a), world.takes(b)
    assert outcome(assert_not_slower, *callables, by=by, clock=world) == expected


@pytest.mark.parametrize(
    ("fast", "slow", "at_least", "expected"),
    [
        (0.030, 0.060, 1.5, "passed"),
        (0.030, 0.039, 1.5, "failed"),
        (0.060, 0.030, 1.5, "failed"),
        (0.030, 0.045, 1.5, "undecided"),
        (1e-5, 2e-3, 100.0, "passed"),
    ],
)
def test_speedup(fast, slow, at_least, expected):
    world = World()
    callables = world.takes(fast), world.takes(slow)
    found = outcome(assert_speedup, *callables, at_least=at_least, clock=world)
    assert found == expected


@pytest.mark.parametrize("assertion", [assert_not_slower, assert_speedup])
def test_a_limit_inside_the_interval_is_undecided_on_either_side_of_the_ratio(
    assertion,
):
    """At a true ratio of 1 and a limit of 1: estimates above and below it."""
    name = "by" if assertion is assert_not_slower else "at_least"
    ratios = []
    for seed in range(4):
        world = World(seed)
        found, said = told(
            assertion,
            world.takes(0.03),
            world.takes(0.03),
            clock=world,
            budget=2.0,
            **{name: 1.0},
        )
        assert found == "undecided"
        ratios.append(float(said.split("takes ")[1].split()[0]))
    assert min(ratios) < 1 < max(ratios)


def test_what_is_said_of_a_slowdown():
    world = World(noise=0)
    found = told(assert_not_slower, world.takes(0.06), world.takes(0.03), clock=world)
    assert found == (
        "failed",
        "a takes 2 times as long as b, between 2 and 2: 60 ms against 30 ms, 6 pairs; "
        "by=1.2",
    )


def test_what_is_said_of_a_missing_speedup():
    world = World(noise=0)
    found = told(assert_speedup, world.takes(2e-6), world.takes(2.5e-6), clock=world)
    assert found == (
        "failed",
        "slow takes 1.25 times as long as fast, between 1.25 and 1.25: 2.5 µs against "
        "2 µs, 6 pairs; at_least=1.5",
    )


def test_what_is_said_when_nothing_is_known():
    world = World()
    callables = world.takes(0.036), world.takes(0.030)
    found, said = told(assert_not_slower, *callables, budget=2.0, clock=world)
    assert found == "undecided"
    assert said.startswith("after 2 s: a takes 1.")
    assert said.endswith(" 25 pairs; by=1.2")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(2.5, "2.5 s"), (0.9999, "999.9 ms"), (3e-5, "30 µs"), (4e-8, "40 ns")],
)
def test_times_have_a_unit(seconds, text):
    assert speed._time(seconds) == text


# ---------------------------------------------------------------------- error rates


def outcomes(runs, a, b, **options):
    """Of many runs with 10 % noise, each with its own seed."""
    worlds = [World(seed, noise=0.1) for seed in range(runs)]
    return [
        outcome(assert_not_slower, w.takes(a), w.takes(b), clock=w, **options)
        for w in worlds
    ]


def test_at_the_bound_itself_hardly_anything_is_decided():
    """At a ratio of `by`, every decision is an error: at most 5 %, after all looks.

    That many and 3 standard deviations in 300 runs are 8.8 %. Six looks at 95 % each
    would be wrong in 15 %.
    """
    found = outcomes(300, 0.036, 0.030, by=1.2, budget=20.0)
    assert sum(word != "undecided" for word in found) <= 0.088 * 300


def test_an_equal_one_never_fails_and_a_slow_one_never_passes():
    assert set(outcomes(100, 0.03, 0.03)) == {"passed"}
    assert set(outcomes(100, 0.045, 0.03)) == {"failed"}


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


# ------------------------------------------------------------------- for its users


@pytest.mark.parametrize("number", [0.0, -1.0, math.nan, math.inf])
@pytest.mark.parametrize(
    ("assertion", "name"),
    [
        (assert_not_slower, "by"),
        (assert_not_slower, "budget"),
        (assert_speedup, "at_least"),
        (assert_speedup, "budget"),
    ],
)
def test_numbers_are_positive(assertion, name, number):
    with pytest.raises(ValueError, match=f"{name}: expected a positive number, got"):
        assertion(World().takes(1.0), World().takes(1.0), **{name: number})


def busy(milliseconds):
    """Keeps a core busy until the time is over: it cannot take less."""

    def call():
        end = perf_counter() + milliseconds / 1000
        while perf_counter() < end:
            pass

    return call


def test_twice_as_long_is_found_by_the_real_clock():
    """By the bounds, which lie around 2: twenty seconds are enough when busy."""
    found, said = told(assert_not_slower, busy(4), busy(2), by=1.2, budget=20.0)
    assert found == "failed", said
    found, said = told(assert_speedup, busy(2), busy(4), at_least=1.3, budget=20.0)
    assert found == "passed", said


USER = """
import unittest
from compare import Undecided, assert_not_slower

class Test(unittest.TestCase):
    def test_method(self):
        raise Undecided("after 10 s: nobody knows")

def test_function():
    raise Undecided("after 10 s: nobody knows")
"""


@pytest.mark.parametrize(
    ("runner", "expected"),
    [
        (("pytest", "-q", "-rs", "-p", "no:cacheprovider"), "2 skipped"),
        (("unittest", "discover", "-v", "-s"), "OK (skipped=1)"),
    ],
    ids=["pytest", "unittest"],
)
def test_undecided_is_skipped_with_its_reason(tmp_path, runner, expected):
    (tmp_path / "test_user.py").write_text(USER, encoding="utf-8")
    done = python("-m", *runner, str(tmp_path))
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    assert expected in said
    assert "after 10 s: nobody knows" in said


def test_importing_compare_does_not_import_the_assertions():
    program = (
        "import sys, compare; before = 'numpy' in sys.modules; "
        "compare.assert_speedup; print(before, 'compare.speed' in sys.modules)"
    )
    assert python("-c", program).stdout.split() == ["False", "True"]


def test_compare_has_nothing_else():
    import compare

    with pytest.raises(AttributeError, match="'compare' has no attribute 'nonsense'"):
        compare.nonsense  # noqa: B018
