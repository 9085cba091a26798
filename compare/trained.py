"""What `twinnets train --out` keeps in the folder of a run, for its report."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from compare import folder, result, trace_file
from compare.spec import Arrays
from compare.trace import Key, Trace
from compare.train import Plan, Trained, labels

FOLDER = "trained"
LOSS = Key("trained", "loss")


class OtherSeed(ValueError):
    """A run of another seed, so that the pictures would be of other data."""


@dataclass(frozen=True)
class Kept:
    """Every run of one twin; the runs are the first axis of losses and predictions."""

    framework: str
    seed: int
    constants: dict[str, list[float]]
    losses: Float[np.ndarray, "runs steps"]
    predictions: Arrays
    metric_name: str
    metrics: list[float]

    @property
    def labels(self) -> list[str]:
        """What each run is called: the constants that are its own."""
        return labels(self.constants, runs=len(self.losses))


def place(at: Path, plan: Plan) -> None:
    """Whether the run's folder can keep it.

    Raises `NotARun`, `OtherSeed` and `NotWritable`.
    """
    seed = result.read(at / "run.json").seed
    if seed != plan.seed:
        raise OtherSeed(f"--seed: the run in {at} has seed {seed}, got {plan.seed}")
    folder.open_folder(at / FOLDER)


def save(at: Path, plan: Plan, found: Sequence[Trained]) -> Path:
    """Keep all runs of a plan in place of this twin's earlier ones; says where.

    Raises OSError, and `NotARun` where the run has gone meanwhile.
    """
    predictions = {
        Key("trained", "predict", label): np.stack(
            [o.predictions[label] for o in found]
        )
        for label in found[0].predictions
    }
    trace = Trace(
        plan.example,
        plan.framework,
        "float32",
        plan.seed,
        result.read(at / "run.json").run,
        arrays={LOSS: np.stack([one.losses for one in found]), **predictions},
        facts={
            "constants": {name: list(own) for name, own in plan.constants.items()},
            "metric name": plan.spec.metric_name,
            "metrics": [one.metric for one in found],
        },
    )
    path = _path(at, plan.example, plan.framework)
    trace_file.save(trace, path)
    return path


def load(at: Path, example: str, framework: str) -> Kept | None:
    """What was kept of a twin, if anything; raises OSError and ValueError."""
    path = _path(at, example, framework)
    if not path.with_name(path.name + ".json").exists():
        return None
    trace = trace_file.load(path)
    losses = trace.arrays.get(LOSS)
    if losses is None or losses.ndim != 2 or losses.dtype.kind != "f":
        raise ValueError(f"{path.name} has no losses of several runs")
    runs = len(losses)
    predictions = {
        key.leaf: value
        for key, value in trace.arrays.items()
        if key[:2] == ("trained", "predict")
    }
    if not runs or any(value.shape[:1] != (runs,) for value in predictions.values()):
        raise ValueError(f"{path.name} has not the predictions of {runs} runs")
    facts = trace.facts if isinstance(trace.facts, dict) else {}
    constants = facts.get("constants")
    if not isinstance(constants, dict):
        raise ValueError(f"{path.name} does not tell the constants of its runs")
    return Kept(
        framework,
        trace.seed,
        {name: _numbers(path, own, runs) for name, own in constants.items()},
        losses,
        predictions,
        str(facts.get("metric name")),
        _numbers(path, facts.get("metrics"), runs),
    )


def _numbers(path: Path, found: Any, runs: int) -> list[float]:
    """One number for each run."""
    right = isinstance(found, list) and len(found) == runs
    if not right or not all(isinstance(value, int | float) for value in found):
        raise ValueError(f"{path.name}: expected {runs} numbers, got {found!r}")
    return [float(value) for value in found]


def _path(at: Path, example: str, framework: str) -> Path:
    return at / FOLDER / f"{example}.{framework}"
