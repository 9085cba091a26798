"""What an explanation is made of: evidence, attempts, and the cause that is named."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from compare import noise

Phase = Literal["outputs", "loss", "gradients", "state", "update"]
Arguments = dict[str, Any]
Call = tuple[str, Arguments]
Rewrite = Callable[[str, Arguments], Call | None]
Factory = Callable[[Any], Any]

FORWARD: tuple[Phase, ...] = ("outputs", "loss", "gradients", "state")
ALL: tuple[Phase, ...] = (*FORWARD, "update")


@dataclass(frozen=True, eq=False)
class OptimizerEvidence:
    """An optimizer whose steps differ: PyTorch's, and a judge of any in its place.

    `factory` is the user's, parameters → optimizer or (optimizer, scheduler);
    `score` takes the recorded steps with another and judges it against JAX's updates.
    """

    factory: Factory
    score: Callable[[Factory], float]


@dataclass(frozen=True)
class Evidence:
    """Two arrays that differ, and how to run PyTorch in another way.

    `jax` and `torch` have one shape and one layout, `before` is their score. `calls`
    are the torch functions called in the layer that is blamed, `score` runs it again
    under a rewrite, `other_mode` in the other of train and eval mode.
    """

    phase: Phase
    jax: np.ndarray
    torch: np.ndarray
    floor: float
    before: float
    calls: tuple[Call, ...] = ()
    score: Callable[[Rewrite], float] | None = None
    other_mode: Callable[[], float] | None = None
    optimizer: OptimizerEvidence | None = None


@dataclass(frozen=True)
class Attempt:
    """One thing that may make them match: what to say then, and its score.

    `round` is when it is tried: 0 for arrays, 1 for one more run of PyTorch, 2 for the
    many runs of one call alone, 3 for what says least.
    """

    says: str
    score: Callable[[], float]
    round: int = 1


@dataclass(frozen=True)
class Explanation:
    """One entry of the table: its name, where it may hold, what it tries."""

    name: str
    phases: tuple[Phase, ...]
    attempts: Callable[[Evidence], Iterator[Attempt]]


@dataclass(frozen=True)
class Cause:
    """What makes them match, as a sentence, with the score before and after."""

    name: str
    says: str
    before: float
    after: float


def judged(evidence: Evidence, made: npt.ArrayLike, *, factor: float = 1.0) -> float:
    """The score of an array in the place of PyTorch's; inf where shapes differ.

    `factor` is by how much what was done to it has grown its rounding errors.
    """
    floor = evidence.floor * max(1.0, abs(factor))
    return noise.score(evidence.jax, np.asarray(made), floor)
