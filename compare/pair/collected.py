"""The pairs of a test session as one run.json."""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from compare import answer, result
from compare.pair import keep
from compare.result import Example


@dataclass(frozen=True)
class Kept:
    """One pair as a test's report carries it."""

    seed: int
    example: Example


def write(texts: Sequence[str], path: Path) -> str:
    """Write them, and say in a sentence what they amount to; raises OSError."""
    kept = _apart([msgspec.json.decode(text, type=Kept) for text in texts])
    run = keep.run(list(kept), command=["pytest", *sys.argv[1:]])
    result.write(run, path)
    return f"{answer.agreement(run)}; {path}"


def _apart(pairs: Sequence[Kept]) -> Iterator[Kept]:
    """Names are keys of a run: a second one of the same gets a number."""
    taken: set[str] = set()
    for pair in pairs:
        name, number = pair.example.name, 1
        while name in taken:
            number += 1
            name = f"{pair.example.name} ({number})"
        taken.add(name)
        yield replace(pair, example=replace(pair.example, name=name))
