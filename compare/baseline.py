"""Baselines: times that a team keeps beside its code, by machine, to compare with.

One file holds an entry for every machine that has saved to it. A machine is what its
processor and GPU are, how many cores are used, and the frameworks' versions; anything
finer, such as a clock rate, is another machine after every restart. An entry holds the
medians of the workers of every cell, not their summary, so that noise then counts too.

Then and now are no pairs, so the interval is Welch's. It knows what differs between
processes of one session; what differs from one day to the next (heat, other work) is in
no block, and `max_slowdown` is the room for it.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from math import isfinite
from pathlib import Path
from statistics import median
from typing import Annotated, Any, Literal, NamedTuple

import msgspec

from compare import record
from compare.fault import Side
from compare.stats import Estimate, unpaired
from compare.timing import Products, Timing

SCHEMA = 1
FOLDER = Path("baselines")
PACKAGES = ("jax", "jaxlib", "flax", "optax", "torch")
Verdict = Literal["regressed", "kept", "undecided", "new"]
Seconds = Annotated[float, msgspec.Meta(gt=0)]


class NotABaseline(ValueError):
    """A baseline that cannot be read, written or compared with, with the reason."""


@dataclass(frozen=True)
class Machine:
    """What times depend on; `packages` are versions, with that of `python`."""

    processor: str
    threads: int
    gpu: str | None
    packages: dict[str, str]


class Key(NamedTuple):
    """What is compared with what."""

    example: str
    framework: Side
    mode: str
    batch: int | None
    products: Products


@dataclass(frozen=True)
class Saved:
    """One cell: seconds per step, the median of every block's worker."""

    example: str
    framework: Side
    mode: str
    batch: int | None
    products: Products
    date: str
    blocks: Annotated[list[Seconds], msgspec.Meta(min_length=1)]

    @property
    def key(self) -> Key:
        """Which cell it is."""
        return Key(self.example, self.framework, self.mode, self.batch, self.products)


@dataclass(frozen=True)
class Entry:
    """What one machine has saved."""

    machine: Machine
    cells: list[Saved]


@dataclass(frozen=True, kw_only=True)
class Baseline:
    """A whole file."""

    schema: int = SCHEMA
    entries: list[Entry]


@dataclass(frozen=True)
class Change:
    """Seconds now / seconds then of one cell, with the 95 % interval.

    All three are None where the cell is new, the bounds where either time has fewer
    than two blocks.
    """

    example: str
    framework: Side
    mode: str
    batch: int | None
    products: Products
    ratio: float | None
    low: float | None
    high: float | None
    verdict: Verdict


def place(name: str) -> Path:
    """The file of a baseline, in the current folder; raises `NotABaseline`."""
    if not re.fullmatch(r"[A-Za-z0-9._-]+", name):
        raise NotABaseline(
            "baseline: expected a name of letters, digits, '-', '_' and '.', "
            f"got {name!r}: it becomes the file {FOLDER}/NAME.json"
        )
    return FOLDER / f"{name}.json"


def machine_of(
    environment: Mapping[str, Any], *, threads: int, gpu: str | None
) -> Machine:
    """The machine of `doctor.environment()`; `gpu` is the name of the one in use."""
    versions = {name: environment["packages"][name] for name in PACKAGES}
    return Machine(
        environment["processor"],
        threads,
        gpu,
        {"python": environment["python"], **versions},
    )


def save(path: Path, machine: Machine, timings: Sequence[Timing]) -> None:
    """Put these times in the place of this machine's earlier ones, cell by cell.

    Cells that were not timed now are kept, and so are other machines' entries. Raises
    `NotABaseline` where no timing is equivalent, and for a file that cannot be read.
    """
    date = datetime.now(UTC).isoformat(timespec="seconds")
    found = _proved(timings)
    entries = read(path).entries if path.exists() else []
    mine = next((entry for entry in entries if entry.machine == machine), None)
    cells = {cell.key: cell for cell in (mine.cells if mine else ())}
    cells |= {key: Saved(*key, date, blocks) for key, blocks in found.items()}
    entry = Entry(machine, sorted(cells.values(), key=_order))
    if mine is None:
        entries = [*entries, entry]
    else:
        entries = [entry if one is mine else one for one in entries]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        record.write(Baseline(entries=entries), path, end=b"\n")
    except OSError as error:
        raise NotABaseline(f"cannot write {path}: {error.strerror}") from None


def against(
    path: Path,
    machine: Machine,
    timings: Sequence[Timing],
    *,
    max_slowdown: float = 1.1,
) -> list[Change]:
    """How long each cell takes now, relative to what this machine has saved.

    regressed: the 95 % interval lies above `max_slowdown`; kept: it lies at or below;
    else undecided, as with fewer than two blocks now or then. Raises ValueError for a
    `max_slowdown` below 1, and `NotABaseline` where no timing is equivalent, and for a
    file that cannot be read or has nothing of this machine.
    """
    if not (isfinite(max_slowdown) and max_slowdown >= 1):
        raise ValueError(
            "max_slowdown: expected a number of at least 1, such as 1.1 for 10 % "
            f"longer, got {max_slowdown}"
        )
    found = _proved(timings)
    saved = {cell.key: cell.blocks for cell in _entry(path, machine).cells}
    return [
        _change(key, now, saved[key], max_slowdown)
        if key in saved
        else Change(*key, None, None, None, "new")
        for key, now in found.items()
    ]


def read(path: Path) -> Baseline:
    """Read a baseline; raises `NotABaseline` with the reason in a person's words."""
    if not path.is_file():
        names = ", ".join(sorted(other.stem for other in path.parent.glob("*.json")))
        told = f"there are {names}" if names else "there is none yet"
        raise NotABaseline(
            f"{path} is not there: {told}; `twinnets time --save {path.stem}` makes it"
        )
    return record.read(
        path, Baseline, schema=SCHEMA, called="baseline", wrong=NotABaseline
    )


def _entry(path: Path, machine: Machine) -> Entry:
    """This machine's; the error says what the one most like it differs by."""
    entries = read(path).entries
    for entry in entries:
        if entry.machine == machine:
            return entry
    differences = [_differences(entry.machine, machine) for entry in entries]
    nearest = "; ".join(min(differences, key=len, default=["the file has no entry"]))
    raise NotABaseline(
        f"{path} has nothing of this machine. Of the nearest that it has: {nearest}. "
        f"`twinnets time --save {path.stem}` adds this one"
    )


def _differences(there: Machine, here: Machine) -> list[str]:
    then, now = _flat(there), _flat(here)
    return [
        f"{name} {then.get(name)}, here {now.get(name)}"
        for name in then | now
        if then.get(name) != now.get(name)
    ]


def _flat(machine: Machine) -> dict[str, Any]:
    fields = asdict(machine) | {"gpu": machine.gpu or "none"}
    del fields["packages"]
    return fields | machine.packages


def medians(timings: Sequence[Timing]) -> dict[Key, list[float]]:
    """Seconds per step of every worker, of each cell that has been proved."""
    return {
        Key(t.example, t.framework, t.mode, t.batch, t.products): [
            median(worker.samples["step"]) for worker in t.workers
        ]
        for t in timings
        if t.outcome == "equivalent" and not t.control
    }


def since(now: Sequence[float], then: Sequence[float]) -> Estimate:
    """Seconds now / seconds then, of the medians of workers; the interval is Welch's.

    Raises ValueError as `compare.stats.unpaired` does.
    """
    return unpaired([[one] for one in now], [[one] for one in then])


def _proved(timings: Sequence[Timing]) -> dict[Key, list[float]]:
    found = medians(timings)
    if not found:
        raise NotABaseline(
            "timings: expected at least one mode that is equivalent, got none: there "
            "is nothing to save or to compare"
        )
    return found


def _change(
    key: Key, now: list[float], then: list[float], max_slowdown: float
) -> Change:
    estimate = since(now, then)
    low, high = estimate.interval() or (None, None)
    verdict: Verdict = "undecided"
    if low is not None and low > max_slowdown:
        verdict = "regressed"
    elif high is not None and high <= max_slowdown:
        verdict = "kept"
    return Change(*key, estimate.ratio, low, high, verdict)


def _order(cell: Saved) -> tuple[str, str, str, int, str]:
    """So that the file changes only where times do."""
    return cell.example, cell.framework, cell.mode, cell.batch or 0, cell.products
