"""Models of `flax.nnx`: merged anew for every call, with the numbers of that call."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from jax import Array

from jaxnets.side.dropout import Dropping
from jaxnets.side.parts import Leaf, Module
from jaxnets.side.patches import Patch, patched
from jaxnets.side.subject import (
    Applied,
    Draw,
    Subject,
    Watch,
    arguments,
    at_home,
    kind_of,
    mode_arguments,
    settled,
)
from jaxnets.side.trees import Parts, joined


def open_nnx(model: Any) -> Subject:
    """A copy of an nnx module; a Variable that is shared is one leaf."""
    found = list(_walk(model, (), set()))
    owners = {parts: node for parts, node in found if isinstance(node, nnx.Module)}
    variables = {
        parts: node
        for parts, node in found
        if isinstance(node, nnx.Variable) and not isinstance(node, nnx.RngState)
    }
    leaves = [_leaf(parts, node, owners) for parts, node in variables.items()]
    places = {leaf.path: parts for leaf, parts in zip(leaves, variables, strict=True)}
    kept = [leaf for leaf in leaves if leaf.kind != "counter"]
    buffers = [leaf.path for leaf in kept if leaf.kind == "buffer"]
    graph, own = nnx.split(model)
    own = dict(nnx.to_flat_state(jax.tree.map(at_home, own)))
    # A shared Variable is in the state where the graph comes upon it first.
    paths = {id(variables[parts]): path for path, parts in places.items()}
    held = {parts: paths.get(id(_at(model, parts))) for parts in own}
    _refuse_unknown(own, held)

    def run(
        leaves: Mapping[str, Array],
        inputs: Mapping[str, Any],
        *,
        train: bool,
        drops: bool,
        draw: Draw | None,
        watch: Watch | None,
    ) -> Applied:
        precision = next((v.dtype for v in leaves.values()), jnp.result_type(float))
        filled = {
            parts: _fresh(leaf, leaves.get(held[parts] or ""), precision)
            for parts, leaf in own.items()
        }
        copy = nnx.merge(graph, nnx.from_flat_state(filled))
        modules = {parts: _at(copy, parts) for parts in owners}
        _prepare(copy, list(modules.values()), train, precision)
        given, named = arguments(inputs)
        called = type(copy).__call__
        named |= mode_arguments(called, train, named, 1 + len(given), drops=drops)
        with patched(_patches(modules, Dropping(draw), watch)):
            outputs = copy(*given, **named)
        return outputs, {path: _at(copy, places[path]).get_value() for path in buffers}

    values = {
        path: at_home(variables[parts].get_value()) for path, parts in places.items()
    }
    told = tuple(
        Module(joined(parts), type(node).__name__, settled(vars(node)))
        for parts, node in owners.items()
    )
    return Subject(tuple(leaves), told, values, run)


def _refuse_unknown(own: Mapping[Parts, Any], held: Mapping[Parts, str | None]) -> None:
    """Say which Variable is in a container that is not looked into."""
    for parts, leaf in own.items():
        known = held[parts] is not None or not isinstance(leaf, nnx.Variable)
        if not known and not isinstance(leaf, nnx.RngState):
            raise TypeError(
                f"the JAX model: {joined(parts)} is a Variable in a container that is "
                "neither a module, a list, a tuple nor a dict; keep it in one of them"
            )


def _walk(node: Any, parts: Parts, seen: set[int]) -> Iterator[tuple[Parts, Any]]:
    """Modules and Variables in the order of their definition, each once."""
    if isinstance(node, nnx.Variable | nnx.Pytree):
        if id(node) in seen:
            return
        seen.add(id(node))
        yield parts, node
    for name, child in _children(node):
        yield from _walk(child, (*parts, name), seen)


def _children(node: Any) -> list[tuple[Any, Any]]:
    if isinstance(node, nnx.Variable):
        return []
    if isinstance(node, nnx.List):
        return list(enumerate(node))
    if isinstance(node, nnx.Pytree):
        own = vars(node).items()
        return [(n, v) for n, v in own if not str(n).startswith("_pytree__")]
    if isinstance(node, dict):
        return list(node.items())
    return list(enumerate(node)) if isinstance(node, list | tuple) else []


def _at(model: Any, parts: Parts) -> Any:
    """What is at this path of a model."""
    node = model
    for part in parts:
        node = dict(_children(node))[part]
    return node


def _leaf(parts: Parts, variable: Any, owners: Mapping[Parts, Any]) -> Leaf:
    value = variable.get_value()
    cuts = range(len(parts) - 1, -1, -1)
    owner = next((parts[:cut] for cut in cuts if parts[:cut] in owners), ())
    return Leaf(
        joined(parts),
        tuple(value.shape),
        value.dtype.name,
        kind_of(value, parameter=isinstance(variable, nnx.Param)),
        joined(owner),
        type(owners[owner]).__name__ if owners else "",
        str(parts[-1]),
    )


def _fresh(leaf: Any, given: Any, precision: Any) -> Any:
    """A Variable of this trace; an array that is none is a constant, in precision."""
    if isinstance(leaf, nnx.Variable):
        return leaf.replace(leaf.get_value() if given is None else given)
    single = getattr(leaf, "dtype", None) == jnp.float32
    return jnp.asarray(leaf, precision) if single else leaf


def _prepare(model: Any, modules: list[Any], train: bool, precision: Any) -> None:
    """Train or eval mode, the run's precision, and no dropout inside of attention."""
    if train:
        model.train()
    else:
        model.eval()
    for module in modules:
        if getattr(module, "param_dtype", None) == jnp.float32:
            if isinstance(module, nnx.Embed) and module.dtype == module.param_dtype:
                # Which it is too where the user has set none.
                module.dtype = precision
            # Cells make their carry with it, and keep to a dtype of their own.
            own = getattr(module, "dtype", None)
            if not hasattr(module, "initialize_carry") or own in (None, precision):
                module.param_dtype = precision
        if isinstance(module, nnx.MultiHeadAttention):
            module.dropout_rate = 0.0


def _patches(
    modules: Mapping[Parts, Any], dropping: Dropping, watch: Watch | None
) -> list[Patch]:
    paths = {id(module): joined(parts) for parts, module in modules.items()}
    types = {type(module): None for module in modules.values()}
    allowed: list[bool] = []
    patches: list[Patch] = [
        (nnx.Dropout, "__call__", lambda _: _dropout(dropping)),
        (nnx.RngStream, "__call__", lambda call: _stream(call, allowed)),
    ]
    patches += [
        (owner, "initialize_carry", lambda call: _carrying(call, allowed))
        for owner in types
        if hasattr(owner, "initialize_carry")
    ]
    if watch is not None:
        inside: set[int] = set()
        patches += [
            (owner, "__call__", partial(_watched, watch, paths, inside))
            for owner in types
            if any("__call__" in vars(base) for base in owner.__mro__)
        ]
    return patches


def _dropout(dropping: Dropping) -> Callable[..., Any]:
    def call(
        self: Any, inputs: Any, *, deterministic: bool | None = None, rngs: Any = None
    ) -> Any:
        del rngs  # the mask comes from NumPy
        off = self.deterministic if deterministic is None else deterministic
        return dropping.apply(self, inputs, deterministic=bool(off))

    return call


def _stream(call: Callable[..., Any], allowed: list[bool]) -> Callable[..., Any]:
    def draw(self: Any) -> Any:
        if allowed:
            return call(self)
        raise ValueError(
            f"the JAX model draws random numbers from its stream {self.tag!r} outside "
            "of nnx.Dropout; only dropout can be given the same numbers on both sides: "
            "turn the other off, or make it an input of the model"
        )

    return draw


def _carrying(call: Callable[..., Any], allowed: list[bool]) -> Callable[..., Any]:
    """A cell asks for a key even where its first carry is zero."""

    def initialize(self: Any, *args: Any, **kwargs: Any) -> Any:
        allowed.append(True)
        try:
            return call(self, *args, **kwargs)
        finally:
            allowed.pop()

    return initialize


def _watched(
    watch: Watch, paths: Mapping[int, str], inside: set[int], call: Callable[..., Any]
) -> Callable[..., Any]:
    """Calls by a subclass to its base, and of modules made inside, are not offered."""

    def offered(self: Any, *args: Any, **kwargs: Any) -> Any:
        if id(self) not in paths or id(self) in inside:
            return call(self, *args, **kwargs)
        inside.add(id(self))
        try:
            name = type(self).__name__
            bound = call.__get__(self, type(self))
            return watch(paths[id(self)], name, bound, args, kwargs)
        finally:
            inside.discard(id(self))

    return offered
