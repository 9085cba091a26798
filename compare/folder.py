"""A run's folder: run.json, traces, checkpoint states and the workers' logs."""

import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from compare import outcome, registry, result, trace_file
from compare.registry import load
from compare.result import Example, NotARun, Run
from compare.run import Measured, Settings, judge
from compare.spec import Lesson
from compare.task import Effort, State, Task
from compare.thin import thin


class NotWritable(OSError):
    """A folder that cannot be written."""


def open_folder(folder: Path) -> Path:
    """Make the folder, or empty one that holds an earlier run; raises `NotWritable`."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if (folder / "run.json").exists():
            for part in ("traces", "states", "logs", "trained"):
                shutil.rmtree(folder / part, ignore_errors=True)
            (folder / "run.json").unlink()
            for about in (outcome.FILE, "report.html"):  # of the run that was here
                (folder / about).unlink(missing_ok=True)
    except OSError as error:
        raise NotWritable(f"cannot write to {folder}: {error.strerror}") from None
    return probe(folder)


def probe(folder: Path) -> Path:
    """The folder, if it can be written; raises `NotWritable`."""
    try:
        empty = folder / ".writable"
        empty.touch()
        empty.unlink()
    except OSError as error:
        raise NotWritable(f"cannot write to {folder}: {error.strerror}") from None
    return folder


def of_a_run(folder: Path) -> Path:
    """A folder with a run, to add to; raises `NotARun` and `NotWritable`."""
    result.read(folder / "run.json")
    return probe(folder)


def default_folder() -> Path:
    """`runs/<date and time>` in the current folder."""
    return Path("runs") / datetime.now(UTC).strftime("%Y%m%d-%H%M%S")


def keep(folder: Path, measured: Measured, name: str) -> None:
    """Save the traces, large leaves thinned, and the checkpoint states."""
    traces = measured.traces
    if not isinstance(load(name), Lesson):  # whose values are compared with a spec's
        traces = thin(traces)
    for found in traces:
        trace_file.save(found, _path(folder, name, found.framework, found.precision))
    if measured.states:
        path = folder / "states" / f"{name}.npz"
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez(path, **_flat(measured.states))


def _path(folder: Path, name: str, framework: str, precision: str) -> Path:
    return folder / "traces" / f"{name}.{framework}.{precision}"


def _flat(states: Mapping[int, State]) -> dict[str, Any]:
    return {
        f"{step} {leaf}": value
        for step, state in states.items()
        for leaf, value in state.items()
    }


def again(folder: Path, *, names: Sequence[str] | None = None) -> Run:
    """Check a run's saved traces again, without running anything; raises `NotARun`."""
    before = result.read(folder / "run.json")
    settings = settings_of(before)
    there = [example.name for example in before.examples]
    if absent := [name for name in names or () if name not in there]:
        raise NotARun(f"{folder} has no {', '.join(absent)}; it has {', '.join(there)}")
    if gone := [name for name in there if name not in registry.names()]:
        raise NotARun(f"{folder} has examples that are no more: {', '.join(gone)}")
    some = result.only(before, names) if names else before
    sides = before.environment["workers"]
    # As in the run: with other threads some BLAS gives an oracle other last bits.
    with threadpool_limits(1):
        again = [_again(folder, one, settings, sides) for one in some.examples]
    return replace(some, examples=again)


def settings_of(run: Run) -> Settings:
    """The settings that a run was made with."""
    told = run.environment.get("settings", {})
    try:
        effort = Effort(**told["effort"])
        _ = run.environment["workers"]
        return Settings(run.seed, told["device"], effort, run.run)
    except (KeyError, TypeError) as error:
        raise NotARun(f"the run does not tell its settings: {error}") from None


def told(settings: Settings) -> dict[str, Any]:
    """Settings as run.json has them."""
    return {"device": settings.device, "effort": asdict(settings.effort)}


def _again(
    folder: Path, example: Example, settings: Settings, sides: Iterable[str]
) -> Example:
    paths = _paths(folder, example.name, sides)
    there = [path for path in paths if path.with_name(path.name + ".json").exists()]
    if not there and example.verdict in ("crashed", "skipped"):
        return example
    measured, base = saved(folder, example.name, settings, sides)
    return judge(measured, base, seconds=example.seconds)


def _paths(folder: Path, name: str, sides: Iterable[str]) -> list[Path]:
    return [_path(folder, name, *side.split()) for side in sides]


def saved(
    folder: Path, name: str, settings: Settings, sides: Iterable[str]
) -> tuple[Measured, Task]:
    """The saved traces and states of an example, and its task; raises `NotARun`."""
    paths = _paths(folder, name, sides)
    there = [path for path in paths if path.with_name(path.name + ".json").exists()]
    if not there:
        raise NotARun(f"{folder} has no traces of {name}: run it again")
    if absent := [path.name for path in paths if path not in there]:
        raise NotARun(f"{folder} has no trace {', '.join(absent)}: run it again")
    try:
        traces = tuple(trace_file.load(path) for path in paths)
        states = _states(folder, name)
    except (OSError, ValueError, KeyError) as error:
        raise NotARun(f"the traces of {name} cannot be read: {error}") from None
    return Measured(traces, states), settings.task(name)


def _states(folder: Path, name: str) -> dict[int, State]:
    if isinstance(load(name), Lesson):
        return {}
    states: dict[int, State] = {}
    saved = trace_file.read_numbers(folder / "states" / f"{name}.npz")
    for key, value in saved.items():
        step, leaf = key.split(" ", 1)
        states.setdefault(int(step), {})[leaf] = value
    return states
