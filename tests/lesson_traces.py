"""Made-up lessons, and traces of their functions."""

import numpy as np

from compare.check_lesson import check_lesson
from compare.result import Row
from compare.spec import Lesson
from compare.task import Task
from compare.trace import Key, Trace, by_side

SIDES = [(f, p) for f in ("jax", "torch") for p in ("float64", "float32")]
X = np.array([1.0, 0.5, 2.0])
TASK = Task("lesson", "made up", "jax", "float64", 0, "run 1")


def lesson(**fields) -> Lesson:
    return Lesson("nothing", lambda rng: {"x": X}, **fields)


def returned(value, kind="array", *, own=None, sensitivity=0.0):
    """A function's kind, its leaves by path and, where another, its own ones."""
    leaves = value if isinstance(value, dict) else {"": value}
    return kind, leaves, leaves if own is None else {"": own}, sensitivity


def raised(name: str):
    return f"raises {name}", {}, {}, 0.0


def trace(framework, precision, functions, **facts) -> Trace:
    made = Trace("made up", framework, precision, 0, "run 1", facts=facts)
    made.facts["kinds"] = {name: value[0] for name, value in functions.items()}
    for name, (_, leaves, own, sensitivity) in functions.items():
        for phase, held in (("outputs", leaves), ("own", own)):
            for path, value in held.items():
                value = np.asarray(value)
                if value.dtype.kind == "f":
                    value = value.astype(precision)
                made.arrays[Key(phase, name, path)] = value
                made.sensitivity[Key(phase, name, path)] = np.asarray(sensitivity)
    return made


def sides(jax, torch, **facts):
    """The function `f` on both sides, in both precisions."""
    found = {"jax": jax, "torch": torch}
    return by_side(trace(f, p, {"f": found[f]}, **facts) for f, p in SIDES)


def check(spec: Lesson, traces) -> list[Row]:
    return check_lesson(spec, traces, TASK)


def of(rows, *, leaf="", precision="float64", quantity="f") -> Row:
    """The only row of one leaf."""
    (found,) = (
        row
        for row in rows
        if (row.leaf, row.precision, row.quantity) == (leaf, precision, quantity)
    )
    return found
