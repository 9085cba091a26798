"""Blocks of workers, with their times made up: the order, what is lost, the rows."""

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace

import pytest
from made_up_times import row, sampled
from made_up_workers import (
    AGAIN,
    BOTH,
    EAGER,
    EXAMPLE,
    JIT,
    ORDER,
    TUNED,
    Made,
    ran,
    steady,
)

from compare import time_run
from compare.pool import Crashed, NotReady
from compare.task import Failed
from compare.time_run import Plan, cells_of, rows, time_example
from compare.timing import Cell

pytest_plugins = ("timed",)

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
