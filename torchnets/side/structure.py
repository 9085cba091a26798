"""What a module is made of: its arrays, its layers' types and settings."""

from __future__ import annotations

from collections.abc import Iterator
from types import BuiltinFunctionType, FunctionType
from typing import Any

import torch
from torch import Tensor, nn

CONTAINERS = {nn.Module, nn.Sequential, nn.ModuleList, nn.ModuleDict}
PLAIN = (bool, int, float, str)


def tensors(module: nn.Module) -> Iterator[tuple[str, str, Tensor, nn.Module]]:
    """Path of the layer, name, tensor and layer of everything; shared ones once."""
    seen: set[int] = set()
    for path, layer in module.named_modules():
        own = [
            *layer.named_parameters(recurse=False),
            *layer.named_buffers(recurse=False),
        ]
        for name, tensor in own:
            if id(tensor) not in seen:
                seen.add(id(tensor))
                yield path, name, tensor, layer


def kind_of(layer: nn.Module, name: str, tensor: Tensor) -> str:
    """parameter, buffer, or counter: what is no number or is not saved."""
    if isinstance(tensor, nn.Parameter):
        return "parameter"
    saved = name not in layer._non_persistent_buffers_set
    return "buffer" if saved and tensor.is_floating_point() else "counter"


def layer_type(layer: nn.Module) -> str:
    """The class, or the layer of torch.nn that it is a subclass of."""
    for kind in type(layer).__mro__:
        if getattr(nn, kind.__name__, None) is kind and kind not in CONTAINERS:
            return kind.__name__
    return type(layer).__name__


def settings(layer: nn.Module) -> dict[str, Any]:
    """Every plain public attribute; functions and dtypes by their names."""
    found = {}
    for name, value in vars(layer).items():
        plain = None if name[0] == "_" or name == "training" else _plain(value)
        if plain is not None:
            found[name] = plain
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, PLAIN):
        return value
    if isinstance(value, torch.dtype):
        return str(value).removeprefix("torch.")
    if isinstance(value, (FunctionType, BuiltinFunctionType)):
        return value.__name__
    if isinstance(value, (tuple, list)):
        entries = tuple(_plain(entry) for entry in value)
        return None if None in entries else entries
    return None
