"""Training one twin alone: one run, or one for every value of a constant."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from compare import worker
from compare.fault import Side
from compare.measure import cast
from compare.plant import modules
from compare.spec import Arrays, Training, prepare

PIECES = 50
"""A run is done in so many pieces, to tell how far it is."""


@dataclass(frozen=True)
class Plan:
    """One twin, and how it is trained; `constants` has a value for every run."""

    example: str
    framework: Side
    spec: Training
    seed: int
    steps: int
    constants: Mapping[str, Sequence[float]]

    @property
    def runs(self) -> int:
        """How many runs there are."""
        return max([1, *map(len, self.constants.values())])

    @property
    def labels(self) -> list[str]:
        """What each run is called: the constants that are its own."""
        return labels(self.constants, runs=self.runs)


@dataclass(frozen=True)
class Trained:
    """One run: its losses before every step, and what came out of it."""

    losses: np.ndarray
    parameters: Arrays
    predictions: Arrays
    metric: float

    @property
    def norm(self) -> float:
        """The Euclidean norm of all parameters together."""
        return float(np.sqrt(sum(np.sum(v**2) for v in self.parameters.values())))


def labels(constants: Mapping[str, Sequence[float]], *, runs: int) -> list[str]:
    """What each of so many runs is called: the constants that are its own."""
    return [
        ", ".join(f"{name} {values[run]:g}" for name, values in constants.items())
        for run in range(runs)
    ]


def train(
    plan: Plan, *, done: Callable[[int], None] = lambda step: None
) -> list[Trained]:
    """Every run of the plan, in float32 on the CPU, in this process.

    `done` is told the number of steps so far. Raises ImportError without the framework.
    """
    os.environ |= worker.environment("float32", "cpu")
    runtime, twin = modules(plan.framework, plan.example)
    runtime.start(precision="float32", device="cpu")
    spec, prepared = plan.spec, prepare(plan.spec, plan.seed)
    subject = runtime.prepare(twin, device="cpu", accumulates=spec.accumulates)

    def fed(arrays: Arrays) -> dict[str, Any]:
        return runtime.feed(subject, cast(arrays, "float32"))

    start = {f"parameters/{leaf}": v for leaf, v in prepared.parameters.items()}
    states = [cast(start, "float32")] * plan.runs
    losses = [np.zeros((plan.runs, 0), np.float32)]
    shared = fed(prepared.batches.shared)
    for begin, end in _pieces(plan.steps):
        stacked = prepared.batches.stacked
        rows = {name: value[begin:end] for name, value in stacked.items()}
        some, states = runtime.many_runs(
            subject,
            states,
            shared,
            fed(rows),
            steps=end - begin,
            constants=plan.constants,
        )
        losses.append(some)
        done(end)

    def finished(own: np.ndarray, state: Arrays) -> Trained:
        live = runtime.load(subject, state)
        predictions = {
            label: runtime.predict(subject, live, fed(inputs))
            for label, inputs in spec.prediction_inputs(prepared.data).items()
        }
        prefix = "parameters/"
        parameters = {
            name.removeprefix(prefix): value
            for name, value in state.items()
            if name.startswith(prefix)
        }
        metric = float(spec.metric(predictions, prepared.data))
        return Trained(own, parameters, predictions, metric)

    return [
        finished(own, state)
        for own, state in zip(np.concatenate(losses, axis=1), states, strict=True)
    ]


def true_predictions(plan: Plan) -> Arrays | None:
    """What the twin predicts with the parameters that the data were made with."""
    spec, prepared = plan.spec, prepare(plan.spec, plan.seed)
    if spec.truth is None:
        return None
    runtime, twin = modules(plan.framework, plan.example)
    subject = runtime.prepare(twin, device="cpu", accumulates=False)
    truth = {f"parameters/{leaf}": v for leaf, v in spec.truth(prepared.data).items()}
    live = runtime.load(subject, cast(truth, "float32"))
    return {
        label: runtime.predict(
            subject, live, runtime.feed(subject, cast(inputs, "float32"))
        )
        for label, inputs in spec.prediction_inputs(prepared.data).items()
    }


def _pieces(steps: int) -> list[tuple[int, int]]:
    """Pieces of one length, for each length is compiled anew; the last may be less."""
    length = max(1, -(-steps // PIECES))
    return [(at, min(at + length, steps)) for at in range(0, steps, length)]
