"""Third opinions on a training run: NumPy's, and that of a sibling example."""

from collections.abc import Iterator, Mapping

import numpy as np

from compare import noise
from compare.check import Incomparable, Pair, Sides, exact, failed, judge
from compare.check_steps import WHOLE_RUN
from compare.result import Row
from compare.spec import Arrays, Prepared, Sibling, Training
from compare.task import Task
from compare.trace import Key, Trace


def check_oracle(
    spec: Training,
    sides: Sides,
    prepared: Prepared,
    task: Task,
    *,
    horizon: int | None,
) -> Iterator[Row]:
    """Each framework's float64 run against what others make of the same start."""
    third: Arrays = {}
    if spec.oracle is not None:
        third = spec.oracle(prepared, task.effort.float64_steps_of(spec))
        if not third:
            yield exact("oracle", "rows", ok=False, why="the oracle says nothing")
    for (side, precision), trace in sides.items():
        if precision != "float64":
            continue
        narrow = sides.get((side, "float32"))
        own, before = _run(trace), {} if narrow is None else _run(narrow)
        moved = {name: trace.sensitivity[_key(name)] for name in own}
        if absent := third.keys() - own.keys():
            names = ", ".join(sorted(absent))
            raise Incomparable(f"{side} recorded no {names} at every step")
        for name, due in third.items():
            floor = _floor(own[name], due, before.get(name), moved[name])
            shown = _shown(name, f"of {side}")
            names = (side, "the oracle")
            yield from _judged(shown, own[name], due, floor, names, horizon)
        for sibling in spec.siblings:
            yield from _sibling(sibling, trace, own, before, moved, horizon)


def _sibling(
    sibling: Sibling,
    trace: Trace,
    own: Arrays,
    before: Arrays,
    moved: Mapping[str, np.ndarray],
    horizon: int | None,
) -> Iterator[Row]:
    """The framework's own run against that of its twin of another example."""
    leaves = np.max([m for name, m in moved.items() if name != "loss"], axis=0)
    mine, narrow = renamed(sibling, own), renamed(sibling, before)
    for name, left in mine.items():
        shown = _shown(name, f"of {trace.framework} in {sibling.example}")
        key = Key("sibling", sibling.example, name)
        right = trace.arrays.get(key)
        if right is None or right.shape != left.shape:
            shape = "nothing" if right is None else f"shape {right.shape}"
            why = f"expected shape {left.shape}, {sibling.example} recorded {shape}"
            yield failed(shown, why)
            continue
        copies = moved["loss"] if name == "loss" else leaves
        floor = _floor(left, right, narrow.get(name), copies)
        names = (trace.example, sibling.example)
        yield from _judged(shown, left, right, floor, names, horizon)


def renamed(sibling: Sibling, run: Arrays) -> Arrays:
    """A run by the sibling's names: the loss, and `parameters/<leaf>`."""
    prefix = "parameters/"
    leaves = {n.removeprefix(prefix): v for n, v in run.items() if n.startswith(prefix)}
    found = sibling.parameters(leaves) if leaves else {}
    losses = {name: value for name, value in run.items() if name == "loss"}
    return losses | {f"{prefix}{leaf}": value for leaf, value in found.items()}


def _run(trace: Trace) -> Arrays:
    """What was recorded at every step, by `loss` and `parameters/<leaf>`."""
    return {
        "/".join(filter(None, (key.quantity, key.leaf))): value
        for key, value in trace.arrays.items()
        if key.phase == "trajectory" and key.step is None and key != WHOLE_RUN
    }


def _key(name: str) -> Key:
    quantity, _, leaf = name.partition("/")
    return Key("trajectory", quantity, leaf)


def _shown(name: str, of: str) -> Key:
    quantity, _, leaf = name.partition("/")
    return Key("oracle", f"{quantity} {of}", leaf)


def _floor(
    left: np.ndarray, right: np.ndarray, narrow: np.ndarray | None, moved: np.ndarray
) -> np.ndarray:
    return noise.float64_floor((left, right), (narrow, None), sensitivity=moved)


def _judged(
    shown: Key,
    left: np.ndarray,
    right: np.ndarray,
    floor: np.ndarray,
    names: tuple[str, str],
    horizon: int | None,
) -> Iterator[Row]:
    whole = Pair(shown, left, right, floor, names, shape=right.shape)
    whole = whole.cut(len(right) if horizon is None else horizon)
    if whole.left.size:
        yield judge(whole)
