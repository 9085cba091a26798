"""The copy of a user's model that everything is done to."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from torchnets.arrays import dtype_name, to_numpy
from torchnets.side.parts import Leaf, Module
from torchnets.side.structure import kind_of, layer_type, settings, tensors

WORLDS = {"jax", "jaxlib", "flax", "equinox", "haiku"}


@dataclass(frozen=True, eq=False)
class Subject:
    """A copy of a model on the CPU, or a function of tensors.

    `values` are the user's, for the copy is put at one state after the other;
    `constants` are the buffers that no state holds.
    """

    call: Callable[..., Any]
    module: nn.Module | None
    leaves: tuple[Leaf, ...]
    modules: tuple[Module, ...]
    values: dict[str, np.ndarray]
    constants: dict[str, Tensor]
    frozen: tuple[str, ...] = ()
    """Parameters that the user's model does not train; the copy does."""


def open_model(model: Any) -> Subject:
    """A copy of an `nn.Module`, or a function of tensors.

    Raises TypeError saying what to hand over in place of anything else.
    """
    if isinstance(model, nn.Module):
        _check_module(model)
        return _opened(_copied(model))
    _check_function(model)
    return Subject(model, None, (), (), {}, {})


def meet(subject: Subject, inputs: Mapping[str, np.ndarray]) -> Subject:
    """The subject as it is: PyTorch's modules are known before they are called."""
    return subject


def with_buffers(subject: Subject, paths: Collection[str]) -> Subject:
    """The subject as it is: PyTorch's modules say themselves what they train."""
    return subject


def unreturned(subject: Subject) -> list[str]:
    """Nothing: what becomes of PyTorch's buffers in training is in the module."""
    return []


def modules(subject: Subject) -> list[Module]:
    """Every module in the order of definition, the root first; [] of a function."""
    return list(subject.modules)


def leaves(subject: Subject) -> list[Leaf]:
    """Every parameter and buffer in the order of definition; shared ones once."""
    return list(subject.leaves)


def frozen(subject: Subject) -> list[str]:
    """Parameters that the user's model does not train."""
    return list(subject.frozen)


def state(subject: Subject) -> dict[str, np.ndarray]:
    """The user's values of parameters and saved buffers, in at least float32."""
    return {path: value.copy() for path, value in subject.values.items()}


def _opened(module: nn.Module) -> Subject:
    found: list[Leaf] = []
    values: dict[str, np.ndarray] = {}
    constants: dict[str, Tensor] = {}
    frozen: list[str] = []
    for layer, name, tensor, owner in tensors(module):
        path = f"{layer}.{name}" if layer else name
        kind = kind_of(owner, name, tensor)
        shape = tuple(tensor.shape)
        found.append(
            Leaf(path, shape, dtype_name(tensor), kind, layer, layer_type(owner), name)
        )
        if kind == "parameter" and not tensor.requires_grad:
            # What is trained is the optimizer's business on the other side.
            frozen.append(path)
            tensor.requires_grad_(True)
        if kind == "counter":
            constants[path] = tensor.detach().clone()
        else:
            wide = tensor if tensor.dtype == torch.float64 else tensor.float()
            values[path] = to_numpy(wide)
    described = tuple(
        Module(path, layer_type(one), settings(one))
        for path, one in module.named_modules()
    )
    return Subject(
        module,
        module,
        tuple(found),
        described,
        values,
        constants,
        tuple(frozen),
    )


def _copied(model: nn.Module) -> nn.Module:
    """A deep copy on the CPU, without gradients, that no compiler stands before.

    Raises TypeError for what cannot be copied.
    """
    with torch.inference_mode(False):
        copies = {id(tensor): _alone(tensor) for tensor in _held(model)}
        try:
            made = copy.deepcopy(model, copies)
        except (RuntimeError, TypeError) as error:
            raise TypeError(
                f"the PyTorch model: {type(model).__name__} cannot be copied: "
                f"{str(error).partition('. ')[0]}; detach the tensors that it keeps in "
                "lists or dicts (x.detach()), and leave out what copy.deepcopy refuses"
            ) from error
    for module in made.modules():
        module._compiled_call_impl = None
    return made


def _held(model: nn.Module) -> Iterator[Tensor]:
    """Parameters, buffers and attributes that are plain tensors."""
    yield from (one for one in model.parameters() if type(one) is nn.Parameter)
    yield from (one for one in model.buffers() if type(one) is Tensor)
    for module in model.modules():
        yield from (one for one in vars(module).values() if type(one) is Tensor)


def _alone(tensor: Tensor) -> Tensor:
    made = tensor.detach().to("cpu", copy=True)
    if isinstance(tensor, nn.Parameter):
        return nn.Parameter(made, requires_grad=tensor.requires_grad)
    return made


def _check_module(model: nn.Module) -> None:
    kind = type(model)
    if isinstance(model, torch.jit.ScriptModule):
        raise TypeError(
            f"the PyTorch model: {kind.__name__} is compiled by TorchScript, whose "
            "layers cannot be looked at; hand over the nn.Module that it was made from"
        )
    if kind.__module__.startswith("torch._dynamo"):
        raise TypeError(
            "the PyTorch model: a module compiled by torch.compile cannot be looked "
            "at layer by layer; hand over the nn.Module itself (model._orig_mod)"
        )
    if kind.__name__ in {"DataParallel", "DistributedDataParallel"}:
        raise TypeError(
            f"the PyTorch model: {kind.__name__} spreads a model over devices; hand "
            "over the nn.Module inside (model.module)"
        )
    for name, tensor in [*model.named_parameters(), *model.named_buffers()]:
        if nn.parameter.is_lazy(tensor):
            raise TypeError(
                f"the PyTorch model: {name} has no shape yet; run the model once, so "
                "that its lazy layers are made"
            )
        if tensor.device.type == "meta":
            raise TypeError(
                f"the PyTorch model: {name} is on the meta device and has no values; "
                "load its weights first"
            )
        if isinstance(tensor, nn.Parameter) and not tensor.is_floating_point():
            raise TypeError(
                f"the PyTorch model: the parameter {name} is {dtype_name(tensor)}; "
                "only floating-point parameters can be compared"
            )


def _check_function(model: Any) -> None:
    if isinstance(model, type):
        raise TypeError(
            f"the PyTorch model: got the class {model.__name__}; hand over an "
            f"instance, {model.__name__}(…)"
        )
    worlds = {kind.__module__.partition(".")[0] for kind in type(model).__mro__}
    if worlds & WORLDS:
        raise TypeError(
            f"the PyTorch model: {type(model).__name__} is a JAX model, on the side "
            "of PyTorch; the PyTorch model comes first, then the JAX model"
        )
    if not callable(model):
        raise TypeError(
            "the PyTorch model: expected an nn.Module or a function of tensors, got "
            f"{type(model).__name__}"
        )
    if isinstance(model, torch.jit.ScriptFunction):
        raise TypeError(
            "the PyTorch model: a function compiled by TorchScript cannot be looked "
            "into; hand over the Python function that it was made from"
        )
    for name, held in _reached(model):
        if isinstance(held, nn.Module) and any(True for _ in held.parameters()):
            raise TypeError(
                f"the PyTorch model: a function that uses the module {name!r}, whose "
                "parameters would not be compared; hand over the module, or a small "
                "nn.Module that holds it and whose forward does what the function does"
            )


def _reached(function: Any) -> list[tuple[str, Any]]:
    """What a function holds or uses by name."""
    owner = getattr(function, "__self__", None)
    found = [] if owner is None else [(type(owner).__name__, owner)]
    plain = inspect.unwrap(getattr(function, "__func__", function))
    if inspect.isfunction(plain):
        used = inspect.getclosurevars(plain)
        found += [*used.nonlocals.items(), *used.globals.items()]
    return found
