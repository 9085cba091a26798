"""Times that are known, with seeded noise, as if workers had measured them."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from compare.account import row_of
from compare.baseline import Change
from compare.fault import FRAMEWORKS, NAMES
from compare.result import Example, Row, Run
from compare.timing import Cell, Claim, Proved, Ratio, Sampled, Timing
from compare.trace import Key, Trace

EXAMPLE = "line_linear"
SAMPLES = 9
"""Of a step, in each worker."""
PHASES = {
    "import": 1.0,
    "device start": 0.1,
    "host to device": 0.01,
    "trace": 0.2,
    "lower": 0.3,
    "compile": 0.4,
    "first call": 0.95,
    "second call": 0.002,
}
PRODUCT = 2e-2
"""Seconds of a product of two large matrices."""


def cell(name: str, example: str = EXAMPLE, **fields: Any) -> Cell:
    """Of a name such as "JAX jit" or "PyTorch eager again", as it is shown."""
    framework, mode, *again = name.split()
    (side,) = (one for one in FRAMEWORKS if NAMES[one] == framework)
    return Cell(example, side, mode, control=bool(again), **fields)


def sampled(*step: float, **changes: Any) -> Sampled:
    """A worker whose steps took these seconds, and all else in proportion."""
    middle = float(np.median(step))
    given: dict[str, Any] = {
        "samples": {
            "step": [*step],
            "latency": [1.5 * middle],
            "forward": [0.25 * middle],
            "forward + backward": [0.75 * middle],
            "half": [10 * middle],
            "whole": [20 * middle],
            "left over": [0.001],
            "product": [PRODUCT],
        },
        "phases": PHASES,
        "counts": {"programs": 1, "graph breaks": 0},
        "conditions": {"dtype": "float32", "device": "cpu"},
        "idiom": {"compiled": "no"},
        "memory": {"process": 500_000_000, "device": None, "compiler": None},
        "cores": 1.0,
    }
    return Sampled(**given | changes)


def with_samples(worker: Sampled, **samples: list[float]) -> Sampled:
    """The same worker with other samples, the blank of a name written as `_`."""
    named = {name.replace("_", " "): found for name, found in samples.items()}
    return replace(worker, samples={**worker.samples, **named})


def done(
    seconds: Mapping[str, float],
    *,
    blocks: int = 5,
    seed: int = 0,
    machine: float = 0.0,
    process: float = 0.0,
    inside: float = 0.0,
    example: str = EXAMPLE,
    **changes: Any,
) -> dict[Cell, dict[int, Sampled]]:
    """Cells by name that take so many seconds a step, in every block.

    Three times noise, as standard deviations of log(seconds): of the machine, which all
    workers of a block have in common; of a process; of the samples inside of it.
    """
    rng = np.random.default_rng(seed)
    common = machine * rng.standard_normal(blocks)
    found: dict[Cell, dict[int, Sampled]] = {}
    for name, typical in seconds.items():
        own = common + process * rng.standard_normal(blocks)
        logs = own[:, None] + inside * rng.standard_normal((blocks, SAMPLES))
        found[cell(name, example)] = {
            block: sampled(*(typical * np.exp(each)).tolist(), **changes)
            for block, each in enumerate(logs)
        }
    return found


def row(**changes: Any) -> Row:
    """The worst row of a proof that holds."""
    given: dict[str, Any] = {
        "phase": "update",
        "quantity": "update",
        "leaf": "w",
        "step": 3,
        "precision": "float32",
        "error": 1e-7,
        "floor": 1e-7,
        "score": 1.0,
        "verdict": "rounding",
    }
    return Row(**given | changes)


def proved(at: Cell, worker: Sampled) -> Proved:
    """A worker's answer, with a proof for those who do not look at it."""
    arrays = {Key("trajectory", "loss"): np.ones(2, np.float32)}
    trace = Trace(at.example, at.framework, "float32", 0, "", arrays)
    return Proved(worker, trace)


def timing(name: str, *seconds: float, **fields: Any) -> Timing:
    """A row of `run.json`, with a worker for each of these seconds a step."""
    example = fields.pop("example", EXAMPLE)
    blocks = {block: sampled(each) for block, each in enumerate(seconds)}
    found = row_of(
        cell(name, example),
        blocks,
        proof=row(),
        products="float32",
        eager=None,
        operations=1e6,
    )
    return replace(found, **fields)


def lost(name: str, outcome: Any, why: str, **fields: Any) -> Timing:
    """A row of what was not timed."""
    at = cell(name, fields.pop("example", EXAMPLE))
    return Timing(
        at.example, at.framework, at.mode, outcome, why, control=at.control, **fields
    )


def ratio(subject: str, reference: str, value: float, **changes: Any) -> Ratio:
    """A row of `run.json` that is clear by its value, but for what is given."""
    given: dict[str, Any] = {
        "example": EXAMPLE,
        "low": value / 1.01,
        "high": value * 1.01,
        "blocks": 5,
        "verdict": "FASTER" if value < 1 else "SLOWER",
        "band": np.log(1.03).item(),
    }
    return Ratio(subject=subject, reference=reference, ratio=value, **given | changes)


def example(name: str = EXAMPLE, verdict: Any = "rounding") -> Example:
    """What a run says of an example that has passed, or has not."""
    return Example(name, "training", verdict, 0.0, [])


def run(*timings: Timing, claims: Any = (), changes: Any = (), **fields: Any) -> Run:
    """A run with these times, and claims and changes that came out so."""
    return Run(
        **{"seed": 0, "environment": {}, "examples": []} | fields,
        timings=[*timings],
        claims=[Claim(EXAMPLE, "says", holds, "why") for holds in claims],
        changes=[
            Change(EXAMPLE, "jax", "jit", None, "float32", None, None, None, verdict)
            for verdict in changes
        ],
    )
