"""A run: starts the workers, collects their traces, asks the checks for rows."""

import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from typing import Any

from threadpoolctl import threadpool_limits

from compare import result, trace
from compare.check import Incomparable
from compare.check_lesson import check_lesson
from compare.check_training import check_training
from compare.fault import FRAMEWORKS, Edit
from compare.pool import Answer, Crashed, Workers, install_line
from compare.registry import load
from compare.result import Example, Row
from compare.spec import Lesson, prepare
from compare.task import NORMAL, Effort, State, Task
from compare.trace import Trace

AT_ONCE = 3
"""Examples under way at the same time: enough to keep every worker busy."""


@dataclass(frozen=True)
class Settings:
    """What is run."""

    seed: int = 0
    device: str = "cpu"
    effort: Effort = NORMAL
    run: str = ""

    def task(self, name: str) -> Task:
        """The task that the tasks of one example are made from."""
        spec = load(name)
        lesson = isinstance(spec, Lesson)
        return Task(
            kind="lesson" if lesson else "trajectory",
            example=name,
            framework="jax",
            precision="float64",
            seed=self.seed,
            run=self.run,
            device=self.device,
            effort=self.effort,
            prepared=None if lesson else prepare(spec, self.seed),
        )


def new_run() -> str:
    """A name for a run, so that traces of another one are recognised."""
    return uuid.uuid4().hex[:12]


@dataclass(frozen=True)
class Measured:
    """All traces of one example, with the states that its maps started from."""

    traces: tuple[Trace, ...]
    states: Mapping[int, State]


def measure(
    base: Task,
    workers: Workers,
    *,
    edits: Mapping[str, Edit] | None = None,
    states: Mapping[int, State] | None = None,
    sides: Sequence[tuple[str, str]] | None = None,
) -> Measured:
    """Run every side of one example; raises `Crashed`.

    Trajectories come first; the states of PyTorch's float32 one (JAX's where PyTorch
    is missing) are where all one-step maps start, unless `states` are given.
    """
    sides = workers.sides if sides is None else sides
    if not sides:
        return Measured((), {})
    tasks = [
        replace(
            base,
            framework=framework,
            precision=precision,
            edit=(edits or {}).get(framework),
        )
        for framework, precision in sides
    ]
    first = _all([workers.submit(task) for task in tasks])
    if base.kind == "lesson":
        return Measured(tuple(found for found, _ in first), {})
    if states is None:
        states = next(
            reached
            for framework in reversed(FRAMEWORKS)
            for task, (_, reached) in zip(tasks, first, strict=True)
            if (task.framework, task.precision) == (framework, "float32")
        )
    again = [replace(task, kind="maps", states=dict(states)) for task in tasks]
    second = _all([workers.submit(task) for task in again])
    return Measured(
        tuple(
            trace.merge([run, maps])
            for (run, _), (maps, _) in zip(first, second, strict=True)
        ),
        states,
    )


def _all(futures: "Sequence[Future[Answer]]") -> list[Answer]:
    """Every answer; when one fails, the others are waited for, so none runs on."""
    for future in futures:
        future.exception()
    return [future.result() for future in futures]


def check(measured: Measured, base: Task) -> tuple[list[Row], dict[str, Any]]:
    """Traces → rows, and facts of the run."""
    spec = load(base.example)
    sides = trace.by_side(measured.traces)
    if isinstance(spec, Lesson):
        return check_lesson(spec, sides, base), {}
    return check_training(spec, sides, measured.states, base)


def judge(measured: Measured, base: Task, *, seconds: float) -> Example:
    """Traces → an example with its verdict; absent frameworks are `skipped` rows."""
    try:
        rows, facts = check(measured, base) if measured.traces else ([], {})
    except Incomparable as error:
        rows, facts = [_one_row("crashed", str(error))], {}
    there = {found.framework for found in measured.traces}
    absent = [
        _one_row("skipped", f"{name} is not installed: {install_line(name)}")
        for name in FRAMEWORKS
        if name not in there
    ]
    for found in measured.traces:
        side = f"{found.framework} {found.precision}"
        facts.setdefault("peak memory", {})[side] = found.facts["peak memory"]
        if dropped := found.facts.get("copies not finite"):
            facts.setdefault("copies not finite", {})[side] = sorted(set(dropped))
    done = example(base.example, rows + absent, seconds=seconds, facts=facts)
    if absent and result.passed(done.verdict):
        return replace(done, verdict="skipped")  # one side alone proves nothing
    return done


def example(
    name: str,
    rows: list[Row],
    *,
    seconds: float,
    facts: dict[str, Any] | None = None,
) -> Example:
    """Rows in order, with what they amount to."""
    return Example(
        name=name,
        kind="lesson" if isinstance(load(name), Lesson) else "training",
        verdict=result.verdict(rows),
        seconds=round(seconds, 3),
        checks=sorted(rows, key=result.in_order),
        facts=facts or {},
    )


def crash(name: str, why: str, *, seconds: float) -> Example:
    """An example whose worker died or whose code raised."""
    return example(name, [_one_row("crashed", why)], seconds=seconds)


def _one_row(verdict: result.Verdict, why: str) -> Row:
    return Row("data", "run", "", None, "", None, None, None, verdict, why)


def run(
    names: Sequence[str],
    settings: Settings,
    workers: Workers,
    *,
    keep: Callable[[Measured, str], None] | None = None,
) -> Iterator[Example]:
    """Run examples, a few at a time; each is yielded when it is done."""

    def one(name: str) -> Example:
        began = time.perf_counter()
        try:
            base = settings.task(name)
            measured = measure(base, workers)
        except Crashed as error:
            return crash(name, str(error), seconds=time.perf_counter() - began)
        except Exception as error:
            # A fault of a spec must not take the other examples along.
            why = f"the spec raised {type(error).__name__}: {error}"
            return crash(name, why, seconds=time.perf_counter() - began)
        spent = time.perf_counter() - began
        try:
            done = judge(measured, base, seconds=spent)
        except Exception as error:
            # A fault of a spec or of ours must not take the other examples along.
            why = f"the check raised {type(error).__name__}: {error}"
            return crash(name, why, seconds=spent)
        if keep is not None:
            keep(measured, name)
        return done

    # The workers have the cores: threads of oracles would only wait for each other.
    with threadpool_limits(1), ThreadPoolExecutor(AT_ONCE) as threads:
        futures = [threads.submit(one, name) for name in names]
        try:
            for future in as_completed(futures):
                yield future.result()
        except BaseException:
            workers.stop()
            threads.shutdown(wait=True, cancel_futures=True)
            raise
