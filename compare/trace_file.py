"""A trace on disk: .npz and .json, without pickle.

All numbers of one type are one array, one after the other: thousands of small arrays
would each cost an entry of their own.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from compare.trace import Key, Trace


def save(trace: Trace, path: Path) -> None:
    """Write `path`.npz (numbers) and `path`.json (what they are)."""
    numbers: dict[str, list[np.ndarray]] = {}
    filled: dict[str, int] = {}
    listed = {
        name: [
            [list(key), *_put(numbers, filled, np.asarray(value))]
            for key, value in getattr(trace, name).items()
        ]
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
    joined: dict[str, Any] = {t: np.concatenate(parts) for t, parts in numbers.items()}
    np.savez(path.with_name(path.name + ".npz"), **joined)
    path.with_name(path.name + ".json").write_text(json.dumps(about))


def _put(
    numbers: dict[str, list[np.ndarray]], filled: dict[str, int], value: np.ndarray
) -> tuple[str, int, list[int]]:
    """Where an array is: its type, its place among those of its type, its shape."""
    kind = value.dtype.str
    begin = filled.get(kind, 0)
    numbers.setdefault(kind, []).append(value.ravel())
    filled[kind] = begin + value.size
    return kind, begin, list(value.shape)


def load(path: Path) -> Trace:
    """Read what `save` wrote; raises OSError or ValueError when that is not there."""
    about = json.loads(path.with_name(path.name + ".json").read_text())
    numbers = read_numbers(path.with_name(path.name + ".npz"))

    def get(entries: Iterable[Any]) -> dict[Key, np.ndarray]:
        found = {}
        for key, kind, begin, shape in entries:
            end = begin + int(np.prod(shape, dtype=np.int64))
            found[Key(*key)] = numbers[kind][begin:end].reshape(shape).copy()
        return found

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
    except (BadZipFile, EOFError) as error:
        raise ValueError(f"{path.name} is damaged: {error}") from None
