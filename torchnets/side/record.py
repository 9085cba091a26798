"""Layer by layer: what every module takes and gives, or is made to take and give."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
from torch import Tensor
from torch.autograd.graph import get_gradient_edge

from torchnets.arrays import from_numpy, to_numpy
from torchnets.side.calls import Rewrite, Rewriting
from torchnets.side.evaluate import asks, differentiated, pulled
from torchnets.side.parts import Call, Pull
from torchnets.side.running import elsewhere, feed, prepared, run
from torchnets.side.structure import layer_type
from torchnets.side.subject import Subject
from torchnets.side.trees import floats, replaced

Arrays = tuple[np.ndarray, ...]
Given = Mapping[tuple[str, int], tuple[Arrays | None, Arrays]]
Before = Callable[[tuple[str, int], Any], Any]
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

    A cotangent is of the output as the module gave it, whatever was done in place
    afterwards. None: nothing of the scalar depends on it.
    """
    calls: list[Call] = []
    edges: list[list[Any]] = []

    def after(call: Call, outputs: Any) -> Any:
        # What another module has given, or was given, shares its edge with that use.
        outputs = replaced(outputs, Tensor.clone)
        calls.append(call)
        edges.append(
            [
                get_gradient_edge(one) if one.requires_grad else None
                for one in floats(outputs)
            ]
        )
        return outputs

    with prepared(subject, state, train=train, draw=pull.draw):
        tensors = feed(inputs, gradients=asks(pull))
        with _hooked(subject, lambda _, arguments: arguments, after):
            outputs = run(subject, tensors, train=train)
        scalar = pulled(outputs, pull)
        del outputs
        if scalar is None:
            return calls
        wanted = [edge for own in edges for edge in own]
        found = iter(differentiated(scalar, wanted))
    return [
        call._replace(cotangents=tuple(_array(next(found)) for _ in own))
        for call, own in zip(calls, edges, strict=True)
    ]


def forced(
    subject: Subject,
    state: Mapping[str, np.ndarray],
    inputs: Mapping[str, np.ndarray],
    *,
    train: bool,
    pull: Pull,
    given: Given,
    rewrite: Rewrite | None = None,
    scope: str | None = None,
) -> list[Call]:
    """Every module's calls, each run on given inputs and followed by given outputs.

    A call records what arrives and what it makes itself of the given inputs (None: of
    what arrives), so that what a layer does wrong is seen alone. Raises ValueError
    naming a call for which there are too few arrays, too many, or of another shape.
    """
    calls: list[Call] = []

    def before(key: tuple[str, int], arguments: Any) -> Any:
        ours = given[key][0] if key in given else None
        return arguments if ours is None else _put(key, "inputs", arguments, ours)

    def after(call: Call, outputs: Any) -> Any:
        key = call.path, call.number
        calls.append(call)
        if key not in given:
            return outputs
        return _put(key, "outputs", outputs, given[key][1])

    layers = [path for path, _ in given]
    with (
        prepared(subject, state, train=train, draw=pull.draw),
        _hooked(subject, before, after),
        elsewhere(subject, scope, layers) as away,
    ):
        # What is given replaces what calls inside of other layers would make.
        offer = None if rewrite is None else _here(rewrite, away)
        entered = None if offer is None else lambda: Rewriting(offer)
        run(subject, feed(inputs), train=train, entered=entered, scope=scope)
    return calls


def _here(rewrite: Rewrite, away: Callable[[], bool]) -> Rewrite:
    return lambda name, arguments: None if away() else rewrite(name, arguments)


@contextmanager
def _hooked(subject: Subject, before: Before, after: After) -> Iterator[None]:
    """While entered, every module's arguments and outputs go through two functions."""
    if subject.module is None:
        yield
        return
    numbers: Counter[str] = Counter()
    open_calls: list[tuple[int, Arrays]] = []
    handles = []

    def add(path: str, module: Any) -> None:
        def enter(_: Any, args: Any, kwargs: Any) -> Any:
            number = numbers[path]
            numbers[path] += 1
            arrived = _arrays((args, kwargs))
            args, kwargs = before((path, number), (args, kwargs))
            open_calls.append((number, arrived))
            return args, kwargs

        def leave(_: Any, args: Any, kwargs: Any, outputs: Any) -> Any:
            number, arrived = open_calls.pop()
            kind = layer_type(module)
            call = Call(path, number, kind, arrived, _arrays(outputs))
            return after(call, outputs)

        handles.append(module.register_forward_pre_hook(enter, with_kwargs=True))
        handles.append(module.register_forward_hook(leave, with_kwargs=True))

    try:
        for path, module in subject.module.named_modules():
            add(path, module)
        yield
    finally:
        for handle in handles:
            handle.remove()


def _arrays(value: Any) -> Arrays:
    return tuple(to_numpy(one) for one in floats(value))


def _array(tensor: Tensor | None) -> np.ndarray | None:
    return None if tensor is None else to_numpy(tensor)


def _put(key: tuple[str, int], what: str, value: Any, arrays: Arrays) -> Any:
    expected = [tuple(one.shape) for one in floats(value)]
    if expected != [array.shape for array in arrays]:
        raise ValueError(
            f"given {what} of call {key[1]} of {key[0] or 'the model'}: expected the "
            f"shapes {expected}, got {[array.shape for array in arrays]}"
        )
    return replaced(value, _taking(arrays))


def _taking(arrays: Arrays) -> Callable[[Tensor], Tensor]:
    """Each tensor's array in its place; one tensor given twice stays one tensor.

    Self-attention tells itself by its three inputs being one object.
    """
    left = iter(arrays)
    made: dict[int, tuple[np.ndarray, Tensor]] = {}

    def change(old: Tensor) -> Tensor:
        array = next(left)
        first, tensor = made.get(id(old), (None, old))
        if first is None or not np.array_equal(first, array, equal_nan=True):
            tensor = from_numpy(array).to(old.dtype)
            made[id(old)] = array, tensor
        return tensor

    return change
