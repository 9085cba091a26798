"""What the tests ask of a runtime, in the worker process that has its precision."""

from collections.abc import Mapping
from functools import partial
from types import SimpleNamespace
from typing import Any

import numpy as np

from compare.fault import Edit
from compare.measure import cast
from compare.plant import modules
from compare.registry import load
from compare.spec import Prepared, prepare

SEED = 11
Arrays = dict[str, np.ndarray]


def _open(framework: str, name: str, precision: str, edit: Edit | None = None) -> Any:
    """Runtime, subject, drawn numbers, and a whole state of random numbers."""
    runtime, twin = modules(framework, name, edit)
    spec = load(name)
    subject = runtime.prepare(twin, device="cpu", accumulates=spec.accumulates)
    prepared = prepare(spec, SEED)
    start = {f"parameters/{leaf}": v for leaf, v in prepared.parameters.items()}
    start = cast(start, precision)
    rng = np.random.default_rng(SEED)
    state = {
        # All steps of an optimizer are one number in Optax.
        leaf: np.array(7) if leaf.startswith("optimizer/step/") else _like(value, rng)
        for leaf, value in runtime.dump(subject, runtime.load(subject, start))[
            0
        ].items()
    }
    return SimpleNamespace(
        runtime=runtime, subject=subject, prepared=prepared, start=start, state=state
    )


def _like(value: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Random numbers in aligned memory, which is what a framework would share."""
    room = np.empty(value.nbytes + 64, np.uint8)
    begin = -room.ctypes.data % 64
    array = room[begin : begin + value.nbytes].view(value.dtype).reshape(value.shape)
    array[...] = rng.standard_normal(value.shape)
    return array


def _copies(state: Mapping[str, np.ndarray]) -> Arrays:
    return {leaf: np.array(value) for leaf, value in state.items()}


def round_trip(framework: str, name: str, precision: str) -> tuple[Arrays, Arrays]:
    """A state of random numbers, and what comes out after it was loaded."""
    at = _open(framework, name, precision)
    live = at.runtime.load(at.subject, at.state)
    return at.state, at.runtime.dump(at.subject, live)[0]


def stepped_round_trip(
    framework: str, name: str, precision: str
) -> tuple[Arrays, Arrays]:
    """The state after one step, and the same loaded and dumped again."""
    at = _open(framework, name, precision)
    batch = at.runtime.feed(at.subject, cast(at.prepared.batches.at(0), precision))
    after = at.runtime.one_step(at.subject, at.start, batch)["after"]
    again = at.runtime.dump(at.subject, at.runtime.load(at.subject, after))[0]
    return after, again


def aliasing(framework: str, name: str, precision: str) -> dict[str, bool]:
    """Whether each way between NumPy and the framework has made a copy."""
    at = _open(framework, name, precision)
    due, given = _copies(at.state), at.state
    live = at.runtime.load(at.subject, given)
    for value in given.values():
        value[...] = 0
    dumped = at.runtime.dump(at.subject, live)[0]
    loaded = _same(dumped, due)
    for value in dumped.values():
        value[...] = 0
    batch = {"x": _like(np.empty((8, 16), precision), np.random.default_rng(0))}
    fed_due, fed = _copies(batch), at.runtime.feed(at.subject, batch)
    batch["x"][...] = 0
    out = {"x": at.runtime.to_numpy(fed["x"])}
    arrived = _same(out, fed_due)
    out["x"][...] = 0
    return {
        "load": loaded,
        "dump": _same(at.runtime.dump(at.subject, live)[0], due),
        "from_numpy": arrived,
        "to_numpy": _same({"x": at.runtime.to_numpy(fed["x"])}, fed_due),
    }


def _same(left: Arrays, right: Arrays) -> bool:
    return left.keys() == right.keys() and all(
        np.array_equal(left[leaf], right[leaf]) for leaf in left
    )


def broken_states(framework: str, name: str, precision: str) -> dict[str, str]:
    """What loading says to a state with one leaf gone, one too many, or misshapen."""
    at = _open(framework, name, precision)
    load = partial(at.runtime.load, at.subject)
    told = {}
    for leaf, value in at.state.items():
        rest = {other: v for other, v in at.state.items() if other != leaf}
        told[f"without {leaf}"] = _says(load, rest)
        wrong = np.zeros((*value.shape, 2), value.dtype)
        told[f"misshapen {leaf}"] = _says(load, at.state | {leaf: wrong})
    for kind in ("parameters", "optimizer/momentum", "optimizer/step", "accumulated"):
        leaf = f"{kind}/nowhere"
        told[f"with {leaf}"] = _says(load, at.state | {leaf: np.zeros(())})
    return told


def _says(load: Any, state: Arrays) -> str:
    try:
        load(state)
    except (KeyError, ValueError) as error:
        return str(error)
    except Exception as error:
        return f"an error without a leaf: {type(error).__name__}: {error}"
    return "nothing"


def different_counts(framework: str, name: str, precision: str) -> str:
    """What loading says where leaves were stepped differently often."""
    at = _open(framework, name, precision)
    first = next(leaf for leaf in at.state if leaf.startswith("optimizer/step/"))
    return _says(partial(at.runtime.load, at.subject), at.state | {first: np.array(3)})


def whole_numbers(framework: str, name: str, precision: str) -> tuple[Any, ...]:
    """Outputs and gradients where all arithmetic is exact, with what went in."""
    at = _open(framework, name, precision)
    rng = np.random.default_rng(SEED)
    state = {
        leaf: rng.integers(-2, 3, value.shape).astype(precision)
        for leaf, value in at.start.items()
    }
    sizes = load(name).sizes
    batch = {
        "x": rng.integers(-2, 3, (8, sizes["inputs"])).astype(precision),
        "y": rng.integers(-2, 3, (8, sizes["outputs"])).astype(precision),
    }
    found = at.runtime.one_step(at.subject, state, at.runtime.feed(at.subject, batch))
    return state, batch, found["outputs"], found["gradients"]


def many_and_one(
    framework: str, name: str, precision: str, steps: int
) -> dict[str, Any]:
    """A run, and every one of its steps taken again by itself from the run's states."""
    at = _open(framework, name, precision)
    prepared: Prepared = at.prepared
    small = tuple(leaf for leaf, v in prepared.parameters.items() if v.size <= 1_000)
    losses, rows, states = at.runtime.many_steps(
        at.subject,
        at.runtime.load(at.subject, at.start),
        at.runtime.feed(at.subject, cast(prepared.batches.shared, precision)),
        at.runtime.feed(at.subject, cast(prepared.batches.stacked, precision)),
        steps=steps,
        stops=tuple(range(steps + 1)),
        record=small,
        record_steps=steps,
    )
    single = []
    for step in range(steps):
        batch = cast(prepared.batches.at(step), precision)
        fed = at.runtime.feed(at.subject, batch)
        # The first step of a run starts from an optimizer as it is built.
        state = at.start if step == 0 else states[step]
        found = at.runtime.one_step(at.subject, state, fed)
        single.append({"returned": found["returned"], "after": found["after"]})
    return {"losses": losses, "rows": rows, "states": states, "single": single}


def narrow(
    framework: str, name: str, precision: str, edit: Edit | None = None
) -> dict[str, list[str]]:
    """The operations that compute in less than float64, by phase."""
    at = _open(framework, name, precision, edit)
    batch = at.runtime.feed(at.subject, cast(at.prepared.batches.at(0), precision))
    return at.runtime.low_precision(at.subject, at.start, batch)


def forgetful(framework: str, name: str, precision: str) -> tuple[Arrays, Arrays]:
    """The state after a step, and once more after everything kept was dropped."""
    at = _open(framework, name, precision)
    batch = at.runtime.feed(at.subject, cast(at.prepared.batches.at(0), precision))
    first = at.runtime.one_step(at.subject, at.start, batch)["after"]
    at.runtime.forget()
    return first, at.runtime.one_step(at.subject, at.start, batch)["after"]
