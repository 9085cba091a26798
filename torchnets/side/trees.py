"""Arrays in whatever a module takes or returns: by name, in order, put back."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor


def parts(value: Any) -> list[tuple[str, Any]] | None:
    """What a container holds, by field, key or position; None for anything else."""
    if is_dataclass(value) and not isinstance(value, type):
        return [(one.name, getattr(value, one.name)) for one in fields(value)]
    names = getattr(value, "_fields", None)
    if isinstance(value, tuple) and names is not None:
        return list(zip(names, value, strict=True))
    if isinstance(value, Mapping):
        return [(str(key), entry) for key, entry in value.items()]
    if isinstance(value, (tuple, list)):
        return [(str(place), entry) for place, entry in enumerate(value)]
    return None


def flatten(outputs: Any, name: str = "") -> dict[str, Tensor]:
    """Every array of an output by name, nested names joined by ".".

    None and text are dropped; a complex array is two, "real" and "imag". Raises
    TypeError naming what is neither an array nor holds arrays.
    """
    if outputs is None or isinstance(outputs, (str, bytes)):
        return {}
    if isinstance(outputs, (bool, int, float, np.ndarray, np.generic)):
        outputs = torch.as_tensor(outputs)
    if isinstance(outputs, Tensor) and not outputs.is_complex():
        return {name: outputs}
    if isinstance(outputs, Tensor):
        outputs = {"real": outputs.real, "imag": outputs.imag}
    inside = parts(outputs)
    if inside is None:
        kind = type(outputs).__name__
        cache = "switch it off (use_cache=False), or " if "Cache" in kind else ""
        raise TypeError(
            f"output {name!r}: expected a tensor, or a tuple, list, dict, dataclass or "
            f"NamedTuple of them, got {kind}; {cache}return what is to be compared"
        )
    found: dict[str, Tensor] = {}
    for part, entry in inside:
        found |= flatten(entry, f"{name}.{part}" if name else part)
    return found


def floats(value: Any) -> list[Tensor]:
    """Every floating-point tensor in order; what is no container is passed over."""
    if isinstance(value, Tensor):
        return [value] if value.is_floating_point() else []
    return [one for _, entry in parts(value) or () for one in floats(entry)]


def replaced(value: Any, change: Callable[[Tensor], Tensor]) -> Any:
    """The same structure, each floating-point tensor changed, in order."""
    if isinstance(value, Tensor):
        return change(value) if value.is_floating_point() else value
    inside = parts(value)
    if inside is None:
        return value
    made = [(part, replaced(entry, change)) for part, entry in inside]
    if all(new is old for (_, new), (_, old) in zip(made, inside, strict=True)):
        return value
    return _rebuilt(value, [entry for _, entry in made])


def _rebuilt(value: Any, entries: list[Any]) -> Any:
    if isinstance(value, tuple):
        named = hasattr(value, "_fields")
        return type(value)(*entries) if named else type(value)(entries)
    if isinstance(value, list):
        return entries
    made = copy.copy(value)
    if is_dataclass(value):
        for one, entry in zip(fields(value), entries, strict=True):
            object.__setattr__(made, one.name, entry)
            if isinstance(made, dict) and one.name in made:
                dict.__setitem__(made, one.name, entry)
        return made
    made.update(zip(value, entries, strict=True))
    return made
