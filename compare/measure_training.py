"""Measuring a training twin: whole runs from the start."""

import inspect
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any

from compare.measure import Collector, Values, cast, digest, moved
from compare.plant import modules
from compare.registry import load
from compare.spec import Arrays, Batches, Prepared, Sibling, Training, prepare
from compare.task import State, Task, drawn
from compare.trace import Key, Trace

SMALL = 1_000
"""Leaves of at most so many elements are kept at every step."""


def trajectory(
    task: Task, runtime: Any, twin: ModuleType, spec: Training
) -> tuple[Trace, dict[int, State]]:
    """Train from the start; the states at the checkpoints come from the float32 run."""
    prepared = drawn(spec, task)
    subject = runtime.prepare(twin, device=task.device, accumulates=spec.accumulates)
    out = Collector(task)
    run = _Run(task, runtime, subject, spec)
    values, states, received = run.train(prepared.parameters, prepared.batches)
    start = _starting(runtime, subject, prepared, task)
    out.put(start)
    out.fact("start", {key.leaf: digest(value) for key, value in start.items()})
    out.put({key: value for key, value in values.items() if key.step is not None})
    out.put({k: v for k, v in values.items() if k.step is None}, rows=True)
    out.fact("received", received)
    out.fact("defaults", defaults(twin))
    for copy in range(task.effort.copies if task.precision == "float64" else 0):
        parameters = moved(prepared.parameters, task, copy)
        batches = Batches(
            moved(prepared.batches.shared, task, copy, discrete=spec.discrete),
            moved(prepared.batches.stacked, task, copy, discrete=spec.discrete),
        )
        out.compare(run.train(parameters, batches)[0], values)
    for sibling in spec.siblings if task.precision == "float64" else ():
        out.put(_sibling(sibling, task, runtime, spec, prepared), rows=True)
    if task.precision == "float32":
        final = runtime.load(subject, states[task.effort.steps_of(spec)])
        inputs = spec.prediction_inputs(prepared.data)
        predictions = {
            label: runtime.predict(
                subject, final, runtime.feed(subject, cast(given, "float32"))
            )
            for label, given in inputs.items()
        }
        score = float(spec.metric(predictions, prepared.data))
        out.fact("metric", {spec.metric_name: score})
    return out.finish(), states


def _sibling(
    sibling: Sibling, task: Task, runtime: Any, spec: Training, own: Prepared
) -> Values:
    """The run of another example's twin from the same start, on its own batches."""
    other = load(sibling.example)
    if not isinstance(other, Training):
        raise TypeError(f"sibling: expected a training, got {sibling.example}")
    _, twin = modules(task.framework, sibling.example)
    subject = runtime.prepare(twin, device=task.device, accumulates=other.accumulates)
    start = sibling.parameters(own.parameters)
    steps = task.effort.float64_steps_of(spec)
    effort = replace(task.effort, steps=steps, float64_steps=steps, checkpoints=1)
    run = _Run(replace(task, effort=effort), runtime, subject, other)
    values, _, _ = run.train(start, prepare(other, task.seed).batches)
    return {
        Key("sibling", sibling.example, "/".join(filter(None, key[1:3]))): value
        for key, value in values.items()
        if key.phase == "trajectory" and key.step is None
    }


@dataclass(frozen=True)
class _Run:
    task: Task
    runtime: Any
    subject: Any
    spec: Training

    def train(
        self, parameters: Arrays, batches: Batches
    ) -> tuple[Values, dict[int, State], dict[str, str]]:
        task, runtime, subject, spec = self.task, self.runtime, self.subject, self.spec
        in64, steps = task.effort.float64_steps_of(spec), task.effort.steps_of(spec)
        if task.precision == "float64":
            steps = in64
        start = {f"parameters/{leaf}": v for leaf, v in parameters.items()}
        rows = {name: value[:steps] for name, value in batches.stacked.items()}
        shared = runtime.feed(subject, cast(batches.shared, task.precision))
        stacked = runtime.feed(subject, cast(rows, task.precision))
        stops = {s for s in task.effort.checkpoints_of(spec) if s <= steps} | {steps}
        losses, recorded, states = runtime.many_steps(
            subject,
            runtime.load(subject, cast(start, task.precision)),
            shared,
            stacked,
            steps=steps,
            stops=tuple(sorted(stops)),
            record=tuple(leaf for leaf, v in parameters.items() if v.size <= SMALL),
            record_steps=in64,
        )
        values = {Key("trajectory", "loss"): losses[:in64]}
        if steps > in64:
            values[Key("trajectory", "whole run")] = losses
        for leaf, value in recorded.items():
            values[Key("trajectory", "parameters", leaf)] = value
        for stop, state in states.items():
            for leaf, value in parameters.items():
                if value.size > SMALL and 0 < stop <= in64:
                    key = Key("trajectory", "parameters", leaf, stop - 1)
                    values[key] = state[f"parameters/{leaf}"]
        received = {
            f"run {name}": digest(runtime.to_numpy(value))
            for name, value in {**shared, **stacked}.items()
        }
        return values, states, received


def _starting(runtime: Any, subject: Any, prepared: Prepared, task: Task) -> Values:
    start = {f"parameters/{leaf}": v for leaf, v in prepared.parameters.items()}
    state, _ = runtime.dump(subject, runtime.load(subject, cast(start, task.precision)))
    return {
        Key("parameters", "start", leaf): state[f"parameters/{leaf}"]
        for leaf in prepared.parameters
    }


def defaults(twin: ModuleType) -> dict[str, dict[str, Any]]:
    """Keyword-only defaults of the twin's functions: its sizes and constants."""
    found = {}
    for name in ("build", "build_optimizer", "train_step"):
        parameters = inspect.signature(getattr(twin, name)).parameters.values()
        found[name] = {
            p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY
        }
    return found


def constants(twin: ModuleType) -> dict[str, float]:
    """The optimizer's floating-point constants."""
    given = defaults(twin)
    both = given["build_optimizer"] | given["train_step"]
    return {name: value for name, value in both.items() if isinstance(value, float)}
