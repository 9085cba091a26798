"""What a worker is asked: plain data, so that any executor can carry it."""

from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from compare.fault import Edit, Side
from compare.noise import Precision
from compare.spec import Prepared, Training, prepare

State = dict[str, np.ndarray]


@dataclass(frozen=True)
class Effort:
    """How much of a training is run; None leaves it to the spec."""

    copies: int = 4
    steps: int | None = None
    float64_steps: int | None = None
    checkpoints: int = 12

    def steps_of(self, spec: Training) -> int:
        """Steps of the float32 run."""
        return spec.steps if self.steps is None else min(self.steps, spec.steps)

    def float64_steps_of(self, spec: Training) -> int:
        """Steps of the float64 run."""
        wanted = self.float64_steps or spec.float64_steps
        return min(wanted, self.steps_of(spec))

    def checkpoints_of(self, spec: Training) -> tuple[int, ...]:
        """Log-spaced steps whose one-step maps are compared, and the spec's own."""
        steps = self.steps_of(spec)
        spaced = np.geomspace(1, steps, min(self.checkpoints, steps)).round() - 1
        chosen = {int(step) for step in spaced} | set(spec.checkpoints)
        return tuple(sorted(step for step in chosen if step < steps))


NORMAL = Effort()
QUICK = Effort(copies=2, steps=40, float64_steps=20, checkpoints=4)
FULL = Effort(float64_steps=10**9)


class Failed(RuntimeError):
    """What a twin raised, in words: its own exceptions need not travel."""


def drawn(spec: Training, task: "Task") -> Prepared:
    """What the task brings along, or drawn anew: the same numbers."""
    return task.prepared or prepare(spec, task.seed)


@dataclass(frozen=True)
class Task:
    """One piece of work for one worker; a pure function of these fields."""

    kind: Literal["trajectory", "maps", "lesson"]
    example: str
    framework: Side
    precision: Precision
    seed: int
    run: str
    device: str = "cpu"
    effort: Effort = NORMAL
    edit: Edit | None = None
    states: dict[int, State] = field(default_factory=dict)
    """Checkpoint states by step; the key of the final state is the number of steps."""
    prepared: Prepared | None = None
    """What the spec draws from the seed, where it is drawn already."""
