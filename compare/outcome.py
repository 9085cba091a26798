"""What became of planted faults: `selftest.json`, beside a run's `run.json`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from compare import record

SCHEMA = 1
FILE = "selftest.json"


class NotASelftest(ValueError):
    """A selftest.json that cannot be read, with the reason."""


@dataclass(frozen=True)
class Outcome:
    """What became of a fault; `score` is that of the loudest row of its phase.

    Without a score the comparison is exact, or the fault is an error by itself.
    `others` says which rules of other harnesses see the fault; it is empty where the
    fault leaves no traces to look at, or they are a lesson's.
    """

    fault: str
    example: str
    side: str
    phase: str
    found: bool
    score: float | None
    why: str
    others: dict[str, bool] = field(default_factory=dict)


@dataclass(frozen=True)
class Told:
    """What another harness's rule sees: faults, and honest pairs taken for faults."""

    rule: str
    source: str
    found: int
    faults: int
    false_alarms: int
    honest: int


@dataclass(frozen=True)
class Report:
    """The outcome of every fault, and how other harnesses' rules do on them."""

    outcomes: list[Outcome]
    others: list[Told]
    schema: int = SCHEMA
    seed: int = 0
    environment: dict[str, Any] = field(default_factory=dict)

    @property
    def missed(self) -> int:
        """How many faults were not found where they must show."""
        return sum(not outcome.found for outcome in self.outcomes)


def write(report: Report, folder: Path) -> None:
    """Put it beside the folder's run.json; raises OSError."""
    record.write(report, folder / FILE)


def of_run(folder: Path, environment: Mapping[str, Any]) -> Report | None:
    """The outcomes, if they were found with what the run was made with.

    Raises `NotASelftest`.
    """
    found = read(folder)
    if found is None:
        return None
    for name in ("packages", "commit"):
        then, now = found.environment.get(name), environment.get(name)
        if then is not None and now is not None and then != now:
            raise NotASelftest(f"{folder / FILE} was made with another {name}")
    return found


def told(folder: Path, environment: Mapping[str, Any]) -> tuple[Report | None, str]:
    """What can be told of the run's planted faults, or why nothing can."""
    try:
        return of_run(folder, environment), ""
    except NotASelftest as error:
        return None, f"the planted faults are not shown: {error}"


def read(folder: Path) -> Report | None:
    """The outcomes that a folder holds, if any; raises `NotASelftest`."""
    if not (folder / FILE).is_file():
        return None
    return record.read(
        folder / FILE, Report, schema=SCHEMA, called="selftest", wrong=NotASelftest
    )
