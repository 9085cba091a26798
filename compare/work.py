"""How much arithmetic a training step is, from the sizes of its layers alone."""

from collections.abc import Callable, Mapping
from itertools import pairwise

import numpy as np

Batch = Mapping[str, np.ndarray]


def dense(*widths: int) -> Callable[[Batch], float]:
    """Floating-point operations of one step of dense layers, of these widths, by batch.

    forward = 2 · points · Σ in · out
    step = 3 · forward − 2 · points · widths[0] · widths[1]

    A product of matrices takes a multiplication and an addition for each of its terms.
    The backward pass has two products a layer, the slopes of its weights and of its
    inputs, and those of the first layer's inputs nobody needs. `points` is the number
    of rows of `batch["x"]`. What is done element by element is left out: biases,
    activations, the loss, the optimizer. Raises ValueError for fewer than two widths.
    """
    if len(widths) < 2:
        raise ValueError(
            "widths: expected those of the inputs and of every layer, at least two, "
            f"got {widths}; give the inputs' first"
        )
    forward, *deeper = (2 * inputs * outputs for inputs, outputs in pairwise(widths))
    per_point = 2 * forward + 3 * sum(deeper)
    return lambda batch: float(len(batch["x"]) * per_point)
