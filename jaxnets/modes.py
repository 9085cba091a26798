"""Ways to take training steps in JAX, as most people write them and as an expert would.

| mode | what it is |
|---|---|
| `eager` | the step without its `jit`: every operation is dispatched by itself |
| `jit` | the twin's step as it stands: `nnx.jit`, which walks the model each time |
| `jit-functional` | the model split once, `jax.jit` of a pure step, its state donated |
| `scan` | many steps in one program, by `lax.scan` |
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from inspect import unwrap
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax import Array

from jaxnets.layout import Live
from jaxnets.runtime import dump, feed, load
from jaxnets.steps import Subject, merged, run_steps, step_once


@dataclass(frozen=True)
class Program:
    """A way to take steps on objects that are there before it is timed.

    `place` hands batches over, one for each step; `restart` puts the objects into a
    state; `take` takes a step for each batch and returns the losses, nothing waited
    for; `held` is the state of the objects, `pending` what must be waited for besides
    the losses. `forward` and `backward` are of one batch, from where the objects are;
    None where the mode has none of its own.
    """

    place: Callable[[Mapping[str, np.ndarray], Mapping[str, np.ndarray], int], Any]
    restart: Callable[[Live], None]
    take: Callable[[Any], Any]
    held: Callable[[], Live]
    pending: Callable[[], Any]
    forward: Callable[[Any], Any] | None
    backward: Callable[[Any], Any] | None
    estimate: Callable[[Any], int | None]
    """Bytes that the compiler says a program needs; None where it says nothing."""
    guard: Callable[[], AbstractContextManager[Any]]
    """Around what is timed: refuses hidden transfers, where there need be none."""
    knobs: Mapping[str, str]


def open_program(subject: Subject, mode: str, state: Mapping[str, np.ndarray]) -> Any:
    """The program of a mode, its objects in this state; raises KeyError for a mode."""
    return MODES[mode](subject, load(subject, state))


def _each(
    subject: Subject,
    shared: Mapping[str, np.ndarray],
    stacked: Mapping[str, np.ndarray],
    steps: int,
) -> list[dict[str, Array]]:
    """A batch for each step, on the device."""
    common = feed(subject, shared)
    rows = {name: list(value) for name, value in feed(subject, stacked).items()}
    return [
        {**common, **{name: values[step] for name, values in rows.items()}}
        for step in range(steps)
    ]


def _objects(
    subject: Subject,
    live: Live,
    step: Callable[..., Any],
    wrap: Callable[[Callable[..., Any]], Callable[..., Any]],
    knobs: Mapping[str, str],
    guard: Callable[[], AbstractContextManager[Any]],
) -> Program:
    """Steps that change a model in place, as the twin is written."""
    twin, by_hand = subject.twin, subject.layout.graph is None
    model, optimizer = merged(subject, live)
    forward = wrap(twin.loss)
    slopes = wrap(twin.loss_and_gradients if by_hand else nnx.value_and_grad(twin.loss))
    changed = [
        node
        for _, node in nnx.iter_graph((model, optimizer))
        if isinstance(node, nnx.Variable)
    ]

    def restart(at: Live) -> None:
        nonlocal model
        if by_hand:
            model = dict(at.model)
            return
        nnx.update(model, at.model)
        if optimizer is not None:
            nnx.update(optimizer, at.optimizer)

    def take(batches: list[Any]) -> list[Array]:
        nonlocal model
        losses = []
        for batch in batches:
            if by_hand:
                value, model = step(model, optimizer, batch)
            else:
                value = step(model, optimizer, batch)
            losses.append(value)
        return losses

    def held() -> Live:
        if by_hand:
            return Live(model, None)
        after = None if optimizer is None else nnx.state(optimizer)
        return Live(nnx.state(model), after)

    return Program(
        partial(_each, subject),
        restart,
        take,
        held,
        lambda: model if by_hand else [variable.get_value() for variable in changed],
        lambda batch: forward(model, batch),
        lambda batch: slopes(model, batch),
        lambda batches: None,
        guard,
        knobs,
    )


def _eager(subject: Subject, live: Live) -> Program:
    # Operations that are not compiled together hand their constants over one by one.
    return _objects(
        subject,
        live,
        unwrap(subject.twin.train_step),
        lambda function: function,
        {"compiled": "no", "state": "copied", "losses": "kept"},
        partial(jax.transfer_guard, "allow"),
    )


def _jit(subject: Subject, live: Live) -> Program:
    wrap = jax.jit if subject.layout.graph is None else nnx.jit
    return _objects(
        subject,
        live,
        subject.twin.train_step,
        wrap,
        {"compiled": "step", "state": "copied", "losses": "kept"},
        _no_transfers,
    )


_no_transfers = partial(jax.transfer_guard, "disallow")


def _functional(subject: Subject, live: Live) -> Program:
    step = jax.jit(partial(step_once, subject), donate_argnums=0)

    def take(batches: list[Any]) -> list[Array]:
        nonlocal live
        losses = []
        for batch in batches:
            value, live = step(live, batch)
            losses.append(value)
        return losses

    def restart(at: Live) -> None:
        nonlocal live
        live = jax.tree.map(jnp.copy, at)  # steps give their memory away

    restart(live)
    forward, slopes = _pure(subject)
    return Program(
        partial(_each, subject),
        restart,
        take,
        lambda: live,
        lambda: live,
        lambda batch: forward(live, batch),
        lambda batch: slopes(live, batch),
        lambda batches: _bytes(step, live, batches[0]),
        _no_transfers,
        {"compiled": "step", "state": "in place", "losses": "kept"},
    )


def _pure(subject: Subject) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Loss, and loss with gradients, of a state and a batch, compiled."""
    twin, by_hand = subject.twin, subject.layout.graph is None
    both = twin.loss_and_gradients if by_hand else nnx.value_and_grad(twin.loss)
    return (
        jax.jit(lambda live, batch: twin.loss(merged(subject, live)[0], batch)),
        jax.jit(lambda live, batch: both(merged(subject, live)[0], batch)),
    )


def _scan(subject: Subject, live: Live) -> Program:
    run = jax.jit(partial(run_steps, subject), static_argnums=4)

    def place(
        shared: Mapping[str, np.ndarray], stacked: Mapping[str, np.ndarray], steps: int
    ) -> Any:
        rows = {name: value[:steps] for name, value in stacked.items()}
        return feed(subject, shared), feed(subject, rows), steps

    def take(batches: Any) -> Array:
        nonlocal live
        losses, live = run(live, {}, *batches)
        return losses

    def restart(at: Live) -> None:
        nonlocal live
        live = at

    return Program(
        place,
        restart,
        take,
        lambda: live,
        lambda: live,
        None,
        None,
        lambda batches: _bytes(run, live, {}, *batches),
        _no_transfers,
        {"compiled": "run", "state": "in place", "losses": "kept"},
    )


def _bytes(function: Any, *arguments: Any) -> int | None:
    """What the compiler says that a program holds: arguments, results, in between."""
    told = function.lower(*arguments).compile().memory_analysis()
    if told is None:
        return None
    return (
        told.argument_size_in_bytes
        + told.output_size_in_bytes
        - told.alias_size_in_bytes
        + told.temp_size_in_bytes
    )


MODES: Mapping[str, Callable[[Subject, Live], Program]] = {
    "eager": _eager,
    "jit": _jit,
    "jit-functional": _functional,
    "scan": _scan,
}


def state_of(subject: Subject, program: Program) -> dict[str, np.ndarray]:
    """The canonical state that a program's objects are in."""
    return dump(subject, program.held())[0]
