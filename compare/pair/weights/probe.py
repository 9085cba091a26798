"""What shapes leave open in the map, settled by what the models do.

A rank-1 change a·bᵀ of the torch weight, laid out in each possible way, changes JAX's
outputs; the right way changes them as PyTorch's change:

    f(W + ε a bᵀ) − f(W)  alike on both sides

A transposed square kernel changes them otherwise, whatever its shape says.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import product

import numpy as np

from compare.pair.weights.layers import Option
from compare.pair.weights.map import Choice, WeightMap

Outputs = Mapping[str, np.ndarray]
Run = Callable[[dict[str, np.ndarray]], Outputs]

_ALIKE = 1e-6
"""Relative distance of two changes in float64 that counts as none."""
_ALL_WAYS = 64
_ONE_BY_ONE = 12
"""More open weights than this are changed together if that settles them."""
_STEP = 1e-2


def settle(
    weights: WeightMap,
    torch_state: Mapping[str, np.ndarray],
    torch_outputs: Run,
    jax_outputs: Run,
) -> tuple[WeightMap, list[str]]:
    """Choose for all that is open what makes both models alike, and say so.

    First all choices together, by the outputs; then each is proved by a change of rank
    1. What no way settles stays as it was. States should be float64.
    """
    if not weights.open:
        return weights, []
    state = dict(torch_state)
    wanted = torch_outputs(state)

    def far(chosen: WeightMap) -> float:
        return _distance(wanted, jax_outputs(chosen.to_jax(state)))

    chosen = min(_ways(weights, far), key=far)
    if len(weights.open) > _ONE_BY_ONE and far(chosen) <= _ALIKE:
        apart = _all_moved(chosen, state, (wanted, torch_outputs, jax_outputs))
        if apart <= _ALIKE:
            return replace(chosen, open=()), [
                f"{choice.torch}: {_now(chosen, choice.label)}, settled by a probe of "
                f"all {len(weights.open)} open weights together ({apart:.1e})"
                for choice in weights.open
            ]
    said: list[str] = []
    for choice in weights.open:
        moved = _moved(chosen, choice, state, (wanted, torch_outputs, jax_outputs))
        ranked = sorted(moved, key=lambda pair: pair[0])
        option = ranked[0][1]
        clear = ranked[0][0] <= _ALIKE < ranked[1][0]
        words = ", ".join(f"{o.words}: {d:.1e}" for d, o in ranked)
        if clear:
            chosen = chosen.choose(choice.label, option)
            said.append(f"{choice.torch}: {option.words}, settled by a probe ({words})")
        else:
            said.append(
                f"{choice.torch} ↔ {choice.jax}: not settled by a probe ({words}); "
                f"taken {_now(chosen, choice.label)}; transform settles it"
            )
    return replace(chosen, open=()), said


def _ways(weights: WeightMap, far: Callable[[WeightMap], float]) -> Iterator[WeightMap]:
    """All combinations, or where there are many, one change after the other."""
    counts = [len(choice.options) for choice in weights.open]
    if np.prod(counts, dtype=float) <= _ALL_WAYS:
        for way in product(*(choice.options for choice in weights.open)):
            yield _with(weights, weights.open, way)
        return
    best = min(_alike_for_all(weights), key=far)
    if far(best) <= _ALIKE:
        yield best
        return
    for choice in weights.open:
        best = min((best.choose(choice.label, o) for o in choice.options), key=far)
    yield best


def _alike_for_all(weights: WeightMap) -> Iterator[WeightMap]:
    """Every model has one convention, most of the time."""
    for i in range(max(len(choice.options) for choice in weights.open)):
        way = [
            choice.options[min(i, len(choice.options) - 1)] for choice in weights.open
        ]
        yield _with(weights, weights.open, way)


def _with(
    weights: WeightMap, choices: Sequence[Choice], way: Sequence[Option]
) -> WeightMap:
    for choice, option in zip(choices, way, strict=True):
        weights = weights.choose(choice.label, option)
    return weights


def _moved(
    weights: WeightMap,
    choice: Choice,
    state: dict[str, np.ndarray],
    runs: tuple[Outputs, Run, Run],
) -> list[tuple[float, Option]]:
    """How unlike both outputs move, for each option."""
    before, torch_outputs, jax_outputs = runs
    changed = state | {choice.torch: _changed(weights, choice, state[choice.torch])}
    torch_move = _minus(torch_outputs(changed), before)
    found = []
    for option in choice.options:
        way = weights.choose(choice.label, option)
        start = jax_outputs(way.to_jax(state))
        jax_move = _minus(jax_outputs(way.to_jax(changed)), start)
        found.append((_distance(torch_move, jax_move), option))
    return found


def _all_moved(
    weights: WeightMap, state: dict[str, np.ndarray], runs: tuple[Outputs, Run, Run]
) -> float:
    """How unlike both outputs move when all that is open is changed at once."""
    before, torch_outputs, jax_outputs = runs
    changed = dict(state)
    for choice in weights.open:
        changed[choice.torch] = _changed(weights, choice, changed[choice.torch])
    start = jax_outputs(weights.to_jax(state))
    moved = _minus(jax_outputs(weights.to_jax(changed)), start)
    return _distance(_minus(torch_outputs(changed), before), moved)


def _changed(weights: WeightMap, choice: Choice, leaf: np.ndarray) -> np.ndarray:
    """The leaf plus ε a bᵀ over the entry's first axis and its others."""
    entry = next(e for e in weights.entries if e.label == choice.label)
    rng = np.random.default_rng(0)
    result = leaf.copy()
    place = entry.torch_part.of(result) if entry.torch_part else result
    first = rng.standard_normal(place.shape[0])
    rest = rng.standard_normal(place.shape[1:])
    size = float(np.abs(place).max(initial=0.0)) or 1.0
    place += (_STEP * size * np.multiply.outer(first, rest)).astype(leaf.dtype)
    return result


def _minus(left: Outputs, right: Outputs) -> dict[str, np.ndarray]:
    return {name: left[name] - right[name] for name in left if _floats(left[name])}


def _distance(wanted: Outputs, got: Outputs) -> float:
    """Largest distance over the largest value; inf where shapes or numbers are none."""
    worst = 0.0
    for name, value in wanted.items():
        if not _floats(value):
            continue
        other = got.get(name)
        if other is None or other.shape != value.shape:
            return float("inf")
        scale = float(np.abs(value).max(initial=0.0))
        apart = float(np.abs(value - other).max(initial=0.0))
        if not np.isfinite(scale + apart):
            return float("inf")
        if apart:
            worst = max(worst, apart / scale if scale else float("inf"))
    return worst


def _floats(value: np.ndarray) -> bool:
    return value.dtype.kind == "f"


def _now(weights: WeightMap, label: str) -> str:
    return next(e.transform for e in weights.entries if e.label == label)
