"""A decoder of 12 layers, width 768, 86 million parameters: how much a check takes.

    twinnets pair docs/porting/large_decoder.py::torch_model \
        docs/porting/large_decoder.py::jax_model \
        --inputs docs/porting/large_decoder.py::tokens \
        --loss docs/porting/large_decoder.py::torch_loss \
        docs/porting/large_decoder.py::jax_loss \
        --targets docs/porting/large_decoder.py::tokens
"""

import numpy as np
from numpy.random import Generator

from jaxnets.pairs import decoder as jax_decoder
from torchnets.pairs import decoder as torch_decoder

SIZE = {
    "tokens": 1000,
    "places": 128,
    "width": 768,
    "heads": 12,
    "hidden": 3072,
    "blocks": 12,
}
torch_loss, jax_loss = torch_decoder.loss, jax_decoder.loss


def torch_model() -> torch_decoder.Decoder:
    """PyTorch's side."""
    return torch_decoder.build(**SIZE)


def jax_model() -> jax_decoder.Decoder:
    """JAX's side."""
    return jax_decoder.build(**SIZE)


def tokens(rng: Generator) -> tuple[np.ndarray, ...]:
    """Three sequences."""
    return (rng.integers(0, SIZE["tokens"], (3, SIZE["places"])),)
