"""Timing workers as they are, and with faults in what they measure by.

Samples are few and the window is short, so that nothing said here depends on how fast
anything is, but by the bounds of an interval.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from support import SMALL, SPECS
from time_in_worker import WINDOW, hurry, surroundings

from compare import claims, time_worker, trace
from compare.fault import FRAMEWORKS, Edit, Side
from compare.parcel import folder, unpack
from compare.pool import Worker
from compare.prove import explained, holds, prove
from compare.run import Measured, Settings, measure
from compare.spec import Training, prepare
from compare.task import Failed
from compare.timing import Cell, Proved, TimingTask

pytest_plugins = ("warm",)
pytestmark = pytest.mark.slow

BOTH = pytest.mark.parametrize("framework", FRAMEWORKS)
MODE = {"jax": "jit", "torch": "eager"}
EXAMPLE = "line_manual"


@contextmanager
def timing_worker(framework: Side, at: Path) -> Iterator[Worker]:
    """A process as timing starts it, but in a hurry."""
    settings = time_worker.settings("cpu", 1, at / "cache")
    worker = Worker(f"{framework} timing", settings, hurry, at / f"{framework}.log")
    try:
        yield worker
    finally:
        worker.kill()
        worker.queue.shutdown()


@pytest.fixture(scope="module")
def started(tmp_path_factory) -> Iterator[Callable[[Side], Worker]]:
    """One timing worker of each framework, when it is first asked for."""
    done = {}
    with ExitStack() as stack:

        def started(framework: Side) -> Worker:
            if framework not in done:
                at = timing_worker(framework, tmp_path_factory.mktemp(framework))
                done[framework] = stack.enter_context(at)
            return done[framework]

        yield started


@pytest.fixture(scope="module")
def timed(started) -> Iterator[Callable[[TimingTask], Proved]]:
    """What a worker makes of a task; raises `Failed`."""
    with folder() as parcels:
        yield lambda task: unpack(
            started(task.cell.framework).call(time_worker.send, task, 1, parcels)
        )


def task(name: str, framework: Side, mode: str, **more) -> TimingTask:
    """A task from the start of the spec, without a run."""
    spec = SPECS[name]
    assert isinstance(spec, Training)
    prepared = prepare(spec, 0)
    start = {f"parameters/{leaf}": v for leaf, v in prepared.parameters.items()}
    return TimingTask(Cell(name, framework, mode), 0, prepared, {0: start}, **more)


@dataclass(frozen=True)
class Ready:
    """A small run of the line, and tasks for timing it."""

    measured: Measured

    def task(self, framework: Side, mode: str, edit: Edit | None = None) -> TimingTask:
        states = {s: v for s, v in self.measured.states.items() if s < SMALL.steps}
        prepared = prepare(SPECS[EXAMPLE], 0)
        cell = Cell(EXAMPLE, framework, mode)
        return TimingTask(cell, 0, prepared, states, edit=edit, count=edit is None)

    def row(self, proved: Proved):
        return prove(trace.by_side(self.measured.traces), proved.trace)


@pytest.fixture(scope="module")
def ready(workers) -> Ready:
    return Ready(measure(Settings(0, "cpu", SMALL, "r").task(EXAMPLE), workers))


@pytest.fixture(scope="module")
def honest(timed, ready):
    """The line as it is, in both frameworks, once."""
    done = {}

    def honest(framework: Side) -> Proved:
        if framework not in done:
            done[framework] = timed(ready.task(framework, MODE[framework]))
        return done[framework]

    return honest


# ---------------------------------------------------------------- a worker as it is


@BOTH
def test_an_honest_mode_holds(honest, ready, framework):
    row = ready.row(honest(framework))
    assert holds(row), explained(row)


@BOTH
def test_all_samples_are_there(honest, framework):
    found = honest(framework).sampled.samples
    assert set(found) == {
        *("step", "latency", "forward", "forward + backward"),
        *("half", "whole", "left over", "product"),
    }
    for name, samples in found.items():
        assert len(samples) >= 5, name
        assert np.isfinite(samples).all(), name
        assert name == "left over" or min(samples) > 0, name


@BOTH
def test_phases_of_a_worker(honest, framework):
    """All from the import to the second call; nothing of PyTorch's is compiled."""
    phases = honest(framework).sampled.phases
    compiler = {"trace", "lower", "compile"}
    assert set(phases) == compiler | {
        *("import", "device start", "host to device", "first call", "second call"),
    }
    for name, seconds in phases.items():
        assert (seconds > 0) == (name not in compiler or framework == "jax"), name
    # One is part of the other.
    assert sum(phases[name] for name in compiler) <= phases["first call"]


@BOTH
def test_what_a_worker_tells_of_itself(honest, framework):
    told = honest(framework).sampled
    assert told.conditions["data"] == "on the device before"
    assert told.conditions["subnormal numbers"] == "flushed"
    assert told.steps_a_call == 1
    assert 0 < told.cores < 1.5  # on one core; both clocks have their grain
    assert (told.counts["programs"] > 0) == (framework == "jax")
    assert told.counts["graph breaks"] == 0
    assert told.operations["written"] == SPECS[EXAMPLE].work(
        prepare(SPECS[EXAMPLE], 0).batches.at(0)
    )


@BOTH
def test_memory_of_a_worker(honest, framework):
    """Of the process: more than NumPy has, less than a gigabyte and a half."""
    memory = honest(framework).sampled.memory
    assert set(memory) == {"process", "device", "compiler"}
    assert 50e6 < memory["process"] < 1.5e9
    assert memory["device"] is None


@BOTH
def test_a_worker_has_one_framework_and_its_cores(started, honest, framework):
    honest(framework)
    found = started(framework).call(surroundings)
    mine = {"jax": ["flax", "jax", "optax"], "torch": ["torch"]}
    assert found["packages"] == mine[framework]
    assert found["cores"] == 1
    assert found["pid"] == started(framework).pid
    environment = found["environment"]
    assert environment["OMP_NUM_THREADS"] == environment["MKL_NUM_THREADS"] == "1"
    assert environment["JAX_ENABLE_X64"] == "False"
    assert "intra_op_parallelism_threads=1" in environment["XLA_FLAGS"]
    assert environment["JAX_COMPILATION_CACHE_DIR"].endswith("/cache/xla")
    assert environment["TORCHINDUCTOR_CACHE_DIR"].endswith("/cache/inductor")


def test_what_jax_has_compiled_is_kept(started, honest, tmp_path_factory):
    honest("jax")
    kept = Path(
        started("jax").call(surroundings)["environment"]["JAX_COMPILATION_CACHE_DIR"]
    )
    assert [path for path in kept.iterdir() if path.name.startswith("jit_")]


def test_a_lesson_is_refused(timed):
    line = task(EXAMPLE, "jax", "jit")
    lesson = TimingTask(Cell("tensors", "jax", "jit"), 0, line.prepared, line.states)
    with pytest.raises(Failed, match="expected a training, got tensors"):
        timed(lesson)


# ------------------------------------------------------------------- planted faults

SKIPS = {
    "jax": Edit(
        "                value, model = step(model, optimizer, batch)",
        "                value, after = step(model, optimizer, batch)\n"
        "                model = model if len(losses) % 2 else after",
        "modes",
    ),
    "torch": Edit(
        "                value, model = own_step(model, live.optimizer, batch)",
        "                at = {n: t.detach().clone() for n, t in model.items()}\n"
        "                value, after = own_step(model, live.optimizer, batch)\n"
        "                model = at if len(losses) % 2 else after",
        "modes",
    ),
}


@BOTH
def test_a_mode_that_skips_every_second_update_does_not_hold(timed, ready, framework):
    """Each step by itself is right: only the losses of the run tell."""
    found = timed(ready.task(framework, MODE[framework], SKIPS[framework]))
    row = ready.row(found)
    assert not holds(row)
    # The second update is left out, which the third loss is the first to see.
    assert explained(row).startswith("trajectory loss at step ")
    assert row.step is not None
    assert row.step >= 2


GROWS = Edit(
    "                value, model = step(model, optimizer, batch)",
    "                times = [*take.__dict__.setdefault('times', []), 0]\n"
    "                take.__dict__['times'] = times\n"
    "                batch = {\n"
    "                    name: jnp.concatenate([value] * len(times))\n"
    "                    for name, value in batch.items()\n"
    "                }\n"
    "                value, model = step(model, optimizer, batch)",
    "modes",
)


def test_a_batch_that_changes_its_shape_is_refused(timed):
    with pytest.raises(Failed, match="Recompiled: programs are compiled at every step"):
        timed(task(EXAMPLE, "jax", "jit", edit=GROWS))


NO_WAIT = Edit("    jax.block_until_ready(values)", "    del values", "gauges")


@pytest.mark.parametrize(("edit", "due"), [(None, True), (NO_WAIT, False)])
def test_a_wait_that_does_not_wait_leaves_something_over(timed, edit, due):
    """How much time grows with the steps is only known where the wait is one."""
    asked = task("two_layer_adam", "jax", "scan", edit=edit)
    sampled = timed(asked).sampled
    done = {asked.cell: {0: sampled}}
    assert claims._waits(asked.cell, done).holds is due
    if due:
        assert claims._grows(asked.cell, done).holds
    assert sampled.steps_a_call == WINDOW


# ------------------------------------------------------------------ PyTorch's compiler


def test_seconds_of_pytorchs_compiler(timed):
    """The loss with its derivatives, and alone; nothing more while it is timed."""
    found = timed(task("two_layer_adam", "torch", "compile")).sampled
    assert found.counts == {"programs": 2, "graph breaks": 0}
    compiler = [found.phases[name] for name in ("trace", "lower", "compile")]
    assert min(compiler) > 0
    assert sum(compiler) <= found.phases["first call"]
