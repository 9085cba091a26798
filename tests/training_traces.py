"""A made-up training of four steps, and honest traces of it to spoil."""

from typing import Any

import numpy as np

from compare.check_training import check_training
from compare.initial import Given, Normal
from compare.measure import cast, digest
from compare.measure_maps import checkpoints
from compare.result import Row
from compare.spec import Batches, Training, prepare
from compare.task import Effort, Task
from compare.trace import Key, Trace

STEPS = 4
SEED = 11
TASK = Task(
    "trajectory",
    "made up",
    "jax",
    "float64",
    SEED,
    "run 1",
    effort=Effort(steps=STEPS, float64_steps=STEPS, checkpoints=2),
)
LOSS = Key("trajectory", "loss")
SHAPES = {"w": (2, 3), "b": (3,)}
SIDES = [(f, p) for f in ("jax", "torch") for p in ("float64", "float32")]
POINTS = (0, 3)
"""The checkpoints: log-spaced steps of four."""


def batches(rng, data) -> Batches:
    return Batches(data, {"depth": rng.integers(5, size=STEPS)})


def training(**changes) -> Training:
    given: dict[str, Any] = {
        "teaches": "nothing",
        "sizes": {"inputs": 2},
        "hyperparameters": {"learning_rate": 0.1, "momentum": 0.9},
        "parameters": {"w": Normal((2, 3)), "b": Given(np.array([0.0, -0.7, 2.0]))},
        "steps": STEPS,
        "data": lambda rng: {"x": rng.standard_normal((5, 2))},
        "batches": batches,
        "work": lambda batch: 0.0,
        "prediction_inputs": lambda data: {"": data},
        "metric_name": "none",
        "metric": lambda predictions, data: 0.0,
    }
    return Training(**given | changes)


def states() -> dict[int, dict[str, np.ndarray]]:
    """Checkpoint states, and the final one."""
    ones = {f"parameters/{leaf}": np.ones(s, "f4") for leaf, s in SHAPES.items()}
    return dict.fromkeys((*POINTS, STEPS), ones)


def _values() -> dict[Key, np.ndarray]:
    """What all sides found, the same numbers for all of them."""
    rng = np.random.default_rng(SEED)

    def drawn(*shape: int) -> np.ndarray:
        # Float32 numbers, so that each side's float32 is exact.
        return rng.uniform(1, 2, shape).astype(np.float32).astype(np.float64)

    found = {
        Key("parameters", "start", leaf): value
        for leaf, value in prepare(training(), SEED).parameters.items()
    }
    for step in POINTS:
        found[Key("outputs", "predict", "", step)] = drawn(5, 3)
        found[Key("loss", "loss", "", step)] = drawn()
        found[Key("loss", "train_step", "", step)] = drawn()
        for leaf, shape in SHAPES.items():
            found[Key("gradients", "gradient", leaf, step)] = drawn(*shape)
            found[Key("update", "update", leaf, step)] = drawn(*shape)
            found[Key("state", "momentum", leaf, step)] = drawn(*shape)
    found[LOSS] = drawn(STEPS)
    for leaf, shape in SHAPES.items():
        found[Key("trajectory", "parameters", leaf)] = drawn(STEPS, *shape)
    found[Key("predictions", "predict")] = drawn(5, 3)
    return found


def honest(spec: Training | None = None) -> dict[tuple[str, str], Trace]:
    """All four traces, which agree with each other and with the spec."""
    spec = spec or training()
    return {side: _honest(spec, *side) for side in SIDES}


def _honest(spec: Training, framework, precision) -> Trace:
    prepared = prepare(spec, SEED)
    run = prepared.batches.shared | prepared.batches.stacked
    due = {f"run {name}": value for name, value in run.items()}
    task = Task(
        "maps", "", "jax", "float64", SEED, "", "cpu", TASK.effort, None, states()
    )
    for step, (_, batch) in checkpoints(spec, prepared, task).items():
        due |= {f"step {step} {name}": value for name, value in batch.items()}
    made = Trace("made up", framework, precision, SEED, "run 1")
    for key, value in _values().items():
        made.arrays[key] = np.asarray(value, precision)
        rows = key.phase == "trajectory"
        made.sensitivity[key] = np.zeros(STEPS if rows else ())
    made.facts.update(
        start={
            key.leaf: digest(value)
            for key, value in made.arrays.items()
            if key.phase == "parameters"
        },
        received={n: digest(v) for n, v in cast(due, precision).items()},
        defaults={
            "build": {"inputs": 2},
            "build_optimizer": {"learning_rate": 0.1, "momentum": 0.9},
            "train_step": {},
        },
        low={},
        metric={"none": 0.0},
    )
    return made


def check(traces, spec: Training | None = None) -> list[Row]:
    """The rows of a check."""
    return check_training(spec or training(), traces, states(), TASK)[0]


def failing(rows) -> list[Row]:
    """Its rows that fail."""
    return [row for row in rows if row.verdict in ("semantic", "crashed")]


def of(rows, phase, quantity, leaf="", step=None, precision="float64") -> Row:
    """The only row of one quantity."""
    wanted = (phase, quantity, leaf, precision)
    (found,) = (
        row
        for row in rows
        if (row.phase, row.quantity, row.leaf, row.precision) == wanted
        and step in (None, row.step)
    )
    return found


def with_horizon(step: int) -> dict[tuple[str, str], Trace]:
    """Traces whose copies have drifted apart by 1 % of the loss from a step on."""
    traces = honest()
    sensitivity = np.where(np.arange(STEPS) >= step, 1e-2, 0.0)
    traces["jax", "float64"].sensitivity[LOSS] = (
        sensitivity * traces["jax", "float64"].arrays[LOSS]
    )
    return traces
