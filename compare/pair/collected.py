"""The pairs of a test session as one run.json."""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from compare import answer, result
from compare.doctor import environment
from compare.result import Example, Run


@dataclass(frozen=True)
class Kept:
    """One pair as a test's report carries it."""

    seed: int
    example: Example


def write(texts: Sequence[str], path: Path) -> str:
    """Write them, and say in a sentence what they amount to; raises OSError."""
    kept = [msgspec.json.decode(text, type=Kept) for text in texts]
    run = Run(
        seed=kept[0].seed if kept else 0,
        environment=environment() | {"command": ["pytest", *sys.argv[1:]]},
        examples=list(_apart([one.example for one in kept])),
    )
    result.write(run, path)
    return f"{answer.agreement(run)}; {path}"


def _apart(examples: Sequence[Example]) -> Iterator[Example]:
    """Names are keys of a run: a second one of the same gets a number."""
    taken: set[str] = set()
    for example in examples:
        name, number = example.name, 1
        while name in taken:
            number += 1
            name = f"{example.name} ({number})"
        taken.add(name)
        yield replace(example, name=name)
