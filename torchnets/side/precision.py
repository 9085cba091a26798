"""Where a float64 run computes in less: looked for forward and backward."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from torchnets.arrays import dtype_name
from torchnets.side.constants import is_rounded, made_in
from torchnets.side.evaluate import asks, differentiated, pulled
from torchnets.side.optimizer import Memory, advance
from torchnets.side.parts import Pull, Spot
from torchnets.side.places import of_forward, of_node
from torchnets.side.running import feed, prepared, run
from torchnets.side.subject import Subject

PHASES = {
    "model": ("outputs", "loss", "gradients", "buffers"),
    "loss": ("loss", "gradients"),
    "backward": ("gradients",),
    "update": ("update",),
}
"""What depends on an operation of each part of a run."""


def _hardsigmoid(_: Sequence[Any]) -> str:
    return "the slope 1/6"


def _elu(args: Sequence[Any]) -> str:
    """Of elu_backward(gradient, alpha, scale, input_scale, …): CELU's 1/alpha."""
    alpha, input_scale = float(args[1]), float(args[3])
    return "" if input_scale in (1.0, 1.0 / alpha) else "alpha"


def _cross_entropy(_: Sequence[Any]) -> str:
    return "the least p (1 − p), 1e-12,"


CONSTANTS: dict[str, Callable[[Sequence[Any]], str]] = {
    "hardsigmoid_backward": _hardsigmoid,
    "elu_backward": _elu,
    "binary_cross_entropy_backward": _cross_entropy,
}
"""Kernels that hold a constant in float32 although every tensor is float64.

Measured in PyTorch 2.13 on a CPU, relative error of the gradient: 3e-8, 5e-8, 4e-9. Of
60 other kernels of torch.nn.functional and of the optimizers, none has one.
"""


def low_precision(
    subject: Subject,
    state: Mapping[str, np.ndarray],
    inputs: Mapping[str, np.ndarray],
    *,
    train: bool,
    pull: Pull,
) -> list[Spot]:
    """Every operation by which a float64 run leaves float64, and the user's line.

    So does a buffer that no state holds, if it was made in float32 and is used. Meant
    for a session of float64. What follows from a narrow number in narrow numbers is not
    told again.
    """
    watch = _Narrow()
    with (
        prepared(subject, state, train=train, draw=pull.draw) as found,
        # Keeps with every backward operation the lines that its forward came from.
        torch.autograd.set_detect_anomaly(True, check_nan=False),
        watch,
    ):
        tensors = feed(inputs, gradients=asks(pull))
        watch.constants = {
            _storage(found[path]): f"{made_in(constant)}: {path}"
            for path, constant in subject.constants.items()
            if is_rounded(constant)
        }
        watch.part = "model"
        outputs = run(subject, tensors, train=train)
        watch.part = "loss"
        scalar = pulled(outputs, pull)
        if scalar is not None:
            watch.part = "backward"
            parameters = () if subject.module is None else subject.module.parameters()
            differentiated(scalar, [*parameters, *tensors.values()])
    return [
        Spot(operation, where, tuple(one for one in PHASES["model"] if one in phases))
        for (operation, where), phases in watch.found.items()
    ]


def low_precision_step(
    optimizer: Any,
    memory: Memory,
    parameters: Mapping[str, np.ndarray],
    gradients: Mapping[str, np.ndarray],
) -> list[Spot]:
    """Every operation by which an optimizer's float64 step leaves float64."""
    watch = _Narrow()
    watch.part = "update"
    with watch:
        advance(optimizer, memory, parameters, gradients)
    return [Spot(operation, where, ("update",)) for operation, where in watch.found]


class _Narrow(TorchDispatchMode):
    """Collects the spots, in the order in which they are first come across."""

    def __init__(self) -> None:
        super().__init__()
        self.part = ""
        self.found: dict[tuple[str, str], set[str]] = {}
        self.made: dict[int, Any] = {}
        self.constants: dict[int, str] = {}

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        if self.part:
            self._look(func.overloadpacket.__name__, args, kwargs or {}, result)
        return result

    def _look(self, name: str, args: Any, kwargs: Any, result: Any) -> None:
        given = list(_floats((args, kwargs)))
        for one in given:
            if constant := self.constants.get(_storage(one)):
                where = f"buffer {constant.partition(': ')[2]}"
                self.found[f"a constant in {constant}", where] = {*PHASES["model"]}
        narrow = [one for one in given if _is_narrow(one)]
        wide = len(narrow) < len(given)
        less = [one for one in _floats(result) if _is_narrow(one)]
        foreign = [one for one in narrow if _storage(one) not in self.made]
        if less and (wide or not given):
            came = "float64→" if wide else "in "
            self._tell(f"{name} {came}{dtype_name(less[0])}")
        elif wide and foreign:
            self._tell(f"{name} with {dtype_name(foreign[0])} numbers of the model")
        if constant := CONSTANTS.get(name, lambda _: "")(args):
            self._tell(f"{name} holds {constant} in float32")
        if less and (wide or not foreign):
            # Kept, lest its memory become another tensor's.
            self.made |= {_storage(one): one.untyped_storage() for one in less}

    def _tell(self, operation: str) -> None:
        node = torch._C._current_autograd_node()
        where = of_forward() if node is None else of_node(node)
        self.found.setdefault((operation, where), set()).update(PHASES[self.part])


def _floats(value: Any) -> Iterator[Tensor]:
    for one in tree_leaves(value):
        if isinstance(one, Tensor) and (one.is_floating_point() or one.is_complex()):
            yield one


def _is_narrow(tensor: Tensor) -> bool:
    return tensor.dtype not in (torch.float64, torch.complex128)


def _storage(tensor: Tensor) -> int:
    return tensor.untyped_storage().data_ptr()
