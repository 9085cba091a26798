"""Layer by layer: what every module takes and gives, or is made to take and give."""

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.extend.core import get_opaque_trace_state

from jaxnets.arrays import from_numpy, to_numpy
from jaxnets.side.apply import apply
from jaxnets.side.evaluate import scalar, tracing
from jaxnets.side.nested import floats, replaced
from jaxnets.side.parts import Call, Pull
from jaxnets.side.subject import Subject

Key = tuple[str, int]
Arrays = tuple[np.ndarray, ...]
Given = Mapping[Key, tuple[Arrays | None, Arrays]]
Before = Callable[[Key, Any], Any]
After = Callable[[Call, Any], Any]


def record(
    subject: Subject,
    state: Mapping[str, np.ndarray],
    inputs: Mapping[str, np.ndarray],
    *,
    train: bool,
    pull: Pull,
) -> list[Call]:
    """Every module's calls in the order in which they end, with their cotangents.

    A cotangent is the gradient of the scalar with respect to zeros that are added to an
    output. Calls inside of JAX's transformations, such as a cell's in a scan, are left
    out.
    """
    leaves, arrays = _fed(state), _fed(inputs)

    def run(taps: list[tuple[Array, ...]]) -> tuple[Any, list[Call]]:
        calls: list[Call] = []

        def after(call: Call, outputs: Any) -> Any:
            if taps:
                added = map(jnp.add, call.outputs, taps[len(calls)])
                outputs = replaced(outputs, added)
            calls.append(call._replace(outputs=floats(outputs)))
            return outputs

        outputs = _run(subject, leaves, arrays, (_kept, after), train=train, pull=pull)
        return outputs, calls

    if pull.loss is None and pull.cotangents is None:
        return [_copied(call) for call in run([])[1]]
    names: list[Call] = []

    def shapes() -> list[tuple[Any, ...]]:
        _, calls = run([])
        names.extend(call._replace(inputs=(), outputs=()) for call in calls)
        return [call.outputs for call in calls]

    def pulled(taps: list[tuple[Array, ...]]) -> Any:
        outputs, calls = run(taps)
        seen = [(call.inputs, call.outputs) for call in calls]
        return scalar(pull, outputs, pull.targets, pull.cotangents), seen

    with tracing():
        made = jax.eval_shape(shapes)
        zeros = jax.tree.map(lambda one: jnp.zeros(one.shape, one.dtype), made)
        cotangents, seen = jax.grad(pulled, has_aux=True)(zeros)
    return [
        _copied(call._replace(inputs=given, outputs=made, cotangents=back))
        for call, (given, made), back in zip(names, seen, cotangents, strict=True)
    ]


def forced(
    subject: Subject,
    state: Mapping[str, np.ndarray],
    inputs: Mapping[str, np.ndarray],
    *,
    train: bool,
    pull: Pull,
    given: Given,
) -> list[Call]:
    """Every module's calls, each run on given inputs and followed by given outputs.

    A call records what arrives and what it makes itself of the given inputs (None: of
    what arrives), so that what a layer does wrong is seen alone. Where fewer arrays are
    given, the first are replaced. Raises ValueError naming a call for which there are
    too many, or one of another shape.
    """
    calls: list[Call] = []

    def before(key: Key, arguments: Any) -> Any:
        ours = given[key][0] if key in given else None
        return arguments if ours is None else _put(key, "inputs", arguments, ours)

    def after(call: Call, outputs: Any) -> Any:
        key = call.path, call.number
        calls.append(_copied(call))
        return _put(key, "outputs", outputs, given[key][1]) if key in given else outputs

    leaves, arrays = _fed(state), _fed(inputs)
    _run(subject, leaves, arrays, (before, after), train=train, pull=pull)
    return calls


def _run(
    subject: Subject,
    leaves: Mapping[str, Array],
    inputs: Mapping[str, Array],
    around: tuple[Before, After],
    *,
    train: bool,
    pull: Pull,
) -> Any:
    """Outputs of the model; every call's arguments and outputs go through `around`."""
    watch = _watching(*around)
    outputs, _ = apply(
        subject, leaves, inputs, train=train, draw=pull.draw, watch=watch
    )
    return outputs


def _kept(_: Key, arguments: Any) -> Any:
    return arguments


def _watching(before: Before, after: After) -> Callable[..., Any]:
    numbers: Counter[str] = Counter()
    outer = _trace()

    def watch(path: str, kind: str, call: Any, args: Any, kwargs: Any) -> Any:
        if _trace() != outer:
            # Inside of a transformation values are of it, and cannot be taken out.
            return call(*args, **kwargs)
        number = numbers[path]
        numbers[path] += 1
        arrived = floats((args, kwargs))
        args, kwargs = before((path, number), (args, kwargs))
        outputs = call(*args, **kwargs)
        return after(Call(path, number, kind, arrived, floats(outputs), ()), outputs)

    return watch


def _trace() -> Any:
    return get_opaque_trace_state(convention="flax")


def _fed(values: Mapping[str, np.ndarray]) -> dict[str, Array]:
    return {name: from_numpy(value) for name, value in values.items()}


def _copied(call: Call) -> Call:
    """The call with arrays of NumPy's."""
    arrays = (call.inputs, call.outputs, call.cotangents)
    inputs, outputs, cotangents = jax.tree.map(to_numpy, arrays)
    return call._replace(inputs=inputs, outputs=outputs, cotangents=cotangents)


def _put(key: Key, what: str, value: Any, arrays: Arrays) -> Any:
    own = floats(value)
    shapes, given = [one.shape for one in own], [array.shape for array in arrays]
    if given != shapes[: len(given)]:
        raise ValueError(
            f"given {what} of call {key[1]} of {key[0] or 'the model'}: expected the "
            f"shapes {shapes}, or the first of them, got {given}"
        )
    types = [one.dtype for one in own[: len(given)]]
    fed = [from_numpy(array) for array in arrays]
    return replaced(value, map(jnp.astype, fed, types))
