"""Pure functions of a state and a batch: what every program of a twin is made of."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from inspect import signature
from types import ModuleType
from typing import Any

import jax
from flax import nnx
from jax import Array, lax

from jaxnets.layout import Layout, Live, Path, flat


@dataclass(frozen=True, eq=False)
class Subject:
    """A twin, and how the harness drives it: split once, then pure functions."""

    twin: ModuleType
    device: Any
    layout: Layout

    @cached_property
    def step(self) -> Callable[..., Any]:
        """`one_step_map`, compiled."""
        return jax.jit(partial(one_step_map, self), static_argnums=0)

    @cached_property
    def predict(self) -> Callable[..., Any]:
        """`predict_once`, compiled."""
        return jax.jit(partial(predict_once, self))

    @cached_property
    def runs(self) -> Callable[..., Any]:
        """`run_steps` of many states and constants at once, compiled."""
        many = jax.vmap(partial(run_steps, self), in_axes=(0, 0, None, None, None))
        return jax.jit(many, static_argnums=4)

    @cached_property
    def train(self) -> Callable[..., Any]:
        """`train_steps`, compiled."""
        return jax.jit(partial(train_steps, self), static_argnums=0)


def merged(
    subject: Subject, live: Live, constants: Mapping[str, Any] | None = None
) -> Any:
    """Model and optimizer as the twin's functions want them."""
    if subject.layout.graph is None:
        return dict(live.model), None
    model = nnx.merge(subject.layout.graph, live.model)
    build = subject.twin.build_optimizer
    optimizer = build(model, **accepted(build, constants or {}))
    if optimizer is not None:
        nnx.update(optimizer, live.optimizer)
    return model, optimizer


def accepted(
    function: Callable[..., Any], constants: Mapping[str, Any]
) -> dict[str, Any]:
    """Those constants that a function takes: of the step, or of the optimizer."""
    return {n: constants[n] for n in signature(function).parameters if n in constants}


def step_once(
    subject: Subject,
    live: Live,
    batch: Any,
    function: str = "train_step",
    constants: Mapping[str, Any] | None = None,
) -> tuple[Array, Live]:
    """One step, and the state after it."""
    constants = constants or {}
    model, optimizer = merged(subject, live, constants)
    step = getattr(subject.twin, function)
    returned = step(model, optimizer, batch, **accepted(step, constants))
    if subject.layout.graph is None:
        value, model = returned
        return value, Live(model, None)
    after = None if optimizer is None else nnx.state(optimizer)
    return returned, Live(nnx.state(model), after)


def loss_and_gradients(subject: Subject, live: Live, batch: Any) -> Any:
    """The loss at a state, and its gradients."""
    twin = subject.twin
    model, _ = merged(subject, live)
    if subject.layout.graph is None:
        # The other loss is what `train_step` returns, and is looked at there.
        return twin.loss(model, batch), twin.loss_and_gradients(model, batch)[1]
    return nnx.value_and_grad(twin.loss)(model, batch)


def one_step_map(
    subject: Subject, function: str, live: Live, batch: Any, constants: Any
) -> Any:
    """Outputs, loss and gradients at a state, and what one step makes of it."""
    outputs = predict_once(subject, live, batch)
    value, gradients = loss_and_gradients(subject, live, batch)
    returned, after = step_once(subject, live, batch, function, constants)
    return outputs, value, gradients, returned, after


def predict_once(subject: Subject, live: Live, inputs: Any) -> Array:
    """The twin's predictions."""
    model, _ = merged(subject, live)
    return subject.twin.predict(model, inputs)


def train_steps(
    subject: Subject,
    record: tuple[Path, ...],
    live: Live,
    shared: Any,
    stacked: Any,
    losses: Array,
    recorded: Any,
    begin: Array,
    stop: Array,
) -> Any:
    """Steps begin … stop − 1 in one program, compiled once for all segments."""

    def body(step: Array, carry: Any) -> Any:
        live, losses, recorded = carry
        rows = {
            name: lax.dynamic_index_in_dim(value, step, keepdims=False)
            for name, value in stacked.items()
        }
        returned, live = step_once(subject, live, {**shared, **rows})
        arrays = flat(live.model)
        recorded = [
            rows.at[step].set(arrays[path])
            for path, rows in zip(record, recorded, strict=True)
        ]
        return live, losses.at[step].set(returned), recorded

    return lax.fori_loop(begin, stop, body, (live, losses, recorded))


def run_steps(
    subject: Subject, live: Live, constants: Any, shared: Any, stacked: Any, steps: int
) -> tuple[Array, Live]:
    """So many steps in one program; returns their losses and the state after them."""

    def body(live: Live, rows: Any) -> tuple[Live, Array]:
        batch = {**shared, **rows}
        returned, live = step_once(subject, live, batch, constants=constants)
        return live, returned

    live, losses = lax.scan(body, live, stacked, length=steps)
    return losses, live
