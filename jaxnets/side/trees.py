"""Nested containers by name: outputs of any nesting, pytrees of parameters."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

Parts = tuple[Any, ...]


def flatten(outputs: Any) -> dict[str, Array]:
    """Every array of a model's outputs by name; raises TypeError for other values.

    A single array is "", others are named by position, key or field ("0", "1.hidden").
    None and text are dropped; a complex array is two, "real" and "imag".
    """
    return {
        ".".join(str(part) for part in parts): value
        for parts, value in _outputs(outputs, ())
    }


def _outputs(value: Any, parts: Parts) -> Iterator[tuple[Parts, Array]]:
    if value is None or isinstance(value, str | bytes):
        return
    children = _children(value)
    if children is None:
        array = jnp.asarray(_checked(parts, value))
        if not jnp.iscomplexobj(array):
            yield parts, array
            return
        children = [("real", array.real), ("imag", array.imag)]
    for name, child in children:
        yield from _outputs(child, (*parts, name))


def _children(value: Any) -> list[tuple[Any, Any]] | None:
    """What a container holds, in its own order; None for what is no container."""
    if isinstance(value, Mapping):
        return list(value.items())
    if isinstance(value, tuple) and (names := getattr(value, "_fields", None)):
        return list(zip(names, value, strict=True))
    if isinstance(value, tuple | list):
        return list(enumerate(value))
    if is_dataclass(value) and not isinstance(value, type | jax.Array):
        return [(field.name, getattr(value, field.name)) for field in fields(value)]
    return None if is_value(value) else _pytree_children(value)


def _pytree_children(value: Any) -> list[tuple[Any, Any]] | None:
    pairs, _ = jax.tree_util.tree_flatten_with_path(
        value, is_leaf=lambda node: node is not value
    )
    if len(pairs) == 1 and not pairs[0][0]:
        return None
    return [(_name(keys[0]), child) for keys, child in pairs]


def is_value(value: Any) -> bool:
    """Whether this is an array or a number."""
    return isinstance(value, jax.Array | np.ndarray | np.generic | bool | int | float)


def _checked(parts: Parts, value: Any) -> Any:
    if is_value(value):
        return value
    raise TypeError(
        f"output {'.'.join(map(str, parts)) or 'of the JAX side'}: expected arrays in "
        f"tuples, lists, dicts or dataclasses, got {type(value).__name__}; return "
        "arrays, or wrap the model in a function that does"
    )


def tree_leaves(
    tree: Any, parts: Parts = (), *, is_leaf: Callable[[Any], bool] = lambda _: False
) -> Iterator[tuple[Parts, Any]]:
    """Leaves of a pytree by path, dicts in the order in which they were filled."""
    pairs, _ = jax.tree_util.tree_flatten_with_path(
        tree, is_leaf=lambda node: node is not tree
    )
    if is_leaf(tree) or (len(pairs) == 1 and not pairs[0][0]):
        yield parts, tree
        return
    children = {_name(keys[0]): child for keys, child in pairs}
    order = [n for n in tree if n in children] if isinstance(tree, Mapping) else []
    for name in order or children:
        yield from tree_leaves(children[name], (*parts, name), is_leaf=is_leaf)


def refill(tree: Any, values: Mapping[Parts, Any]) -> Any:
    """The tree with these leaves in place of its own."""

    def place(keys: Any, leaf: Any) -> Any:
        return values.get(tuple(_name(key) for key in keys), leaf)

    return jax.tree_util.tree_map_with_path(place, tree)


def _name(key: Any) -> Any:
    """What a key of a pytree's path is called."""
    for attribute in ("key", "idx", "name"):
        if hasattr(key, attribute):
            return getattr(key, attribute)
    return str(key)


def joined(parts: Parts) -> str:
    """A path as it is written."""
    return "/".join(str(part) for part in parts)
