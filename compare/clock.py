"""What a worker's CPU seconds go into: imports, compiling, computing, and the rest.

Everything that is called in a runtime counts as its framework's: the twin's functions,
and moving numbers in and out. The rest is the harness: drawing, perturbing, hashing,
comparing, saving, and Python itself.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from time import perf_counter, process_time
from types import ModuleType
from typing import Any


class Clock:
    """Counts the CPU seconds of one process."""

    def __init__(self) -> None:
        self.imports = self.compiling = self.computing = 0.0
        self._heard = 0.0

    def hear(self, seconds: float) -> None:
        """What a framework says of its compiler, by the wall clock."""
        self._heard += seconds

    @contextmanager
    def importing(self) -> Iterator[None]:
        """Around what imports a framework and starts it."""
        began = process_time()
        yield
        self.imports += process_time() - began

    @contextmanager
    def running(self) -> Iterator[None]:
        """Around what a framework does; the compiler's part is taken out."""
        heard, wall, cpu = self._heard, perf_counter(), process_time()
        try:
            yield
        finally:
            wall, cpu = perf_counter() - wall, process_time() - cpu
            # Other processes use the cores too, so only the proportion is known.
            compiled = min(1.0, (self._heard - heard) / wall)
            self.compiling += compiled * cpu
            self.computing += (1 - compiled) * cpu

    def spent(self) -> dict[str, float]:
        """CPU seconds of this process so far, by what they went into."""
        known = {
            "imports": self.imports,
            "compiling": self.compiling,
            "computing": self.computing,
        }
        return known | {"harness": process_time() - sum(known.values())}


class Timed:
    """A runtime whose verbs are counted; what they call of each other is not again."""

    def __init__(self, runtime: ModuleType, clock: Clock) -> None:
        self._runtime, self._clock = runtime, clock

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._runtime, name)
        return self._counted(value) if callable(value) else value

    def _counted(self, verb: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(verb)
        def counted(*arguments: Any, **options: Any) -> Any:
            with self._clock.running():
                return verb(*arguments, **options)

        return counted
