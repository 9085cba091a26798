"""Running a subject at a state, with hooks or rewritten calls where they are asked."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, backends

from torchnets.arrays import from_numpy
from torchnets.side.dropout import Dropping
from torchnets.side.session import random_numbers
from torchnets.side.structure import tensors
from torchnets.side.subject import Subject

COMPLEX = {torch.float32: torch.complex64, torch.float64: torch.complex128}
MODES = {
    "train": True,
    "training": True,
    "is_training": True,
    "deterministic": False,
    "use_running_average": False,
}
"""Keyword arguments that tell a function its mode, and what they are in train mode."""
Entered = Callable[[], AbstractContextManager[Any]]


def load(subject: Subject, state: Mapping[str, np.ndarray]) -> dict[str, Tensor]:
    """Put the copy at a state, in the state's dtype; the tensors by path.

    Raises KeyError naming leaves that are missing or unknown, and ValueError a shape.
    """
    if subject.module is None:
        return {}
    needed = {leaf.path for leaf in subject.leaves if leaf.kind != "counter"}
    if wrong := needed ^ state.keys():
        raise KeyError(f"state: {sorted(wrong)} are on one side alone")
    dtype = _dtype(state)
    found: dict[str, Tensor] = {}
    for layer, name, tensor, _ in tensors(subject.module):
        path = f"{layer}.{name}" if layer else name
        found[path] = tensor
        if path in subject.constants:
            tensor.data = _cast(subject.constants[path], dtype)
        else:
            _put(tensor, state[path], path)
    return found


def modal(subject: Subject) -> bool:
    """Whether the model is told that it trains: modules are, functions by arguments."""
    return subject.module is not None or bool(_modes(subject, True))


def _modes(subject: Subject, train: bool) -> dict[str, Any]:
    """A function is told of the mode by the keyword arguments in use for it."""
    if subject.module is not None:
        return {}
    try:
        taken = inspect.signature(subject.call).parameters
    except ValueError:
        return {}
    return {name: train is mode for name, mode in MODES.items() if name in taken}


def _dtype(state: Mapping[str, np.ndarray]) -> torch.dtype:
    if not state:
        return torch.get_default_dtype()
    double = any(value.dtype == np.float64 for value in state.values())
    return torch.float64 if double else torch.float32


def _cast(tensor: Tensor, dtype: torch.dtype) -> Tensor:
    if tensor.is_complex():
        return tensor.to(COMPLEX[dtype], copy=True)
    return tensor.to(dtype if tensor.is_floating_point() else tensor.dtype, copy=True)


def _put(tensor: Tensor, value: np.ndarray, path: str) -> None:
    """Into the memory that is there, where the dtype is the same."""
    if tuple(tensor.shape) != value.shape:
        raise ValueError(
            f"state: {path} has the shape {tuple(tensor.shape)}, got {value.shape}"
        )
    given = from_numpy(value)
    with torch.no_grad():
        if tensor.dtype == given.dtype:
            tensor.data.copy_(given)
        else:
            tensor.data = given


@contextmanager
def prepared(
    subject: Subject,
    state: Mapping[str, np.ndarray],
    *,
    train: bool,
    draw: Callable[..., Any] | None,
) -> Iterator[dict[str, Tensor]]:
    """The copy at a state and in a mode, random numbers and fused paths seen to."""
    found = load(subject, state)
    if subject.module is not None:
        subject.module.train(train)
    fused = backends.mha.get_fastpath_enabled()
    # The fused path of attention in eval mode calls no layer and has no gradient.
    backends.mha.set_fastpath_enabled(False)
    try:
        with random_numbers(), Dropping(draw):
            yield found
    finally:
        backends.mha.set_fastpath_enabled(fused)


@contextmanager
def inside(subject: Subject, scope: str | None, entered: Entered) -> Iterator[None]:
    """Enter something whenever the module at a path runs (None: the whole model).

    Raises KeyError where there is no such module.
    """
    if subject.module is None:
        yield
        return
    named = dict(subject.module.named_modules())
    if (scope or "") not in named:
        raise KeyError(f"scope: no module is called {scope!r}; there are {list(named)}")
    module = named[scope or ""]
    before = vars(module).get("forward")
    forward = module.forward

    def within(*args: Any, **kwargs: Any) -> Any:
        with entered():
            return forward(*args, **kwargs)

    vars(module)["forward"] = within
    try:
        yield
    finally:
        if before is None:
            del vars(module)["forward"]
        else:
            vars(module)["forward"] = before


@contextmanager
def elsewhere(
    subject: Subject, scope: str | None, layers: Iterable[str]
) -> Iterator[Callable[[], bool]]:
    """Tells whether one of these layers runs, inside of the module at a path."""
    depth = 0
    handles = []

    def enter(*_: Any) -> None:
        nonlocal depth
        depth += 1

    def leave(*_: Any) -> None:
        nonlocal depth
        depth -= 1

    outer = f"{scope}." if scope else ""
    named = {} if subject.module is None else dict(subject.module.named_modules())
    try:
        for path in set(layers):
            if path in named and path != (scope or "") and path.startswith(outer):
                handles.append(named[path].register_forward_pre_hook(enter))
                handles.append(named[path].register_forward_hook(leave))
        yield lambda: depth > 0
    finally:
        for handle in handles:
            handle.remove()


def feed(
    inputs: Mapping[str, np.ndarray], *, gradients: bool = False
) -> dict[str, Tensor]:
    """Tensors of their own; float ones are differentiated if asked for."""
    made = {name: from_numpy(value) for name, value in inputs.items()}
    for tensor in made.values():
        tensor.requires_grad_(gradients and tensor.is_floating_point())
    return made


def run(
    subject: Subject,
    inputs: Mapping[str, Tensor],
    *,
    train: bool,
    entered: Entered | None = None,
    scope: str | None = None,
) -> Any:
    """The model's outputs as it returns them; what it does to its inputs is its own."""
    own = {name: tensor.clone() for name, tensor in inputs.items()}
    own = {**_modes(subject, train), **own}
    places = sorted((name for name in own if name.isdigit()), key=int)
    named = {name: value for name, value in own.items() if not name.isdigit()}
    with ExitStack() as stack:
        if entered is not None and subject.module is None:
            stack.enter_context(entered())
        elif entered is not None:
            stack.enter_context(inside(subject, scope, entered))
        return subject.call(*(own[name] for name in places), **named)
