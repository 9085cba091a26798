"""Why two models differ: explanations are tried until one makes them match.

Every explanation is one function of a table. It says what it would change, and the
score is taken again with that change; up to `noise.LIMIT` it matches. Cheapest first:
relations of the arrays, then one run of PyTorch made in another way, then its calls one
by one, then what says least.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

from compare import noise
from compare.pair.explain.arrays import FIRST
from compare.pair.explain.attention import ATTENTION
from compare.pair.explain.further import FURTHER
from compare.pair.explain.layers import LAYERS
from compare.pair.explain.masks import MASKED
from compare.pair.explain.optimizers import OPTIMIZERS
from compare.pair.explain.parts import (
    Attempt,
    Cause,
    Evidence,
    Explanation,
    OptimizerEvidence,
)
from compare.pair.explain.patterns import LAST
from compare.pair.explain.recurrent import RECURRENT
from compare.pair.explain.structure import STRUCTURE

__all__ = [
    "EXPLANATIONS",
    "Attempt",
    "Cause",
    "Evidence",
    "Explanation",
    "OptimizerEvidence",
    "explain",
]

EXPLANATIONS: tuple[Explanation, ...] = (
    *FIRST,
    *OPTIMIZERS,
    *LAYERS,
    *RECURRENT,
    *ATTENTION,
    *MASKED,
    *STRUCTURE,
    *FURTHER,
    *LAST,
)
"""In the order in which they are tried, within a round."""
PART = 1000.0
"""What lowers the score by this factor, and does not make them match, is a part."""


def explain(
    evidence: Evidence, *, table: tuple[Explanation, ...] = EXPLANATIONS
) -> Cause | None:
    """The first explanation that makes the two match, or one that does so in part.

    None where they match as they are, or nothing in the table explains it.
    """
    if evidence.before <= noise.LIMIT:
        return None
    best: Cause | None = None
    for name, attempt in _in_turn(evidence, table):
        after = _score(attempt.score)
        cause = Cause(name, f"matches if {attempt.says}", evidence.before, after)
        if after <= noise.LIMIT:
            return cause
        if best is None or after < best.after:
            best = cause
    part = evidence.before / PART if math.isfinite(evidence.before) else 0.0
    if best is None or best.after > part:
        return None
    says = best.says.replace("matches if", "matches nearly, but not wholly, if", 1)
    return Cause(best.name, says, best.before, best.after)


def _in_turn(
    evidence: Evidence, table: tuple[Explanation, ...]
) -> Iterator[tuple[str, Attempt]]:
    """All attempts, by round and then in the table's order."""
    later: list[tuple[str, Attempt]] = []
    for entry in table:
        if evidence.phase not in entry.phases:
            continue
        for attempt in entry.attempts(evidence):
            if attempt.round:
                later.append((entry.name, attempt))
            else:
                yield entry.name, attempt
    yield from sorted(later, key=lambda pair: pair[1].round)


def _score(score: Callable[[], float]) -> float:
    """A score; what is no number is no match."""
    after = float(score())
    return math.inf if math.isnan(after) else after
