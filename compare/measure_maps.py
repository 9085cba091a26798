"""Measuring a training twin: one-step maps at checkpoints and probes, predictions."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from compare.measure import Collector, Values, cast, digest, moved
from compare.measure_training import constants
from compare.noise import largest
from compare.spec import Arrays, Prepared, Probe, Training, Variant, stream
from compare.task import State, Task, drawn
from compare.trace import Key, Step, Trace

_CONSTANT = 2.0**-24


def maps(task: Task, runtime: Any, twin: ModuleType, spec: Training) -> Trace:
    """One-step maps at the checkpoint states and probes; predictions at the last."""
    prepared = drawn(spec, task)
    subject = runtime.prepare(twin, device=task.device, accumulates=spec.accumulates)
    out = Collector(task)
    own = constants(twin)
    points = checkpoints(spec, prepared, task)
    for number, (step, (state, batch)) in enumerate(points.items()):
        state, batch = cast(state, task.precision), cast(batch, task.precision)
        at = _Point(task, runtime, subject, spec, step, state, batch)
        at.one_step_map(out, own)
        if task.precision == "float64":
            at.variants(out)
            if number == 0:
                fed = runtime.feed(subject, batch)
                out.fact("low", runtime.low_precision(subject, state, fed))
    _predictions(task, runtime, subject, spec, prepared, out)
    return out.finish()


def checkpoints(
    spec: Training, prepared: Prepared, task: Task
) -> dict[int | str, tuple[State, Arrays]]:
    """State and batch of every one-step map, exact in both precisions."""
    steps = task.effort.steps_of(spec)
    points: dict[int | str, tuple[State, Arrays]] = {
        step: (state, cast(prepared.batches.at(step), "float32"))
        for step, state in task.states.items()
        if step < steps
    }
    for name, probe in probes(spec, prepared, task).items():
        state = {f"parameters/{leaf}": v for leaf, v in probe.parameters.items()}
        points[name] = cast(state, "float32"), cast(probe.batch, "float32")
    return points


def probes(spec: Training, prepared: Prepared, task: Task) -> dict[str, Probe]:
    """The spec's probes by name."""
    if spec.probes is None:
        return {}
    found = spec.probes(stream(task.seed, "probes"), prepared)
    return {probe.name: probe for probe in found}


@dataclass(frozen=True)
class _Point:
    """One state and batch to take a step from."""

    task: Task
    runtime: Any
    subject: Any
    spec: Training
    step: int | str
    state: State
    batch: Arrays

    def one_step_map(self, out: Collector, own: Mapping[str, float]) -> None:
        """Outputs, loss, gradients, and what the twin's own step makes of the state."""
        fed = self.runtime.feed(self.subject, self.batch)
        result = self.runtime.one_step(self.subject, self.state, fed)
        values = self.flat(self.state, result)
        out.put(values)
        again = self.runtime.one_step(self.subject, self.state, fed)
        out.repeat(self.flat(self.state, again))
        out.fact(
            "received",
            {
                f"step {self.step} {name}": digest(self.runtime.to_numpy(value))
                for name, value in fed.items()
            },
        )
        out.fact("unused", {str(self.step): result["unused"]})
        for key in values:
            if key.phase == "update":
                size = largest(self.state[f"parameters/{key.leaf}"])
                out.trace.scale[key] = float(size)
        if self.task.precision == "float32":
            # Constants are moved too, so both runs take them as given numbers.
            exact = self.runtime.one_step(self.subject, self.state, fed, constants=own)
            values = self.flat(self.state, exact)
        for copy, state, batch in self._moved():
            rng = stream(self.task.seed, f"constants {copy}")
            changed = {
                n: v * (1 + rng.choice((-1, 1)) * _CONSTANT) for n, v in own.items()
            }
            result = self.runtime.one_step(
                self.subject,
                state,
                self.runtime.feed(self.subject, batch),
                constants=changed if self.task.precision == "float32" else None,
            )
            out.compare(self.flat(state, result), values)

    def variants(self, out: Collector) -> None:
        """Steps that differ by design; JAX's side says what PyTorch must give."""
        for variant in self.spec.variants:
            base, own = self._variant(variant, self.state, self.batch)
            out.put(base | own)
            out.repeat(self._variant(variant, self.state, self.batch)[1])
            for _, state, batch in self._moved():
                out.compare(self._variant(variant, state, batch)[0], base)

    def _variant(
        self, variant: Variant, state: State, batch: Arrays
    ) -> tuple[Values, Values]:
        fed = self.runtime.feed(self.subject, batch)
        name, step = variant.function, self.step
        result = self.runtime.one_step(self.subject, state, fed, function=name)
        own = due = result["after"]
        if self.task.framework == "jax":
            due = variant.relation(state, batch, own)
        return (
            {Key("update", name, leaf, step): value for leaf, value in due.items()},
            {Key("own", name, leaf, step): value for leaf, value in own.items()},
        )

    def _moved(self) -> Iterator[tuple[int, State, Arrays]]:
        """Perturbed states and batches."""
        for copy in range(self.task.effort.copies):
            state = moved(self.state, self.task, copy)
            batch = moved(self.batch, self.task, copy, discrete=self.spec.discrete)
            yield copy, state, batch

    def flat(self, before: State, result: Mapping[str, Any]) -> Values:
        """The result of a step by key."""
        step = self.step
        values = {
            Key("outputs", "predict", "", step): result["outputs"],
            Key("loss", "loss", "", step): result["loss"],
            Key("loss", "train_step", "", step): result["returned"],
        }
        for leaf, value in result["gradients"].items():
            values[Key("gradients", "gradient", leaf, step)] = value
        return values | after_step(before, result["after"], step)


def after_step(before: State, after: State, step: Step) -> Values:
    """What a step has made of a state, by key: updates and the optimizer's state."""
    values: Values = {}
    for name, value in after.items():
        kind, _, leaf = name.partition("/")
        if kind == "parameters":
            values[Key("update", "update", leaf, step)] = value - before[name]
        elif kind == "optimizer":
            slot, _, leaf = leaf.partition("/")
            values[Key("state", slot, leaf, step)] = value
        else:
            values[Key("state", kind, leaf, step)] = value
    return values


def _predictions(
    task: Task,
    runtime: Any,
    subject: Any,
    spec: Training,
    prepared: Prepared,
    out: Collector,
) -> None:
    final = cast(task.states[task.effort.steps_of(spec)], task.precision)

    def values(
        state: State, change: Callable[[Arrays], Arrays] = lambda arrays: arrays
    ) -> Values:
        live = runtime.load(subject, state)
        return {
            Key("predictions", "predict", label): runtime.predict(
                subject,
                live,
                runtime.feed(
                    subject,
                    change(cast(cast(given, "float32"), task.precision)),
                ),
            )
            for label, given in spec.prediction_inputs(prepared.data).items()
        }

    base = values(final)
    out.put(base)
    out.repeat(values(final))
    for copy in range(task.effort.copies):
        out.compare(
            values(
                moved(final, task, copy),
                lambda arrays, copy=copy: moved(
                    arrays, task, copy, discrete=spec.discrete
                ),
            ),
            base,
        )
