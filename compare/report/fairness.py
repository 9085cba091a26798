"""Under which conditions every mode was timed, and what was not alike."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from compare.report.cells import mode_of, timed
from compare.result import Run

_Facts = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Manifest:
    """What was so in all of these modes, in each of these examples."""

    modes: list[str]
    examples: list[str]
    conditions: Mapping[str, str]
    """What must be equal for a comparison to be like for like."""
    idiom: Mapping[str, str]
    """What makes a mode what it is."""


@dataclass(frozen=True)
class Unlike:
    """What was not the same of two modes, in each of these examples."""

    subject: str
    reference: str
    examples: list[str]
    differences: list[str]


def fairness(run: Run) -> list[Manifest]:
    """A row for all modes and examples that have the same conditions and idiom."""
    held: dict[tuple[str, _Facts, _Facts], dict[str, None]] = {}
    for example, mode, conditions, idiom in _told(run):
        held.setdefault((mode, conditions, idiom), {})[example] = None
    merged: dict[tuple[tuple[str, ...], _Facts, _Facts], list[str]] = {}
    for (mode, conditions, idiom), examples in held.items():
        key = tuple(examples), conditions, idiom
        merged.setdefault(key, []).append(mode)
    return [
        Manifest(modes, list(examples), dict(conditions), dict(idiom))
        for (examples, conditions, idiom), modes in merged.items()
    ]


def _told(run: Run) -> Iterator[tuple[str, str, _Facts, _Facts]]:
    """Of every worker: example, mode, conditions and idiom, sorted by their names."""
    for timing in timed(run.timings):
        for worker in timing.workers:
            conditions, idiom = worker.conditions.items(), worker.idiom.items()
            yield (
                timing.example,
                mode_of(timing),
                tuple(sorted(conditions)),
                tuple(sorted(idiom)),
            )


def unlike(run: Run) -> list[Unlike]:
    """What every ratio says was not alike, of all examples together."""
    held: dict[tuple[str, str, tuple[str, ...]], dict[str, None]] = {}
    for ratio in run.ratios:
        if ratio.unlike:
            key = ratio.subject, ratio.reference, tuple(ratio.unlike)
            held.setdefault(key, {})[ratio.example] = None
    return [
        Unlike(subject, reference, list(examples), list(differences))
        for (subject, reference, differences), examples in held.items()
    ]
