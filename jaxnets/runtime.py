"""What the harness needs from JAX: the same verbs as `torchnets/runtime.py`."""

import gc
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from importlib.metadata import version
from inspect import signature
from types import ModuleType
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax import Array, lax

from jaxnets.arrays import dtype_name as dtype_name
from jaxnets.arrays import find_device, from_numpy, to_numpy
from jaxnets.arrays import is_array as is_array
from jaxnets.layout import (
    Layout,
    Live,
    Path,
    canonical,
    flat,
    laid_out,
    lay_out,
)
from jaxnets.layout import dump as dump_layout
from jaxnets.layout import load as load_layout
from jaxnets.operations import products
from jaxnets.precision import narrow_operations


@dataclass(frozen=True, eq=False)
class Subject:
    """A twin, and how the harness drives it: split once, then pure functions."""

    twin: ModuleType
    device: Any
    layout: Layout

    @cached_property
    def step(self) -> Callable[..., Any]:
        """`_one_step`, compiled."""
        return jax.jit(partial(_one_step, self), static_argnums=0)

    @cached_property
    def predict(self) -> Callable[..., Any]:
        """`_predict`, compiled."""
        return jax.jit(partial(_predict, self))

    @cached_property
    def runs(self) -> Callable[..., Any]:
        """`_run` of many states and constants at once, compiled."""
        many = jax.vmap(partial(_run, self), in_axes=(0, 0, None, None, None))
        return jax.jit(many, static_argnums=4)

    @cached_property
    def train(self) -> Callable[..., Any]:
        """`_train`, compiled."""
        return jax.jit(partial(_train, self), static_argnums=0)


def start(*, precision: str, device: str) -> None:
    """Set this process up; raises RuntimeError where the device is not there."""
    jax.config.update("jax_enable_x64", precision == "float64")
    jax.config.update("jax_default_matmul_precision", "highest")
    jax.config.update("jax_default_device", find_device(device))


def on_compile(heard: Callable[[float], None]) -> None:
    """Have the compiler's seconds told, by the wall clock."""

    def hear(event: str, duration_secs: float, **_: Any) -> None:
        if event.startswith("/jax/core/compile/"):
            heard(duration_secs)

    jax.monitoring.register_event_duration_secs_listener(hear)


def forget() -> None:
    """Drop compiled programs; a process that did many examples would keep them all."""
    jax.clear_caches()
    gc.collect()


def describe() -> dict[str, str]:
    """Versions, devices and the settings that change numbers."""
    devices = [d.device_kind for d in jax.devices() if d.platform != "cpu"]
    return {
        **{name: version(name) for name in ("jax", "jaxlib", "flax", "optax")},
        "default dtype": jnp.result_type(float).name,
        "matmul precision": str(jax.config.values["jax_default_matmul_precision"]),
        "gpu": devices[0] if devices else "none",
    }


def call(function: Callable[..., Any], arguments: Mapping[str, Any]) -> Any:
    """A lesson's function, as a verb, so that its time counts as the framework's."""
    return function(**arguments)


def feed(subject: Subject, arrays: Mapping[str, np.ndarray]) -> dict[str, Array]:
    """Hand NumPy arrays to the twin's side."""
    return {
        name: from_numpy(value, device=subject.device.platform)
        for name, value in arrays.items()
    }


def prepare(twin: ModuleType, *, device: str, accumulates: bool) -> Subject:
    """Get a twin ready to be driven."""
    del accumulates  # the optax transformation tells for itself
    return Subject(twin, find_device(device), lay_out(twin))


def load(subject: Subject, state: Mapping[str, np.ndarray]) -> Live:
    """Model and optimizer in this state; raises KeyError naming a leaf.

    A state of parameters alone leaves the optimizer as it is built.
    """
    return jax.device_put(load_layout(subject.layout, state), subject.device)


def dump(subject: Subject, live: Live) -> tuple[dict[str, np.ndarray], list[str]]:
    """The whole state, and the names of what was never touched (JAX has none)."""
    return dump_layout(subject.layout, live), []


def _open(subject: Subject, live: Live, constants: Mapping[str, Any]) -> Any:
    """Model and optimizer as the twin's functions want them."""
    if subject.layout.graph is None:
        return dict(live.model), None
    model = nnx.merge(subject.layout.graph, live.model)
    build = subject.twin.build_optimizer
    optimizer = build(model, **accepted(build, constants))
    if optimizer is not None:
        nnx.update(optimizer, live.optimizer)
    return model, optimizer


def accepted(
    function: Callable[..., Any], constants: Mapping[str, Any]
) -> dict[str, Any]:
    """Those constants that a function takes: of the step, or of the optimizer."""
    return {n: constants[n] for n in signature(function).parameters if n in constants}


def _step(
    subject: Subject,
    live: Live,
    batch: Any,
    function: str = "train_step",
    constants: Mapping[str, Any] | None = None,
) -> tuple[Array, Live]:
    constants = constants or {}
    model, optimizer = _open(subject, live, constants)
    step = getattr(subject.twin, function)
    returned = step(model, optimizer, batch, **accepted(step, constants))
    if subject.layout.graph is None:
        value, model = returned
        return value, Live(model, None)
    after = None if optimizer is None else nnx.state(optimizer)
    return returned, Live(nnx.state(model), after)


def _loss_and_gradients(subject: Subject, live: Live, batch: Any) -> Any:
    twin = subject.twin
    model, _ = _open(subject, live, {})
    if subject.layout.graph is None:
        # The other loss is what `train_step` returns, and is looked at there.
        return twin.loss(model, batch), twin.loss_and_gradients(model, batch)[1]
    return nnx.value_and_grad(twin.loss)(model, batch)


def _one_step(
    subject: Subject, function: str, live: Live, batch: Any, constants: Any
) -> Any:
    outputs = _predict(subject, live, batch)
    value, gradients = _loss_and_gradients(subject, live, batch)
    returned, after = _step(subject, live, batch, function, constants)
    return outputs, value, gradients, returned, after


def one_step(
    subject: Subject,
    state: Mapping[str, np.ndarray],
    batch: Mapping[str, Array],
    *,
    function: str = "train_step",
    constants: Mapping[str, float] | None = None,
) -> dict[str, Any]:
    """Outputs, loss and gradients at a state, and what one step makes of it."""
    outputs, value, gradients, returned, live = subject.step(
        function, load(subject, state), dict(batch), dict(constants or {})
    )
    found = canonical(gradients, subject.layout.model_places)
    return {
        "outputs": to_numpy(outputs),
        "loss": to_numpy(value),
        "returned": to_numpy(returned),
        "gradients": {n.removeprefix("parameters/"): v for n, v in found.items()},
        "after": dump(subject, live)[0],
        "unused": [],
    }


def predict(subject: Subject, live: Live, inputs: Mapping[str, Array]) -> np.ndarray:
    """The twin's predictions."""
    return to_numpy(subject.predict(live, dict(inputs)))


def _predict(subject: Subject, live: Live, inputs: Any) -> Array:
    model, _ = _open(subject, live, {})
    return subject.twin.predict(model, inputs)


def many_steps(
    subject: Subject,
    live: Live,
    shared: Mapping[str, Array],
    stacked: Mapping[str, Array],
    *,
    steps: int,
    stops: tuple[int, ...],
    record: tuple[str, ...],
    record_steps: int,
) -> tuple[np.ndarray, dict[str, np.ndarray], dict[int, dict[str, np.ndarray]]]:
    """Train; return every loss, recorded leaves after each step, states at the stops.

    A stop s is the state before step s; `steps` itself is the final state.
    """
    arrays = flat(subject.layout.template.model)
    wanted = {
        path: place
        for path, (place,) in subject.layout.model_places.items()
        if place.name.removeprefix("parameters/") in record
    }
    # Committed like the state: else the second segment would compile once more.
    losses, recorded = jax.device_put(
        (
            jnp.zeros(steps),
            [
                jnp.zeros((record_steps, *arrays[path].shape), arrays[path].dtype)
                for path in wanted
            ],
        ),
        subject.device,
    )
    states: dict[int, dict[str, np.ndarray]] = {}
    begin = 0
    for stop in sorted({*stops, steps}):
        live, losses, recorded = subject.train(
            tuple(wanted),
            live,
            dict(shared),
            dict(stacked),
            losses,
            recorded,
            begin,
            stop,
        )
        if stop in stops:
            states[stop] = dump(subject, live)[0]
        begin = stop
    rows = {
        place.name.removeprefix("parameters/"): np.stack(
            [laid_out(row, place) for row in to_numpy(values)]
        )
        for place, values in zip(wanted.values(), recorded, strict=True)
    }
    return to_numpy(losses), rows, states


def _train(
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
        returned, live = _step(subject, live, {**shared, **rows})
        arrays = flat(live.model)
        recorded = [
            rows.at[step].set(arrays[path])
            for path, rows in zip(record, recorded, strict=True)
        ]
        return live, losses.at[step].set(returned), recorded

    return lax.fori_loop(begin, stop, body, (live, losses, recorded))


def many_runs(
    subject: Subject,
    states: Sequence[Mapping[str, np.ndarray]],
    shared: Mapping[str, Array],
    stacked: Mapping[str, Array],
    *,
    steps: int,
    constants: Mapping[str, Sequence[float]],
) -> tuple[np.ndarray, list[dict[str, np.ndarray]]]:
    """Train from several states, each with constants of its own, in one program.

    Returns the losses (runs, steps) and the states after the last step.
    """
    begin = jax.tree.map(
        lambda *leaves: jnp.stack(leaves), *(load(subject, state) for state in states)
    )
    given = {name: jnp.asarray(values) for name, values in constants.items()}
    losses, end = subject.runs(begin, given, dict(shared), dict(stacked), steps)
    return to_numpy(losses), [
        dump(subject, jax.tree.map(lambda leaf, run=run: leaf[run], end))[0]
        for run in range(len(states))
    ]


def _run(
    subject: Subject, live: Live, constants: Any, shared: Any, stacked: Any, steps: int
) -> tuple[Array, Live]:
    def body(live: Live, rows: Any) -> tuple[Live, Array]:
        batch = {**shared, **rows}
        returned, live = _step(subject, live, batch, constants=constants)
        return live, returned

    live, losses = lax.scan(body, live, stacked, length=steps)
    return losses, live


def low_precision(
    subject: Subject, state: Mapping[str, np.ndarray], batch: Mapping[str, Array]
) -> dict[str, list[str]]:
    """Operations of a float64 run that compute in less, by phase."""
    live, twin = load(subject, state), subject.twin

    def ops(call: Callable[..., Any]) -> list[str]:
        program = jax.make_jaxpr(call)(live, dict(batch))
        return sorted(set(narrow_operations(program.jaxpr, twin.__file__ or "")))

    return {
        "outputs": ops(lambda at, b: _predict(subject, at, b)),
        "loss": ops(lambda at, b: twin.loss(_open(subject, at, {})[0], b)),
        "gradients": ops(lambda at, b: _loss_and_gradients(subject, at, b)),
        "update": ops(lambda at, b: _step(subject, at, b)),
    }


def operations(
    subject: Subject, state: Mapping[str, np.ndarray], batch: Mapping[str, Array]
) -> int:
    """Floating-point operations of the matrix products of one step, as written."""
    traced = {n: v for n, v in batch.items() if jnp.issubdtype(v.dtype, jnp.floating)}

    def step(at: Live, numbers: Mapping[str, Array]) -> Any:
        return _step(subject, at, {**batch, **numbers})

    # What is no float stays a number, so that Python takes the branch it decides.
    with jax.disable_jit(), jax.ensure_compile_time_eval():
        return products(step, load(subject, state), traced)


def compiled_operations(
    subject: Subject, state: Mapping[str, np.ndarray], batch: Mapping[str, Array]
) -> float | None:
    """Floating-point operations of one step as XLA counts them, if it does.

    Those that are done element by element are among them, and what XLA has dropped is
    not; of the branches of a choice it counts the largest.
    """
    step = jax.jit(partial(_step, subject))
    costs = step.lower(load(subject, state), dict(batch)).compile().cost_analysis()
    return (costs or {}).get("flops")
