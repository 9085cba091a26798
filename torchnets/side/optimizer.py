"""A user's optimizer as a pure function: rebuilt from its state at every step."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau

from torchnets.arrays import from_numpy, to_numpy
from torchnets.layout import SLOTS

NAMES = SLOTS | {"square_avg": "second_moment"}
"""Canonical names of slots; others keep their own."""
Arrays = Mapping[str, np.ndarray]
Change = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Memory:
    """State dicts of an optimizer and its scheduler; `paths` in the order it has."""

    paths: tuple[str, ...]
    optimizer: dict[str, Any]
    scheduler: dict[str, Any] | None


@dataclass(frozen=True)
class _Live:
    parameters: dict[str, nn.Parameter]
    optimizer: Optimizer
    scheduler: LRScheduler | None


def begin(optimizer: Any, parameters: Arrays) -> Memory:
    """The state before the first step, of `factory(parameters)` → an optimizer.

    It may return (optimizer, scheduler) too: the scheduler steps after the optimizer.
    Raises TypeError for what cannot be stepped with gradients alone.
    """
    return _memory(_built(optimizer, parameters))


def advance(
    optimizer: Any, memory: Memory, parameters: Arrays, gradients: Arrays
) -> tuple[dict[str, np.ndarray], Memory]:
    """The parameters and the state after one step; the arguments stay as they are."""
    live = _built(optimizer, parameters)
    _restore(live, memory)
    for path, parameter in live.parameters.items():
        parameter.grad = from_numpy(gradients[path])
    live.optimizer.step()
    if live.scheduler is not None:
        live.scheduler.step()
    made = {path: to_numpy(one) for path, one in live.parameters.items()}
    return made, _memory(live)


def slots(optimizer: Any, memory: Memory) -> dict[str, np.ndarray]:
    """What the optimizer has kept, as slot/path; before the first step, nothing."""
    del optimizer
    return {
        f"{NAMES.get(slot, slot)}/{memory.paths[place]}": to_numpy(value)
        for place, kept in memory.optimizer["state"].items()
        for slot, value in kept.items()
        if slot != "step" and isinstance(value, Tensor)
    }


def moved(optimizer: Any, memory: Memory, change: Change) -> Memory:
    """The state with every float changed, the constants of the groups among them."""
    del optimizer
    made = copy.deepcopy(memory.optimizer)
    for kept in made["state"].values():
        kept |= {
            slot: _changed(value, change)
            for slot, value in kept.items()
            if slot != "step"
        }
    for group in made["param_groups"]:
        group |= {
            name: _changed(value, change)
            for name, value in group.items()
            if name != "params"
        }
    return Memory(memory.paths, made, memory.scheduler)


def _changed(value: Any, change: Change) -> Any:
    if isinstance(value, Tensor) and value.is_floating_point():
        return from_numpy(np.asarray(change(to_numpy(value))))
    if isinstance(value, tuple):
        return tuple(_changed(entry, change) for entry in value)
    if isinstance(value, float) and value:
        return float(change(np.asarray(value)))
    return value


def _built(factory: Any, parameters: Arrays) -> _Live:
    if isinstance(factory, Optimizer) or not callable(factory):
        raise TypeError(
            "optimizer: expected a function of the parameters that makes one, such as "
            "`lambda parameters: torch.optim.AdamW(parameters, 1e-3)`, got "
            f"{type(factory).__name__}"
        )
    own = {path: nn.Parameter(from_numpy(value)) for path, value in parameters.items()}
    made = factory(list(own.values()))
    optimizer, scheduler = made if isinstance(made, tuple) else (made, None)
    if not isinstance(optimizer, Optimizer):
        raise TypeError(
            "optimizer: the function must return a torch.optim.Optimizer, or it and a "
            f"scheduler, got {type(optimizer).__name__}"
        )
    _check(optimizer, scheduler)
    return _Live(own, optimizer, scheduler)


def _check(optimizer: Optimizer, scheduler: Any) -> None:
    closure = inspect.signature(type(optimizer).step).parameters.get("closure")
    if closure is not None and closure.default is inspect.Parameter.empty:
        raise TypeError(
            f"optimizer: {type(optimizer).__name__} evaluates the loss again within a "
            "step (a closure), so its steps are no function of one gradient; compare "
            "the models without `optimizers`"
        )
    if isinstance(scheduler, ReduceLROnPlateau):
        raise TypeError(
            "optimizer: ReduceLROnPlateau follows a validation loss, which there is "
            "none of here; compare with a constant learning rate"
        )
    if scheduler is not None and not isinstance(scheduler, LRScheduler):
        raise TypeError(
            "optimizer: beside the optimizer expected a scheduler of "
            f"torch.optim.lr_scheduler, got {type(scheduler).__name__}"
        )


def _restore(live: _Live, memory: Memory) -> None:
    # What a state dict holds is used in place by who loads it.
    live.optimizer.load_state_dict(copy.deepcopy(memory.optimizer))
    if live.scheduler is not None:
        live.scheduler.load_state_dict(copy.deepcopy(memory.scheduler) or {})


def _memory(live: _Live) -> Memory:
    paths = {id(one): path for path, one in live.parameters.items()}
    held = [one for group in live.optimizer.param_groups for one in group["params"]]
    if any(id(one) not in paths for one in held):
        raise TypeError(
            "optimizer: it holds parameters that are not among those it was given; "
            "make it of the function's argument"
        )
    scheduler = live.scheduler
    return Memory(
        tuple(paths[id(one)] for one in held),
        live.optimizer.state_dict(),
        None if scheduler is None else copy.deepcopy(scheduler.state_dict()),
    )
