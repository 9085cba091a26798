"""Telling a user who waits what is being done."""

import sys
import time
from dataclasses import dataclass, field
from multiprocessing import parent_process

PATIENCE = 5.0
"""Seconds without a word."""


@dataclass
class Progress:
    """Says on stderr what is done, when it takes long; keeps the time."""

    name: str
    began: float = field(default_factory=time.perf_counter)
    last: float = field(default_factory=time.perf_counter)

    def __call__(self, doing: str) -> None:
        """Begin with something."""
        now = time.perf_counter()
        # A worker of ours has nobody who waits for it alone.
        if now - self.last >= PATIENCE and parent_process() is None:
            self.last = now
            line = f"{self.name}: {doing} ({now - self.began:.0f} s so far)"
            print(line, file=sys.stderr, flush=True)

    @property
    def seconds(self) -> float:
        """Since the beginning."""
        return time.perf_counter() - self.began
