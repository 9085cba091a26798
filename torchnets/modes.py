"""Ways to take training steps in PyTorch, as most people write them and as an expert.

| mode | what it is |
|---|---|
| `notebook` | the loop of the notebooks: a step, and its loss read by `.item()` |
| `eager` | the same steps; the losses stay where they are until the end |
| `compile` | the loss by `torch.compile` in one graph, the optimizer as usual |
| `compile-step` | the whole step by `torch.compile`, which breaks it up where it must |
| `tuned` | CPU: Adam fused. GPU: any optimizer, and the loss in CUDA graphs |
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from types import FunctionType
from typing import Any

import numpy as np
import torch
from torch import Tensor

from torchnets.layout import Live, Subject, dump, leaves, load
from torchnets.runtime import feed


@dataclass(frozen=True)
class Program:
    """A way to take steps on objects that are there before it is timed.

    `place` hands batches over, one for each step; `restart` puts the objects into a
    state; `take` takes a step for each batch and returns the losses, nothing waited
    for; `held` is the state of the objects, `pending` what must be waited for besides
    the losses. `forward` and `backward` are of one batch, from where the objects are;
    None where the mode has none of its own.
    """

    place: Callable[[Mapping[str, np.ndarray], Mapping[str, np.ndarray], int], Any]
    restart: Callable[[Live], None]
    take: Callable[[Any], Any]
    held: Callable[[], Live]
    pending: Callable[[], Any]
    forward: Callable[[Any], Any] | None
    backward: Callable[[Any], Any] | None
    estimate: Callable[[Any], int | None]
    """Bytes that the compiler says a program needs; None where it says nothing."""
    guard: Callable[[], AbstractContextManager[Any]]
    """Around what is timed: refuses hidden transfers, where there need be none."""
    knobs: Mapping[str, str]


def open_program(subject: Subject, mode: str, state: Mapping[str, np.ndarray]) -> Any:
    """The program of a mode, its objects in this state; raises KeyError for a mode."""
    return MODES[mode](subject, load(subject, state))


def _each(
    subject: Subject,
    shared: Mapping[str, np.ndarray],
    stacked: Mapping[str, np.ndarray],
    steps: int,
) -> list[dict[str, Tensor]]:
    """A batch for each step, on the device."""
    common = feed(subject, shared)
    rows = {name: value.unbind() for name, value in feed(subject, stacked).items()}
    return [
        {**common, **{name: values[step] for name, values in rows.items()}}
        for step in range(steps)
    ]


def _objects(
    subject: Subject,
    live: Live,
    knobs: Mapping[str, str],
    *,
    step: Callable[..., Any] | None = None,
    loss: Callable[..., Any] | None = None,
    read: Callable[[Tensor], Any] = lambda value: value,
) -> Program:
    """Steps that change a model in place, as the twin is written."""
    twin, model, by_hand = subject.twin, live.model, isinstance(live.model, dict)
    apart = step is None or loss is not None  # else no loss of its own is compiled
    own_step, own_loss = step or twin.train_step, loss or twin.loss

    def take(batches: list[Any]) -> list[Any]:
        nonlocal model
        losses = []
        for batch in batches:
            if by_hand:
                value, model = own_step(model, live.optimizer, batch)
            else:
                value = own_step(model, live.optimizer, batch)
            losses.append(read(value))
        return losses

    def restart(at: Live) -> None:
        nonlocal model
        if by_hand:
            model = {name: tensor.detach().clone() for name, tensor in at.model.items()}
        else:
            _copy(Live(model, live.optimizer), at)

    @torch.no_grad()
    def forward(batch: Any) -> Tensor:
        return own_loss(model, batch)

    def backward(batch: Any) -> Any:
        if by_hand:
            return twin.loss_and_gradients(model, batch)
        value = own_loss(model, batch)
        tensors = [place.tensor for place in leaves(model).values()]
        return value, torch.autograd.grad(value, tensors, allow_unused=True)

    return Program(
        partial(_each, subject),
        restart,
        take,
        lambda: Live(model, live.optimizer),
        lambda: None,  # one wait for the device is for everything
        forward if apart else None,
        backward if apart else None,
        lambda batches: None,
        nullcontext,
        {
            "state": "in place",
            "optimizer": _kernels(live.optimizer),
            "losses": "kept",
            **knobs,
        },
    )


def _kernels(optimizer: torch.optim.Optimizer | None) -> str:
    """Of an optimizer as it is built: PyTorch chooses them."""
    return "none" if optimizer is None else "plain"


@torch.no_grad()
def _copy(live: Live, at: Live) -> None:
    """Put numbers into the objects that are there: compiled code knows them."""
    source = leaves(at.model)
    for leaf, place in leaves(live.model).items():
        other = source[leaf].tensor
        place.tensor.copy_(other)
        if other.grad is not None:
            place.tensor.grad = other.grad.clone()
        kept = live.optimizer.state[place.tensor] if live.optimizer else {}
        given = at.optimizer.state[other] if at.optimizer else {}
        for slot, value in given.items():
            kept[slot].copy_(value)


def _notebook(subject: Subject, live: Live) -> Program:
    knobs = {"compiled": "no", "losses": "read at each step"}
    return _objects(subject, live, knobs, read=lambda value: value.item())


def _eager(subject: Subject, live: Live) -> Program:
    return _objects(subject, live, {"compiled": "no"})


def _compile(subject: Subject, live: Live) -> Program:
    knobs = {"compiled": "loss"}
    return _objects(subject, live, knobs, **_compiled_loss(subject, live))


def _compiled_loss(
    subject: Subject, live: Live, **options: Any
) -> dict[str, Callable[..., Any]]:
    """The loss in one graph, and the twin's own step with it in place of its own.

    A step that differentiates by hand has no loss to compile, but is one graph itself.
    """
    twin = subject.twin
    if isinstance(live.model, dict):
        return {"step": torch.compile(twin.train_step, fullgraph=True, **options)}
    loss = torch.compile(twin.loss, fullgraph=True, **options)
    return {"step": _with(twin.train_step, loss=loss), "loss": loss}


def _with(function: Callable[..., Any], **names: Any) -> Callable[..., Any]:
    """The same function, with other things behind some of its module's names."""
    if not isinstance(function, FunctionType):
        raise TypeError(f"function: expected a plain function, got {function!r}")
    copy = FunctionType(
        function.__code__,
        {**function.__globals__, **names},
        function.__name__,
        function.__defaults__,
        function.__closure__,
    )
    copy.__kwdefaults__ = function.__kwdefaults__
    return copy


def _compile_step(subject: Subject, live: Live) -> Program:
    step = torch.compile(subject.twin.train_step)
    return _objects(subject, live, {"compiled": "step"}, step=step)


def _tuned(subject: Subject, live: Live) -> Program:
    """A fused optimizer, on a GPU with the loss in CUDA graphs.

    On a CPU only Adam is fused: its root and its divisions, over all parameters in one
    kernel, take half of their time then. Plain descent is bound by memory, and fused it
    took a fifth longer on two cores.
    """
    optimizer, gpu = live.optimizer, subject.device == "gpu"
    knobs = {"compiled": "no"}
    if optimizer is not None and (gpu or isinstance(optimizer, torch.optim.Adam)):
        knobs["optimizer"] = "fused"
        for group in optimizer.param_groups:
            group["fused"], group["foreach"] = True, False
        for kept in optimizer.state.values() if gpu else ():
            if "step" in kept:
                kept["step"] = kept["step"].to("cuda")  # fused kernels count there
    if not gpu:
        return _objects(subject, live, knobs)
    graphs = _compiled_loss(subject, live, mode="reduce-overhead")
    # What a CUDA graph returns is overwritten when it is replayed.
    return _objects(
        subject, live, knobs | {"compiled": "loss"}, read=torch.clone, **graphs
    )


MODES: Mapping[str, Callable[[Subject, Live], Program]] = {
    "notebook": _notebook,
    "eager": _eager,
    "compile": _compile,
    "compile-step": _compile_step,
    "tuned": _tuned,
}


def state_of(subject: Subject, program: Program) -> dict[str, np.ndarray]:
    """The canonical state that a program's objects are in."""
    return dump(subject, program.held())[0]
