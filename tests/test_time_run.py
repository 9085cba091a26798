"""Blocks of workers, with their times made up: the order, what is lost, the rest."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from made_up_times import cell, proved, row, sampled

from compare import time_run
from compare.fault import Edit
from compare.pool import Crashed, NotReady, Workers, installed
from compare.ratios import estimate
from compare.registry import load
from compare.result import Example
from compare.run import Settings, judge, measure
from compare.spec import Training, prepare
from compare.task import QUICK, Failed
from compare.time_run import Passed, Plan, Timed, cells_of, rows, time_example
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
    example = Example(name, "training", verdict, 0.0, [])
    return Passed(example, {}, {}, prepare(spec, 0), 0, batch)


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


@pytest.fixture
def time_it(monkeypatch, tmp_path):
    """Time an example with made-up workers; returns what is known, and the workers."""

    def time_it(
        plan: Plan, *, measures: Takes = steady, took=None, of=None, rows=None
    ) -> tuple[Timed, Made]:
        made = Made(monkeypatch, measures, took or dict.fromkeys(ORDER, 1.0))
        made.rows |= rows or {}
        timed = time_example(of or ran(), plan, tmp_path, tell=made.tell)
        return timed, made

    return time_it


# -------------------------------------------------------------------------- which cells


def test_the_control_is_the_reference_once_more():
    assert cells_of(EXAMPLE, Plan(BOTH)) == ORDER
    notebook = Plan((*BOTH, ("torch", "notebook")))
    assert str(cells_of(EXAMPLE, notebook)[-1]) == "PyTorch notebook again"
    assert str(cells_of(EXAMPLE, Plan((("jax", "jit"),)))[-1]) == "JAX jit again"


def test_cells_of_a_sweep_have_its_batch():
    assert {at.batch for at in cells_of(EXAMPLE, Plan(BOTH), batch=64)} == {64}


def test_modes_that_an_example_cannot_have_are_no_cells():
    plan = Plan((("torch", "compile"), ("jax", "eager"), ("jax", "jit")))
    found = cells_of("dynamic_net", plan)
    assert [str(at) for at in found] == ["JAX jit", "JAX jit again"]
    assert cells_of("dynamic_net", Plan((("jax", "eager"),))) == []


# ------------------------------------------------------------------------------- blocks


def test_blocks_go_there_and_back(time_it):
    """A machine that slows down slows all alike; the control is last, then first."""
    timed, made = time_it(Plan(BOTH, blocks=3))
    assert made.asked == [*ORDER, *ORDER[::-1], *ORDER]
    assert all(list(timed.blocks[at]) == [0, 1, 2] for at in ORDER)
    assert timed.lost == {}


def test_every_block_keeps_what_its_worker_has_measured(time_it):
    timed, _ = time_it(Plan(BOTH, blocks=2), measures=lambda at, n: sampled(n + 1.0))
    steps = {n: one.samples["step"] for n, one in timed.done()[JIT].items()}
    assert steps == {0: [1.0], 1: [2.0]}


def test_operations_are_counted_in_the_first_block(time_it):
    _, made = time_it(Plan(BOTH, blocks=3))
    assert made.counts == [True] * 4 + [False] * 8


def test_the_worst_proof_is_kept(time_it, monkeypatch):
    """There and back: jit has 1, 4, 2 and none, its control 3, none, 2 and 1."""
    scores = iter([1.0, 3.0, None, 4.0, 2.0, 2.0, 1.0, None])
    monkeypatch.setattr(Made, "_prove", lambda *_, **__: row(score=next(scores)))
    timed, _ = time_it(Plan((("jax", "jit"),), blocks=4))
    assert [timed.proofs[at].score for at in timed.blocks] == [4.0, 3.0]


# ------------------------------------------------------------------------- what is lost


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (Crashed("the torch tuned worker died: Killed"), "worker died: Killed"),
        (NotReady("torch: no GPU"), "no GPU"),
        (Failed("Recompiled: at every step"), "Recompiled: at every step"),
        (ValueError("proof: expected one-step maps"), "expected one-step maps"),
        (KeyError("w1"), "w1"),
    ],
)
def test_a_mode_that_fails_is_lost_with_its_reason(time_it, error, why):
    """It is not started again, and the others go on."""

    def measures(at, block):
        if at == TUNED and block == 0:
            raise error
        return steady(at, block)

    timed, made = time_it(Plan(BOTH, blocks=3), measures=measures)
    outcome, reason = timed.lost.pop(TUNED)
    assert outcome == "failed"
    assert why in reason
    assert timed.lost == {}
    assert made.asked.count(TUNED) == 1
    assert [made.asked.count(at) for at in (EAGER, JIT, AGAIN)] == [3, 3, 3]


def test_a_mode_that_computes_something_else_is_lost(time_it):
    wrong = row(verdict="semantic", why="JAX has 2, in float64 1", score=99.0)
    timed, made = time_it(Plan(BOTH, blocks=2), rows={JIT: wrong})
    assert timed.lost == {
        JIT: ("not equivalent", "update update w at step 3: JAX has 2, in float64 1")
    }
    assert made.asked.count(JIT) == 1
    assert JIT not in timed.done()
    assert made.asked.count(EAGER) == 2


def test_a_mode_that_is_wrong_later_has_no_times(time_it):
    """What its first workers have measured is not told either."""

    def measures(at, block):
        if at == JIT and block == 2:
            raise Crashed("died")
        return steady(at, block)

    timed, _ = time_it(Plan(BOTH, blocks=4), measures=measures)
    assert set(timed.done()) == {EAGER, TUNED, AGAIN}
    (lost,) = (r for r in rows(ran(), Plan(BOTH), timed) if r.mode == "jit")
    assert (lost.outcome, lost.why, lost.typical, lost.workers) == (
        "failed",
        "died",
        {},
        [],
    )


def test_less_precise_products_pass_where_they_are_asked_for(time_it):
    rounded = {JIT: row(verdict="precision", why="TF32")}
    plan = Plan(BOTH, blocks=1)
    assert JIT in time_it(plan, rows=rounded)[0].lost
    assert time_it(replace(plan, products="tf32"), rows=rounded)[0].lost == {}


@pytest.mark.parametrize("budget", [0.0, 100.0])
def test_all_may_be_lost(time_it, budget):
    def measures(at, block):
        raise Crashed("died")

    timed, made = time_it(Plan(BOTH, blocks=3, budget=budget), measures=measures)
    assert made.asked == ORDER
    assert {row.outcome for row in rows(ran(), Plan(BOTH), timed)} == {"failed"}


def test_the_control_alone_may_be_left(time_it):
    def measures(at, block):
        if not at.control:
            raise Crashed("died")
        return steady(at, block)

    timed, made = time_it(Plan(BOTH, blocks=3, budget=100.0), measures=measures)
    assert set(timed.done()) == {AGAIN}
    assert made.asked.count(AGAIN) == 3


@pytest.mark.parametrize("verdict", ["semantic", "crashed", "unresolved"])
def test_without_a_run_that_has_passed_no_worker_is_started(time_it, verdict):
    of = ran(verdict=verdict)
    timed, made = time_it(Plan(BOTH, blocks=3, budget=100.0), of=of)
    assert made.asked == made.told == []
    found = rows(of, Plan(BOTH), timed)
    assert [row.cell for row in found] == ORDER
    assert {(row.outcome, row.why) for row in found} == {
        ("not equivalent", f"the run's verdict is {verdict}")
    }


# -------------------------------------------------------------------- the budget's rest


def noisy_tuned(at: Cell, block: int) -> Sampled:
    """Tuned takes 0.9 to 1.35 of eager's time; jit is clearly twice as fast."""
    wide = (0.9, 1.35, 0.95, 1.3)[block % 4]
    return sampled({JIT: 0.5, TUNED: wide}.get(at, 1.0 + 1e-3 * (block % 2)))


def test_the_rest_goes_to_the_widest_undecided_pair(time_it):
    """8 s for the blocks, and then 2 s for every pair of workers."""
    plan = Plan(BOTH, blocks=2, budget=15.0)
    timed, made = time_it(plan, measures=noisy_tuned)
    extra = made.asked[8:]
    assert len(extra) == 6
    assert {frozenset(extra[n : n + 2]) for n in (0, 2, 4)} == {
        frozenset((EAGER, TUNED))
    }
    assert extra[0] != extra[2]  # there and back
    assert extra[0] == extra[4]
    assert list(timed.blocks[TUNED]) == list(timed.blocks[EAGER]) == [0, 1, 2, 3, 4]
    assert list(timed.blocks[JIT]) == [0, 1]


def test_undecided_comes_before_wide(time_it):
    """Jit has the wider interval, far from 1; tuned is near the limit, and known well.

    5 blocks: 1.46 ± 10 % is clearly slower, 1.04 ± 4 % neither the same nor slower.
    """
    wide, near = (1.3, 1.5, 1.4, 1.6, 1.5), (1.0, 1.08, 1.04, 1.07, 1.02)

    def measures(at, block):
        return sampled({JIT: wide, TUNED: near}.get(at, (1.0,) * 5)[block % 5])

    _, made = time_it(Plan(BOTH, blocks=5, budget=22.5), measures=measures)
    assert set(made.asked[20:]) == {EAGER, TUNED}


def test_where_all_is_decided_the_widest_gets_the_rest(time_it):
    def measures(at, block):
        return sampled({JIT: 0.5 + 0.02 * (block % 2), TUNED: 3.0}.get(at, 1.0))

    _, made = time_it(Plan(BOTH, blocks=4, budget=19.0), measures=measures)
    assert JIT in made.asked[16:18]


@pytest.mark.parametrize(("budget", "extra"), [(0.0, 0), (8.0, 0), (9.9, 0), (10.0, 2)])
def test_no_block_begins_that_would_not_fit(time_it, budget, extra):
    _, made = time_it(Plan(BOTH, blocks=2, budget=budget), measures=noisy_tuned)
    assert len(made.asked) == 8 + extra
    assert made.now - 50.0 <= max(8.0, budget)


def test_a_pair_that_does_not_fit_gives_way_to_one_that_does(time_it):
    """Tuned is the widest, but takes 9 s; 3 s are left."""
    took = {EAGER: 1.0, TUNED: 9.0, JIT: 1.0, AGAIN: 1.0}
    plan = Plan(BOTH, blocks=2, budget=27.0)
    _, made = time_it(plan, measures=noisy_tuned, took=took)
    assert made.asked[8:]
    assert TUNED not in made.asked[8:]
    assert made.now - 50.0 <= 27.0


def test_a_mode_that_is_lost_in_the_rest_gets_no_more(time_it):
    def measures(at, block):
        if at == TUNED and block == 2:
            raise Crashed("died")
        return noisy_tuned(at, block)

    timed, made = time_it(Plan(BOTH, blocks=2, budget=20.0), measures=measures)
    assert made.asked.count(TUNED) == 3
    assert timed.lost == {TUNED: ("failed", "died")}
    assert made.now - 50.0 <= 20.0


def test_one_block_leaves_nothing_to_weigh(time_it):
    """No interval, so none is the widest."""
    _, made = time_it(Plan(BOTH, blocks=1, budget=100.0))
    assert made.asked == ORDER


# ------------------------------------------------------------------ how long it will be


def test_what_is_left_goes_down_to_nothing(time_it):
    took = {EAGER: 1.0, TUNED: 2.0, JIT: 3.0, AGAIN: 4.0}
    _, made = time_it(Plan(BOTH, blocks=2), took=took)
    assert [at for at, _, _ in made.told] == made.asked
    assert [so_far for _, so_far, _ in made.told] == [1, 3, 6, 10, 14, 17, 19, 20]
    # At first by `expected`, 5 s each; in the second block by what they have taken.
    assert [left for *_, left in made.told][3:] == [10, 6, 3, 1, 0]
    assert made.told[0][2] == (5 + 5 + 5) + (1 + 5 + 5 + 5)


def test_what_is_lost_takes_no_more_time(time_it):
    def measures(at, block):
        if at == TUNED:
            raise Crashed("died")
        return steady(at, block)

    _, made = time_it(Plan(BOTH, blocks=2), measures=measures)
    assert [left for *_, left in made.told][3:] == [3, 2, 1, 1, 0]


def test_the_budget_is_what_is_left_at_least(time_it):
    plan = Plan(BOTH, blocks=2, budget=15.0)
    _, made = time_it(plan, measures=noisy_tuned)
    lefts = [left for *_, left in made.told]
    assert all(so_far + left >= 15.0 for _, so_far, left in made.told[:8])
    assert lefts[8:] == [6, 5, 4, 3, 2, 1]


# --------------------------------------------------------------------------------- rows


def test_rows_of_everything(time_it):
    """What was timed, its control, and then what the example cannot have."""
    name = "dynamic_net"
    plan = Plan((*BOTH, ("jax", "eager"), ("torch", "compile")), blocks=2)
    of = ran(name=name)
    timed, _ = time_it(plan, of=of)
    found = rows(of, plan, timed)
    assert [(str(r.cell), r.outcome) for r in found] == [
        ("PyTorch eager", "equivalent"),
        ("PyTorch tuned", "equivalent"),
        ("JAX jit", "equivalent"),
        ("PyTorch eager again", "equivalent"),
        ("JAX eager", "left out"),
        ("PyTorch compile", "left out"),
    ]
    assert [row.why for row in found[4:]] == [
        "without `jit`, `lax.switch` compiles its branches at every step",
        "the depth is data, and one graph cannot branch on data",
    ]


def test_where_all_is_left_out_there_are_rows_of_that_alone(time_it):
    plan = Plan((("jax", "eager"),), budget=60.0)
    of = ran(name="dynamic_net")
    timed, made = time_it(plan, of=of)
    assert made.asked == []
    assert [row.outcome for row in rows(of, plan, timed)] == ["left out"]


def test_rows_have_what_was_asked_for(time_it):
    of = ran(batch=64)
    plan = Plan(BOTH, blocks=2, products="tf32")
    timed, _ = time_it(plan, of=of, rows={JIT._replace(batch=64): row(score=7.0)})
    found = rows(of, plan, timed)
    assert {r.batch for r in found} == {64}
    assert {r.products for r in found} == {"tf32"}
    assert [r.score for r in found] == [1.0, 1.0, 7.0, 1.0]
    assert {r.operations for r in found} == {64 * 406_000.0}  # as in test_account


# ------------------------------------------------------------------------------- Ctrl-C


class Interrupted:
    """A worker that Ctrl-C comes in the middle of."""

    def __init__(self, *_):
        self.done: list[str] = []
        self.queue = SimpleNamespace(submit=self._submit, shutdown=self._note("queue"))
        self.process = SimpleNamespace(shutdown=self._note("process"))
        self.kill = self._note("killed")
        self.call = None
        Interrupted.last = self

    def _note(self, what: str) -> Callable[[], None]:
        return lambda: self.done.append(what)

    def _submit(self, *_):
        def interrupted():
            raise KeyboardInterrupt

        return SimpleNamespace(result=interrupted)


def test_an_interrupt_ends_the_worker_and_goes_on(monkeypatch, tmp_path):
    monkeypatch.setattr(time_run, "Worker", Interrupted)
    told: list[Cell] = []
    with pytest.raises(KeyboardInterrupt):
        time_example(ran(), Plan(BOTH), tmp_path, tell=lambda at, *_: told.append(at))
    assert Interrupted.last.done == ["killed", "queue", "process"]
    assert told == []


# --------------------------------------------------------------- a mode that was slowed

FIND = """        losses = []
        for batch in batches:
"""
LONGER = """        from time import perf_counter

        def prolonged():
            for one in batches:
                began = perf_counter()
                yield one
                ended = perf_counter()
                while perf_counter() - ended < 0.2 * (ended - began):
                    pass

        losses = []
        for batch in prolonged():
"""
"""Every step waits for a fifth of the time that it has taken itself."""


@pytest.fixture(scope="module")
def base(tmp_path_factory) -> Passed:
    """A quick run of the example, in workers of its own."""
    task = Settings(effort=QUICK).task(EXAMPLE)
    with Workers(installed(), tmp_path_factory.mktemp("logs")) as workers:
        measured = measure(task, workers)
    return time_run.passed_run(measured, judge(measured, task, seconds=0.0), task)


def timed_modes(base: Passed, modes: Sequence, where: Path, edits: Mapping) -> Timed:
    plan = Plan(tuple(modes), blocks=4, threads=1, edits=edits)
    return time_example(base, plan, where, tell=lambda *_: None)


@pytest.mark.slow
def test_a_mode_that_is_slowed_by_a_fifth_is_found(base, tmp_path):
    """Here tuned is the same code as eager, for there is no optimizer to fuse.

    1.2 lies outside of a 99 % interval in one of a hundred runs.
    """
    edit = Edit(FIND, LONGER, file="modes")
    timed = timed_modes(base, BOTH[:2], tmp_path, {("torch", "tuned"): edit})
    assert timed.lost == {}
    done = timed.done()
    (slowed,) = time_run.ratios(done, [(TUNED, EAGER)])
    assert slowed.verdict in ("SLOWER", "UNDECIDED")
    found = estimate(done, TUNED, EAGER)
    assert found is not None
    assert found.blocks == 4
    low, high = found.interval(0.99)
    assert low < 1.2 < high
