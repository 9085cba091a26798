"""Outputs, loss and gradients of a subject at a state."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd.graph import _engine_run_backward
from torch.utils._pytree import tree_map

from torchnets.arrays import from_numpy, to_numpy
from torchnets.side.calls import Rewrite, Rewriting
from torchnets.side.parts import Evaluation, Pull
from torchnets.side.running import elsewhere, feed, prepared, run
from torchnets.side.subject import Subject
from torchnets.side.trees import flatten


def evaluate(
    subject: Subject,
    state: Mapping[str, np.ndarray],
    inputs: Mapping[str, np.ndarray],
    *,
    train: bool,
    pull: Pull,
    rewrite: Rewrite | None = None,
    scope: str | None = None,
) -> Evaluation:
    """Everything one call gives, and the gradients of the scalar that `pull` forms.

    What is not reached has zeros for a gradient and is listed in `unused`.
    The same numbers give the same bits. Raises what the model or the loss raises.
    """
    entered = None if rewrite is None else lambda: Rewriting(rewrite)
    with prepared(subject, state, train=train, draw=pull.draw) as found:
        tensors = feed(inputs, gradients=asks(pull))
        outputs = run(subject, tensors, train=train, entered=entered, scope=scope)
        scalar = pulled(outputs, pull)
        named = {name: to_numpy(value) for name, value in flatten(outputs).items()}
        del outputs
        loss = None if scalar is None else to_numpy(scalar)
        parameters = {path: found[path] for path in _of(subject, "parameter")}
        floats = {name: one for name, one in tensors.items() if one.requires_grad}
        gradients: list[Tensor | None] = []
        if scalar is not None:
            wanted = [*parameters.values(), *floats.values()]
            gradients = differentiated(scalar, wanted)
        made: list[np.ndarray | None] = []
        while gradients:  # one by one, for they are as large as the model
            one = gradients.pop(0)
            made.append(None if one is None else to_numpy(one))
        del scalar
        buffers = {path: to_numpy(found[path]) for path in _of(subject, "buffer")}
    if loss is None:
        return Evaluation(named, None, {}, {}, buffers, ())
    first, second = made[: len(parameters)], made[len(parameters) :]
    return Evaluation(
        named,
        loss,
        _filled(parameters, first),
        _filled(floats, second),
        buffers,
        tuple(
            name
            for name, value in zip([*parameters, *floats], made, strict=True)
            if value is None
        ),
    )


def watched(
    subject: Subject,
    state: Mapping[str, np.ndarray],
    inputs: Mapping[str, np.ndarray],
    *,
    train: bool,
    pull: Pull,
    scope: str | None = None,
    layers: Iterable[str] = (),
) -> tuple[tuple[str, dict[str, Any]], ...]:
    """The torch calls made while the module at `scope` runs, in order, by name.

    Calls inside of `layers`, paths of modules further in, are left out.
    """
    calls: list[tuple[str, dict[str, Any]]] = []
    with (
        prepared(subject, state, train=train, draw=pull.draw),
        elsewhere(subject, scope, layers) as away,
    ):

        def keep(name: str, arguments: dict[str, Any]) -> None:
            if not away():
                calls.append((name, tree_map(_cut, arguments)))

        entered = partial(Rewriting, keep)
        run(subject, feed(inputs), train=train, entered=entered, scope=scope)
    return tuple(calls)


def _cut(value: Any) -> Any:
    """Without the graph, which would keep the whole run alive."""
    return value.detach() if isinstance(value, Tensor) else value


def asks(pull: Pull) -> bool:
    """Whether there is anything to differentiate."""
    return pull.loss is not None or pull.cotangents is not None


def pulled(outputs: Any, pull: Pull) -> Tensor | None:
    """The scalar to differentiate; None where only outputs are asked for.

    Raises TypeError or ValueError where a loss is not one floating-point number, and
    KeyError where there is no output for a cotangent.
    """
    if pull.loss is not None:
        value = pull.loss(outputs, *(from_numpy(target) for target in pull.targets))
        if not isinstance(value, Tensor) or not value.is_floating_point():
            raise TypeError(
                "loss: expected a floating-point tensor, got "
                f"{getattr(value, 'dtype', type(value).__name__)}"
            )
        if value.numel() != 1:
            raise ValueError(
                "loss: expected one number, got the shape "
                f"{tuple(value.shape)}; take its sum or its mean"
            )
        return value.reshape(())
    if pull.cotangents is None:
        return None
    named = flatten(outputs)
    products = [
        (named[name] * from_numpy(cotangent)).sum()
        for name, cotangent in pull.cotangents.items()
        if named[name].is_floating_point()
    ]
    return torch.stack(products).sum() if products else torch.zeros(())


def differentiated(scalar: Tensor, wanted: Sequence[Any]) -> list[Tensor | None]:
    """The gradients of a scalar; None for what is not reached.

    `wanted` are tensors, edges of the graph, or None.
    """
    live = [one for one in wanted if one is not None]
    live = [one for one in live if not isinstance(one, Tensor) or one.requires_grad]
    found: list[Tensor | None] = []
    if live and scalar.requires_grad:
        # As torch.autograd.grad, which would leave the modes that see to dropout: a
        # checkpoint computes it a second time within the backward pass.
        found = list(
            _engine_run_backward(
                (scalar,), (torch.ones_like(scalar),), False, False, tuple(live),
                allow_unreachable=True, accumulate_grad=False,
            )
        )  # fmt: skip
    by_id = {id(one): value for one, value in zip(live, found, strict=False)}
    return [by_id.get(id(one)) for one in wanted]


def _filled(
    tensors: Mapping[str, Tensor], gradients: Sequence[np.ndarray | None]
) -> dict[str, np.ndarray]:
    return {
        name: to_numpy(torch.zeros_like(tensor)) if value is None else value
        for (name, tensor), value in zip(tensors.items(), gradients, strict=True)
    }


def _of(subject: Subject, kind: str) -> list[str]:
    return [leaf.path for leaf in subject.leaves if leaf.kind == kind]
