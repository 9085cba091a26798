"""Modules of `flax.linen` with their variables, and Linen inside of functions."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import fields
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn
from flax.core import meta, unfreeze
from flax.errors import InvalidRngError
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
    takes_mode,
)
from jaxnets.side.trees import Parts, joined, refill, tree_leaves

STATISTICS = "batch_stats"


def open_linen(module: Any, variables: Any = None) -> Subject:
    """A Linen module with its variables; raises TypeError where these are none."""
    if module.scope is not None:
        module, variables = module.unbind()
    if not isinstance(variables, Mapping) or "params" not in variables:
        raise TypeError(
            f"the JAX model: expected the variables of {type(module).__name__}, a dict "
            "with 'params', got "
            + (
                f"the keys {sorted(map(str, variables))}"
                if isinstance(variables, Mapping)
                else type(variables).__name__
            )
            + "; give all that module.init(key, inputs) returned"
        )
    tree = jax.tree.map(at_home, unfreeze(meta.unbox(variables)))
    copies = dict(tree_leaves(tree))
    order = ["params", *(name for name in variables if name != "params")]
    # Mapped dicts are sorted; the user's own are in the order of their definition.
    arrays = {
        parts: copies[parts] for name in order for parts in _paths(variables, name)
    }
    short = [joined(parts[1:]) for parts in arrays]
    twice = len(set(short)) < len(short)
    names = {parts: joined(parts if twice else parts[1:]) for parts in arrays}
    places = {name: parts for parts, name in names.items()}
    leaves = tuple(
        _leaf(names[parts], value, parts[0] == "params", type(module).__name__)
        for parts, value in arrays.items()
    )
    buffers = [leaf.path for leaf in leaves if leaf.kind == "buffer"]

    def run(
        leaves: Mapping[str, Array],
        inputs: Mapping[str, Any],
        *,
        train: bool,
        drops: bool,
        draw: Draw | None,
        watch: Watch | None,
    ) -> Applied:
        filled = refill(tree, {places[name]: value for name, value in leaves.items()})
        given, named = arguments(inputs)
        called = module.__call__
        named |= mode_arguments(called, train, named, len(given), drops=drops)
        mutable = [STATISTICS] if train and STATISTICS in tree else []
        with around(leaves, draw, watch):
            try:
                outputs, after = module.apply(filled, *given, mutable=mutable, **named)
            except InvalidRngError as error:
                raise ValueError(
                    f"the JAX model draws random numbers outside of nn.Dropout: {error}"
                    "; only dropout can be given the same numbers on both sides: turn "
                    "the other off, or make it an input of the model"
                ) from error
        changed = {
            names[(name, *parts)]: value
            for name, part in after.items()
            for parts, value in tree_leaves(unfreeze(part))
        }
        return outputs, {path: changed.get(path, leaves[path]) for path in buffers}

    values = {names[parts]: value for parts, value in arrays.items()}
    mode = takes_mode(module.__call__)
    return Subject(leaves, (), values, run, takes_mode=mode)


def _paths(variables: Any, collection: str) -> list[Parts]:
    boxed = tree_leaves(variables[collection], is_leaf=meta.is_axis_metadata)
    return [(collection, *parts) for parts, _ in boxed]


def _leaf(path: str, value: Any, parameter: bool, root: str) -> Leaf:
    layer, _, name = path.rpartition("/")
    kind = kind_of(value, parameter=parameter)
    owner = type_of(layer) if layer else root
    return Leaf(path, tuple(value.shape), value.dtype.name, kind, layer, owner, name)


def type_of(layer: str) -> str:
    """A module's type as its default name tells it: that of `Dense_0` is Dense."""
    name, _, number = layer.rpartition("/")[2].rpartition("_")
    return name if number.isdigit() and name[:1].isupper() else ""


@contextmanager
def around(
    leaves: Mapping[str, Array], draw: Draw | None, watch: Watch | None
) -> Iterator[None]:
    """Dropout, carries and watched calls of the Linen modules called inside."""
    dropping = Dropping(draw)
    precision = next((v.dtype for v in leaves.values()), jnp.result_type(float))

    def intercept(call: Any, args: Any, kwargs: Any, context: Any) -> Any:
        module = context.module
        if context.method_name != "__call__":
            return call(*args, **kwargs)
        if hasattr(module, "dropout_rate") and isinstance(module, ATTENTION):
            # Its dropout is inside of the attention function.
            object.__setattr__(module, "dropout_rate", 0.0)
        if isinstance(module, nn.Dropout):
            call = _dropout(module, dropping)
        if watch is None:
            return call(*args, **kwargs)
        path = joined(module.path)
        return watch(path, type(module).__name__, call, args, kwargs)

    with ExitStack() as stack:
        stack.enter_context(patched(_carries(precision)))
        stack.enter_context(nn.intercept_methods(intercept))
        yield


@contextmanager
def noted() -> Iterator[dict[str, Module]]:
    """The modules that are called meanwhile, by path, the root first."""
    found: dict[str, Module] = {}

    def intercept(call: Any, args: Any, kwargs: Any, context: Any) -> Any:
        module = context.module
        path = joined(module.path)
        if context.method_name == "__call__" and path not in found:
            names = [one.name for one in fields(module)]
            own = {n: getattr(module, n) for n in names if n not in ("parent", "name")}
            found[path] = Module(path, type(module).__name__, settled(own))
        return call(*args, **kwargs)

    with nn.intercept_methods(intercept):
        yield found


ATTENTION = (nn.MultiHeadDotProductAttention, nn.MultiHeadAttention)


def _dropout(module: Any, dropping: Dropping) -> Callable[..., Any]:
    def call(inputs: Any, deterministic: bool | None = None, rng: Any = None) -> Any:
        del rng  # the mask comes from NumPy
        off = module.deterministic if deterministic is None else deterministic
        return dropping.apply(module, inputs, deterministic=bool(off))

    return call


def _carries(precision: Any) -> list[Patch]:
    """Cells make their first carry in `param_dtype`, which a scan must not change."""

    def wrap(call: Callable[..., Any]) -> Callable[..., Any]:
        def initialize(self: Any, *args: Any, **kwargs: Any) -> Any:
            return jax.tree.map(cast, call(self, *args, **kwargs))

        return initialize

    def cast(value: Any) -> Any:
        return value.astype(precision) if value.dtype == jnp.float32 else value

    return [
        (owner, "initialize_carry", wrap)
        for owner in _all_subclasses(nn.RNNCellBase)
        if "initialize_carry" in vars(owner)
    ]


def _all_subclasses(base: type) -> list[type]:
    below = base.__subclasses__()
    return [*below, *(owner for child in below for owner in _all_subclasses(child))]
