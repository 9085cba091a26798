"""Facts of a run for the page: where, with what, how to repeat it."""

import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from compare import registry
from compare.result import Run
from compare.task import FULL, QUICK

FLAGS = {"quick": QUICK, "full": FULL}


@dataclass(frozen=True)
class Fact:
    """A name and its value, as they are shown."""

    name: str
    value: str


def facts(run: Run) -> list[Fact]:
    """Machine, date, commit and seed; what an old run does not tell is left out."""
    told = run.environment
    packages = _mapping(told.get("packages"))
    versions = [f"{n} {packages[n]}" for n in ("jax", "flax", "optax") if n in packages]
    return [
        Fact(name, value)
        for name, value in (
            ("Machine", ", ".join(_machine(told))),
            ("JAX", ", ".join(versions)),
            ("PyTorch", str(packages.get("torch", ""))),
            ("Python", str(told.get("python", ""))),
            ("Precision", ", ".join(_precision(told))),
            ("Seed", str(run.seed)),
            ("Date", str(told.get("date", ""))),
            ("Commit", str(told.get("commit", ""))),
        )
        if value
    ]


def _machine(told: Mapping[str, Any]) -> Iterator[str]:
    if processor := told.get("processor"):
        yield str(processor)
    if cores := told.get("cores"):
        yield f"{cores} cores"
    if memory := number(told.get("memory")):
        yield f"{memory / 2**30:.0f} GiB"
    gpus = {str(w.get("gpu", "none")) for w in _workers(told).values()} - {"none"}
    yield from sorted(gpus)
    if device := _mapping(told.get("settings")).get("device"):
        yield f"on {device}"


def _precision(told: Mapping[str, Any]) -> Iterator[str]:
    """The flags of the float32 workers, which are those that users have to set."""
    for side, worker in _workers(told).items():
        if side.endswith("float32"):
            for name, value in worker.items():
                if "precision" in name or "TF32" in name:
                    yield f"{side.split()[0]} {name} {value}"


def packages(run: Run) -> list[Fact]:
    """Every package's version."""
    found = _mapping(run.environment.get("packages"))
    return [Fact(str(name), str(value)) for name, value in found.items()]


def flags(run: Run) -> list[Fact]:
    """What every worker was set to, and what the timing was asked for."""
    found = [(side, worker) for side, worker in _workers(run.environment).items()]
    timing = _mapping(run.environment.get("timing"))
    found += [("timing", timing)] if timing else []
    return [
        Fact(side, ", ".join(f"{name} {_plain(value)}" for name, value in told.items()))
        for side, told in found
    ]


def _plain(value: Any) -> str:
    if isinstance(value, list | tuple):
        return " ".join(map(_plain, value))
    return str(value)


def commands(run: Run) -> list[Fact]:
    """What was typed to run and, last, to time; where unknown, what does the same."""
    made = typed(run)
    timed = _joined(_mapping(run.environment.get("timing")).get("command"))
    made = made or again(run, [one.name for one in run.examples])
    found = [Fact("Run by", made)] if made else []
    return found + ([Fact("Last timed by", timed)] if timed not in ("", made) else [])


def typed(run: Run) -> str:
    """The command that made the run; "" where it is not known."""
    return _joined(run.environment.get("command"))


def _joined(words: Any) -> str:
    return shlex.join(map(str, words)) if isinstance(words, list | tuple) else ""


def again(run: Run, names: Sequence[str]) -> str:
    """The command that runs these examples again, with the run's settings.

    Of a user's own models nothing but what was typed is known, or "".
    """
    if any(one.kind == "pair" and one.name in names for one in run.examples):
        return typed(run)
    told = _mapping(run.environment.get("settings"))
    parts = ["twinnets", "run"]
    if tuple(sorted(names)) != registry.names():
        parts += names
    parts += ["--seed", str(run.seed)]
    effort = _mapping(told.get("effort"))
    for flag, preset in FLAGS.items():
        if effort == vars(preset):
            parts.append(f"--{flag}")
    if told.get("device") not in (None, "cpu"):
        parts += ["--device", str(told["device"])]
    return shlex.join(parts)


def _workers(told: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    found = _mapping(told.get("workers"))
    return {str(side): worker for side, worker in found.items() if _mapping(worker)}


def number(value: Any) -> float | None:
    """A finite number, or None for whatever else may stand in its place."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if abs(value) <= sys.float_info.max else None


def _mapping(value: Any) -> Mapping[str, Any]:
    """What a run.json by other hands has in the place of a mapping says nothing."""
    return value if isinstance(value, Mapping) else {}
