"""What the tests ask of a timing worker besides its task."""

import os
import sys

from compare import measure_time, sampling, time_worker

WINDOW = 100
"""Steps: some 20 ms of the largest training here."""


def hurry() -> int:
    """Less patience, a short window, fewer samples; returns the pid."""
    sampling.PATIENCE = 2.0
    sampling.ENOUGH = 0.1
    measure_time.WINDOW = WINDOW
    measure_time.SIZE = 64
    return os.getpid()


def surroundings() -> dict[str, object]:
    """Environment, cores and packages of the process."""
    return {
        "environment": dict(os.environ),
        "cores": time_worker.cores(),
        "packages": sorted(set(sys.modules) & {"jax", "flax", "optax", "torch"}),
        "pid": os.getpid(),
    }
