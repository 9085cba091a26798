"""CPU seconds by what they went into, on a clock that is set by hand."""

import time
from types import ModuleType

import pytest

from compare import clock
from compare.clock import Clock, Timed


class Hands:
    """Both clocks: what the wall shows, and what the process has used."""

    def __init__(self):
        self.wall = self.cpu = 0.0

    def turn(self, *, wall: float, cpu: float) -> None:
        self.wall += wall
        self.cpu += cpu


@pytest.fixture
def hands(monkeypatch) -> Hands:
    made = Hands()
    made.turn(wall=1000, cpu=8)  # a process does not begin at 0
    monkeypatch.setattr(clock, "perf_counter", lambda: made.wall)
    monkeypatch.setattr(clock, "process_time", lambda: made.cpu)
    return made


def spent(*, imports=0.0, compiling=0.0, computing=0.0, harness=8.0):
    return {
        "imports": imports,
        "compiling": compiling,
        "computing": computing,
        "harness": harness,
    }


def test_what_nobody_claims_is_the_harnesses(hands):
    assert Clock().spent() == spent()


def test_imports_are_counted(hands):
    counted = Clock()
    with counted.importing():
        hands.turn(wall=9, cpu=3)
    hands.turn(wall=9, cpu=0.5)
    assert counted.spent() == spent(imports=3, harness=8.5)


@pytest.mark.parametrize(
    ("heard", "compiling", "computing"),
    [
        (0, 0, 2),
        (1, 0.5, 1.5),  # a quarter of 4 s by the wall, so a quarter of 2 s of CPU
        (4, 2, 0),
        # A compiler that tells of the same second twice took no longer than all.
        (9, 2, 0),
    ],
)
def test_the_compilers_part_is_its_part_of_the_wall_clock(
    hands, heard, compiling, computing
):
    counted = Clock()
    counted.hear(7.0)  # before: not of what runs now
    with counted.running():
        hands.turn(wall=4, cpu=2)
        counted.hear(heard / 2)
        counted.hear(heard / 2)
    assert counted.spent() == spent(compiling=compiling, computing=computing)


def test_what_raises_is_counted_too(hands):
    counted = Clock()
    with pytest.raises(LookupError), counted.running():
        hands.turn(wall=4, cpu=2)
        raise LookupError
    assert counted.spent() == spent(computing=2)


def test_work_is_added_up(hands):
    counted = Clock()
    for _ in range(3):
        with counted.running():
            hands.turn(wall=1, cpu=1)
        hands.turn(wall=1, cpu=0.25)
    assert counted.spent() == spent(computing=3, harness=8.75)


# ------------------------------------------------------------------ a runtime's verbs


@pytest.fixture
def timed(hands) -> tuple[Timed, Clock]:
    """A runtime in which `feed` takes a second, and `step` two beside its `feed`."""
    runtime, counted = ModuleType("runtime"), Clock()

    def feed(subject, *, times=1):
        hands.turn(wall=1, cpu=1)
        return [subject] * times

    def step(subject):
        hands.turn(wall=2, cpu=2)
        return runtime.feed(subject)

    def fails():
        hands.turn(wall=1, cpu=1)
        raise LookupError("its own words")

    runtime.__dict__.update(feed=feed, step=step, fails=fails, NAME="fake")
    return Timed(runtime, counted), counted


def test_a_verb_is_the_runtimes_own(timed):
    runtime, _ = timed
    assert runtime.feed("x", times=2) == ["x", "x"]
    assert runtime.feed.__name__ == "feed"
    assert runtime.NAME == "fake"
    with pytest.raises(LookupError, match="its own words"):
        runtime.fails()
    with pytest.raises(AttributeError, match="nonsense"):
        runtime.nonsense()


def test_what_verbs_call_of_each_other_is_counted_once(timed):
    runtime, counted = timed
    runtime.step("x")
    assert counted.spent() == spent(computing=3)
    with pytest.raises(LookupError):
        runtime.fails()
    assert counted.spent() == spent(computing=4)


# --------------------------------------------------------------------- the real clock


def test_all_parts_are_the_whole_processs():
    counted = Clock()
    with counted.importing():
        sum(range(10_000))
    with counted.running():
        counted.hear(1e-9)
        sum(range(10_000))
    before = time.process_time()
    parts = counted.spent()
    after = time.process_time()
    assert before <= sum(parts.values()) + 1e-9  # the clock's own unit
    assert sum(parts.values()) <= after + 1e-9
    assert all(parts[name] > 0 for name in ("imports", "compiling", "computing"))
