"""A device, its program and its gauges: it alone turns the clock.

It works on when a step has been handed over. All times are powers of two, so that sums
of them are exact.
"""

from contextlib import nullcontext
from types import ModuleType

from compare.sampling import Walk

HAND_OVER = 2.0**-12
"""Seconds that a step takes to be handed over."""
WORK = 2.0**-10
"""Seconds that the device works on a step."""
BACK = 1024.0
"""Seconds that putting the objects back takes."""


class Loss:
    """A number that is there when the device is done."""

    def __init__(self, device):
        self._device = device

    def __float__(self) -> float:
        self._device.wait()
        return 0.0


class Device:
    """Program, gauges, ledger and clock in one; `log` tells what was asked of it."""

    def __init__(self, *, honest=True, slower=1.0, compiles=0):
        self.now, self.behind, self.log, self.takes = 0.0, 0.0, [], 0
        self._honest, self._slower, self._compiles = honest, slower, compiles

    def __call__(self) -> float:
        return self.now

    def restart(self, start):
        assert start == "start"
        self.now += BACK
        self.log.append("restart")

    def take(self, batches):
        self.takes += 1
        factor = self._slower**self.takes
        self.now += HAND_OVER * len(batches) * factor
        self.behind += WORK * len(batches) * factor
        self.log += batches
        return [Loss(self) for _ in batches]

    def pending(self):
        return None

    def guard(self):
        return nullcontext()

    def wait(self):
        self.now += self.behind
        self.behind = 0.0

    def synchronize(self, values):
        self.log.append("wait")
        if self._honest:
            self.wait()

    def counts(self):
        return {"programs": min(self.takes, self._compiles)}


def walk(device: Device, steps: int, *, whole: bool = False) -> Walk:
    gauges = ModuleType("gauges")
    vars(gauges)["synchronize"] = device.synchronize
    return Walk(gauges, device, "start", [*range(steps)], steps, whole)
