"""The faults in our own pairs, planted one at a time: found, placed, explained?"""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from multiprocessing import get_context
from typing import Any

from compare.fault import Edit
from compare.outcome import Told
from compare.pair.planted import rivals
from compare.pair.planted.cases import BY_NAME, CASES, Case, build, compare
from compare.pair.planted.fault import OPTIMIZER, PairFault
from compare.pair.report import PairReport
from compare.pair.weights.linked import Unmapped
from compare.pair.wrong import Raised, Wrong
from compare.result import first_failure, largest_score

AT_ONCE = 2
"""Processes, each with pairs of its own."""
STEPS = 4
"""Of the optimizers: enough for moments, and for a schedule."""


@dataclass(frozen=True)
class Planted:
    """What became of a fault; None where there is nothing to be right about.

    `score` is the largest of its phase; `rivals` says which of them see the fault.
    """

    fault: str
    case: str
    side: str
    phase: str
    caught: bool
    layer: bool | None
    cause: bool | None
    score: float | None
    told_phase: str
    told_layer: str
    told_cause: str
    why: str
    seconds: float
    rivals: dict[str, bool] = field(default_factory=dict)


@dataclass(frozen=True)
class Honest:
    """A pair as it is: its verdict, and which rivals fail it all the same."""

    case: str
    verdict: str
    passed: bool
    score: float | None
    seconds: float
    rivals: dict[str, bool]


@dataclass(frozen=True)
class PairSelftest:
    """All honest pairs, all faults, and how rivals do on both."""

    honest: list[Honest]
    outcomes: list[Planted]
    others: list[Told]
    seed: int = 0

    @property
    def missed(self) -> int:
        """Faults that were not found, and honest pairs that failed."""
        alarms = sum(not honest.passed for honest in self.honest)
        return alarms + sum(not outcome.caught for outcome in self.outcomes)


def plant_all(
    faults: Sequence[PairFault],
    *,
    seed: int,
    done: Callable[[Honest | Planted], None] = lambda outcome: None,
) -> PairSelftest:
    """Compare the pairs of these faults as they are, then with each fault."""
    names = {fault.case for fault in faults}
    cases = [case for case in CASES if case.name in names or len(names) > 1]
    spawn = get_context("spawn")
    with ProcessPoolExecutor(AT_ONCE, spawn, initializer=_small) as pool:
        # A case is a table of functions: its name travels.
        first = [pool.submit(_honest, case.name, seed=seed) for case in cases]
        then = [pool.submit(plant, fault, seed=seed) for fault in faults]
        try:
            for future in as_completed([*first, *then]):
                done(future.result())
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    honest = [future.result() for future in first]
    outcomes = [future.result() for future in then]
    return PairSelftest(honest, outcomes, _others(honest, outcomes), seed)


def _small() -> None:
    """The pairs are so small that threads wait for each other, and compiling is all."""
    threads = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    flags = os.environ.get("XLA_FLAGS", "") + " --xla_backend_optimization_level=0"
    os.environ |= threads | {"XLA_FLAGS": flags.strip()}


def _others(honest: Sequence[Honest], outcomes: Sequence[Planted]) -> list[Told]:
    seen = [outcome.rivals for outcome in outcomes if outcome.rivals]
    return [
        Told(
            rival.name,
            rival.source,
            sum(told[rival.name] for told in seen),
            len(seen),
            sum(one.rivals[rival.name] for one in honest),
            len(honest),
        )
        for rival in rivals.RIVALS
    ]


def _honest(name: str, *, seed: int) -> Honest:
    case = BY_NAME[name]
    started = time.monotonic()
    report = compare(case, seed=seed, steps=STEPS)
    return Honest(
        case.name,
        report.verdict,
        report.verdict in (case.verdict, "identical"),
        largest_score(report.example.checks),
        time.monotonic() - started,
        _rivals(case, {}, seed=seed),
    )


def plant(fault: PairFault, *, seed: int) -> Planted:
    """Compare a pair with a fault in it."""
    case, edits = BY_NAME[fault.case], {fault.side: fault.edit}
    started = time.monotonic()
    try:
        report = compare(
            case,
            torch_edit=edits.get("torch"),
            jax_edit=edits.get("jax"),
            seed=seed,
            optimizers=fault.layer == OPTIMIZER,
            steps=STEPS,
        )
    except (Wrong, Unmapped) as error:
        seconds = time.monotonic() - started
        return _refused(fault, str(error), seconds)
    seconds = time.monotonic() - started
    seen = _rivals(case, edits, seed=seed)
    return _outcome(fault, report, seconds, seen)


def _refused(fault: PairFault, why: str, seconds: float) -> Planted:
    """A pair that cannot be compared: the message must name the layer."""
    return Planted(
        fault.name,
        fault.case,
        fault.side,
        fault.phase,
        fault.verdict == "refused",
        None if fault.layer is None else fault.layer in why,
        False if fault.cause else None,
        None,
        "refused",
        "",
        "",
        why,
        seconds,
    )


def _outcome(
    fault: PairFault, report: PairReport, seconds: float, seen: Mapping[str, bool]
) -> Planted:
    """Caught means: this verdict, first in this phase."""
    rows = report.example.checks
    bad = [row for row in rows if row.verdict == fault.verdict]
    first = first_failure(rows) or next(iter(bad), None)
    phase = first.phase if first else ""
    blamed: Mapping[str, Any] | None = report.example.facts.get("blamed")
    layer = None if blamed is None else blamed["layer"]
    causes = [cause["name"] for cause in report.causes]
    # Another verdict's score is of float32, or says that nothing could be said.
    scores = [
        row.score
        for row in bad
        if row.phase == fault.phase and row.score and row.verdict == "semantic"
    ]
    return Planted(
        fault.name,
        fault.case,
        fault.side,
        fault.phase,
        report.verdict == fault.verdict and phase == fault.phase,
        None if fault.layer is None else layer == fault.layer,
        fault.cause in causes if fault.cause else None,
        max(scores, default=None),
        phase,
        "nothing" if layer is None else layer,
        ", ".join(causes),
        str(report),
        seconds,
        dict(seen),
    )


def _rivals(case: Case, edits: Mapping[str, Edit], *, seed: int) -> dict[str, bool]:
    """By rival, whether it takes the outputs for different."""
    torch = case.module("torch", edits.get("torch"))
    jax = case.module("jax", edits.get("jax"))
    try:
        outputs = rivals.outputs(*build(torch, jax, seed=seed), case, seed=seed)
    except Raised:
        return {rival.name: True for rival in rivals.RIVALS}
    return {rival.name: not rival.passes(outputs) for rival in rivals.RIVALS}
