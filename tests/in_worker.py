"""What the tests ask of a runtime, in the worker process that has its precision."""

from collections.abc import Mapping
from functools import partial
from types import SimpleNamespace
from typing import Any

import numpy as np

from compare import noise
from compare.fault import Edit
from compare.measure import cast
from compare.plant import modules
from compare.registry import load
from compare.spec import Prepared, prepare
from compare.trace import same_bits

SEED = 11
STEPS = 5
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
        runtime=runtime,
        subject=subject,
        precision=precision,
        prepared=prepared,
        start=start,
        state=state,
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


def examine(framework: str, name: str, precision: str) -> dict[str, Any]:
    """All that is asked of every training, of one subject: it compiles once.

    What comes back is small: whether numbers are the same is looked at over there.
    """
    at = _open(framework, name, precision)
    found = {"round trip": _round_trip(at), "after a step": _after_a_step(at)}
    if precision == "float64":
        found |= {"broken": _broken_states(at), "run": _many_and_one(at, STEPS)}
        found |= {"narrow": _narrow(at)}
    return found


def _round_trip(at: Any) -> dict[str, tuple[str, bool]]:
    """Of a state of random numbers: its types, and whether the same bits come out."""
    live = at.runtime.load(at.subject, at.state)
    got = at.runtime.dump(at.subject, live)[0]
    assert got.keys() == at.state.keys()
    return {
        leaf: (value.dtype.name, same_bits(got[leaf], value))
        for leaf, value in at.state.items()
    }


def _after_a_step(at: Any) -> dict[str, tuple[bool, bool]]:
    """Of the state after a step: is it all zeros, and is it the same loaded again?"""
    batch = at.runtime.feed(at.subject, cast(at.prepared.batches.at(0), at.precision))
    after = at.runtime.one_step(at.subject, at.start, batch)["after"]
    again = at.runtime.dump(at.subject, at.runtime.load(at.subject, after))[0]
    assert again.keys() == after.keys()
    return {
        leaf: (not np.any(value), same_bits(again[leaf], value))
        for leaf, value in after.items()
    }


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


def _broken_states(at: Any) -> dict[str, str]:
    """What loading says to a state with one leaf gone, one too many, or misshapen."""
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


def _many_and_one(at: Any, steps: int) -> dict[str, Any]:
    """A run, and every one of its steps taken again by itself from the run's states.

    Each is told as (step, leaf) → whether the bits are the same, the largest distance,
    and the floor.
    """
    prepared: Prepared = at.prepared
    small = tuple(leaf for leaf, v in prepared.parameters.items() if v.size <= 1_000)
    losses, rows, states = at.runtime.many_steps(
        at.subject,
        at.runtime.load(at.subject, at.start),
        at.runtime.feed(at.subject, cast(prepared.batches.shared, at.precision)),
        at.runtime.feed(at.subject, cast(prepared.batches.stacked, at.precision)),
        steps=steps,
        stops=tuple(range(steps + 1)),
        record=small,
        record_steps=steps,
    )
    single = {}
    for step in range(steps):
        batch = cast(prepared.batches.at(step), at.precision)
        fed = at.runtime.feed(at.subject, batch)
        # The first step of a run starts from an optimizer as it is built.
        state = at.start if step == 0 else states[step]
        found = at.runtime.one_step(at.subject, state, fed)
        assert found["after"].keys() == states[step + 1].keys()
        single[step, "loss"] = _apart(found["returned"], losses[step])
        for leaf, value in found["after"].items():
            single[step, leaf] = _apart(value, states[step + 1][leaf])
    kept = {
        leaf: [
            np.array_equal(row, states[step + 1][f"parameters/{leaf}"])
            for step, row in enumerate(values)
        ]
        for leaf, values in rows.items()
    }
    shapes = {"losses": losses.shape, "stops": sorted(states)}
    return {"single": single, "rows": kept} | shapes


def _apart(one: Any, many: Any) -> tuple[bool, float, float]:
    one, many = np.asarray(one), np.asarray(many)
    floor = noise.float64_floor((one, many), (None, None), sensitivity=np.zeros(()))
    return same_bits(one, many), float(noise.largest_distance(one, many)), float(floor)


def narrow(
    framework: str, name: str, precision: str, edit: Edit
) -> dict[str, list[str]]:
    """The same of a twin with an edit."""
    return _narrow(_open(framework, name, precision, edit))


def _narrow(at: Any) -> dict[str, list[str]]:
    """The operations that compute in less than float64, by phase."""
    batch = at.runtime.feed(at.subject, cast(at.prepared.batches.at(0), at.precision))
    return at.runtime.low_precision(at.subject, at.start, batch)


def operations(
    framework: str,
    name: str,
    precision: str,
    steps: tuple[int, ...] = (0,),
    edit: Edit | None = None,
) -> list[tuple[float, int]]:
    """Of some steps, the operations by the spec's formula and by the framework."""
    at, work = _open(framework, name, precision, edit), load(name).work
    found = []
    for step in steps:
        batch = at.prepared.batches.at(step)
        fed = at.runtime.feed(at.subject, cast(batch, precision))
        counted = at.runtime.operations(at.subject, at.start, fed)
        found.append((work(batch), counted))
    return found


def compiled_operations(framework: str, name: str, precision: str) -> float | None:
    """The operations of the first step as XLA counts them."""
    at = _open(framework, name, precision)
    fed = at.runtime.feed(at.subject, cast(at.prepared.batches.at(0), precision))
    return at.runtime.compiled_operations(at.subject, at.start, fed)


def forgetful(framework: str, name: str, precision: str) -> tuple[Arrays, Arrays]:
    """The state after a step, and once more after everything kept was dropped."""
    at = _open(framework, name, precision)
    batch = at.runtime.feed(at.subject, cast(at.prepared.batches.at(0), precision))
    first = at.runtime.one_step(at.subject, at.start, batch)["after"]
    at.runtime.forget()
    return first, at.runtime.one_step(at.subject, at.start, batch)["after"]
