"""Where a comparison starts: the weights, drawn or copied, alike on both sides."""

from collections.abc import Iterator, Mapping

import numpy as np

from compare.check import exact as row
from compare.noise import largest_distance
from compare.pair.ask import Copy
from compare.pair.both import Both, Model, State
from compare.pair.inputs import exact
from compare.pair.weights.map import WeightMap
from compare.result import Row
from compare.spec import stream
from compare.trace import same_bits

HALVES = ("float16", "bfloat16")


def weights(
    both: Both, *, copy: Copy, randomize: bool, seed: int
) -> tuple[State, list[str]]:
    """The state that both start from, in PyTorch's layout, and what was drawn anew."""
    state = held(both.torch)
    if not both.map.entries:
        return state, []
    if copy == "jax":
        state |= both.map.to_torch(held(both.jax))
    drawn = list(_dull(both.torch, state)) if randomize and copy != "none" else []
    for path in drawn:
        state[path] = _drawn(path, state[path], seed=seed)
    if copy == "none":
        return state, drawn
    # Two biases of one layer become one, as the other side has it.
    return state | both.map.to_torch(both.map.to_jax(state)), drawn


def held(model: Model) -> State:
    """A model's own numbers, rounded to float32, which both precisions can hold."""
    own = model.runtime.state(model.subject)
    return {path: exact(value, path) for path, value in own.items()}


def without_partner(map: WeightMap, jax: Model) -> State:
    """JAX's leaves that the map does not give."""
    given = {entry.jax for entry in map.entries}
    if given >= {leaf.path for leaf in jax.leaves}:
        return {}
    return {path: value for path, value in held(jax).items() if path not in given}


def _dull(model: Model, state: State) -> Iterator[str]:
    """Parameters and statistics that are 0 or 1 everywhere: a zero hides what lacks."""
    for leaf in model.leaves:
        value = state.get(leaf.path)
        if value is None or not value.size or leaf.kind == "counter":
            continue
        known = leaf.kind == "parameter" or "running_" in leaf.name
        if known and ((value == 0).all() or (value == 1).all()):
            yield leaf.path


def _drawn(path: str, value: np.ndarray, *, seed: int) -> np.ndarray:
    """Around what it was; around 1 it stays positive, for it may be a variance."""
    rng = stream(seed, f"pair start {path}")
    moved = rng.uniform(0.05, 0.3, value.shape)
    signs = rng.choice((-1.0, 1.0), value.shape)
    return exact(value + signs * moved, path)


def as_they_are(both: Both) -> Iterator[Row]:
    """A row for each of JAX's weights: does it hold what PyTorch's make of it?"""
    given = both.map.to_jax(held(both.torch))
    own = held(both.jax)
    for path, value in given.items():
        due = exact(value, path)  # a sum of two biases is rounded as well
        same = same_bits(due, own[path])
        why = ""
        if not same:
            far = float(largest_distance(due, own[path]))
            why = f"up to {far:.2g} apart; copy='torch' or copy='jax' makes them equal"
        yield row("parameters", "as they are", ok=same, leaf=path, why=why)


def mapped(problems: list[str]) -> Row:
    """The row that says that the map is complete and loses no bit."""
    return row("parameters", "map", ok=not problems, why="; ".join(problems))


def halves(model: Model) -> list[str]:
    """Leaves in half precision."""
    return [leaf.path for leaf in model.leaves if leaf.dtype in HALVES]


def cotangents(
    outputs: Mapping[str, np.ndarray], *, seed: int
) -> dict[str, np.ndarray]:
    """Random cotangents for every floating-point output that is finite."""
    rng = stream(seed, "pair cotangents")
    return {
        name: exact(rng.standard_normal(value.shape), name)
        for name, value in outputs.items()
        if value.dtype.kind == "f" and np.isfinite(value).all()
    }
