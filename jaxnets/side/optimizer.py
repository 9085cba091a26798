"""Optax's transformations, known by `init` and `update`, one step at a time.

They are handed parameters nested as paths are, "a/b/bias" as {"a": {"b": {"bias": …}}},
which masks and labels by path are made for: a Linen module's are nested so. Of an nnx
module they are arrays by attribute where its user has an nnx.State of Variables, and
lists are dicts by index ("0").
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import takewhile
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxnets.arrays import to_numpy

SLOTS = {"trace": "momentum", "mu": "first_moment", "nu": "second_moment"}
"""What Optax calls the parts of its state, and how PyTorch's are called too."""


@dataclass(frozen=True)
class Memory:
    """An optimizer's state, and the shapes of the parameters that it is of."""

    state: Any
    shapes: Mapping[str, tuple[int, ...]]


def begin(optimizer: Any, parameters: Mapping[str, np.ndarray]) -> Memory:
    """The state before the first step; raises TypeError for no transformation."""
    for verb in ("init", "update"):
        if not callable(getattr(optimizer, verb, None)) or isinstance(optimizer, type):
            raise TypeError(
                "the JAX optimizer: expected an Optax transformation, which has init "
                f"and update, got {type(optimizer).__name__}; give optax.adamw(…) or "
                "the like, in place of an nnx.Optimizer its tx"
            )
    arrays = {path: jnp.array(value) for path, value in parameters.items()}
    shapes = {path: tuple(value.shape) for path, value in parameters.items()}
    return Memory(optimizer.init(_nested(arrays)), shapes)


def advance(
    optimizer: Any,
    memory: Memory,
    parameters: Mapping[str, np.ndarray],
    gradients: Mapping[str, np.ndarray],
) -> tuple[dict[str, np.ndarray], Memory]:
    """Parameters and state after one step; what is given stays as it is."""
    wanted = {path: gradients[path] for path in parameters}
    after, state = _step(optimizer.update)(dict(parameters), memory.state, wanted)
    return (
        {path: to_numpy(after[path]) for path in parameters},
        replace(memory, state=state),
    )


@lru_cache(maxsize=16)
def _step(update: Callable[..., Any]) -> Callable[..., Any]:
    """The compiled step of a transformation."""
    return jax.jit(step_of(update))


def step_of(update: Callable[..., Any]) -> Callable[..., Any]:
    """The step of a transformation: θ + update by path, in the precision of θ."""

    def step(parameters: Any, state: Any, gradients: Any) -> Any:
        before = _nested(parameters)
        updates, state = update(_nested(gradients), state, before)
        after = jax.tree.map(_added, before, updates)
        pairs, _ = jax.tree_util.tree_flatten_with_path(after)
        return {_place(keys)[0]: value for keys, value in pairs}, state

    return step


def _nested(arrays: Mapping[str, Any]) -> dict[str, Any]:
    """Dicts of dicts; as they are where one path goes on where another ends."""
    tree: dict[str, Any] = {}
    for path in arrays:
        *above, name = path.split("/")
        if any("/".join(above[:n]) in arrays for n in range(1, len(above) + 1)):
            return dict(arrays)
        node = tree
        for part in above:
            node = node.setdefault(part, {})
        node[name] = arrays[path]
    return tree


def _added(parameter: Any, update: Any) -> Any:
    return (parameter + update).astype(parameter.dtype)


def slots(optimizer: Any, memory: Memory) -> dict[str, np.ndarray]:
    """What an optimizer keeps of each parameter, as "first_moment/<path>".

    Step counts are left out; of two slots of a name the second is "momentum[1]/…".
    """
    del optimizer  # its state tells its own names
    pairs, _ = jax.tree_util.tree_flatten_with_path(memory.state)
    places = [(*_place(keys), value) for keys, value in pairs]
    kept = [one for one in places if memory.shapes.get(one[0]) == np.shape(one[2])]
    order = list(memory.shapes)
    found: dict[str, np.ndarray] = {}
    for path, slot, value in sorted(kept, key=lambda one: order.index(one[0])):
        if jnp.issubdtype(jnp.result_type(value), jnp.floating):
            found[_unused(found, SLOTS.get(slot, slot), path)] = to_numpy(value)
    return found


def _place(keys: tuple[Any, ...]) -> tuple[str, str]:
    """The parameter's path, and the field of the state that holds it."""
    names = list(takewhile(_is_name, reversed(keys)))
    field = keys[-1 - len(names)] if len(names) < len(keys) else None
    path = "/".join(str(key.key) for key in reversed(names))
    return path, str(getattr(field, "name", ""))


def _is_name(key: Any) -> bool:
    return isinstance(key, jax.tree_util.DictKey)


def _unused(found: Mapping[str, Any], slot: str, path: str) -> str:
    name, number = f"{slot}/{path}", 0
    while name in found:
        number += 1
        name = f"{slot}[{number}]/{path}"
    return name


def moved(
    optimizer: Any, memory: Memory, change: Callable[[np.ndarray], np.ndarray]
) -> Memory:
    """The state with all its float arrays changed; counts stay."""
    del optimizer  # the constants of a transformation are in its functions

    def one(value: Any) -> Any:
        if not jnp.issubdtype(jnp.result_type(value), jnp.floating):
            return value
        return jnp.array(change(to_numpy(value)), value.dtype)

    return replace(memory, state=jax.tree.map(one, memory.state))
