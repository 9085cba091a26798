"""Pure functions of parameters, in any pytree, and of inputs."""

import contextlib
import sys
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from jaxnets.side.parts import Leaf
from jaxnets.side.subject import (
    Applied,
    Draw,
    Subject,
    Watch,
    arguments,
    at_home,
    kind_of,
    mode_arguments,
    takes_mode,
)
from jaxnets.side.trees import Parts, joined, refill, tree_leaves


def open_function(function: Callable[..., Any], params: Any) -> Subject:
    """A function of parameters and inputs; with no parameters, of inputs alone."""
    copy = jax.tree.map(_copied, params)
    # Mapped dicts are sorted; the user's own are in the order of their definition.
    copies = dict(tree_leaves(copy))
    arrays = {
        parts: value
        for parts, value in ((parts, copies[parts]) for parts, _ in tree_leaves(params))
        if isinstance(value, jax.Array | np.ndarray) and _has_numbers(value)
    }
    names = _names(params, list(arrays))
    values = {names[parts]: value for parts, value in arrays.items()}
    places = {name: parts for parts, name in names.items()}
    leaves = tuple(
        _leaf(names[parts], value, parts[:1] != ("batch_stats",))
        for parts, value in arrays.items()
    )
    alone = not arrays and isinstance(params, dict) and not params

    def run(
        leaves: Mapping[str, Array],
        inputs: Mapping[str, Any],
        *,
        train: bool,
        drops: bool,
        draw: Draw | None,
        watch: Watch | None,
    ) -> Applied:
        given, named = arguments(inputs)
        if not alone:
            filled = {places[name]: value for name, value in leaves.items()}
            given = [refill(copy, filled), *given]
        named |= mode_arguments(function, train, named, len(given), drops=drops)
        with _around(leaves, draw, watch):
            outputs = function(*given, **named)
        return outputs, {}

    return Subject(leaves, (), values, run, pure=True, takes_mode=takes_mode(function))


def _copied(leaf: Any) -> Any:
    return leaf.copy() if isinstance(leaf, np.ndarray) else at_home(leaf)


def _has_numbers(value: Any) -> bool:
    """Whether this is no array of random keys or of objects."""
    if isinstance(value, np.ndarray):
        return value.dtype.kind != "O"
    return not jnp.issubdtype(value.dtype, jax.dtypes.prng_key)


def _names(params: Any, paths: list[Parts]) -> dict[Parts, str]:
    """Paths as written; the collections of Flax's variables are no part of them."""
    flax = isinstance(params, Mapping) and isinstance(params.get("params"), Mapping)
    short = [joined(parts[1:] if flax else parts) or "parameters" for parts in paths]
    if len(set(short)) < len(short):
        short = [joined(parts) for parts in paths]
    return dict(zip(paths, short, strict=True))


def _leaf(path: str, value: Any, parameter: bool) -> Leaf:
    layer, _, name = path.rpartition("/")
    kind = kind_of(value, parameter=parameter)
    return Leaf(path, tuple(value.shape), value.dtype.name, kind, layer, "", name)


def _around(leaves: Mapping[str, Array], draw: Draw | None, watch: Watch | None) -> Any:
    """What Linen's modules inside of a function need, if Linen is in use."""
    if "flax.linen" not in sys.modules:
        return contextlib.nullcontext()
    from jaxnets.side import linen_models

    return linen_models.around(leaves, draw, watch)
