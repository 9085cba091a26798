"""What the tests ask of a framework's gauges, in a process of its own."""

from importlib import import_module
from typing import Any

import numpy as np

from compare.plant import PACKAGE


def conditions(framework: str) -> dict[str, Any]:
    """Conditions before any are set, and after each way to set them; other gauges."""
    runtime, gauges = (
        import_module(f"{PACKAGE[framework]}.{part}") for part in ("runtime", "gauges")
    )
    runtime.start(precision="float32", device="cpu")
    found: dict[str, Any] = {"before": gauges.conditions(), "memory": gauges.memory()}
    for products in ("tf32", "bfloat16", "float32"):
        gauges.set_conditions(products)
        found[products] = gauges.conditions()
    multiply = gauges.product(3)
    value = multiply()
    gauges.synchronize(value)
    array = np.asarray(runtime.to_numpy(value))
    return found | {"product": (array.dtype.name, array.tolist())}
