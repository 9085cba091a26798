"""Finding what computes in less than float64 inside a float64 run."""

from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from torchnets.arrays import dtype_name


class NarrowOperations(TorchDispatchMode):
    """Collects operations that return floating-point numbers below float64."""

    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        for value in result if isinstance(result, (tuple, list)) else (result,):
            floats = isinstance(value, Tensor) and value.is_floating_point()
            if floats and value.dtype != torch.float64:
                self.found.add(f"{func.__name__} in {dtype_name(value)}")
        return result
