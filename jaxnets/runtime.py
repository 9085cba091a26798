"""What the harness needs from JAX: the same verbs as `torchnets/runtime.py`.

States are flat dicts of NumPy arrays in the canonical layout: `parameters/<leaf>`,
`optimizer/<slot>/<leaf>`, and `accumulated/<leaf>` where gradients are kept.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from types import ModuleType
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax import Array, lax

# A layer type's parameters: canonical name, and the axes that make the canonical layout.
LAYERS: dict[type[nnx.Module], dict[str, tuple[str, tuple[int, ...] | None]]] = {
    nnx.Linear: {"kernel": ("weight", None), "bias": ("bias", None)},
}
# An optimizer's state: canonical name of each slot.
SLOTS = {
    "trace": "optimizer/momentum",
    "mu": "optimizer/first_moment",
    "nu": "optimizer/second_moment",
    "count": "optimizer/step",
    "accumulated": "accumulated",
}
_PLATFORM = {"cpu": "cpu", "gpu": "gpu"}

Path = tuple[Any, ...]


@dataclass(frozen=True)
class Place:
    """A canonical name, and the axes that make the canonical layout."""

    name: str
    axes: tuple[int, ...] | None = None


@dataclass(frozen=True)
class Live:
    """The state of a model and of its optimizer; by-hand models are dicts."""

    model: Any
    optimizer: Any


jax.tree_util.register_dataclass(
    Live, data_fields=["model", "optimizer"], meta_fields=[]
)


@dataclass(frozen=True, eq=False)
class Subject:
    """A twin, and how the harness drives it: split once, then pure functions.

    One place of an optimizer's state may have several canonical names: Optax counts
    once for all leaves.
    """

    twin: ModuleType
    device: jax.Device
    graph: Any
    template: Live
    model_places: Mapping[Path, tuple[Place, ...]]
    optimizer_places: Mapping[Path, tuple[Place, ...]]

    @cached_property
    def step(self) -> Callable[..., Any]:
        """`_one_step`, compiled."""
        return jax.jit(partial(_one_step, self), static_argnums=0)

    @cached_property
    def train(self) -> Callable[..., Any]:
        """`_train`, compiled."""
        return jax.jit(partial(_train, self), static_argnums=0)


def start(*, precision: str, device: str) -> None:
    """Set this process up; raises RuntimeError where the device is not there."""
    jax.config.update("jax_enable_x64", precision == "float64")
    jax.config.update("jax_default_matmul_precision", "highest")
    jax.config.update("jax_default_device", _device(device))


def _device(device: str) -> jax.Device:
    try:
        return jax.devices(_PLATFORM[device])[0]
    except RuntimeError as error:
        raise RuntimeError(f"JAX sees no {device.upper()} here") from error


def describe() -> dict[str, str]:
    """Versions, devices and the settings that change numbers."""
    from importlib.metadata import version

    devices = [d.device_kind for d in jax.devices() if d.platform != "cpu"]
    return {
        **{name: version(name) for name in ("jax", "jaxlib", "flax", "optax")},
        "x64": str(jax.config.read("jax_enable_x64")),
        "matmul precision": str(jax.config.read("jax_default_matmul_precision")),
        "gpu": devices[0] if devices else "none",
    }


def from_numpy(array: Any, *, device: str = "cpu") -> Array:
    """An array with memory of its own (`jnp.asarray` may share NumPy's)."""
    return jax.device_put(jnp.array(np.asarray(array), copy=True), _device(device))


def to_numpy(array: Array) -> np.ndarray:
    """An array with memory of its own; NumPy has no bfloat16, which widens exactly."""
    wide = array.astype(jnp.float32) if array.dtype == jnp.bfloat16 else array
    return np.array(wide, copy=True)


def is_array(value: Any) -> bool:
    """Whether this is one of the framework's arrays."""
    return isinstance(value, jax.Array)


def dtype_name(array: Array) -> str:
    """The name of the element type as NumPy spells it."""
    return array.dtype.name


def feed(subject: Subject, arrays: Mapping[str, np.ndarray]) -> dict[str, Array]:
    """Hand NumPy arrays to the twin's side."""
    return {
        name: from_numpy(value, device=subject.device.platform)
        for name, value in arrays.items()
    }


def prepare(twin: ModuleType, *, device: str, accumulates: bool) -> Subject:
    """Get a twin ready to be driven."""
    del accumulates  # the optax transformation tells for itself
    model = twin.build()
    if isinstance(model, dict):
        graph, template = None, Live(_cast(model), None)
    else:
        nnx.update(model, _cast(nnx.state(model)))
        graph, state = nnx.split(model)
        template = Live(state, nnx.state(twin.build_optimizer(model)))
    places = leaves(model)
    return Subject(
        twin,
        _device(device),
        graph,
        template,
        {
            path: (Place(f"parameters/{leaf.name}", leaf.axes),)
            for path, leaf in places.items()
        },
        _optimizer_places(template.optimizer, places),
    )


def _cast(tree: Any) -> Any:
    # nnx layers make float32 parameters, with x64 too.
    default = jnp.float64 if jax.config.read("jax_enable_x64") else jnp.float32

    def cast(leaf: Array) -> Array:
        floats = jnp.issubdtype(leaf.dtype, jnp.floating)
        return leaf.astype(default) if floats else leaf

    return jax.tree.map(cast, tree)


def leaves(model: Any) -> dict[Path, Place]:
    """Every parameter and buffer by canonical name; raises TypeError for the unknown."""
    if isinstance(model, dict):
        return {(name,): Place(name) for name in model}
    found: dict[Path, Place] = {}
    modules = dict(nnx.iter_modules(model))
    for path, variable in nnx.to_flat_state(nnx.state(model)):
        if isinstance(variable, nnx.RngState):
            continue
        module, attribute = modules[path[:-1]], path[-1]
        names = LAYERS.get(type(module), {})
        where = ".".join(map(str, path[:-1]))
        if type(module).__module__.startswith("flax.") and attribute not in names:
            raise TypeError(
                f"leaf {where}.{attribute}: no canonical layout is known for "
                f"{type(module).__name__}; add it to LAYERS"
            )
        name, axes = names.get(attribute, (attribute, None))
        found[path] = Place(f"{where}.{name}" if where else name, axes)
    return found


def _optimizer_places(
    optimizer: Any, leaves: Mapping[Path, Place]
) -> dict[Path, tuple[Place, ...]]:
    places: dict[Path, tuple[Place, ...]] = {}
    for path in _flat(optimizer):
        if path[0] != "opt_state":
            continue  # nnx's own step counter, which enters no formula
        cut = next((i for i in range(len(path)) if path[i:] in leaves), len(path))
        slot = SLOTS.get(path[cut - 1], f"optimizer/{path[cut - 1]}")
        own = [leaves[path[cut:]]] if cut < len(path) else list(leaves.values())
        places[path] = tuple(Place(f"{slot}/{leaf.name}", leaf.axes) for leaf in own)
    names = [place.name for own in places.values() for place in own]
    if twice := {name for name in names if names.count(name) > 1}:
        raise KeyError(f"two places of Optax's state are called {sorted(twice)}")
    return places


def _flat(tree: Any) -> dict[Path, Array]:
    if isinstance(tree, dict):
        return {(name,): value for name, value in tree.items()}
    pairs = nnx.to_flat_state(tree) if tree is not None else ()
    return {path: variable.get_value() for path, variable in pairs}


def load(subject: Subject, state: Mapping[str, np.ndarray]) -> Live:
    """Model and optimizer in this state; raises KeyError naming a leaf.

    A state of parameters alone leaves the optimizer as it is built.
    """
    model = {n: v for n, v in state.items() if n.startswith("parameters/")}
    rest = {n: v for n, v in state.items() if n not in model}
    parameters = _fill(subject.template.model, subject.model_places, model)
    optimizer = subject.template.optimizer
    if rest:
        optimizer = _fill(optimizer, subject.optimizer_places, rest)
    return jax.device_put(Live(parameters, optimizer), subject.device)


def _fill(
    template: Any,
    places: Mapping[Path, tuple[Place, ...]],
    state: Mapping[str, np.ndarray],
) -> Any:
    """The template with every place filled from the state, and nothing left over."""
    named = {place.name: (path, place) for path, own in places.items() for place in own}
    if missing := named.keys() - state.keys():
        raise KeyError(f"JAX needs {sorted(missing)}, which the state does not have")
    if surplus := state.keys() - named.keys():
        raise KeyError(f"JAX has no leaf for {sorted(surplus)}")
    flat = _flat(template)
    for name, (path, place) in named.items():
        value = state[name] if place.axes is None else state[name].transpose(place.axes)
        if value.shape != flat[path].shape:
            raise ValueError(
                f"leaf {name}: JAX has shape {flat[path].shape} and was given "
                f"{value.shape}"
            )
        flat[path] = jnp.array(value, flat[path].dtype, copy=True)
    if isinstance(template, dict):
        return {path[0]: value for path, value in flat.items()}
    pairs = nnx.to_flat_state(template)
    return nnx.from_flat_state({p: leaf.replace(flat[p]) for p, leaf in pairs})


def dump(subject: Subject, live: Live) -> tuple[dict[str, np.ndarray], list[str]]:
    """The whole state, and the names of what was never touched (JAX has none)."""
    state = _canonical(live.model, subject.model_places)
    state |= _canonical(live.optimizer, subject.optimizer_places)
    return state, []


def _canonical(
    tree: Any, places: Mapping[Path, tuple[Place, ...]]
) -> dict[str, np.ndarray]:
    flat = _flat(tree)
    return {
        place.name: _laid_out(to_numpy(flat[path]), place)
        for path, own in places.items()
        for place in own
    }


def _laid_out(value: np.ndarray, place: Place) -> np.ndarray:
    if np.issubdtype(value.dtype, np.integer):
        return value.astype(np.int64)
    if place.axes is None:
        return value
    return np.ascontiguousarray(value.transpose(place.axes))


def _open(subject: Subject, live: Live, constants: Mapping[str, Any]) -> Any:
    """Model and optimizer as the twin's functions want them."""
    if subject.graph is None:
        return dict(live.model), None
    model = nnx.merge(subject.graph, live.model)
    optimizer = subject.twin.build_optimizer(model, **constants)
    nnx.update(optimizer, live.optimizer)
    return model, optimizer


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
    if subject.graph is None:
        value, model = step(model, None, batch, **constants)
        return value, Live(model, None)
    value = step(model, optimizer, batch)
    return value, Live(nnx.state(model), nnx.state(optimizer))


def _loss_and_gradients(subject: Subject, live: Live, batch: Any) -> Any:
    twin = subject.twin
    model, _ = _open(subject, live, {})
    if subject.graph is None:
        return twin.loss(model, batch), twin.gradients(model, batch)
    return nnx.value_and_grad(twin.loss)(model, batch)


def _one_step(
    subject: Subject, function: str, live: Live, batch: Any, constants: Any
) -> Any:
    outputs = subject.twin.predict(_open(subject, live, {})[0], batch)
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
    found = _canonical(gradients, subject.model_places)
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
    model, _ = _open(subject, live, {})
    return to_numpy(subject.twin.predict(model, dict(inputs)))


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
    flat = _flat(subject.template.model)
    wanted = {
        path: place
        for path, (place,) in subject.model_places.items()
        if place.name.removeprefix("parameters/") in record
    }
    losses = jnp.zeros(steps)
    recorded = [
        jnp.zeros((record_steps, *flat[path].shape), flat[path].dtype)
        for path in wanted
    ]
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
            [_laid_out(row, place) for row in to_numpy(values)]
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
        flat = _flat(live.model)
        recorded = [
            rows.at[step].set(flat[path])
            for path, rows in zip(record, recorded, strict=True)
        ]
        return live, losses.at[step].set(returned), recorded

    return lax.fori_loop(begin, stop, body, (live, losses, recorded))


def low_precision(
    subject: Subject, state: Mapping[str, np.ndarray], batch: Mapping[str, Array]
) -> dict[str, list[str]]:
    """Operations of a float64 run that compute in less, by phase."""
    live, twin = load(subject, state), subject.twin

    def ops(call: Callable[..., Any]) -> list[str]:
        program = jax.make_jaxpr(call)(live, dict(batch))
        return sorted(set(_low(program.jaxpr, twin.__file__ or "")))

    return {
        "outputs": ops(lambda at, b: twin.predict(_open(subject, at, {})[0], b)),
        "loss": ops(lambda at, b: twin.loss(_open(subject, at, {})[0], b)),
        "gradients": ops(lambda at, b: _loss_and_gradients(subject, at, b)),
        "update": ops(lambda at, b: _step(subject, at, b)),
    }


def _low(program: Any, file: str) -> Iterator[str]:
    """Operations that return floating-point numbers below float64."""
    for equation in program.eqns:
        for variable in equation.outvars:
            dtype = getattr(variable.aval, "dtype", None)
            narrow = dtype is not None and jnp.issubdtype(dtype, jnp.floating)
            if narrow and dtype.itemsize < 8:
                yield f"{equation.primitive.name} in {dtype.name}{_line(equation, file)}"
        for value in jax.tree.leaves(
            list(equation.params.values()), is_leaf=lambda v: hasattr(v, "eqns")
        ):
            inner = getattr(value, "jaxpr", value)
            if hasattr(inner, "eqns"):
                yield from _low(inner, file)


def _line(equation: Any, file: str) -> str:
    traceback = equation.source_info.traceback
    frames = traceback.frames if traceback else ()
    lines = [frame.line_num for frame in frames if frame.file_name == file]
    return f" (line {lines[0]})" if lines else ""
