"""Counting the floating-point operations of matrix products, as they are done."""

from collections.abc import Callable
from typing import Any

from torch.utils.flop_counter import FlopCounterMode


def products(function: Callable[..., Any], *arguments: Any) -> int:
    """Operations of all matrix products in a call, those of a backward pass too.

    2 · (elements of the product) · (terms of each)

    Products with a vector are not counted by PyTorch.
    """
    with FlopCounterMode(display=False) as counter:
        function(*arguments)
    return counter.get_total_flops()
