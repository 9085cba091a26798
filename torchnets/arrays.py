"""Arrays between NumPy and PyTorch; both ways always copy: aliasing has bitten us."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

DEVICES = {"cpu": "cpu", "gpu": "cuda"}


def from_numpy(array: Any, *, device: str = "cpu") -> Tensor:
    """A tensor with memory of its own."""
    return torch.tensor(np.asarray(array), device=DEVICES[device])


def to_numpy(tensor: Tensor) -> np.ndarray:
    """An array with memory of its own; NumPy has no bfloat16, which widens exactly."""
    tensor = tensor.detach().cpu()
    return (tensor.float() if tensor.dtype == torch.bfloat16 else tensor).numpy().copy()


def is_array(value: Any) -> bool:
    """Whether this is one of the framework's arrays."""
    return isinstance(value, Tensor)


def dtype_name(tensor: Tensor) -> str:
    """The name of the element type as NumPy spells it."""
    return str(tensor.dtype).removeprefix("torch.")
