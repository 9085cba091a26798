"""Floating-point arrays inside of arguments and outputs, in the order of writing."""

import sys
from collections.abc import Callable, Iterable
from copy import copy
from dataclasses import fields, is_dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np


def floats(value: Any) -> tuple[Any, ...]:
    """The floating-point arrays in arguments or outputs; a module holds none."""
    found: list[Any] = []

    def keep(leaf: Any) -> Any:
        found.append(leaf)
        return leaf

    _mapped(value, keep)
    return tuple(found)


def replaced(value: Any, arrays: Iterable[Any]) -> Any:
    """The same structure with these in place of its first floating-point arrays."""
    rest = iter(arrays)
    return _mapped(value, lambda leaf: next(rest, leaf))


def is_float(leaf: Any) -> bool:
    """Whether this is an array of floating-point numbers."""
    is_array = isinstance(leaf, jax.Array | np.ndarray)
    return is_array and jnp.issubdtype(leaf.dtype, jnp.floating)


def _mapped(value: Any, change: Callable[[Any], Any]) -> Any:
    if is_float(value):
        return change(value)
    if type(value) is dict:
        # JAX would sort the keys.
        return {key: _mapped(child, change) for key, child in value.items()}
    if _is_module(value):
        return value
    children, structure = jax.tree.flatten(
        value, is_leaf=lambda node: node is not value
    )
    if len(children) == 1 and children[0] is value:
        return _unknown(value, change)
    return jax.tree.unflatten(structure, [_mapped(child, change) for child in children])


def _unknown(value: Any, change: Callable[[Any], Any]) -> Any:
    """A dict or a dataclass, or both, that JAX does not know; all else as it is."""
    named = _fields(value)
    made = copy(value) if named or isinstance(value, dict) else value
    if isinstance(made, dict):
        made.update({key: _mapped(child, change) for key, child in value.items()})
    for name in named:
        known = isinstance(made, dict) and name in made
        new = made[name] if known else _mapped(getattr(value, name), change)
        object.__setattr__(made, name, new)
    return made


def _fields(value: Any) -> list[str]:
    """The names of a dataclass's fields; none of what is no dataclass."""
    if isinstance(value, type) or not is_dataclass(value):
        return []
    return [field.name for field in fields(value)]


def _is_module(node: Any) -> bool:
    nnx, linen = sys.modules.get("flax.nnx"), sys.modules.get("flax.linen")
    if nnx is not None and isinstance(node, nnx.Pytree | nnx.Variable):
        return True
    return linen is not None and isinstance(node, linen.Module)
