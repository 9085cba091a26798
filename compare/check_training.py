"""Traces of a training example → rows."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from compare import noise
from compare.check import (
    Incomparable,
    Pair,
    Sides,
    exact,
    in_float32,
    judge,
    judge_float32,
    pair,
    same_run,
)
from compare.measure import cast, digest
from compare.measure_training import checkpoints
from compare.result import PHASES, Row
from compare.spec import Prepared, Training, prepare
from compare.task import State, Task
from compare.trace import Key

REQUIRED = ("outputs", "loss", "gradients", "update", "trajectory", "predictions")
"""Phases that every training must have rows in."""
_DEPENDS = {
    "outputs": ("outputs",),
    "predictions": ("outputs",),
    "loss": ("outputs", "loss"),
    "gradients": ("outputs", "loss", "gradients"),
}
"""Whose low-precision operations a phase depends on; others on everything."""


def check_training(
    spec: Training, sides: Sides, states: Mapping[int, State], task: Task
) -> tuple[list[Row], dict[str, Any]]:
    """All rows of a training, and facts of the run such as the horizon.

    `task` is any task of the run: it tells seed and effort.
    """
    same_run(sides)
    prepared = prepare(spec, task.seed)
    rows = [*_data(spec, sides, states, prepared, task)]
    rows += _start(sides, prepared)
    rows += _defaults(spec, sides)
    both = {side for side, precision in sides if precision == "float64"}
    facts: dict[str, Any] = {}
    if both == {"jax", "torch"}:
        low = _low(sides)
        rows += _maps(spec, sides, low)
        trajectory, horizon = _trajectory(sides, low)
        rows += [*trajectory, *_whole_run(sides), *_variants(spec, sides)]
        rows += _complete(rows)
        facts["horizon"] = horizon
        facts |= _metrics(sides)
    rows += _oracle(spec, sides, prepared, task, facts.get("horizon"))
    rows += _alive(spec, sides)
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
            why=f"{side} received other numbers than the spec drew: {', '.join(bad)}"
            if bad
            else "",
        )


def _start(sides: Sides, prepared: Prepared) -> Iterator[Row]:
    """Are the loaded parameters, dumped again, the spec's bits?"""
    for (side, precision), trace in sides.items():
        due = cast(prepared.parameters, trace.precision)
        held = {key.leaf for key in trace.arrays if key.phase == "parameters"}
        for leaf in sorted(due.keys() | held):
            got = trace.arrays.get(Key("parameters", "start", leaf))
            place = trace.places.get(Key("parameters", "start", leaf))
            want = due.get(leaf)
            if want is not None and place is not None:
                want = want.ravel()[place]
            if got is None or want is None or got.shape != want.shape:
                ok, why = False, f"{side} and the spec do not both have this leaf"
            else:
                ok = bool(np.array_equal(got, want))
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
                    error = abs(mine - theirs)
                yield exact(
                    "parameters",
                    f"{kind} of {side}",
                    ok=same,
                    leaf=name,
                    why="" if same else why,
                    error=error,
                )


def _low(sides: Sides) -> dict[str, list[str]]:
    """Low-precision operations in the float64 runs, by phase, with their side."""
    found: dict[str, list[str]] = {}
    for side in ("jax", "torch"):
        low = sides[side, "float64"].facts.get("low", {})
        for phase, ops in low.items():
            found.setdefault(phase, []).extend(f"{side}: {op}" for op in ops)
    return found


def _depends(phase: str, low: Mapping[str, list[str]]) -> list[str]:
    parts = _DEPENDS.get(phase, tuple(low))
    return sorted({op for part in parts for op in low.get(part, ())})


def _maps(spec: Training, sides: Sides, low: Mapping[str, list[str]]) -> Iterator[Row]:
    """One-step maps and predictions: float64 at the floor, float32 errors alike."""
    judged = set(PHASES) - {"parameters", "trajectory"}
    special = {variant.function for variant in spec.variants}
    for key in _keys(sides):
        if key.phase not in judged or key.quantity in special:
            continue
        try:
            whole = pair(sides, key)
        except KeyError as error:
            yield _missing(key, error)
            continue
        yield _judged(sides, whole, _depends(key.phase, low))
        if _has_float32(sides):
            narrow = judge_float32(sides, key)
            if narrow is not None:
                yield narrow


def _keys(sides: Sides) -> dict[Key, None]:
    """All keys of both float64 traces, in their order."""
    return {
        key: None for side in ("jax", "torch") for key in sides[side, "float64"].arrays
    }


def _has_float32(sides: Sides) -> bool:
    return all((side, "float32") in sides for side in ("jax", "torch"))


def _judged(sides: Sides, whole: Pair, ops: list[str]) -> Row:
    return in_float32(sides, whole, ops) if ops else judge(whole)


def _missing(key: Key, error: KeyError) -> Row:
    return exact(
        key.phase,
        key.quantity,
        ok=False,
        leaf=key.leaf,
        step=key.step,
        why=str(error.args[0]),
    )


def _trajectory(sides: Sides, low: Mapping[str, list[str]]) -> tuple[list[Row], int]:
    """Float64 runs step by step up to the horizon, and the horizon."""
    loss = pair(sides, Key("trajectory", "loss"))
    sizes = np.maximum(
        noise.largest(loss.left, rows=True), noise.largest(loss.right, rows=True)
    )
    past = np.flatnonzero(loss.floor > noise.RESOLVED * sizes)
    horizon = int(past[0]) if len(past) else len(loss.left)
    rows = []
    for key in _keys(sides):
        late = isinstance(key.step, int) and key.step >= horizon
        if key.phase != "trajectory" or key.quantity == "whole run" or late:
            continue
        try:
            whole = pair(sides, key).cut(horizon)
        except KeyError as error:
            rows.append(_missing(key, error))
            continue
        if whole.left.size:
            rows.append(_judged(sides, whole, _depends("trajectory", low)))
    return rows, horizon


def _complete(rows: Sequence[Row]) -> Iterator[Row]:
    """A phase without a float64 row has proved nothing."""
    there = {row.phase for row in rows if row.precision == "float64"}
    for phase in REQUIRED:
        if phase not in there:
            yield exact(phase, "rows", ok=False, why="nothing was compared")


def _whole_run(sides: Sides) -> Iterator[Row]:
    """The whole float32 run is only asked to stay finite."""
    for side in ("jax", "torch"):
        trace = sides.get((side, "float32"))
        if trace is None:
            continue
        losses = trace.arrays.get(Key("trajectory", "whole run"))
        if losses is None:
            losses = trace.arrays[Key("trajectory", "loss")]
        lost = np.flatnonzero(~np.isfinite(losses))
        first = int(lost[0]) if len(lost) else None
        yield exact(
            "trajectory",
            f"finite in {side}",
            ok=first is None,
            step=len(losses) - 1 if first is None else first,
            precision="float32",
            passing="rounding",
            why="" if first is None else f"{side}'s loss is {losses[first]}",
        )


def _variants(spec: Training, sides: Sides) -> Iterator[Row]:
    """Documented differences: the relation holds, and there still is a difference."""
    for variant in spec.variants:
        apart = False
        for key in _keys(sides):
            if key.quantity != variant.function:
                continue
            whole = pair(sides, key)
            if key.phase == "update":
                yield judge(whole, passing="differs", why=variant.reason)
            else:
                apart |= judge(whole).verdict == "semantic"
        if not apart:
            yield exact(
                "update",
                variant.function,
                ok=False,
                why="the documented difference is gone: " + variant.reason,
            )


def _oracle(
    spec: Training, sides: Sides, prepared: Prepared, task: Task, horizon: int | None
) -> Iterator[Row]:
    """Each framework's float64 run against NumPy's third opinion."""
    if spec.oracle is None:
        return
    third = spec.oracle(prepared, task.effort.float64_steps_of(spec))
    for (side, precision), trace in sides.items():
        if precision != "float64":
            continue
        for name, due in third.items():
            quantity, _, leaf = name.partition("/")
            key = Key("trajectory", quantity, leaf)
            if key not in trace.arrays:
                raise Incomparable(
                    f"{side} recorded no {quantity} {leaf} at every step"
                )
            narrow = sides.get((side, "float32"))
            floor = noise.float64_floor(
                (trace.arrays[key], due),
                (None if narrow is None else narrow.arrays.get(key), None),
                sensitivity=trace.sensitivity[key],
            )
            shown = Key("oracle", f"{quantity} of {side}", leaf)
            whole = Pair(
                shown,
                trace.arrays[key],
                due,
                floor,
                (side, "the oracle"),
                shape=due.shape,
            )
            yield judge(whole.cut(len(due) if horizon is None else horizon))


def _alive(spec: Training, sides: Sides) -> Iterator[Row]:
    """A run in which nothing happens proves nothing."""
    for (side, precision), trace in sides.items():
        if precision != "float64":
            continue
        losses = trace.arrays[Key("trajectory", "loss")]
        if len(losses) > 1 and np.ptp(losses) == 0:
            yield exact(
                "loss", f"moves in {side}", ok=False, why="the loss never moves"
            )
        for phase, what in (("gradients", "gradient"), ("update", "update")):
            by_leaf: dict[str, float] = {}
            for key, value in trace.arrays.items():
                if key.phase == phase and key.quantity == what:
                    size = float(noise.largest(value))
                    by_leaf[key.leaf] = max(size, by_leaf.get(key.leaf, 0.0))
            for leaf, size in by_leaf.items():
                if size == 0 and leaf not in spec.still:
                    yield exact(
                        phase,
                        f"{what} of {side}",
                        ok=False,
                        leaf=leaf,
                        why="is zero at every checkpoint: nothing is proved",
                    )


def _metrics(sides: Sides) -> dict[str, Any]:
    found = {
        side: sides[side, "float32"].facts["metric"]
        for side in ("jax", "torch")
        if (side, "float32") in sides
    }
    return {"metric": found}
