"""A user's model, opened: its leaves, and one pure function of them and of inputs."""

import inspect
import sys
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from jaxnets.side.parts import Leaf, Module

Draw = Callable[[int, tuple[int, ...]], np.ndarray]
Watch = Callable[..., Any]
Applied = tuple[Any, dict[str, Array]]
Run = Callable[..., Applied]
"""A model as a function of leaves and inputs, in a mode; of `draw` and `watch`."""
ON_IN_TRAINING = ("train", "training", "is_training")
OFF_IN_TRAINING = ("deterministic", "use_running_average")


@dataclass(frozen=True, eq=False)
class Subject:
    """A copy of a user's model; what was compiled for it is kept in `programs`."""

    leaves: tuple[Leaf, ...]
    modules: tuple[Module, ...]
    values: Mapping[str, Array | np.ndarray]
    run: Run
    pure: bool = False
    """A function of arrays, which does not say which of them it trains."""
    takes_mode: bool = True
    """Whether it is told, when it is called, that it trains."""
    programs: dict[Any, Any] = field(default_factory=dict)


def open_model(model: Any) -> Subject:
    """A copy of what the user gave; raises TypeError for what is no model.

    Taken are an `nnx.Module`, `(linen module, variables)`, `(function, params)` with
    any pytree of parameters, a callable pytree that holds them, and a function of
    inputs alone.
    """
    first, *rest = model if isinstance(model, tuple) else (model,)
    _refuse(first, rest)
    if _is(first, "flax.linen", "Module"):
        from jaxnets.side import linen_models

        return linen_models.open_linen(first, *rest)
    if _is(first, "flax.nnx", "Module"):
        from jaxnets.side import nnx_models

        return nnx_models.open_nnx(first)
    from jaxnets.side import functions

    if not rest and _holds_arrays(first):
        return functions.open_function(type(first).__call__, first)
    return functions.open_function(first, rest[0] if rest else {})


def _holds_arrays(model: Any) -> bool:
    """Whether a callable is a pytree with arrays, as Equinox's modules are."""
    return any(
        isinstance(leaf, jax.Array | np.ndarray) for leaf in jax.tree.leaves(model)
    )


def _is(model: Any, module: str, name: str) -> bool:
    """Whether this is of a class that was imported, without importing it here."""
    known = getattr(sys.modules.get(module), name, None)
    return known is not None and isinstance(model, known)


def _refuse(first: Any, rest: list[Any]) -> None:
    """Say what is wrong with a model that cannot be opened."""
    name = first.__name__ if isinstance(first, type) else type(first).__name__
    bases = first.__mro__ if isinstance(first, type) else type(first).__mro__
    if any(base.__module__.split(".")[0] == "torch" for base in bases):
        raise TypeError(
            f"the JAX model: expected a model of JAX, got {name}, which is PyTorch's; "
            "the PyTorch model comes first, the JAX model second"
        )
    if isinstance(first, type):
        raise TypeError(
            f"the JAX model: expected a model, got the class {name}; make an instance "
            "of it, with its sizes and its rngs"
        )
    bound = getattr(first, "scope", None) is not None
    if _is(first, "flax.linen", "Module") and not rest and not bound:
        raise TypeError(
            f"the JAX model: the Linen module {name} has no variables of its own; give "
            "(module, variables), where variables = module.init(key, inputs)"
        )
    if _is(first, "flax.nnx", "Module") and rest:
        raise TypeError(
            f"the JAX model: the nnx module {name} holds its parameters; give it alone"
        )
    if not callable(first) or len(rest) > 1:
        raise TypeError(
            "the JAX model: expected an nnx.Module, (Linen module, variables), "
            "(function, params) or a function of the inputs, got "
            + (f"{name}" if not rest else f"a tuple of {1 + len(rest)} with {name}")
        )


def modules(subject: Subject) -> list[Module]:
    """Modules in the order of their definition, the root first; none of functions."""
    return list(subject.modules)


def leaves(subject: Subject) -> list[Leaf]:
    """Parameters, buffers and counters in the order of their definition."""
    return list(subject.leaves)


def frozen(subject: Subject) -> list[str]:
    """Nothing: in JAX what is not trained is the optimizer's business."""
    return []


def state(subject: Subject) -> dict[str, np.ndarray]:
    """The user's values: float64 if a parameter is, else float32."""
    kept = [leaf for leaf in subject.leaves if leaf.kind != "counter"]
    double = any(leaf.dtype == "float64" for leaf in kept if leaf.kind == "parameter")
    dtype = np.float64 if double else np.float32
    return {
        leaf.path: np.array(subject.values[leaf.path]).astype(dtype) for leaf in kept
    }


def with_buffers(subject: Subject, paths: Collection[str]) -> Subject:
    """The subject with these leaves as buffers, if it is a plain function.

    Models of other kinds say themselves what they train: they come back as they are.
    """
    if not subject.pure or not paths:
        return subject
    leaves = tuple(
        leaf._replace(kind="buffer") if leaf.path in paths else leaf
        for leaf in subject.leaves
    )
    return replace(subject, leaves=leaves, programs={})


def unreturned(subject: Subject) -> list[str]:
    """Buffers of which a call does not give back what becomes of them in training."""
    if not subject.pure:
        return []
    return [leaf.path for leaf in subject.leaves if leaf.kind == "buffer"]


def modal(subject: Subject) -> bool:
    """Whether the model does something else in training, or always what is done then.

    Linen's modules and functions need an argument for it, such as `train`, or layers
    whose own settings switch them to training.
    """
    return subject.takes_mode or any(
        module.settings.get(name) is False
        for module in subject.modules
        for name in OFF_IN_TRAINING
    )


def takes_mode(call: Callable[..., Any]) -> bool:
    """Whether a call has an argument that says whether it trains."""
    return bool(mode_arguments(call, True, {}, 0))


def kind_of(value: Any, *, parameter: bool) -> str:
    """What a leaf is: only float numbers can be trained, whole numbers count."""
    if not jnp.issubdtype(jnp.result_type(value), jnp.floating):
        return "counter"
    return "parameter" if parameter else "buffer"


def arguments(inputs: Mapping[str, Any]) -> tuple[list[Any], dict[str, Any]]:
    """Inputs by position ("0", "1" …) and by name."""
    places = sorted(int(name) for name in inputs if name.isdigit())
    named = {name: value for name, value in inputs.items() if not name.isdigit()}
    return [inputs[str(place)] for place in places], named


def mode_arguments(
    call: Callable[..., Any],
    train: bool,
    given: Mapping[str, Any],
    positional: int,
    *,
    drops: bool = True,
) -> dict[str, bool]:
    """Those arguments of a call that say whether it trains, unless they are given.

    Without `drops` a model that trains is deterministic: it asks for no random key.
    """
    try:
        names = list(inspect.signature(call).parameters)[positional:]
    except (TypeError, ValueError):
        return {}
    modes = {
        **dict.fromkeys(ON_IN_TRAINING, train),
        **dict.fromkeys(OFF_IN_TRAINING, not train),
        **({} if drops else {"deterministic": True}),
    }
    return {name: modes[name] for name in names if name in modes and name not in given}


def at_home(value: Any) -> Any:
    """An array on the CPU, where pairs are compared; other values as they are."""
    if not isinstance(value, jax.Array):
        return value
    if all(device.platform == "cpu" for device in value.devices()):
        return value
    return jax.device_put(value, jax.devices("cpu")[0])


def settled(values: Mapping[str, Any]) -> dict[str, Any]:
    """Those attributes that are plain values; a dtype is told by its name."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        if name.startswith("_"):
            continue
        if name in ("dtype", "param_dtype") and value is not None:
            found[name] = jnp.dtype(value).name
        elif isinstance(value, bool | int | float | str):
            found[name] = value
        elif isinstance(value, tuple | list) and all(_plain(item) for item in value):
            found[name] = tuple(value)
    return found


def _plain(value: Any) -> bool:
    pair = isinstance(value, tuple | list)
    return (
        all(_plain(v) for v in value)
        if pair
        else isinstance(value, bool | int | float | str)
    )
