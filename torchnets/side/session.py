"""Everything of PyTorch that numbers depend on, set for a while and put back."""

from __future__ import annotations

import random
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np
import torch
from torch.utils import deterministic

backends: Any = torch.backends
memory: Any = deterministic
PRODUCTS = (
    backends.cuda.matmul,
    backends.cudnn.conv,
    backends.cudnn.rnn,
    backends.mkldnn.matmul,
    backends.mkldnn.conv,
    backends.mkldnn.rnn,
)
"""Where float32 products may be made of shorter numbers."""
SEED = 0


@contextmanager
def session(precision: str) -> Iterator[None]:
    """Compute in float32 or float64, on the CPU, with gradients, without autocast.

    Afterwards all is as it was, random numbers too, whatever happens inside.
    """
    default = torch.get_default_dtype()
    before = [product.fp32_precision for product in PRODUCTS]
    with ExitStack() as stack:
        stack.enter_context(random_numbers())
        stack.enter_context(torch.inference_mode(False))
        stack.enter_context(torch.enable_grad())
        stack.enter_context(torch.autocast("cpu", enabled=False))
        stack.enter_context(_repeating())
        if torch.get_default_device().type != "cpu":
            stack.enter_context(torch.device("cpu"))
        try:
            torch.set_default_dtype(getattr(torch, precision))
            for product in PRODUCTS:
                product.fp32_precision = "ieee"
            yield
        finally:
            torch.set_default_dtype(default)
            for product, value in zip(PRODUCTS, before, strict=True):
                product.fp32_precision = value


@contextmanager
def _repeating() -> Iterator[None]:
    """The same bits each time: threads add to one number in turn, not as they come."""
    mode = torch.get_deterministic_debug_mode()
    fills = memory.fill_uninitialized_memory
    with warnings.catch_warnings():
        # On a CPU these do repeat themselves, unless a place is written to twice.
        warnings.filterwarnings("ignore", ".*does not have a deterministic impl")
        try:
            torch.set_deterministic_debug_mode("warn")
            memory.fill_uninitialized_memory = False
            yield
        finally:
            torch.set_deterministic_debug_mode(mode)
            memory.fill_uninitialized_memory = fills


@contextmanager
def random_numbers() -> Iterator[None]:
    """The same random numbers each time inside, and the caller's own afterwards."""
    own, numpys = random.getstate(), np.random.get_state()  # noqa: NPY002
    torchs = torch.get_rng_state()
    try:
        random.seed(SEED)
        np.random.seed(SEED)  # noqa: NPY002
        torch.default_generator.manual_seed(SEED)
        yield
    finally:
        random.setstate(own)
        np.random.set_state(numpys)  # noqa: NPY002
        torch.set_rng_state(torchs)
