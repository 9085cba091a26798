"""Two runs side by side: what differs in where they ran and in what they found."""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import msgspec

from compare import result
from compare.result import FAILS, PHASES, Example, Row, Run, Verdict
from compare.versus_times import Timed, Untimed, times

T = TypeVar("T")
MACHINE = ("processor", "cores", "timing threads", "timing device")
"""What makes times those of different machines, beside the GPU of a worker."""
MEASURED = ("cpu seconds",)
"""What an environment holds that is no setting, but was found."""


@dataclass(frozen=True)
class Pair(Generic[T]):
    """One quantity in the earlier and in the later run."""

    then: T
    now: T


@dataclass(frozen=True)
class Compared:
    """An example of both runs; `phases` are those whose verdict differs.

    `checks` counts what was not skipped; `score` and `float32` are the largest that
    passed, in float64 and in float32; `failure` is the first failing row now.
    """

    name: str
    verdict: Pair[Verdict]
    checks: Pair[int]
    score: Pair[float | None]
    float32: Pair[float | None]
    phases: dict[str, Pair[Verdict | None]]
    failure: Row | None

    @property
    def is_worse(self) -> bool:
        """Whether something is lost: see `worse`."""
        return worse(self.verdict.then, self.verdict.now)

    @property
    def is_better(self) -> bool:
        """Whether the example is proved now, and was not."""
        return proves(self.verdict.now) and not proves(self.verdict.then)


@dataclass(frozen=True)
class Versus:
    """Everything that differs, and the examples and times that are in both.

    `environment` has what differs by its flat name, None where it is not told;
    `elsewhere` are those of its names for which times are of different machines.
    `worse` names the examples for which `worse` is true, those that are gone included.
    """

    environment: dict[str, Pair[str | None]]
    elsewhere: list[str]
    worse: list[str]
    gone: dict[str, Verdict]
    added: dict[str, Verdict]
    examples: list[Compared]
    times: list[Timed]
    untimed: list[Untimed]


def versus(then: Run, now: Run) -> Versus:
    """Hold a later run against an earlier one."""
    left = {example.name: example for example in then.examples}
    right = {example.name: example for example in now.examples}
    verdicts = {n: _verdicts(left.get(n), right.get(n)) for n in left | right}
    differs = dict(_environment(then, now))
    timed, untimed = times(then, now)
    return Versus(
        environment=differs,
        elsewhere=[
            name for name in differs if name in MACHINE or name.endswith(" gpu")
        ],
        worse=[n for n, both in verdicts.items() if worse(both.then, both.now)],
        gone={name: left[name].verdict for name in left if name not in right},
        added={name: right[name].verdict for name in right if name not in left},
        examples=[_compared(left[n], right[n]) for n in left if n in right],
        times=timed,
        untimed=untimed,
    )


def proves(verdict: Verdict | None) -> bool:
    """Whether an example was compared, and passed; None where it is not there."""
    return verdict not in (None, "skipped") and verdict not in FAILS


def worse(then: Verdict | None, now: Verdict | None) -> bool:
    """What was proved is so no more, or there is a failure that was not there."""
    lost = proves(then) and not proves(now)
    return lost or (now in FAILS and then not in FAILS)


def _verdicts(then: Example | None, now: Example | None) -> Pair[Verdict | None]:
    return Pair(then.verdict if then else None, now.verdict if now else None)


def _compared(then: Example, now: Example) -> Compared:
    rows = then.checks, now.checks
    return Compared(
        then.name,
        Pair(then.verdict, now.verdict),
        Pair(*(sum(row.verdict != "skipped" for row in side) for side in rows)),
        Pair(*(result.largest_score(side) for side in rows)),
        Pair(*(result.largest_score(side, precision="float32") for side in rows)),
        dict(_phases(*rows)),
        result.first_failure(now.checks),
    )


def _phases(
    then: Sequence[Row], now: Sequence[Row]
) -> Iterator[tuple[str, Pair[Verdict | None]]]:
    """In the order of a run, those that are unknown to this version last."""
    left, right = _by_phase(then), _by_phase(now)
    for phase in dict.fromkeys((*PHASES, *left, *right)):
        both: Pair[Verdict | None] = Pair(left.get(phase), right.get(phase))
        if both.then != both.now:
            yield phase, both


def _by_phase(rows: Sequence[Row]) -> dict[str, Verdict | None]:
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row.phase, []).append(row)
    return {phase: result.verdict(some) for phase, some in found.items()}


def _environment(then: Run, now: Run) -> Iterator[tuple[str, Pair[str | None]]]:
    """The seed, and all that differs below `environment`, by its flat name.

    Each worker tells the versions too: what the packages' say already is left out.
    """
    if then.seed != now.seed:
        yield "seed", Pair(str(then.seed), str(now.seed))
    sides = [
        {name: told for name, told in run.environment.items() if name not in MEASURED}
        for run in (then, now)
    ]
    found = dict(_differing("", *sides))
    for name, both in found.items():
        package = f"packages {name.rpartition(' ')[2]}"
        if not (name.startswith("workers ") and found.get(package) == both):
            yield name, both


def _differing(
    name: str, then: object, now: object
) -> Iterator[tuple[str, Pair[str | None]]]:
    if isinstance(then, Mapping) and isinstance(now, Mapping):
        for key in dict.fromkeys((*then, *now)):
            yield from _differing(f"{name} {key}".strip(), then.get(key), now.get(key))
    else:
        both = Pair(_text(then), _text(now))
        if both.then != both.now:
            yield name, both


def _text(value: Any) -> str | None:
    """As a person would write it: a command as it is typed, else JSON."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        return f"{len(value)} entries"
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return shlex.join(value)
    return msgspec.json.encode(value).decode()
