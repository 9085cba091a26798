"""Measuring a lesson twin: every function, what it returns or raises."""

import copy as copying
import inspect
import warnings
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

import numpy as np

from compare.measure import Collector, Values, cast_one, moved
from compare.noise import Precision
from compare.spec import Arrays, Lesson, stream
from compare.task import Task
from compare.trace import Key, Trace


def functions(module: ModuleType) -> dict[str, Callable[..., Any]]:
    """The module's own public functions, in the order of its source."""
    return {
        name: value
        for name, value in vars(module).items()
        if callable(value)
        and not inspect.isclass(value)
        and getattr(value, "__module__", None) == module.__name__
        and not name.startswith("_")
    }


def inputs(spec: Lesson, seed: int) -> dict[str, Any]:
    """The lesson's inputs, in NumPy and float64."""
    return spec.inputs(stream(seed, "inputs"))


def lesson(task: Task, runtime: Any, module: ModuleType, spec: Lesson) -> Trace:
    """Call every function; perturbed copies tell how far rounding may carry."""
    given = inputs(spec, task.seed)
    out = Collector(task)
    for name, function in functions(module).items():
        if name in spec.needs_gpu and task.device != "gpu":
            out.fact("skipped", {name: "needs a GPU: run with --device gpu"})
            continue
        wanted = {argument: given[argument] for argument in _arguments(function)}
        kind, leaves, message = _call(task, runtime, spec, function, wanted)
        base = _values(task, spec, name, leaves, given)
        out.fact("kinds", {name: kind})
        if message:
            out.fact("messages", {name: message})
        out.put(base)
        out.put({Key("own", name, leaf): value for leaf, value in leaves.items()})
        again, leaves, _ = _call(task, runtime, spec, function, wanted)
        if again == kind:
            out.repeat(_values(task, spec, name, leaves, given))
        else:
            out.fact("unstable", {name: f"{kind}, and {again} when run again"})
        continuous = _continuous(spec, wanted, task.precision)
        for copy in range(task.effort.copies if continuous else 0):
            changed = wanted | moved(continuous, task, copy)
            again, leaves, _ = _call(task, runtime, spec, function, changed)
            if again == kind:
                out.compare(_values(task, spec, name, leaves, given), base)
            else:
                out.fact("unstable", {name: f"{kind}, and {again} in a copy"})
    return out.finish()


def _continuous(spec: Lesson, given: Mapping[str, Any], precision: Precision) -> Arrays:
    """The inputs that rounding may move: a function of none needs no copies."""
    return {
        name: cast_one(value, precision)
        for name, value in given.items()
        if isinstance(value, np.ndarray)
        and np.issubdtype(value.dtype, np.floating)
        and name not in spec.raw | spec.discrete
    }


def _arguments(function: Callable[..., Any]) -> tuple[str, ...]:
    parameters = inspect.signature(function).parameters.values()
    return tuple(p.name for p in parameters if p.default is p.empty)


def _call(
    task: Task,
    runtime: Any,
    spec: Lesson,
    function: Callable[..., Any],
    given: Mapping[str, Any],
) -> tuple[str, Arrays, str]:
    """Its kind, its leaves, and the message where it raised or warned."""
    handed = {
        name: copying.deepcopy(value)
        if name in spec.raw
        else runtime.from_numpy(cast_one(value, task.precision), device=task.device)
        for name, value in given.items()
    }
    leaves: Arrays = {}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            value = runtime.call(function, handed)
        except Exception as error:
            # What a lesson raises is one of its results; the check judges it.
            kind, message = f"raises {type(error).__name__}", str(error)
        else:
            kind, message = _kind(runtime, value, "", leaves), ""
    if caught:
        names = dict.fromkeys(warning.category.__name__ for warning in caught)
        kind = f"{kind} warns {', '.join(names)}"
        message = message or str(caught[0].message)
    return kind, leaves, message.split("\n")[0]


def _values(
    task: Task, spec: Lesson, function: str, leaves: Arrays, given: Mapping[str, Any]
) -> Values:
    """The leaves by key; of a documented relation, what PyTorch must return."""
    difference = spec.differences.get(function)
    if difference and difference.relation and task.framework == "jax" and leaves:
        leaves = difference.relation(leaves, given)
    return {Key("outputs", function, leaf): np.asarray(v) for leaf, v in leaves.items()}


def _kind(runtime: Any, value: Any, path: str, leaves: Arrays) -> str:
    """Describe a value in one line, and collect its numbers."""

    def below(name: Any) -> str:
        return f"{path}.{name}" if path else str(name)

    if runtime.is_array(value):
        leaves[path] = runtime.to_numpy(value)
        return f"{runtime.dtype_name(value)}[{','.join(map(str, value.shape))}]"
    if isinstance(value, (np.ndarray, np.generic)):
        leaves[path] = np.array(value)
        return f"numpy {value.dtype}[{','.join(map(str, np.shape(value)))}]"
    if isinstance(value, (bool, int, float)):
        leaves[path] = np.asarray(value)
        return type(value).__name__
    if isinstance(value, dict):
        parts = [
            f"{name}: {_kind(runtime, item, below(name), leaves)}"
            for name, item in value.items()
        ]
        return "{" + ", ".join(parts) + "}"
    if isinstance(value, (tuple, list)):
        parts = [
            _kind(runtime, item, below(index), leaves)
            for index, item in enumerate(value)
        ]
        return "(" + ", ".join(parts) + ")"
    return repr(value)
