"""Traces of a lesson → rows."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from compare import noise
from compare.check import (
    Pair,
    Sides,
    exact,
    failed,
    judge,
    judge_float32,
    pair,
    repeatable,
    same_run,
)
from compare.fault import FRAMEWORKS, Side
from compare.measure_lesson import inputs
from compare.result import Row
from compare.spec import Arrays, Difference, Expected, Lesson
from compare.task import Task
from compare.trace import Key, Trace


def check_lesson(spec: Lesson, sides: Sides, task: Task) -> list[Row]:
    """All rows of a lesson: kinds, values, documented differences, third opinions."""
    same_run(sides, task)
    given = inputs(spec, task.seed)
    rows = [*repeatable(sides, task)]
    if {side for side, _ in sides} == {"jax", "torch"}:
        for function in _functions(sides):
            rows += _function(spec, sides, function, given)
        rows += _unknown(spec, sides)
        if not rows:
            rows.append(exact("outputs", "rows", ok=False, why="nothing was compared"))
    for expected in spec.expected:
        rows += _expected(sides, expected, given)
    return rows


def _functions(sides: Sides) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for trace in sides.values():
        names = [*trace.facts.get("kinds", {}), *trace.facts.get("skipped", {})]
        found |= dict.fromkeys(names)
    return tuple(found)


def _function(
    spec: Lesson, sides: Sides, function: str, given: Mapping[str, Any]
) -> Iterator[Row]:
    for trace in sides.values():
        if why := trace.facts.get("skipped", {}).get(function):
            yield replace(
                exact("outputs", function, ok=True, why=why), verdict="skipped"
            )
            return
    difference = spec.differences.get(function)
    kinds = [*_kinds(sides, function, difference, spec.refused.get(function))]
    values = [*_values(sides, function, difference, given)]
    yield from (*kinds, *values)
    if difference is None:
        return
    stated = difference.jax and difference.torch and not difference.kinds
    must = values if difference.relation or stated else kinds
    if not any(row.verdict == "differs" for row in must):
        yield exact(
            "outputs",
            function,
            ok=False,
            why=f"the documented difference is gone: {difference.reason}",
        )


def _kinds(
    sides: Sides, function: str, difference: Difference | None, refused: str | None
) -> Iterator[Row]:
    """What each side returns or raises, apart from its numbers."""
    for precision in noise.PRECISIONS:
        got = tuple(
            sides[side, precision].facts["kinds"].get(function, "nothing")
            for side in ("jax", "torch")
            if (side, precision) in sides
        )
        if len(got) < 2:
            continue
        due = difference.kinds.get(precision) if difference and not refused else None
        wrong = _not_as_documented(got, due, refused)
        yield exact(
            "outputs",
            function,
            ok=not wrong,
            leaf="kind",
            precision=precision,
            passing="differs" if due else "bitwise",
            why=wrong or (_reason(difference) if due else ""),
        )
    for (side, precision), trace in sides.items():
        if unstable := trace.facts.get("unstable", {}).get(function):
            yield exact(
                "outputs",
                function,
                ok=False,
                precision=precision,
                why=f"{side} changes its kind under rounding: {unstable}",
            )


def _not_as_documented(
    got: tuple[str, ...], due: tuple[str, str] | None, refused: str | None
) -> str:
    """What is wrong with the kinds of the two sides; "" where nothing is."""
    said = f"JAX: {got[0]}, PyTorch: {got[1]}"
    if refused:
        alike = got == (f"raises {refused}",) * 2
        return "" if alike else f"{said}; both must raise {refused}"
    if due:
        apart = got == tuple(due) and got[0] != got[1]
        return "" if apart else f"{said}; documented are {due[0]} and {due[1]}"
    alike = got[0] == got[1] and not got[0].startswith("raises")
    return "" if alike else f"{said}, and no difference is documented"


def _values(
    sides: Sides,
    function: str,
    difference: Difference | None,
    given: Mapping[str, Any],
) -> Iterator[Row]:
    """The numbers: compared with each other, or each with what is documented of it."""
    keys = {
        key: None
        for side in ("jax", "torch")
        for key in sides[side, "float64"].arrays
        if key.phase == "outputs" and key.quantity == function
    }
    stated: list[Side] = []
    if difference:
        for side in FRAMEWORKS:
            if due := getattr(difference, side):
                stated.append(side)
                yield from _stated(sides, side, function, due(given), difference)
    for key in keys:
        held = [key in sides[side, "float64"].arrays for side in ("jax", "torch")]
        if len(stated) == 2:
            if not all(held) or _apart(sides, key):
                yield exact(
                    "outputs",
                    function,
                    ok=True,
                    leaf=key.leaf,
                    passing="differs",
                    why=_reason(difference),
                )
        elif all(held) or not (stated or _raises(difference, "float64")):
            yield from _compared(sides, key, difference)


def _raises(difference: Difference | None, precision: str) -> bool:
    """Whether one side is documented to raise, and returns no value to compare."""
    kinds = difference.kinds.get(precision, ()) if difference else ()
    return any(kind.startswith("raises") for kind in kinds)


def _apart(sides: Sides, key: Key) -> bool:
    """Whether two values differ by more than rounding, or in shape."""
    try:
        return judge(pair(sides, key)).verdict == "semantic"
    except KeyError:
        return True


def _compared(sides: Sides, key: Key, difference: Difference | None) -> Iterator[Row]:
    """Both sides' numbers in both precisions; JAX's through a documented relation."""
    try:
        whole = pair(sides, key)
    except KeyError as error:
        yield failed(key, str(error.args[0]))
        return
    passing = "rounding"
    if difference and difference.relation:
        own = sides["jax", "float64"].arrays.get(key._replace(phase="own"))
        changed = own is None or own.shape != whole.right.shape
        if changed or judge(replace(whole, left=own)).verdict == "semantic":
            passing = "differs"
    yield judge(whole, passing=passing, why=_reason(difference))
    if not _raises(difference, "float32"):
        yield judge_float32(sides, key)


def _reason(difference: Difference | None) -> str:
    return difference.reason if difference else ""


def _stated(
    sides: Sides,
    side: Side,
    function: str,
    due: Arrays,
    difference: Difference | None,
) -> Iterator[Row]:
    """One side against the values that its documented difference states."""
    for precision in noise.PRECISIONS:
        kinds = difference.kinds.get(precision) if difference else None
        if kinds and kinds[FRAMEWORKS.index(side)].startswith("raises"):
            continue
        for leaf, value in due.items():
            key = Key("outputs", function, leaf)
            row = _against(sides[side, precision], sides, key, np.asarray(value))
            yield replace(row, why=row.why or _reason(difference))


def _against(
    trace: Trace,
    sides: Sides,
    key: Key,
    due: np.ndarray,
    *,
    decimals: int | None = None,
) -> Row:
    """One side's own value against a number that no framework computed."""
    got = trace.arrays.get(key._replace(phase="own"))
    shown = key._replace(quantity=f"{key.quantity} of {trace.framework}")
    if got is None or got.shape != due.shape:
        shape = "nothing" if got is None else f"shape {got.shape}"
        why = f"expected shape {due.shape}, {trace.framework} returned {shape}"
        return failed(shown, why, precision=trace.precision)
    if decimals is not None:
        return _printed(shown, got, due, decimals)
    moved = trace.sensitivity.get(key._replace(phase="outputs"), np.zeros(()))
    if trace.precision == "float32":
        floor = noise.float32_floor([got, due], sensitivity=moved)
    else:
        narrow = sides[trace.framework, "float32"].arrays.get(key._replace(phase="own"))
        floor = noise.float64_floor((got, due), (narrow, None), sensitivity=moved)
    names = (trace.framework, "the oracle")
    row = judge(Pair(shown, got, due, floor, names, shape=due.shape))
    return replace(row, precision=trace.precision)


def _printed(key: Key, got: np.ndarray, due: np.ndarray, decimals: int) -> Row:
    """Printed digits: half a unit of the last one passes, and nothing more."""
    error, half = float(noise.largest_distance(got, due)), 0.5 * 10.0**-decimals
    ok = error <= half
    return exact(
        key.phase,
        key.quantity,
        ok=ok,
        leaf=key.leaf,
        error=error,
        passing="rounding",
        why="" if ok else f"{got.tolist()} does not round to {due.tolist()}",
    )


def _expected(
    sides: Sides, expected: Expected, given: Mapping[str, Any]
) -> Iterator[Row]:
    """A third opinion on a function: printed digits, or NumPy."""
    for side in ("jax", "torch"):
        if (side, "float64") not in sides:
            continue
        trace = sides[side, "float64"]
        if expected.function in trace.facts.get("skipped", {}):
            continue
        for leaf, due in expected.value(given).items():
            key, decimals = Key("oracle", expected.function, leaf), expected.decimals
            row = _against(trace, sides, key, np.asarray(due), decimals=decimals)
            yield replace(row, why=row.why or expected.origin)


def _unknown(spec: Lesson, sides: Sides) -> Iterator[Row]:
    """A difference or a refusal documented for a function that is not there."""
    documented = {"difference": spec.differences, "refusal": spec.refused}
    for what, functions in documented.items():
        for function in sorted(functions.keys() - set(_functions(sides))):
            why = f"a {what} is documented, but no twin has this function"
            yield exact("outputs", function, ok=False, why=why)
