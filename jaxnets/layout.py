"""The canonical layout: which leaf of a Flax model is called what, and how it is laid.

States are flat dicts of NumPy arrays: `parameters/<leaf>`, `optimizer/<slot>/<leaf>`,
and `accumulated/<leaf>` where gradients are kept. Every leaf is mapped exactly once.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax import Array

from jaxnets.arrays import to_numpy

# Parameters of a layer type: canonical name, and the axes that lay them out.
LAYERS: dict[type[nnx.Module], dict[str, tuple[str, tuple[int, ...] | None]]] = {
    nnx.Linear: {"kernel": ("weight", None), "bias": ("bias", None)},
}
# An optimizer's state: canonical name of each slot.
SLOTS = {
    "trace": "optimizer/momentum",
    "mu": "optimizer/first_moment",
    "nu": "optimizer/second_moment",
    "count": "optimizer/step",
    "accumulated": "accumulated",
}
Path = tuple[Any, ...]


@dataclass(frozen=True)
class Place:
    """A canonical name, and the axes that make the canonical layout."""

    name: str
    axes: tuple[int, ...] | None = None


@dataclass(frozen=True)
class Live:
    """The state of a model and of its optimizer; by-hand models are dicts."""

    model: Any
    optimizer: Any


jax.tree_util.register_dataclass(
    Live, data_fields=["model", "optimizer"], meta_fields=[]
)


@dataclass(frozen=True)
class Layout:
    """A model split once into its graph and its state, and what each place is called.

    One place of an optimizer's state may have several canonical names: Optax counts
    once for all leaves. By-hand models have no graph; a twin without an optimizer has
    None in its place.
    """

    graph: Any
    template: Live
    model_places: Mapping[Path, tuple[Place, ...]]
    optimizer_places: Mapping[Path, tuple[Place, ...]]


def lay_out(twin: ModuleType) -> Layout:
    """Build a twin's model and optimizer and name all their places."""
    # Only shapes are asked for: every leaf will be loaded, so none is drawn.
    model = nnx.eval_shape(twin.build)
    if isinstance(model, dict):
        graph, template = None, Live(_zeros(model), None)
    else:
        nnx.update(model, _zeros(nnx.state(model)))
        graph, state = nnx.split(model)
        optimizer = twin.build_optimizer(model)
        template = Live(state, None if optimizer is None else nnx.state(optimizer))
    places = leaves(model)
    return Layout(
        graph,
        template,
        {
            path: (Place(f"parameters/{leaf.name}", leaf.axes),)
            for path, leaf in places.items()
        },
        _optimizer_places(template.optimizer, places),
    )


def _zeros(tree: Any) -> Any:
    # nnx layers make float32 parameters, with x64 too.
    default = jnp.result_type(float)

    def zeros(leaf: jax.ShapeDtypeStruct) -> Array:
        floats = jnp.issubdtype(leaf.dtype, jnp.floating)
        return jnp.zeros(leaf.shape, default if floats else leaf.dtype)

    return jax.tree.map(zeros, tree)


def leaves(model: Any) -> dict[Path, Place]:
    """Every parameter and buffer by name; raises TypeError for the unknown."""
    if isinstance(model, dict):
        return {(name,): Place(name) for name in model}
    found: dict[Path, Place] = {}
    modules = dict(nnx.iter_modules(model))
    for path, variable in nnx.to_flat_state(nnx.state(model)):
        if isinstance(variable, nnx.RngState):
            continue
        module, attribute = modules[path[:-1]], path[-1]
        names = LAYERS.get(type(module), {})
        where = _where(path, modules)
        if type(module).__module__.startswith("flax.") and attribute not in names:
            raise TypeError(
                f"leaf {where}.{attribute}: no canonical layout is known for "
                f"{type(module).__name__}; add it to LAYERS"
            )
        name, axes = names.get(str(attribute), (str(attribute), None))
        found[path] = Place(f"{where}.{name}" if where else name, axes)
    return found


def _where(path: Path, modules: Mapping[Path, Any]) -> str:
    """The path of a leaf's module; a Sequential's layers have no name in between."""
    listed = [
        isinstance(modules.get(path[:i]), nnx.Sequential) for i in range(len(path))
    ]
    return ".".join(
        str(name)
        for name, inside in zip(path[:-1], listed, strict=False)
        if not (inside and name == "layers")
    )


def _optimizer_places(
    optimizer: Any, leaves: Mapping[Path, Place]
) -> dict[Path, tuple[Place, ...]]:
    places: dict[Path, tuple[Place, ...]] = {}
    for path in flat(optimizer):
        if path[0] != "opt_state":
            continue  # nnx's own step counter, which enters no formula
        cut = next((i for i in range(len(path)) if path[i:] in leaves), len(path))
        slot = SLOTS.get(path[cut - 1], f"optimizer/{path[cut - 1]}")
        own = [leaves[path[cut:]]] if cut < len(path) else list(leaves.values())
        places[path] = tuple(Place(f"{slot}/{leaf.name}", leaf.axes) for leaf in own)
    names = [place.name for own in places.values() for place in own]
    if twice := {name for name in names if names.count(name) > 1}:
        raise KeyError(f"two places of Optax's state are called {sorted(twice)}")
    return places


def flat(tree: Any) -> dict[Path, Array]:
    """Arrays of a model's, an optimizer's or a gradient's state by path."""
    if isinstance(tree, dict):
        return {(name,): value for name, value in tree.items()}
    pairs = nnx.to_flat_state(tree) if tree is not None else ()
    return {path: variable.get_value() for path, variable in pairs}


def load(layout: Layout, state: Mapping[str, np.ndarray]) -> Live:
    """Model and optimizer in this state; raises KeyError naming a leaf.

    A state of parameters alone leaves the optimizer as it is built.
    """
    model = {n: v for n, v in state.items() if n.startswith("parameters/")}
    rest = {n: v for n, v in state.items() if n not in model}
    parameters = _fill(layout.template.model, layout.model_places, model)
    optimizer = layout.template.optimizer
    if rest:
        optimizer = _fill(optimizer, layout.optimizer_places, rest)
    return Live(parameters, optimizer)


def _fill(
    template: Any,
    places: Mapping[Path, tuple[Place, ...]],
    state: Mapping[str, np.ndarray],
) -> Any:
    """The template with every place filled from the state, and nothing left over."""
    named = {place.name: (path, place) for path, own in places.items() for place in own}
    if missing := named.keys() - state.keys():
        raise KeyError(f"JAX needs {sorted(missing)}, which the state does not have")
    if surplus := state.keys() - named.keys():
        raise KeyError(f"JAX has no leaf for {sorted(surplus)}")
    filled = flat(template)
    for own in places.values():
        if len(own) > 1 and len({state[place.name].tobytes() for place in own}) > 1:
            names = [place.name for place in own]
            raise ValueError(f"Optax counts once for all leaves: {names} differ")
    for name, (path, place) in named.items():
        value = _undone(state[name], place)
        if value.shape != filled[path].shape:
            raise ValueError(
                f"leaf {name}: JAX has shape {filled[path].shape} and was given "
                f"{value.shape}"
            )
        filled[path] = jnp.array(value, filled[path].dtype, copy=True)
    if isinstance(template, dict):
        return {path[0]: value for path, value in filled.items()}
    pairs = nnx.to_flat_state(template)
    return nnx.from_flat_state({p: leaf.replace(filled[p]) for p, leaf in pairs})


def dump(layout: Layout, live: Live) -> dict[str, np.ndarray]:
    """The whole state."""
    state = canonical(live.model, layout.model_places)
    state |= canonical(live.optimizer, layout.optimizer_places)
    return state


def canonical(
    tree: Any, places: Mapping[Path, tuple[Place, ...]]
) -> dict[str, np.ndarray]:
    """A state by canonical name, in the canonical layout."""
    values = flat(tree)
    return {
        place.name: laid_out(to_numpy(values[path]), place)
        for path, own in places.items()
        for place in own
    }


def _undone(value: np.ndarray, place: Place) -> np.ndarray:
    return value if place.axes is None else value.transpose(np.argsort(place.axes))


def laid_out(value: np.ndarray, place: Place) -> np.ndarray:
    """A value in the canonical layout; counts are int64."""
    if np.issubdtype(value.dtype, np.integer):
        return value.astype(np.int64)
    if place.axes is None:
        return value
    return np.ascontiguousarray(value.transpose(place.axes))
