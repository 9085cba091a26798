"""Dropout whose masks come from NumPy, so that both frameworks drop the same."""

from typing import Any

import jax.numpy as jnp
import numpy as np

from jaxnets.side.subject import Draw


class Dropping:
    """The dropout of one call of a model: calls that drop are counted.

    y = x · [u < 1 − rate] / (1 − rate) with uniform u, as both frameworks do it.
    """

    def __init__(self, draw: Draw | None) -> None:
        self.draw = draw
        self.number = 0

    def apply(self, layer: Any, inputs: Any, *, deterministic: bool) -> Any:
        """What a dropout layer of Flax makes of its inputs; without `draw` nothing."""
        rate = float(layer.rate)
        if self.draw is None or deterministic or rate == 0:
            return inputs
        shape = list(inputs.shape)
        for axis in layer.broadcast_dims:
            shape[axis] = 1
        keep = np.asarray(self.draw(self.number, tuple(shape))) < 1 - rate
        self.number += 1
        kept = inputs / (1 - rate) if rate < 1 else inputs
        return jnp.where(keep, kept, jnp.zeros_like(inputs))
