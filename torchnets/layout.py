"""The canonical layout: which leaf of a module is called what, and how it is laid.

States are flat dicts of NumPy arrays: `parameters/<leaf>`, `optimizer/<slot>/<leaf>`,
and `accumulated/<leaf>` where gradients are kept. Every leaf is mapped exactly once.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from inspect import signature
from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from torchnets.arrays import from_numpy, to_numpy

# Parameters of a layer type: canonical name, and the axes that lay them out.
LAYERS: dict[type[nn.Module], dict[str, tuple[str, tuple[int, ...] | None]]] = {
    nn.Linear: {"weight": ("weight", (1, 0)), "bias": ("bias", None)},
}
# An optimizer's state: canonical name of each slot.
SLOTS = {
    "momentum_buffer": "momentum",
    "exp_avg": "first_moment",
    "exp_avg_sq": "second_moment",
    "step": "step",
}


@dataclass(frozen=True)
class Leaf:
    """Where a canonical leaf lives, and the axes that make the canonical layout."""

    tensor: Tensor
    axes: tuple[int, ...] | None


@dataclass(frozen=True)
class Live:
    """A model and its optimizer, both changed in place; by-hand models are dicts."""

    model: Any
    optimizer: torch.optim.Optimizer | None


@dataclass(frozen=True)
class Subject:
    """A twin, and how the harness drives it."""

    twin: ModuleType
    device: str
    accumulates: bool = False


def accepted(
    function: Callable[..., Any], constants: Mapping[str, Any]
) -> dict[str, Any]:
    """Those constants that a function takes: of the step, or of the optimizer."""
    return {n: constants[n] for n in signature(function).parameters if n in constants}


def leaves(model: Any) -> dict[str, Leaf]:
    """Every parameter and buffer by name; raises TypeError for the unknown."""
    if isinstance(model, dict):
        return {name: Leaf(tensor, None) for name, tensor in model.items()}
    found: dict[str, Leaf] = {}
    for path, module in model.named_modules():
        own = dict(module.named_parameters(recurse=False))
        own |= dict(module.named_buffers(recurse=False))
        names = LAYERS.get(type(module), {})
        for attribute, tensor in own.items():
            library = type(module).__module__.startswith("torch.")
            if library and attribute not in names:
                raise TypeError(
                    f"leaf {path}.{attribute}: no canonical layout is known for "
                    f"{type(module).__name__}; add it to LAYERS"
                )
            name, axes = names.get(attribute, (attribute, None))
            found[f"{path}.{name}" if path else name] = Leaf(tensor, axes)
    return found


def load(
    subject: Subject,
    state: Mapping[str, np.ndarray],
    constants: Mapping[str, float] | None = None,
) -> Live:
    """A fresh model and optimizer in this state; raises KeyError naming a leaf.

    A state of parameters alone leaves the optimizer as it is built; `constants` are
    given to it in place of the twin's defaults.
    """
    model = subject.twin.build()
    by_hand = isinstance(model, dict)
    given = {name for name in state if name.startswith("parameters/")}
    for leaf, place in leaves(model).items():
        value = _undone(_take(state, f"parameters/{leaf}", given), place, leaf)
        tensor = from_numpy(value, device=subject.device)
        if by_hand:
            model[leaf] = tensor
        else:
            place.tensor.data = tensor
            # As in the middle of a run: PyTorch tells "no gradient yet" from zero.
            place.tensor.grad = torch.zeros_like(tensor)
    if given:
        raise KeyError(f"PyTorch has no leaf for {sorted(given)}")
    build = subject.twin.build_optimizer
    optimizer = build(model, **accepted(build, constants or {}))
    live = Live(model, optimizer)
    if any(not name.startswith("parameters/") for name in state):
        _load_optimizer(subject, live, state)
    return live


def _load_optimizer(
    subject: Subject, live: Live, state: Mapping[str, np.ndarray]
) -> None:
    given = {name for name in state if not name.startswith("parameters/")}
    for leaf, place in leaves(live.model).items():
        kept = live.optimizer.state[place.tensor] if live.optimizer else {}
        for slot, name in slots(live.optimizer).items():
            full = f"optimizer/{name}/{leaf}"
            value = _take(state, full, given)
            if slot == "step":
                count = Leaf(torch.zeros(()), None)
                value = _undone(value, count, full).astype(_default_dtype())
                kept[slot] = from_numpy(value)
            else:
                value = _undone(value, place, full)
                kept[slot] = from_numpy(value, device=subject.device)
        if subject.accumulates:
            full = f"accumulated/{leaf}"
            value = _undone(_take(state, full, given), place, full)
            place.tensor.grad = from_numpy(value, device=subject.device)
    if given:
        raise KeyError(f"PyTorch's optimizer has no place for {sorted(given)}")


def slots(optimizer: torch.optim.Optimizer | None) -> dict[str, str]:
    """The slots of an optimizer, whether it has made them yet or not."""
    if optimizer is None:
        return {}
    if isinstance(optimizer, torch.optim.SGD):
        kept = ["momentum_buffer"] if optimizer.defaults["momentum"] else []
    elif isinstance(optimizer, torch.optim.Adam):
        kept = ["step", "exp_avg", "exp_avg_sq"]
    else:
        raise TypeError(
            f"no canonical state is known for {type(optimizer).__name__}; add it to "
            "torchnets/layout.py"
        )
    return {slot: SLOTS[slot] for slot in kept}


def _take(state: Mapping[str, np.ndarray], name: str, given: set[str]) -> np.ndarray:
    if name not in state:
        raise KeyError(f"PyTorch needs {name}, which the state does not have")
    given.discard(name)
    return state[name]


def _undone(value: np.ndarray, place: Leaf, leaf: str) -> np.ndarray:
    """From the canonical layout to PyTorch's; raises ValueError naming the leaf."""
    axes = range(place.tensor.ndim) if place.axes is None else place.axes
    expected = tuple(place.tensor.shape[axis] for axis in axes)
    if value.shape != expected:
        raise ValueError(
            f"leaf {leaf}: expected the canonical shape {expected}, got {value.shape}"
        )
    return value.transpose(np.argsort(axes)) if value.ndim else value


def _default_dtype() -> str:
    return str(torch.get_default_dtype()).removeprefix("torch.")


def dump(subject: Subject, live: Live) -> tuple[dict[str, np.ndarray], list[str]]:
    """The whole state, and the names of what was never touched (dumped as zeros)."""
    state: dict[str, np.ndarray] = {}
    unused: list[str] = []

    def put(name: str, tensor: Tensor | None, place: Leaf) -> None:
        if tensor is None:
            unused.append(name)
            tensor = torch.zeros_like(place.tensor)
        state[name] = canonical(tensor, place)

    for leaf, place in leaves(live.model).items():
        state[f"parameters/{leaf}"] = canonical(place.tensor, place)
        known = slots(live.optimizer)
        made = live.optimizer.state.get(place.tensor, {}) if live.optimizer else {}
        if surplus := made.keys() - known.keys():
            raise TypeError(f"leaf {leaf}: no slot is known for {sorted(surplus)}")
        for slot, name in known.items():
            if slot == "step":
                count = np.asarray(int(made.get(slot, 0)), np.int64)
                state[f"optimizer/step/{leaf}"] = count
            else:
                put(f"optimizer/{name}/{leaf}", made.get(slot), place)
        if subject.accumulates:
            put(f"accumulated/{leaf}", place.tensor.grad, place)
    return state, unused


def canonical(tensor: Tensor, place: Leaf) -> np.ndarray:
    """A parameter, gradient or slot as an array in the canonical layout."""
    value = to_numpy(tensor)
    return value if place.axes is None else value.transpose(place.axes).copy()
