"""Traces of a training example → rows."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from compare import noise
from compare.check import (
    Sides,
    exact,
    repeatable,
    same_run,
)
from compare.check_alive import check_alive
from compare.check_oracle import check_oracle
from compare.check_steps import check_steps
from compare.measure import cast, digest
from compare.measure_maps import checkpoints, probes
from compare.result import Row
from compare.spec import Prepared, Training
from compare.task import State, Task, drawn
from compare.trace import Key, same_bits


def check_training(
    spec: Training, sides: Sides, states: Mapping[int, State], task: Task
) -> tuple[list[Row], dict[str, Any]]:
    """All rows of a training, and facts of the run such as the horizon.

    `task` is any task of the run: it tells seed and effort.
    """
    same_run(sides, task)
    prepared = drawn(spec, task)
    rows = [*repeatable(sides, task), *_data(spec, sides, states, prepared, task)]
    rows += _start(sides, prepared)
    rows += _defaults(spec, sides)
    both = {side for side, precision in sides if precision == "float64"}
    facts: dict[str, Any] = {}
    if both == {"jax", "torch"}:
        due = [*task.effort.checkpoints_of(spec), *probes(spec, prepared, task)]
        steps, facts["horizon"] = check_steps(spec, sides, due)
        rows += steps
        facts |= _metrics(sides)
    rows += check_oracle(spec, sides, prepared, task, horizon=facts.get("horizon"))
    rows += check_alive(spec, sides)
    return rows, facts


def _data(
    spec: Training,
    sides: Sides,
    states: Mapping[int, State],
    prepared: Prepared,
    task: Task,
) -> Iterator[Row]:
    """Did each twin receive what the spec drew?"""
    points = checkpoints(spec, prepared, replace(task, states=dict(states)))
    for (side, precision), trace in sides.items():
        steps = task.effort.steps_of(spec)
        if precision == "float64":
            steps = task.effort.float64_steps_of(spec)
        batches = prepared.batches
        run = batches.shared | {n: v[:steps] for n, v in batches.stacked.items()}
        due = {f"run {name}": value for name, value in run.items()}
        for step, (_, batch) in points.items():
            due |= {f"step {step} {name}": value for name, value in batch.items()}
        got = trace.facts.get("received", {})
        due = {n: digest(v) for n, v in cast(due, trace.precision).items()}
        bad = [name for name in due if got.get(name) != due[name]]
        yield exact(
            "data",
            f"received by {side}",
            ok=not bad,
            precision=precision,
            why=f"{side} received other numbers than the spec drew: {_few(bad)}"
            if bad
            else "",
        )


def _few(names: Sequence[str]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more


def _start(sides: Sides, prepared: Prepared) -> Iterator[Row]:
    """Are the loaded parameters, dumped again, the spec's bits?"""
    for (side, precision), trace in sides.items():
        due = cast(prepared.parameters, trace.precision)
        held = {key.leaf for key in trace.arrays if key.phase == "parameters"}
        hashes = trace.facts.get("start", {})
        for leaf in sorted(due.keys() | held):
            got = trace.arrays.get(Key("parameters", "start", leaf))
            place = trace.places.get(Key("parameters", "start", leaf))
            want = due.get(leaf)
            # Saved traces are thinned, so the whole leaf is known by its hash alone.
            whole = want is not None and hashes.get(leaf) == digest(want)
            if want is not None and place is not None:
                want = want.ravel()[place]
            if got is None or want is None or got.shape != want.shape:
                ok, why = False, f"{side} and the spec do not both have this leaf"
            else:
                ok = whole and same_bits(got, want)
                apart = noise.largest_distance(got, want)
                why = "" if ok else f"{side} holds numbers up to {apart:.3g} away"
            yield exact(
                "parameters",
                f"start of {side}",
                ok=ok,
                leaf=leaf,
                precision=precision,
                why=why,
            )


def _defaults(spec: Training, sides: Sides) -> Iterator[Row]:
    """Are the twins' sizes and constants the spec's?"""
    for (side, precision), trace in sides.items():
        if precision != "float64":
            continue
        got = trace.facts["defaults"]
        found = {
            "sizes": got["build"],
            "hyperparameters": got["build_optimizer"] | got["train_step"],
        }
        for kind, own in found.items():
            due = dict(getattr(spec, kind))
            for name in sorted(due.keys() | own.keys()):
                mine, theirs = own.get(name), due.get(name)
                same = mine == theirs
                why = f"twin ({side}) has {mine!r}, spec has {theirs!r}"
                error = None
                if isinstance(mine, (int, float)) and isinstance(theirs, (int, float)):
                    error = float(abs(mine - theirs))
                yield exact(
                    "parameters",
                    f"{kind} of {side}",
                    ok=same,
                    leaf=name,
                    why="" if same else why,
                    error=error,
                )


def _metrics(sides: Sides) -> dict[str, Any]:
    found = {
        side: sides[side, "float32"].facts["metric"]
        for side in ("jax", "torch")
        if (side, "float32") in sides
    }
    return {"metric": found}
