"""A script that shows the smallest failing layer, and runs on its own.

Each side is written in the first way that gives the outputs which were recorded: by
the library's constructor, or out of a pickle and the user's own file. Where none does,
as of a function or of a class inside of a function, they stand in its place.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from compare.noise import LIMIT, ULPS
from compare.pair.report import Failing
from compare.pair.repro_sources import Source, jax_sources, torch_sources

PATIENCE = 300.0
"""Seconds for a side to import its framework and run a layer."""
HEAD = '''\
"""The smallest layer that differs between PyTorch and JAX: {title}.

Its weights, its inputs and what both sides gave are in {numbers}, beside this file.
Exit code 1: they differ; 0: they do not.
"""

import sys
from pathlib import Path

import numpy as np
'''
NUMBERS = """
numbers = np.load(Path(__file__).with_suffix(".npz"))


def named(start):
    found = (name for name in numbers.files if name.startswith(start))
    return {name.removeprefix(start): numbers[name] for name in found}


def flat(outputs):
    if isinstance(outputs, dict):
        outputs = list(outputs.values())
    if isinstance(outputs, (tuple, list)):
        return [array for each in outputs for array in flat(each)]
    array = np.asarray(outputs) if outputs is not None else np.zeros(0, int)
    return [array] if array.dtype.kind == "f" else []

"""
TURNED = """
# As PyTorch has it: channels behind the batch.
jax_outputs = [np.moveaxis(one, -1, 1) if one.ndim > 2 else one for one in jax_outputs]
"""
BOTH = """
# Both: the score is the difference in units of {ulps:g} ulps of the largest number.
worst = 0.0
for one, other in zip(torch_outputs, jax_outputs):
    if one.shape != other.shape:
        sys.exit(f"PyTorch's output has shape {{one.shape}}, JAX's {{other.shape}}")
    difference = np.abs(one - other).max(initial=0.0)
    largest = max(np.abs(one).max(initial=0.0), np.abs(other).max(initial=0.0))
    score = difference / ({ulps:g} * np.finfo(np.float64).eps * largest or 1.0)
    told = f"largest difference {{difference:.3g}} of {{largest:.3g}}"
    print(f"{{told}}, score {{score:.3g}}")
    worst = max(worst, score if np.isfinite(score) else np.inf)
print("they differ" if worst > {limit:g} else "they do not differ")
sys.exit(int(worst > {limit:g}))
"""
TRIED = """
import json, sys
from pathlib import Path
import numpy as np

sources, path, side, head = json.loads(Path(sys.argv[1]).read_text())
for number, source in enumerate(sources):
    try:
        scope = {"__name__": "tried", "__file__": path}
        exec(head + source, scope)
        own, known = scope[side + "_outputs"], scope["named"](side + " output ")
        pairs = list(zip(own, known.values(), strict=False))
        assert pairs and len(own) >= len(known)
        for one, other in pairs:
            assert one.shape == other.shape
            largest = max(np.abs(other).max(initial=0.0), 1e-300)
            assert np.abs(one - other).max(initial=0.0) <= 1e-9 * largest
    except Exception:
        continue
    print("holds", number)
    break
"""


def write(failing: Failing, path: Path) -> None:
    """Write the script, and an .npz of its name beside it; raises OSError."""
    torch, jax = torch_sources(failing), jax_sources(failing)
    arrays = _arrays(failing) | torch.arrays | jax.arrays
    np.savez(path.with_suffix(".npz"), allow_pickle=False, **arrays)
    title = " and ".join(
        f"{side}'s {where or 'whole model'}"
        for side, where in (("PyTorch", failing.torch_path), ("JAX", failing.jax_path))
    )
    head = HEAD.format(title=title, numbers=path.with_suffix(".npz").name)
    with ThreadPoolExecutor() as both:
        sides = both.map(
            lambda side: _holding(path, head + NUMBERS, side), (torch, jax)
        )
    end = TURNED if _channels_last(failing) else ""
    end += BOTH.format(ulps=ULPS, limit=LIMIT)
    path.write_text(f"{head}{NUMBERS}{''.join(sides)}{end}", encoding="utf-8")


def _channels_last(failing: Failing) -> bool:
    """Whether JAX's outputs are nearer to PyTorch's with their last axis second."""
    outputs = zip(failing.torch_outputs, failing.jax_outputs, strict=False)
    for torch, jax in outputs:
        if jax.ndim < 3 or torch.ndim != jax.ndim:
            continue
        turned = np.moveaxis(jax, -1, 1)
        if torch.shape != jax.shape:
            return torch.shape == turned.shape
        if torch.shape == turned.shape:
            return bool(np.abs(torch - turned).mean() < np.abs(torch - jax).mean())
    return False


def _arrays(failing: Failing) -> dict[str, np.ndarray]:
    """Everything by names that tell what it is."""
    found: dict[str, np.ndarray] = {}
    parts: tuple[tuple[str, Sequence[np.ndarray]], ...] = (
        ("torch input", failing.inputs),
        ("jax input", failing.jax_inputs),
        ("torch output", failing.torch_outputs),
        ("jax output", failing.jax_outputs),
    )
    for name, arrays in parts:
        found |= {f"{name} {number}": array for number, array in enumerate(arrays)}
    weights: tuple[tuple[str, Mapping[str, np.ndarray]], ...] = (
        ("torch weight", failing.weights_torch),
        ("jax weight", failing.weights_jax),
    )
    for name, state in weights:
        found |= {f"{name} {leaf}": array for leaf, array in state.items()}
    return found


def _holding(path: Path, head: str, side: Source) -> str:
    """The first source that gives what was recorded, tried in a process of its own."""
    if not side.ways:
        return side.recorded
    with tempfile.TemporaryDirectory() as folder:
        given = Path(folder) / "given.json"
        given.write_text(
            json.dumps([side.ways, str(path.resolve()), side.side, head]),
            encoding="utf-8",
        )
        done = subprocess.run(
            [sys.executable, "-c", TRIED, str(given)],
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
            env=os.environ | {"JAX_PLATFORMS": "cpu"},
        )
    told = [line.split() for line in done.stdout.splitlines()]
    numbers = [int(words[1]) for words in told if words[:1] == ["holds"]]
    return side.ways[numbers[-1]] if numbers else side.recorded
