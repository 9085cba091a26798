"""Assertions on speed: verdicts, error rates, what users see."""

import math
from time import perf_counter

import pytest
from fake_time import World, outcome, told
from support import python

from compare import speed
from compare.speed import assert_not_slower, assert_speedup

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
