"""Traces of a training: its one-step maps and its whole runs → rows."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from compare import noise
from compare.check import (
    Pair,
    Sides,
    exact,
    failed,
    in_float32,
    judge,
    judge_float32,
    pair,
)
from compare.fault import FRAMEWORKS
from compare.result import PHASES, Row
from compare.spec import Training
from compare.trace import Key, Step

LOSS = Key("trajectory", "loss")
WHOLE_RUN = Key("trajectory", "whole run")
PER_STEP = ("outputs", "loss", "gradients", "update")
"""Phases that every training must have rows in, at every checkpoint and probe."""
PER_RUN = ("trajectory", "predictions")
"""Phases that every training must have rows in."""
_DEPENDS = {
    "outputs": ("outputs",),
    "predictions": ("outputs",),
    "loss": ("outputs", "loss"),
    "gradients": ("outputs", "loss", "gradients"),
}
"""Whose low-precision operations a phase depends on; others on everything."""


def check_steps(
    spec: Training, sides: Sides, due: Sequence[Step]
) -> tuple[list[Row], int]:
    """All rows that compare the two frameworks' steps, and the horizon.

    `due` are the checkpoints and probes that must have rows.
    """
    low = _low(sides)
    trajectory, horizon = _trajectory(sides, low)
    rows = [*_maps(spec, sides, low), *trajectory, *_whole_run(sides)]
    rows += _variants(spec, sides)
    return [*rows, *_complete(rows, due)], horizon


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
    phases = set(PHASES) - {"parameters", "trajectory"}
    special = {variant.function for variant in spec.variants}
    for key in _keys(sides):
        variant = key.phase == "update" and key.quantity in special
        if key.phase not in phases or variant:
            continue
        yield from judged(sides, key, _depends(key.phase, low))


def judged(sides: Sides, key: Key, ops: list[str]) -> Iterator[Row]:
    """A quantity's rows: float64 at the floor, float32 errors alike.

    `ops` are operations in less than float64 that it depends on.
    """
    try:
        whole = pair(sides, key)
    except KeyError as error:
        yield _missing(key, error)
        return
    yield _judged(sides, whole, ops)
    narrow = [sides[f, "float32"].arrays.get(key) for f in FRAMEWORKS]
    if all(array is not None and _lost(array) for array in narrow):
        yield _neither(key, "float32")
    else:
        yield judge_float32(sides, key)


def _keys(sides: Sides) -> dict[Key, None]:
    """All keys of all traces, in their order."""
    return {key: None for trace in sides.values() for key in trace.arrays}


def _lost(array: np.ndarray) -> bool:
    return not np.isfinite(array).all()


def _neither(key: Key, precision: str) -> Row:
    """Two runs that are lost in the same way prove nothing."""
    return failed(key, "neither framework is finite", precision=precision)


def _judged(sides: Sides, whole: Pair, ops: list[str]) -> Row:
    if _lost(whole.left) and _lost(whole.right):
        return _neither(whole.key, "float64")
    return in_float32(sides, whole, ops) if ops else judge(whole)


def _missing(key: Key, error: KeyError) -> Row:
    return failed(key, str(error.args[0]))


def _trajectory(sides: Sides, low: Mapping[str, list[str]]) -> tuple[list[Row], int]:
    """Float64 runs step by step up to the horizon, and the horizon."""
    try:
        loss = pair(sides, LOSS)
    except KeyError as error:
        return [_missing(LOSS, error)], 0
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


def _complete(rows: Sequence[Row], due: Sequence[Step]) -> Iterator[Row]:
    """A phase without a float64 row, at a step that is due, has proved nothing."""
    there = {
        (row.phase, row.step)
        for row in rows
        if row.precision == "float64" and row.verdict != "differs"
    }
    phases = {phase for phase, _ in there}
    for phase in PER_RUN:
        if phase not in phases:
            yield exact(phase, "rows", ok=False, why="nothing was compared")
    for phase in PER_STEP:
        for step in due:
            if (phase, step) not in there:
                yield exact(
                    phase, "rows", ok=False, step=step, why="nothing was compared"
                )


def _whole_run(sides: Sides) -> Iterator[Row]:
    """The whole float32 run is only asked to stay finite."""
    for side in ("jax", "torch"):
        trace = sides.get((side, "float32"))
        if trace is None:
            continue
        losses = trace.arrays.get(WHOLE_RUN)
        if losses is None:
            losses = trace.arrays.get(LOSS)
        if losses is None:
            continue  # a row of its own says so
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
            try:
                whole = pair(sides, key)
            except KeyError as error:
                if key.phase == "update":
                    yield _missing(key, error)
                continue
            if key.phase == "update":
                yield judge(whole, passing="differs", why=variant.reason)
            elif key.phase == "own":
                apart |= judge(whole).verdict == "semantic"
        if not apart:
            yield exact(
                "update",
                variant.function,
                ok=False,
                why="the documented difference is gone: " + variant.reason,
            )
