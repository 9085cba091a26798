"""What only a call shows: Linen's modules exist while they are called, no longer."""

import sys
from collections.abc import Mapping
from dataclasses import replace

import jax
import numpy as np

from jaxnets.side.apply import apply
from jaxnets.side.evaluate import tracing
from jaxnets.side.parts import Leaf
from jaxnets.side.subject import Subject, state


def meet(subject: Subject, inputs: Mapping[str, np.ndarray]) -> Subject:
    """The subject with the types and settings of its Linen modules, from one call.

    Nothing is computed. Models of other kinds, whose modules are known, and functions
    without Linen inside come back as they are. Raises ValueError for a model that
    cannot be traced.
    """
    if subject.modules or "flax.linen" not in sys.modules:
        return subject
    from jaxnets.side import linen_models

    with linen_models.noted() as modules, tracing():
        jax.eval_shape(
            lambda leaves, arrays: apply(subject, leaves, arrays, train=False)[0],
            state(subject),
            dict(inputs),
        )
    types = {module.path: module.type for module in modules.values()}
    leaves = tuple(_typed(leaf, types) for leaf in subject.leaves)
    return replace(subject, leaves=leaves, modules=tuple(modules.values()))


def _typed(leaf: Leaf, types: Mapping[str, str]) -> Leaf:
    return leaf._replace(layer_type=types.get(leaf.layer, leaf.layer_type))
