"""What the harness needs from JAX: the same verbs as `torchnets/runtime.py`."""

import gc
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib.metadata import version
from types import ModuleType
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from jaxnets.arrays import dtype_name as dtype_name
from jaxnets.arrays import find_device, from_numpy, to_numpy
from jaxnets.arrays import is_array as is_array
from jaxnets.layout import Live, canonical, flat, laid_out, lay_out
from jaxnets.layout import dump as dump_layout
from jaxnets.layout import load as load_layout
from jaxnets.operations import products
from jaxnets.precision import narrow_operations
from jaxnets.steps import (
    Subject,
    loss_and_gradients,
    merged,
    predict_once,
    step_once,
)


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


def low_precision(
    subject: Subject, state: Mapping[str, np.ndarray], batch: Mapping[str, Array]
) -> dict[str, list[str]]:
    """Operations of a float64 run that compute in less, by phase."""
    live, twin = load(subject, state), subject.twin

    def ops(call: Callable[..., Any]) -> list[str]:
        program = jax.make_jaxpr(call)(live, dict(batch))
        return sorted(set(narrow_operations(program.jaxpr, twin.__file__ or "")))

    return {
        "outputs": ops(lambda at, b: predict_once(subject, at, b)),
        "loss": ops(lambda at, b: twin.loss(merged(subject, at)[0], b)),
        "gradients": ops(lambda at, b: loss_and_gradients(subject, at, b)),
        "update": ops(lambda at, b: step_once(subject, at, b)),
    }


def operations(
    subject: Subject, state: Mapping[str, np.ndarray], batch: Mapping[str, Array]
) -> int:
    """Floating-point operations of the matrix products of one step, as written."""
    traced = {n: v for n, v in batch.items() if jnp.issubdtype(v.dtype, jnp.floating)}

    def step(at: Live, numbers: Mapping[str, Array]) -> Any:
        return step_once(subject, at, {**batch, **numbers})

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
    step = jax.jit(partial(step_once, subject))
    costs = step.lower(load(subject, state), dict(batch)).compile().cost_analysis()
    return (costs or {}).get("flops")
