"""The worker's side of timing: one cell, from its first call to its last sample."""

import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from math import ceil
from time import perf_counter
from types import ModuleType
from typing import Any

import numpy as np

from compare.measure import Values, cast, peak_memory
from compare.measure_maps import after_step
from compare.sampling import (
    LEAST,
    NEVER,
    SAMPLES,
    Recompiled,
    Walk,
    no_collection,
    repeated,
    sampled,
    warm_up,
)
from compare.spec import Arrays, Training
from compare.timing import WINDOW, Proved, Sampled, TimingTask
from compare.trace import Key, Trace

PROOF = 50
"""Steps from the start whose losses are proved, in modes that take them one by one."""
FEW = 10
"""Samples of what is not the headline."""
SIZE = 1024
"""Rows of the two matrices whose product says what the machine can do."""


@dataclass(frozen=True)
class _Bench:
    """One cell on the bench: its objects, its batches, and what reads them."""

    task: TimingTask
    spec: Training
    parts: Mapping[str, ModuleType]
    subject: Any
    program: Any
    ledger: Any

    @property
    def whole(self) -> bool:
        """Whether all steps are one program."""
        return self.program.knobs["compiled"] == "run"

    @property
    def steps(self) -> int:
        """Steps of the window."""
        return min(self.spec.steps, WINDOW)

    def place(self, steps: int) -> Any:
        """The first batches of the run, on the device, as the mode wants them."""
        batches = self.task.prepared.batches
        rows = {name: value[:steps] for name, value in batches.stacked.items()}
        return self.program.place(
            cast(batches.shared, "float32"), cast(rows, "float32"), steps
        )

    def one(self, batch: Arrays) -> Any:
        """One batch, as the mode wants it."""
        rows = {name: batch[name][None] for name in self.task.prepared.batches.stacked}
        shared = {name: value for name, value in batch.items() if name not in rows}
        return self.program.place(shared, rows, 1)

    def start(self) -> Any:
        """The state that the run starts from, on the device."""
        state = cast(self.task.states[0], "float32")
        return self.parts["runtime"].load(self.subject, state)

    def walk(self, steps: int) -> Walk:
        """The first steps of the run, again and again."""
        return Walk(
            self.parts["gauges"],
            self.program,
            self.start(),
            self.place(steps),
            steps,
            self.whole,
        )


def measure_time(
    task: TimingTask, spec: Training, parts: Mapping[str, ModuleType], ledger: Any
) -> Proved:
    """Time one cell, and trace what it computes; raises `Recompiled`."""
    gauges, runtime = parts["gauges"], parts["runtime"]
    gauges.set_conditions(task.products)
    subject = runtime.prepare(
        parts["twin"], device=task.device, accumulates=spec.accumulates
    )
    moving = _moving(task, runtime, subject, gauges)
    state = cast(task.states[0], "float32")
    program = parts["modes"].open_program(subject, task.cell.mode, state)
    bench = _Bench(task, spec, parts, subject, program, ledger)
    walk = bench.walk(bench.steps)
    phases = _first_calls(bench, walk)
    settled = warm_up(walk, ledger)
    proof = _proof(bench)
    samples = _samples(bench, walk)
    held = {"process": peak_memory(), "device": gauges.memory()}
    counted = _counted(bench) if task.count else {}
    told = Sampled(
        samples,
        {"host to device": moving, **phases},
        ledger.counts(),
        gauges.conditions() | {"data": "on the device before"},
        program.knobs,
        {
            **held,
            "compiler": program.estimate(walk.batches) if task.count else None,
        },
        operations=counted,
        cores=walk.spent[1] / walk.spent[0],
        settled=settled,
        steps_a_call=bench.steps if bench.whole else 1,
    )
    return Proved(told, proof)


def _moving(task: TimingTask, runtime: Any, subject: Any, gauges: Any) -> float:
    """Seconds that all of the run's batches take to the device."""
    batches = task.prepared.batches
    given = cast(batches.shared, "float32") | cast(batches.stacked, "float32")
    began = perf_counter()
    gauges.synchronize(list(runtime.feed(subject, given).values()))
    return perf_counter() - began


def _first_calls(bench: _Bench, walk: Walk) -> dict[str, float]:
    """Seconds of the first and of the second call, and of the compiler in them."""
    before = bench.ledger.seconds()
    steps = bench.steps if bench.whole else 1
    calls = {
        name: walk.seconds(steps) * steps for name in ("first call", "second call")
    }
    after = bench.ledger.seconds()
    return calls | {name: after[name] - before[name] for name in after}


def _proof(bench: _Bench) -> Trace:
    """One-step maps at the checkpoints and the first losses, as a check has them."""
    task, parts, program = bench.task, bench.parts, bench.program
    runtime, modes = parts["runtime"], parts["modes"]
    values: Values = {}
    for step, state in task.states.items():
        before = cast(state, "float32")
        program.restart(runtime.load(bench.subject, before))
        batch = cast(task.prepared.batches.at(step), "float32")
        losses = program.take(bench.one(batch))
        values[Key("loss", "train_step", "", step)] = _numbers(losses)[0, ...]
        after = modes.state_of(bench.subject, program)
        values |= after_step(before, after, step)
    steps = bench.steps if bench.whole else min(PROOF, bench.steps)
    program.restart(bench.start())
    values[Key("trajectory", "loss")] = _numbers(program.take(bench.place(steps)))
    cell = task.cell
    trace = Trace(cell.example, cell.framework, "float32", task.seed, "")
    trace.arrays.update(values)
    return trace


def _numbers(losses: Any) -> np.ndarray:
    """Losses of either framework, or numbers already."""
    return np.array([float(value) for value in losses], np.float32)


def _samples(bench: _Bench, walk: Walk) -> dict[str, list[float]]:
    """Seconds of everything that a mode is asked; raises `Recompiled`."""
    program, gauges = bench.program, bench.parts["gauges"]
    calls = {"product": gauges.product(SIZE)}
    if program.forward is not None:
        (batch,) = bench.one(cast(bench.task.prepared.batches.at(0), "float32"))
        calls["forward"] = partial(program.forward, batch)
        calls["forward + backward"] = partial(program.backward, batch)
    half = bench.walk(bench.steps // 2) if bench.whole else walk
    for call in calls.values():
        gauges.synchronize(call())
        gauges.synchronize(call())
    half.seconds(1)
    walk.left_over(2)
    before = bench.ledger.counts()
    with no_collection():
        walk.begin()
        at_once = bench.steps if bench.whole else 1
        found = {"step": sampled(walk.seconds, at_once=at_once)}
        if not bench.whole:
            waiting = partial(walk.seconds, waits=True)
            found["latency"] = sampled(waiting, most=FEW)
        for name, call in calls.items():
            found[name] = sampled(repeated(gauges, call, program.guard), most=FEW)
        found |= _growth(bench, walk, half, statistics.median(found["step"]))
    if bench.ledger.counts() != before:
        raise Recompiled(NEVER)
    return {name: [float(f"{v:.5g}") for v in values] for name, values in found.items()}


def _growth(
    bench: _Bench, walk: Walk, half: Walk, step: float
) -> dict[str, list[float]]:
    """Seconds of so many steps and of half as many, and what the wait has left over."""
    steps = bench.steps if bench.whole else max(2, 2 * ceil(LEAST / step / 2))
    steps = min(steps, bench.steps)
    times = max(1, ceil(LEAST / step / steps))
    walk.begin()
    found: dict[str, list[float]] = {"half": [], "whole": [], "left over": []}
    for _ in range(SAMPLES[0]):
        found["half"].append(half.seconds(steps // 2) * (steps // 2))
        found["whole"].append(walk.seconds(steps) * steps)
        found["left over"].append(walk.left_over(steps, times=times))
    return found


def _counted(bench: _Bench) -> dict[str, float | None]:
    """Operations of one step: as written, and as compiled."""
    runtime, state = bench.parts["runtime"], cast(bench.task.states[0], "float32")
    batch = cast(bench.task.prepared.batches.at(0), "float32")
    fed = runtime.feed(bench.subject, batch)
    return {
        "written": runtime.operations(bench.subject, state, fed),
        "compiled": runtime.compiled_operations(bench.subject, state, fed),
    }
