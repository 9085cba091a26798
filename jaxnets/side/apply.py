"""Calling a model with other numbers than its own, as a pure function."""

from collections.abc import Mapping
from typing import Any

from jax import Array

from jaxnets.side.subject import Applied, Draw, Subject, Watch


def apply(
    subject: Subject,
    leaves: Mapping[str, Array],
    inputs: Mapping[str, Any],
    *,
    train: bool,
    draw: Draw | None = None,
    watch: Watch | None = None,
) -> Applied:
    """Outputs as the model returns them, and its buffers after the call.

    `watch(path, type_name, call, args, kwargs)` is offered every call of a submodule
    and returns `call(*args, **kwargs)` or something in its place. Can be traced.
    Raises KeyError naming a leaf that the state has not.
    """
    needed = {leaf.path for leaf in subject.leaves if leaf.kind != "counter"}
    if missing := sorted(needed - leaves.keys()):
        raise KeyError(f"the JAX model needs {missing}, which the state does not have")
    if surplus := sorted(leaves.keys() - needed):
        raise KeyError(f"the JAX model has no leaf for {surplus}")
    # Where there are statistics, `deterministic` may be what says whether they move.
    drops = draw is not None or any(leaf.kind == "buffer" for leaf in subject.leaves)
    return subject.run(leaves, inputs, train=train, drops=drops, draw=draw, watch=watch)
