"""One quantity, two sides, one floor: the row that says whether they agree."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from compare import noise
from compare.fault import FRAMEWORKS, NAMES
from compare.result import Row, Verdict
from compare.task import Task
from compare.trace import Key, Step, Trace, same_bits

Sides = Mapping[tuple[str, str], Trace]
"""Traces by (framework, precision)."""


class Incomparable(ValueError):
    """Traces that must not be compared, with the reason."""


def same_run(sides: Sides, task: Task) -> None:
    """Raise `Incomparable` unless both precisions are there, all of the task's run."""
    for name in ("run", "example", "seed"):
        due = getattr(task, name)
        for (framework, precision), trace in sides.items():
            if getattr(trace, name) != due:
                raise Incomparable(
                    f"the {framework} {precision} trace has {name} "
                    f"{getattr(trace, name)!r}, expected {due!r}"
                )
    for framework in {framework for framework, _ in sides}:
        for precision in noise.PRECISIONS:
            if (framework, precision) not in sides:
                raise Incomparable(f"there is no {framework} {precision} trace")


def repeatable(sides: Sides, task: Task) -> Iterator[Row]:
    """A side that is not the same twice would set its own floor."""
    if task.device != "cpu":
        return  # GPU kernels may add in any order
    for (framework, precision), trace in sides.items():
        for key in (Key(*entry) for entry in trace.facts.get("not repeatable", ())):
            yield failed(
                key,
                f"{NAMES[framework]} gives other bits when run again",
                precision=precision,
            )


@dataclass(frozen=True)
class Pair:
    """What both sides have of one quantity in float64, and their floor."""

    key: Key
    left: np.ndarray
    right: np.ndarray
    floor: np.ndarray
    names: tuple[str, str] = ("jax", "torch")
    places: np.ndarray | None = None
    shape: tuple[int, ...] = ()

    def cut(self, rows: int) -> "Pair":
        """The first rows only, where rows are judged one by one."""
        if self.floor.ndim == 0:
            return self
        return replace(
            self,
            left=self.left[:rows],
            right=self.right[:rows],
            floor=self.floor[:rows],
        )


def pair(sides: Sides, key: Key) -> Pair:
    """Both sides of a key with their float64 floor; raises KeyError naming a side."""
    first, second = sides["jax", "float64"], sides["torch", "float64"]
    for trace in (first, second):
        if key not in trace.arrays:
            raise KeyError(f"{trace.framework} has no {' '.join(map(str, key))}")
    left, right = first.arrays[key], second.arrays[key]
    if left.shape != right.shape:
        raise KeyError(
            f"{' '.join(map(str, key))} has shape {left.shape} in JAX and "
            f"{right.shape} in PyTorch"
        )
    narrow = [sides.get((side, "float32")) for side in ("jax", "torch")]
    floor = noise.float64_floor(
        (left, right),
        [None if trace is None else trace.arrays.get(key) for trace in narrow],
        sensitivity=_widest(sides, key, "float64"),
        scale=max(first.scale.get(key, 0.0), second.scale.get(key, 0.0)),
    )
    places, shape = first.places.get(key), first.shapes.get(key, left.shape)
    return Pair(key, left, right, floor, places=places, shape=shape)


def _widest(sides: Sides, key: Key, precision: str) -> np.ndarray:
    found = [sides[side, precision].sensitivity[key] for side in ("jax", "torch")]
    return np.asarray(np.maximum(*found))


def judge(pair: Pair, *, passing: Verdict = "rounding", why: str = "") -> Row:
    """The row of one quantity in float64."""
    rows = pair.floor.ndim == 1
    errors = noise.largest_distance(pair.left, pair.right, rows=rows)
    sizes = np.maximum(
        noise.largest(pair.left, rows=rows), noise.largest(pair.right, rows=rows)
    )
    scores = np.atleast_1d(noise.divided(errors, pair.floor))
    unclear = np.atleast_1d(pair.floor > noise.RESOLVED * sizes)
    failing = np.flatnonzero(scores > noise.LIMIT)
    if len(failing):
        at, verdict = int(failing[0]), "semantic"
    elif not errors.any() and same_bits(pair.left, pair.right):
        at, verdict = 0, "bitwise"
    elif unclear.all():
        at, verdict = int(np.argmax(scores)), "unresolved"
        why = "the floor is more than a thousandth of the value"
    else:
        at, verdict = int(np.argmax(np.where(unclear, -1.0, scores))), passing
    index, left, right = _worst(pair, at if rows else None)
    values = dict(zip(pair.names, (left, right), strict=True))
    if verdict == "semantic":
        why = _say(pair, index, left, right)
    elif verdict == "bitwise" and passing != "rounding":
        verdict = passing
    return Row(
        phase=pair.key.phase,
        quantity=pair.key.quantity,
        leaf=pair.key.leaf,
        step=at if rows else pair.key.step,
        precision="float64",
        error=float(np.atleast_1d(errors)[at]),
        floor=float(np.atleast_1d(pair.floor)[at]),
        score=float(scores[at]),
        verdict=verdict,
        why=why,
        index=index,
        jax=values.get("jax"),
        torch=values.get("torch"),
    )


def _worst(pair: Pair, row: int | None) -> tuple[list[int], float, float]:
    """Index and both values of the largest distance."""
    left = pair.left if row is None else pair.left[row, ...]
    right = pair.right if row is None else pair.right[row, ...]
    if not left.size:
        return [], 0.0, 0.0
    flat = noise.farthest(left, right)
    shape = left.shape if row is not None else pair.shape
    place = flat if pair.places is None else int(pair.places[flat])
    index = [int(i) for i in np.unravel_index(place, shape)]
    return index, float(left.flat[flat]), float(right.flat[flat])


def _say(pair: Pair, index: list[int], left: float, right: float) -> str:
    first, second = (NAMES.get(name, name) for name in pair.names)
    where = f" at {index}" if index else ""
    return f"{first} has {left!r}, {second} {right!r}{where}"


def judge_float32(sides: Sides, key: Key) -> Row:
    """Each side's float32 against its own float64: are both errors alike?"""
    wide = [sides[side, "float64"].arrays[key] for side in ("jax", "torch")]
    narrow = [sides[side, "float32"].arrays.get(key) for side in ("jax", "torch")]
    left, right = narrow
    shapes = [None if array is None else array.shape for array in narrow]
    if left is None or right is None or set(shapes) != {array.shape for array in wide}:
        return failed(
            key,
            f"shapes in float32 are {shapes}, in float64 {wide[0].shape}",
            precision="float32",
        )
    scale = max(sides[side, "float32"].scale.get(key, 0.0) for side in ("jax", "torch"))
    floor = float(
        noise.float32_floor(
            [left, right], sensitivity=_widest(sides, key, "float32"), scale=scale
        )
    )
    # Where both overflow alike there is nothing to measure.
    known = [left, right]
    if not np.isfinite(left).all():
        lost = ~np.isfinite(left) & (noise.distance(left, right) == 0)
        known = [np.where(lost, *both) for both in zip(wide, known, strict=True)]
    errors = [
        float(noise.largest_distance(*both)) for both in zip(known, wide, strict=True)
    ]
    worse = int(errors[1] > errors[0])
    bound = max(errors[1 - worse], floor)
    value = float(max(noise.largest(array) for array in wide))
    verdict, why = _float32_verdict(errors, worse, floor=floor, value=value)
    return Row(
        phase=key.phase,
        quantity=key.quantity,
        leaf=key.leaf,
        step=key.step,
        precision="float32",
        error=errors[worse],
        floor=bound,
        score=float(noise.divided(np.asarray(errors[worse]), np.asarray(bound))),
        verdict=verdict,
        why=why,
    )


def _float32_verdict(
    errors: Sequence[float], worse: int, *, floor: float, value: float
) -> tuple[Verdict, str]:
    names = [NAMES[framework] for framework in FRAMEWORKS]
    mine, others = errors[worse], errors[1 - worse]
    if not np.isfinite(mine):
        return "semantic", f"{names[worse]} is not finite in float32 as in float64"
    told = (
        f"{names[worse]} is {mine:.2e} off its own float64, "
        f"{names[1 - worse]} {others:.2e}"
    )
    if mine > noise.BFLOAT16 * max(others, floor):
        return "semantic", f"{told}: more than bfloat16 could explain"
    if mine > noise.FLOAT32_LIMIT * max(others, floor):
        return "precision", told
    if mine and floor > noise.RESOLVED * value:
        return "unresolved", "float32 rounding is of the size of the value"
    return ("rounding" if mine else "bitwise"), ""


def in_float32(sides: Sides, whole: Pair, ops: Sequence[str]) -> Row:
    """The row of what depends on a float32 operation inside the float64 run.

    What agrees at the float64 floor all the same is judged as usual.
    """
    usual = judge(whole)
    if usual.verdict != "semantic":
        return usual
    scale = max(sides[f, "float64"].scale.get(whole.key, 0.0) for f in FRAMEWORKS)
    floor = noise.float32_floor(
        [whole.left, whole.right], sensitivity=np.zeros_like(whole.floor), scale=scale
    )
    for side, wide in (("jax", whole.left), ("torch", whole.right)):
        trace = sides.get((side, "float32"))
        narrow = None if trace is None else trace.arrays.get(whole.key)
        if trace is None or narrow is None:
            continue
        moved, rows = trace.sensitivity[whole.key], floor.ndim == 1
        if rows:  # `wide` ends at the horizon
            narrow, moved = narrow[: len(wide)], moved[: len(wide)]
        if narrow.shape != wide.shape:
            continue
        # A run drifts apart as fast as its own float32 does.
        drift = noise.useful(narrow, wide, rows=rows)
        floor = np.max([floor, drift, moved], axis=0)
    row = judge(replace(whole, floor=np.asarray(np.maximum(whole.floor, floor))))
    if row.verdict in ("semantic", "unresolved"):
        return row
    why = "; ".join(ops) + ": what float32 cannot show is not seen"
    return replace(row, verdict="precision", why=why)


def exact(
    phase: str,
    quantity: str,
    *,
    ok: bool,
    why: str = "",
    leaf: str = "",
    step: Step = None,
    precision: str = "float64",
    passing: Verdict = "bitwise",
    **values: Any,
) -> Row:
    """The row of something that is equal or not, without a floor."""
    return Row(
        phase=phase,
        quantity=quantity,
        leaf=leaf,
        step=step,
        precision=precision,
        error=values.pop("error", 0.0 if ok else None),
        floor=None,
        score=None,
        verdict=passing if ok else "semantic",
        why=why,
        **values,
    )


def failed(key: Key, why: str, *, precision: str = "float64") -> Row:
    """The failing row of a quantity that cannot be judged by a floor."""
    return exact(
        key.phase,
        key.quantity,
        ok=False,
        leaf=key.leaf,
        step=key.step,
        precision=precision,
        why=why,
    )
