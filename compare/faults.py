"""All planted faults: every example lists its own, in the spec.

Every harness should prove that it can fail. A fault that is missed, or that shows in
another phase than it should, makes `twinnets selftest` exit with 1.
"""

from dataclasses import replace

from compare import registry
from compare.fault import Fault
from compare.result import PHASES


def collect() -> tuple[Fault, ...]:
    """Every fault with its example, in the order of the phases."""
    found = [
        replace(fault, example=name)
        for name in registry.names()
        for fault in registry.load(name).faults
    ]
    return tuple(sorted(found, key=lambda fault: PHASES.index(fault.phase)))


FAULTS = collect()
