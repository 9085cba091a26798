"""What is read beside the time: what compiles, what is held, under which conditions."""

from collections.abc import Callable
from typing import Any

import torch
from torch._dynamo.utils import compilation_time_metrics, counters

# What Dynamo calls its stages: what is behind it is a part of the whole, and Inductor's
# code a part of what is behind it or of a backward pass, compiled when first needed.
_WHOLE = "_compile.compile_inner"
_BEHIND = "OutputGraph.call_user_compiler"
_BACKWARD = "backward._backward_impl"
_CODE = "fx_codegen_and_compile"
_PRECISION = {"float32": "highest", "tf32": "high", "bfloat16": "medium"}


class Ledger:
    """Seconds of tracing, lowering and compiling so far, and how many programs."""

    def seconds(self) -> dict[str, float]:
        """Seconds so far by phase; none but `torch.compile` has any.

        Dynamo traces, AOTAutograd lowers, Inductor compiles.
        """
        whole, behind, backward, code = (
            sum(compilation_time_metrics.get(stage, ()), 0.0)
            for stage in (_WHOLE, _BEHIND, _BACKWARD, _CODE)
        )
        return {
            "trace": max(0.0, whole - behind),
            "lower": max(0.0, behind + backward - code),
            "compile": code,
        }

    def counts(self) -> dict[str, int]:
        """Programs compiled, and graph breaks, so far."""
        return {
            "programs": counters["stats"]["unique_graphs"],
            "graph breaks": sum(counters["graph_break"].values()),
        }


def set_conditions(products: str) -> None:
    """What the factors of a product of float32 matrices are rounded to."""
    # `cuda.matmul.allow_tf32` goes with it; set after "medium" it would contradict it.
    torch.set_float32_matmul_precision(_PRECISION[products])
    torch.backends.cudnn.allow_tf32 = products != "float32"
    # XLA flushes on a CPU: numbers too small for a normal float slow many CPUs down.
    torch.set_flush_denormal(True)


def synchronize(values: Any) -> None:
    """Wait for all that the device has been given; a CPU has done it already."""
    del values
    if torch.cuda.is_initialized():
        torch.cuda.synchronize()


def conditions() -> dict[str, str]:
    """What must be equal in both frameworks for their times to be like for like."""
    told = {ours: name for name, ours in _PRECISION.items()}
    precision = torch.get_float32_matmul_precision()
    device = "gpu" if torch.cuda.is_initialized() else "cpu"
    small = torch.full((8,), 1e-38, device="cuda" if device == "gpu" else "cpu")
    return {
        "dtype": str(torch.get_default_dtype()).removeprefix("torch."),
        "products": told.get(precision, precision),
        "subnormal numbers": "kept" if (small * 0.01).any() else "flushed",
        "device": device,
    }


def memory() -> int | None:
    """Peak of what the device's allocator has handed out, bytes; None on a CPU."""
    if not torch.cuda.is_initialized():
        return None
    return torch.cuda.max_memory_allocated()


def product(size: int) -> Callable[[], Any]:
    """A product of two square matrices."""
    device = "cuda" if torch.cuda.is_initialized() else "cpu"
    left = torch.ones(size, size, device=device)
    return lambda: left @ left
