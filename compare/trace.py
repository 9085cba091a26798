"""A trace: what one twin did, in plain NumPy, saved as .npz and .json (no pickle)."""

import json
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple
from zipfile import BadZipFile

import numpy as np

from compare.noise import Precision

Step = int | str | None


class Key(NamedTuple):
    """Names one quantity; `step` is a training step, the name of a probe, or None."""

    phase: str
    quantity: str
    leaf: str = ""
    step: Step = None


@dataclass(frozen=True)
class Trace:
    """What one twin did in one framework and precision.

    `sensitivity` says how far the perturbed copies moved from the run itself: one
    number, or one per row of the leading axis where rows are judged one by one.
    `scale` is the size of the number whose ulp bounds a quantity, where that is not
    the quantity itself (an update is known to an ulp of the parameter). `places` holds
    the flat indices that a thinned leaf was taken from, `shapes` its whole shape.
    """

    example: str
    framework: str
    precision: Precision
    seed: int
    run: str
    arrays: dict[Key, np.ndarray] = field(default_factory=dict)
    sensitivity: dict[Key, np.ndarray] = field(default_factory=dict)
    scale: dict[Key, float] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    places: dict[Key, np.ndarray] = field(default_factory=dict)
    shapes: dict[Key, tuple[int, ...]] = field(default_factory=dict)


def merge(traces: Sequence[Trace]) -> Trace:
    """One trace of several tasks of the same run, framework and precision."""
    first = traces[0]
    arrays, sensitivity, scale, facts = {}, {}, {}, {}
    for trace in traces:
        arrays |= trace.arrays
        sensitivity |= trace.sensitivity
        scale |= trace.scale
        for name, value in trace.facts.items():
            if isinstance(value, dict):
                facts[name] = facts.get(name, {}) | value
            elif isinstance(value, list):
                facts[name] = [*facts.get(name, []), *value]
            else:
                facts[name] = value
    return replace(
        first, arrays=arrays, sensitivity=sensitivity, scale=scale, facts=facts
    )


def thin(
    traces: Sequence[Trace], *, at_most: int = 1_000, keep: int = 256
) -> tuple[Trace, ...]:
    """Traces with large leaves cut down to the elements that decide their rows.

    Kept of each leaf of more than `at_most` elements, at the same places in all traces:
    the largest magnitude of each trace, the largest distance and the first unequal bits
    of each pair, the first place of every pattern of what is not finite, and `keep`
    elements at even distances. A check of the thinned traces gives the same rows as a
    check of the whole ones.
    """
    arrays = [dict(trace.arrays) for trace in traces]
    places: dict[Key, np.ndarray] = {}
    shapes: dict[Key, tuple[int, ...]] = {}
    for key in {key: None for trace in traces for key in trace.arrays}:
        holders = [held for held in arrays if key in held]
        shape = holders[0][key].shape
        judged_whole = all(np.ndim(t.sensitivity.get(key, 0.0)) == 0 for t in traces)
        same_shape = all(held[key].shape == shape for held in holders)
        if not (judged_whole and same_shape and holders[0][key].size > at_most):
            continue
        chosen = _decisive([held[key].ravel() for held in holders], keep)
        places[key], shapes[key] = chosen, shape
        for held in holders:
            held[key] = held[key].ravel()[chosen]
    return tuple(
        replace(
            trace,
            arrays=held,
            places={key: places[key] for key in held if key in places},
            shapes={key: shapes[key] for key in held if key in shapes},
        )
        for trace, held in zip(traces, arrays, strict=True)
    )


def _decisive(leaves: Sequence[np.ndarray], keep: int) -> np.ndarray:
    size = leaves[0].size
    chosen = set(np.linspace(0, size - 1, keep).astype(int).tolist())
    finite = [np.isfinite(leaf) for leaf in leaves]
    for leaf, known in zip(leaves, finite, strict=True):
        chosen.add(int(np.argmax(np.where(known, np.abs(leaf), -1.0))))
    chosen.update(_patterns(leaves))
    for i, left in enumerate(leaves):
        for j, right in enumerate(leaves[:i]):
            both = finite[i] & finite[j]
            with np.errstate(invalid="ignore"):  # inf − inf; such places are masked
                distance = np.abs(left.astype(np.float64) - right)
            chosen.add(int(np.argmax(np.where(both, distance, -1.0))))
            if left.dtype == right.dtype:
                unequal = np.flatnonzero(_bits(left) != _bits(right))
                chosen.update(unequal[:1].tolist())
    return np.array(sorted(chosen))


def _patterns(leaves: Sequence[np.ndarray]) -> list[int]:
    """The first place of every pattern of NaN, inf, −inf and finite over the leaves."""
    codes = np.zeros(leaves[0].size, np.int64)
    for leaf in leaves:
        kinds = [np.isnan(leaf), leaf == np.inf, leaf == -np.inf]
        codes = 4 * codes + np.select(kinds, [1, 2, 3], 0)
    return np.unique(codes, return_index=True)[1].tolist()


def _bits(leaf: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(leaf).view(np.dtype(f"u{leaf.dtype.itemsize}"))


def same_bits(left: np.ndarray, right: np.ndarray) -> bool:
    """Whether two arrays have the same shape, type and bits."""
    if left.shape != right.shape or left.dtype != right.dtype:
        return False
    return np.ascontiguousarray(left).tobytes() == np.ascontiguousarray(right).tobytes()


def save(trace: Trace, path: Path) -> None:
    """Write `path`.npz (numbers) and `path`.json (what they are)."""
    numbers: dict[str, np.ndarray] = {}
    listed = {
        name: [_put(numbers, key, value) for key, value in getattr(trace, name).items()]
        for name in ("arrays", "sensitivity", "places")
    }
    about = {
        "example": trace.example,
        "framework": trace.framework,
        "precision": trace.precision,
        "seed": trace.seed,
        "run": trace.run,
        "facts": trace.facts,
        "scale": [[list(key), value] for key, value in trace.scale.items()],
        "shapes": [[list(key), list(shape)] for key, shape in trace.shapes.items()],
        **listed,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(path.with_name(path.name + ".npz"), **numbers)  # pyright: ignore[reportArgumentType]
    path.with_name(path.name + ".json").write_text(json.dumps(about))


def _put(numbers: dict[str, np.ndarray], key: Key, value: np.ndarray) -> list[Any]:
    name = str(len(numbers))
    numbers[name] = np.asarray(value)
    return [list(key), name]


def load(path: Path) -> Trace:
    """Read what `save` wrote; raises OSError or ValueError when that is not there."""
    about = json.loads(path.with_name(path.name + ".json").read_text())
    numbers = read_numbers(path.with_name(path.name + ".npz"))

    def get(entries: Iterable[Any]) -> dict[Key, np.ndarray]:
        return {Key(*key): numbers[name] for key, name in entries}

    try:
        return Trace(
            **{name: about[name] for name in ("example", "framework", "precision")},
            seed=about["seed"],
            run=about["run"],
            facts=about["facts"],
            arrays=get(about["arrays"]),
            sensitivity=get(about["sensitivity"]),
            places=get(about["places"]),
            scale={Key(*key): value for key, value in about["scale"]},
            shapes={Key(*key): tuple(shape) for key, shape in about["shapes"]},
        )
    except (KeyError, TypeError) as error:
        raise ValueError(f"{path.name}.json is no trace: {error}") from None


def read_numbers(path: Path) -> dict[str, np.ndarray]:
    """All arrays of a .npz file; raises OSError or ValueError."""
    try:
        # Opened here: NumPy leaves a file open that turns out to be damaged.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as saved:
            return {name: saved[name] for name in saved.files}
    except (BadZipFile, EOFError, zlib.error) as error:
        raise ValueError(f"{path.name} is damaged: {error}") from None


def by_side(traces: Iterable[Trace]) -> Mapping[tuple[str, str], Trace]:
    """Traces by (framework, precision)."""
    return {(trace.framework, trace.precision): trace for trace in traces}
