"""What the harness needs from PyTorch: the same verbs as `jaxnets/runtime.py`."""

import gc
import os
from collections.abc import Callable, Mapping, Sequence
from types import ModuleType
from typing import Any

import numpy as np
import torch
import torch._dynamo  # optimizers would import it at their first step
from torch import Tensor

from torchnets.arrays import dtype_name as dtype_name
from torchnets.arrays import from_numpy, to_numpy
from torchnets.arrays import is_array as is_array
from torchnets.layout import (
    Live,
    Subject,
    accepted,
    canonical,
    dump,
    leaves,
    load,
)
from torchnets.operations import products
from torchnets.precision import NarrowOperations


def start(*, precision: str, device: str) -> None:
    """Set this process up; raises RuntimeError where the device is not there."""
    if device == "gpu" and not torch.cuda.is_available():
        raise RuntimeError("PyTorch sees no GPU here")
    if device == "gpu":
        torch.zeros(1, device="cuda")  # starts the device, as JAX does here
    torch.set_default_dtype(getattr(torch, precision))
    torch.set_warn_always(True)  # else a warning is seen once in a process
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    torch.set_float32_matmul_precision("highest")
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False


def on_compile(heard: Callable[[float], None]) -> None:
    """Nothing to tell: eager PyTorch compiles nothing."""
    del heard


def forget() -> None:
    """Drop what the allocator keeps; eager PyTorch holds no compiled programs."""
    gc.collect()


def describe() -> dict[str, str]:
    """Versions, devices and the settings that change numbers."""
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else "none"
    return {
        "torch": str(torch.__version__),
        "default dtype": str(torch.get_default_dtype()).removeprefix("torch."),
        "float32 matmul precision": torch.get_float32_matmul_precision(),
        "cuDNN TF32": str(torch.backends.cudnn.allow_tf32),
        "threads": str(torch.get_num_threads()),
        "gpu": gpu,
    }


def call(function: Callable[..., Any], arguments: Mapping[str, Any]) -> Any:
    """A lesson's function, as a verb, so that its time counts as the framework's."""
    return function(**arguments)


def feed(subject: Subject, arrays: Mapping[str, np.ndarray]) -> dict[str, Tensor]:
    """Hand NumPy arrays to the twin's side."""
    return {
        name: from_numpy(value, device=subject.device) for name, value in arrays.items()
    }


def prepare(twin: ModuleType, *, device: str, accumulates: bool) -> Subject:
    """Get a twin ready to be driven."""
    return Subject(twin, device, accumulates)


def loss_and_gradients(
    subject: Subject, live: Live, batch: Mapping[str, Tensor]
) -> tuple[Tensor, dict[str, np.ndarray], list[str]]:
    """The loss, the gradient of every leaf, and the leaves that had none (zeros)."""
    twin, places = subject.twin, leaves(live.model)
    if isinstance(live.model, dict):
        # The other loss is what `train_step` returns, and is looked at there.
        value = twin.loss(live.model, batch)
        _, found = twin.loss_and_gradients(live.model, batch)
        gradients: list[Tensor | None] = [found[leaf] for leaf in places]
    else:
        value = twin.loss(live.model, batch)
        tensors = [place.tensor for place in places.values()]
        gradients = list(torch.autograd.grad(value, tensors, allow_unused=True))
    pairs = list(zip(places.items(), gradients, strict=True))
    unused = [leaf for (leaf, _), gradient in pairs if gradient is None]
    by_leaf = {
        leaf: canonical(
            torch.zeros_like(place.tensor) if gradient is None else gradient, place
        )
        for (leaf, place), gradient in pairs
    }
    return value, by_leaf, unused


def one_step(
    subject: Subject,
    state: Mapping[str, np.ndarray],
    batch: Mapping[str, Tensor],
    *,
    function: str = "train_step",
    constants: Mapping[str, float] | None = None,
) -> dict[str, Any]:
    """Outputs, loss and gradients at a state, and what one step makes of it."""
    live = load(subject, state, constants)
    outputs = predict(subject, live, batch)
    value, gradients, unused = loss_and_gradients(subject, live, batch)
    returned, live = _step(subject, live, batch, function, constants)
    after, untouched = dump(subject, live)
    return {
        "outputs": outputs,
        "loss": to_numpy(value),
        "returned": to_numpy(returned),
        "gradients": gradients,
        "after": after,
        "unused": [*(f"gradients/{leaf}" for leaf in unused), *untouched],
    }


def _step(
    subject: Subject,
    live: Live,
    batch: Mapping[str, Tensor],
    function: str = "train_step",
    constants: Mapping[str, float] | None = None,
) -> tuple[Tensor, Live]:
    step: Callable[..., Any] = getattr(subject.twin, function)
    own = accepted(step, constants or {})
    returned = step(live.model, live.optimizer, batch, **own)
    if isinstance(live.model, dict):
        value, model = returned
        return value, Live(model, None)
    return returned, live


def predict(subject: Subject, live: Live, inputs: Mapping[str, Tensor]) -> np.ndarray:
    """The twin's predictions."""
    with torch.no_grad():
        return to_numpy(subject.twin.predict(live.model, inputs))


def many_steps(
    subject: Subject,
    live: Live,
    shared: Mapping[str, Tensor],
    stacked: Mapping[str, Tensor],
    *,
    steps: int,
    stops: tuple[int, ...],
    record: tuple[str, ...],
    record_steps: int,
) -> tuple[np.ndarray, dict[str, np.ndarray], dict[int, dict[str, np.ndarray]]]:
    """Train; return every loss, recorded leaves after each step, states at the stops.

    A stop s is the state before step s; `steps` itself is the final state.
    """
    losses = np.zeros(steps, np.result_type(np.float32, _default()))
    recorded: dict[str, list[np.ndarray]] = {leaf: [] for leaf in record}
    states: dict[int, dict[str, np.ndarray]] = {}
    for step in range(steps):
        if step in stops:
            states[step] = dump(subject, live)[0]
        batch = {**shared, **{name: rows[step] for name, rows in stacked.items()}}
        returned, live = _step(subject, live, batch)
        losses[step] = returned.item()
        if step < record_steps:
            places = leaves(live.model)
            for leaf in record:
                recorded[leaf].append(canonical(places[leaf].tensor, places[leaf]))
    if steps in stops:
        states[steps] = dump(subject, live)[0]
    return losses, {leaf: np.stack(rows) for leaf, rows in recorded.items()}, states


def many_runs(
    subject: Subject,
    states: Sequence[Mapping[str, np.ndarray]],
    shared: Mapping[str, Tensor],
    stacked: Mapping[str, Tensor],
    *,
    steps: int,
    constants: Mapping[str, Sequence[float]],
) -> tuple[np.ndarray, list[dict[str, np.ndarray]]]:
    """Train from several states, each with constants of its own, one after the other.

    Returns the losses (runs, steps) and the states after the last step.
    """
    losses = np.zeros((len(states), steps), _default())
    ends: list[dict[str, np.ndarray]] = []
    # A large decay makes weights subnormal, which slows many CPUs down; XLA does this.
    torch.set_flush_denormal(True)
    try:
        for run, state in enumerate(states):
            own = {name: values[run] for name, values in constants.items()}
            live = load(subject, state, own)
            for step in range(steps):
                rows = {name: values[step] for name, values in stacked.items()}
                batch = {**shared, **rows}
                returned, live = _step(subject, live, batch, constants=own)
                losses[run, step] = returned.item()
            ends.append(dump(subject, live)[0])
    finally:
        torch.set_flush_denormal(False)
    return losses, ends


def _default() -> Any:
    return np.dtype(str(torch.get_default_dtype()).removeprefix("torch."))


def low_precision(
    subject: Subject, state: Mapping[str, np.ndarray], batch: Mapping[str, Tensor]
) -> dict[str, list[str]]:
    """Operations of a float64 run that compute in less, by phase."""

    def ops(call: Callable[[Live], Any]) -> list[str]:
        live = load(subject, state)
        with NarrowOperations() as watch:
            call(live)
        return sorted(watch.found)

    twin = subject.twin
    return {
        "outputs": ops(lambda live: twin.predict(live.model, batch)),
        "loss": ops(lambda live: twin.loss(live.model, batch)),
        "gradients": ops(lambda live: loss_and_gradients(subject, live, batch)),
        "update": ops(lambda live: _step(subject, live, batch)),
    }


def operations(
    subject: Subject, state: Mapping[str, np.ndarray], batch: Mapping[str, Tensor]
) -> int:
    """Floating-point operations of the matrix products of one step, as written."""
    return products(lambda at: _step(subject, at, batch), load(subject, state))


def compiled_operations(
    subject: Subject, state: Mapping[str, np.ndarray], batch: Mapping[str, Tensor]
) -> None:
    """None: PyTorch's compiler does not tell."""
