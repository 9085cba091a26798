"""What the harness needs from PyTorch: the same verbs as `jaxnets/runtime.py`.

States are flat dicts of NumPy arrays in the canonical layout: `parameters/<leaf>`,
`optimizer/<slot>/<leaf>`, and `accumulated/<leaf>` where gradients are kept.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

# A layer type's parameters: canonical name, and the axes that make the canonical layout.
LAYERS: dict[type[nn.Module], dict[str, tuple[str, tuple[int, ...] | None]]] = {
    nn.Linear: {"weight": ("weight", (1, 0)), "bias": ("bias", None)},
}
# An optimizer's state: canonical name of each slot.
SLOTS = {
    "momentum_buffer": "momentum",
    "exp_avg": "first_moment",
    "exp_avg_sq": "second_moment",
    "step": "step",
}
_DEVICE = {"cpu": "cpu", "gpu": "cuda"}


@dataclass(frozen=True)
class Leaf:
    """Where a canonical leaf lives, and the axes that make the canonical layout."""

    tensor: Tensor
    axes: tuple[int, ...] | None


@dataclass(frozen=True)
class Live:
    """A model and its optimizer, both changed in place; by-hand models are dicts."""

    model: Any
    optimizer: torch.optim.Optimizer | None


@dataclass(frozen=True)
class Subject:
    """A twin, and how the harness drives it."""

    twin: ModuleType
    device: str
    accumulates: bool = False


def start(*, precision: str, device: str) -> None:
    """Set this process up; raises RuntimeError where the device is not there."""
    if device == "gpu" and not torch.cuda.is_available():
        raise RuntimeError("PyTorch sees no GPU here")
    torch.set_default_dtype(getattr(torch, precision))
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    torch.set_float32_matmul_precision("highest")
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False


def describe() -> dict[str, str]:
    """Versions, devices and the settings that change numbers."""
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else "none"
    return {
        "torch": torch.__version__,
        "default dtype": str(torch.get_default_dtype()).removeprefix("torch."),
        "float32 matmul precision": torch.get_float32_matmul_precision(),
        "cuDNN TF32": str(torch.backends.cudnn.allow_tf32),
        "threads": str(torch.get_num_threads()),
        "gpu": gpu,
    }


def from_numpy(array: Any, *, device: str = "cpu") -> Tensor:
    """A tensor with memory of its own."""
    return torch.tensor(np.asarray(array), device=_DEVICE[device])


def to_numpy(tensor: Tensor) -> np.ndarray:
    """An array with memory of its own; NumPy has no bfloat16, which widens exactly."""
    tensor = tensor.detach().cpu()
    return (tensor.float() if tensor.dtype == torch.bfloat16 else tensor).numpy().copy()


def is_array(value: Any) -> bool:
    """Whether this is one of the framework's arrays."""
    return isinstance(value, Tensor)


def dtype_name(tensor: Tensor) -> str:
    """The name of the element type as NumPy spells it."""
    return str(tensor.dtype).removeprefix("torch.")


def feed(subject: Subject, arrays: Mapping[str, np.ndarray]) -> dict[str, Tensor]:
    """Hand NumPy arrays to the twin's side."""
    return {
        name: from_numpy(value, device=subject.device) for name, value in arrays.items()
    }


def prepare(twin: ModuleType, *, device: str, accumulates: bool) -> Subject:
    """Get a twin ready to be driven."""
    return Subject(twin, device, accumulates)


def leaves(model: Any) -> dict[str, Leaf]:
    """Every parameter and buffer by canonical name; raises TypeError for the unknown."""
    if isinstance(model, dict):
        return {name: Leaf(tensor, None) for name, tensor in model.items()}
    found: dict[str, Leaf] = {}
    for path, module in model.named_modules():
        own = dict(module.named_parameters(recurse=False))
        own |= dict(module.named_buffers(recurse=False))
        names = LAYERS.get(type(module), {})
        for attribute, tensor in own.items():
            library = type(module).__module__.startswith("torch.")
            if library and attribute not in names:
                raise TypeError(
                    f"leaf {path}.{attribute}: no canonical layout is known for "
                    f"{type(module).__name__}; add it to LAYERS"
                )
            name, axes = names.get(attribute, (attribute, None))
            found[f"{path}.{name}" if path else name] = Leaf(tensor, axes)
    return found


def load(subject: Subject, state: Mapping[str, np.ndarray]) -> Live:
    """A fresh model and optimizer in this state; raises KeyError naming a leaf.

    A state of parameters alone leaves the optimizer as it is built.
    """
    model = subject.twin.build()
    by_hand = isinstance(model, dict)
    given = {name for name in state if name.startswith("parameters/")}
    for leaf, place in leaves(model).items():
        value = _take(state, f"parameters/{leaf}", given)
        value = value if place.axes is None else np.transpose(value, place.axes)
        tensor = from_numpy(value, device=subject.device)
        if tuple(tensor.shape) != tuple(place.tensor.shape):
            raise ValueError(
                f"leaf {leaf}: PyTorch has shape {tuple(place.tensor.shape)} and was "
                f"given {tuple(tensor.shape)}"
            )
        if by_hand:
            model[leaf] = tensor
        else:
            place.tensor.data = tensor
            # As in the middle of a run: PyTorch tells "no gradient yet" from zero.
            place.tensor.grad = torch.zeros_like(tensor)
    if given:
        raise KeyError(f"PyTorch has no leaf for {sorted(given)}")
    optimizer = subject.twin.build_optimizer(model)
    live = Live(model, optimizer)
    if any(not name.startswith("parameters/") for name in state):
        _load_optimizer(subject, live, state)
    return live


def _load_optimizer(
    subject: Subject, live: Live, state: Mapping[str, np.ndarray]
) -> None:
    given = {name for name in state if not name.startswith("parameters/")}
    for leaf, place in leaves(live.model).items():
        for slot, name in _slots(live.optimizer).items():
            value = _take(state, f"optimizer/{name}/{leaf}", given)
            assert live.optimizer is not None
            live.optimizer.state[place.tensor][slot] = (
                torch.tensor(float(value), dtype=torch.get_default_dtype())
                if slot == "step"
                else from_numpy(_laid_out(value, place), device=subject.device)
            )
        if subject.accumulates:
            value = _take(state, f"accumulated/{leaf}", given)
            place.tensor.grad = from_numpy(
                _laid_out(value, place), device=subject.device
            )
    if given:
        raise KeyError(f"PyTorch's optimizer has no place for {sorted(given)}")


def _slots(optimizer: torch.optim.Optimizer | None) -> dict[str, str]:
    """The slots of an optimizer, whether it has made them yet or not."""
    if optimizer is None:
        return {}
    if isinstance(optimizer, torch.optim.SGD):
        kept = ["momentum_buffer"] if optimizer.defaults["momentum"] else []
    elif isinstance(optimizer, torch.optim.Adam):
        kept = ["step", "exp_avg", "exp_avg_sq"]
    else:
        raise TypeError(
            f"no canonical state is known for {type(optimizer).__name__}; add it to "
            "torchnets/runtime.py"
        )
    return {slot: SLOTS[slot] for slot in kept}


def _take(state: Mapping[str, np.ndarray], name: str, given: set[str]) -> np.ndarray:
    if name not in state:
        raise KeyError(f"PyTorch needs {name}, which the state does not have")
    given.discard(name)
    return state[name]


def _laid_out(value: np.ndarray, place: Leaf) -> np.ndarray:
    return value if place.axes is None else np.transpose(value, place.axes)


def dump(subject: Subject, live: Live) -> tuple[dict[str, np.ndarray], list[str]]:
    """The whole state, and the names of what was never touched (dumped as zeros)."""
    state: dict[str, np.ndarray] = {}
    unused: list[str] = []

    def put(name: str, tensor: Tensor | None, place: Leaf) -> None:
        if tensor is None:
            unused.append(name)
            tensor = torch.zeros_like(place.tensor)
        state[name] = _canonical(tensor, place)

    for leaf, place in leaves(live.model).items():
        state[f"parameters/{leaf}"] = _canonical(place.tensor, place)
        for slot, name in _slots(live.optimizer).items():
            assert live.optimizer is not None
            made = live.optimizer.state.get(place.tensor, {})
            if slot == "step":
                count = np.asarray(int(made.get(slot, 0)), np.int64)
                state[f"optimizer/step/{leaf}"] = count
            else:
                put(f"optimizer/{name}/{leaf}", made.get(slot), place)
        if subject.accumulates:
            put(f"accumulated/{leaf}", place.tensor.grad, place)
    return state, unused


def _canonical(tensor: Tensor, place: Leaf) -> np.ndarray:
    return np.ascontiguousarray(_laid_out(to_numpy(tensor), place))


def loss_and_gradients(
    subject: Subject, live: Live, batch: Mapping[str, Tensor]
) -> tuple[Tensor, dict[str, np.ndarray], list[str]]:
    """The loss, the gradient of every leaf, and the leaves that had none (zeros)."""
    twin, places = subject.twin, leaves(live.model)
    if isinstance(live.model, dict):
        value, found = twin.loss(live.model, batch), twin.gradients(live.model, batch)
        gradients: list[Tensor | None] = [found[leaf] for leaf in places]
    else:
        value = twin.loss(live.model, batch)
        tensors = [place.tensor for place in places.values()]
        gradients = list(torch.autograd.grad(value, tensors, allow_unused=True))
    pairs = list(zip(places.items(), gradients, strict=True))
    unused = [leaf for (leaf, _), gradient in pairs if gradient is None]
    canonical = {
        leaf: _canonical(
            torch.zeros_like(place.tensor) if gradient is None else gradient, place
        )
        for (leaf, place), gradient in pairs
    }
    return value, canonical, unused


def one_step(
    subject: Subject,
    state: Mapping[str, np.ndarray],
    batch: Mapping[str, Tensor],
    *,
    function: str = "train_step",
    constants: Mapping[str, float] | None = None,
) -> dict[str, Any]:
    """Outputs, loss and gradients at a state, and what one step makes of it."""
    live = load(subject, state)
    outputs = predict(subject, live, batch)
    value, gradients, unused = loss_and_gradients(subject, live, batch)
    if constants:
        live = _with_constants(subject, live, state, constants)
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


def _with_constants(
    subject: Subject,
    live: Live,
    state: Mapping[str, np.ndarray],
    constants: Mapping[str, float],
) -> Live:
    """The same model under an optimizer whose constants are moved."""
    if live.optimizer is None:
        return live
    moved = Live(live.model, subject.twin.build_optimizer(live.model, **constants))
    if any(not name.startswith("parameters/") for name in state):
        _load_optimizer(subject, moved, state)
    return moved


def _step(
    subject: Subject,
    live: Live,
    batch: Mapping[str, Tensor],
    function: str = "train_step",
    constants: Mapping[str, float] | None = None,
) -> tuple[Tensor, Live]:
    step: Callable[..., Any] = getattr(subject.twin, function)
    if isinstance(live.model, dict):
        returned, model = step(live.model, None, batch, **(constants or {}))
        return returned, Live(model, None)
    return step(live.model, live.optimizer, batch), live


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
                recorded[leaf].append(_canonical(places[leaf].tensor, places[leaf]))
    if steps in stops:
        states[steps] = dump(subject, live)[0]
    return losses, {leaf: np.stack(rows) for leaf, rows in recorded.items()}, states


def _default() -> Any:
    return np.dtype(str(torch.get_default_dtype()).removeprefix("torch."))


def low_precision(
    subject: Subject, state: Mapping[str, np.ndarray], batch: Mapping[str, Tensor]
) -> dict[str, list[str]]:
    """Operations of a float64 run that compute in less, by phase."""

    def ops(call: Callable[[Live], Any]) -> list[str]:
        live = load(subject, state)
        with _Watch() as watch:
            call(live)
        return sorted(watch.found)

    twin = subject.twin
    return {
        "outputs": ops(lambda live: twin.predict(live.model, batch)),
        "loss": ops(lambda live: twin.loss(live.model, batch)),
        "gradients": ops(lambda live: loss_and_gradients(subject, live, batch)),
        "update": ops(lambda live: _step(subject, live, batch)),
    }


class _Watch(TorchDispatchMode):
    """Collects operations that return floating-point numbers below float64."""

    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        for value in result if isinstance(result, (tuple, list)) else (result,):
            if isinstance(value, Tensor) and value.is_floating_point():
                if value.dtype != torch.float64:
                    self.found.add(f"{func.__name__} in {dtype_name(value)}")
        return result
