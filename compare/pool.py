"""The worker processes, one a framework and precision; one that dies is replaced."""

import signal
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from importlib.util import find_spec
from multiprocessing import get_context, resource_tracker
from pathlib import Path
from typing import Any

import psutil

from compare import worker
from compare.fault import FRAMEWORKS, Side
from compare.noise import PRECISIONS, Precision
from compare.parcel import Parcel, folder, unpack
from compare.task import Failed, State, Task
from compare.trace import Trace

NEEDS = {"jax": ("jax", "flax", "optax", "grain"), "torch": ("torch",)}
Answer = tuple[Trace, dict[int, State]]


class Crashed(RuntimeError):
    """A task whose worker died or whose code raised, with the reason."""


class NotReady(RuntimeError):
    """A framework that cannot be used here, or does not see the device asked for."""


def missing(framework: str) -> tuple[str, ...]:
    """Packages of a framework that are not installed; nothing is imported."""
    return tuple(name for name in NEEDS[framework] if find_spec(name) is None)


def install_line(framework: str) -> str:
    """What to type where a framework is missing."""
    return f"pip install {' '.join(missing(framework) or NEEDS[framework])}"


def installed() -> tuple[Side, ...]:
    """The frameworks that are installed."""
    return tuple(name for name in FRAMEWORKS if not missing(name))


def _no_interrupts() -> None:
    """Ctrl-C goes to the main thread alone, which ends the workers itself.

    Processes started from here inherit that, from their very first instruction on. The
    resource tracker comes first, for starting it lets the signal through again.
    """
    resource_tracker.ensure_running()
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})


def _kill(process: psutil.Process) -> None:
    """Kill a process with its descendants; raises `NoSuchProcess`."""
    process.suspend()  # so that it starts no more of them
    for one in (*process.children(recursive=True), process):
        with suppress(psutil.NoSuchProcess):
            one.kill()


@dataclass
class Worker:
    """One process behind a queue of one: what breaks it is the task it was doing.

    `start` is what the process does first; it returns its pid.
    """

    name: str
    settings: Mapping[str, str]
    """Of its environment, before a framework is imported."""
    start: Callable[[], int]
    log: Path
    queue: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(1, initializer=_no_interrupts)
    )
    process: ProcessPoolExecutor | None = None
    pid: int | None = None

    def call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Run a function over there; raises `Crashed` with the tail of its stderr."""
        try:
            return self._process().submit(function, *arguments).result()
        except BrokenProcessPool:
            self.process = self.pid = None
            raise Crashed(f"the {self.name} worker died{self._tail()}") from None

    def _process(self) -> ProcessPoolExecutor:
        if self.process is None:
            self.process = ProcessPoolExecutor(
                1,
                mp_context=get_context("spawn"),
                initializer=worker.enter,
                initargs=(self.settings, self.log),
            )
            start = self.process.submit(self.start)
            try:
                self.pid = start.result()
            except (ImportError, RuntimeError) as error:
                if isinstance(error, BrokenProcessPool):
                    raise
                self.process.shutdown()
                self.process = None  # the next task tries again
                raise NotReady(f"{self.name.split()[0]}: {error}") from None
        return self.process

    def kill(self) -> None:
        """End the process now, and what it has started: the processes of a loader."""
        if self.pid is not None:
            with suppress(psutil.NoSuchProcess):  # it is gone already
                _kill(psutil.Process(self.pid))

    def _tail(self) -> str:
        lines = self.log.read_text(errors="replace").splitlines()[-3:]
        return ": " + " | ".join(lines) if lines else ""


class Workers:
    """All workers of a run. Any `concurrent.futures` executor could stand behind it."""

    def __init__(
        self, frameworks: tuple[Side, ...], logs: Path, *, device: str = "cpu"
    ) -> None:
        logs.mkdir(parents=True, exist_ok=True)
        self._stopped = threading.Event()
        self._parcels = folder()
        self._workers: dict[tuple[Side, Precision], Worker] = {
            (framework, precision): Worker(
                f"{framework} {precision}",
                worker.environment(precision, device),
                partial(worker.start, framework, precision, device),
                logs / f"{framework}-{precision}.log",
            )
            for framework in frameworks
            for precision in PRECISIONS
        }

    @property
    def sides(self) -> tuple[tuple[Side, Precision], ...]:
        """(framework, precision) of every worker."""
        return tuple(self._workers)

    def submit(self, task: Task) -> "Future[Answer]":
        """Queue a task at its worker; the future raises `Crashed`."""
        return self._ask(
            task.framework, task.precision, worker.send, task, self._parcels.name
        )

    def describe(self) -> dict[str, dict[str, str]]:
        """What every worker says of itself; raises `NotReady`."""
        asked = {
            f"{framework} {precision}": self._ask(
                framework, precision, worker.describe, framework
            )
            for framework, precision in self._workers
        }
        return {side: future.result() for side, future in asked.items()}

    def spent(self) -> dict[str, float]:
        """CPU seconds of all workers, by what they went into."""
        asked = [
            self._ask(framework, precision, worker.spent)
            for (framework, precision), at in self._workers.items()
            if at.process is not None  # one that has died tells nothing
        ]
        total: Counter[str] = Counter()
        for future in asked:
            with suppress(Crashed, NotReady):  # nor does one that dies over it
                total.update(future.result())
        return dict(total)

    def _ask(
        self,
        framework: Side,
        precision: Precision,
        function: Callable[..., Any],
        *arguments: Any,
    ) -> "Future[Any]":
        at = self._workers[framework, precision]

        def call() -> Any:
            if self._stopped.is_set():
                raise Crashed("stopped")
            try:
                answer = at.call(function, *arguments)
                return unpack(answer) if isinstance(answer, Parcel) else answer
            except (Crashed, NotReady):
                raise
            except Failed as error:
                raise Crashed(str(error)) from None
            except Exception as error:
                # Whatever a twin raises becomes a row, with its own words.
                raise Crashed(f"{type(error).__name__}: {error}") from error

        return at.queue.submit(call)

    def stop(self) -> None:
        """End every worker now."""
        self._stopped.set()
        for at in self._workers.values():
            at.kill()

    def __enter__(self) -> "Workers":
        return self

    def __exit__(self, kind: Any, *_: Any) -> None:
        if kind is not None:
            self.stop()
        self._stopped.set()
        for at in self._workers.values():
            at.queue.shutdown(cancel_futures=True)
            if at.process is not None:
                at.process.shutdown(cancel_futures=True)
        self._parcels.cleanup()
