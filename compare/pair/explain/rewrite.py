"""From one call's variants to attempts: all calls of a kind at once, then one alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from compare.pair.explain.parts import (
    FORWARD,
    Arguments,
    Attempt,
    Call,
    Evidence,
    Explanation,
    Phase,
    Rewrite,
)

MANY = 20
"""Calls of one kind; of more, none is tried alone."""


@dataclass(frozen=True)
class Variant:
    """One other way to make a call: what to say of it, and how."""

    says: str
    make: Callable[[], Call]


Rule = Callable[[str, Arguments], Iterator[Variant]]
"""A call's name and arguments → its variants. The same variant of several calls says
the same of each."""


def with_(name: str, arguments: Arguments, **changed: object) -> Call:
    """A call with some arguments changed."""
    return name, {**arguments, **changed}


def other_axes(name: str, arguments: Arguments) -> Iterator[Variant]:
    """A call that is done along each other axis of its input; `dim` is a number."""
    rank = arguments["input"].ndim
    now = arguments["dim"] % rank
    for axis in range(rank):
        if axis != now:
            says = f"PyTorch's {name} is over axis {axis} (it is over axis {now})"
            yield Variant(says, lambda axis=axis: with_(name, arguments, dim=axis))


def explanation(
    name: str, rule: Rule, *, phases: tuple[Phase, ...] = FORWARD
) -> Explanation:
    """An entry of the table that makes PyTorch's calls in another way."""

    def attempts(evidence: Evidence) -> Iterator[Attempt]:
        score = evidence.score
        if score is None:
            return
        for says, count in _found(rule, evidence.calls).items():
            many = f", in all its {count} calls" if count > 1 else ""

            def together(says: str = says) -> float:
                return score(_rewrite(rule, says))

            yield Attempt(says + many, together)
            if 1 < count <= MANY:
                yield from _alone(rule, says, count, score)

    return Explanation(name, phases, attempts)


def _alone(
    rule: Rule, says: str, count: int, score: Callable[[Rewrite], float]
) -> Iterator[Attempt]:
    for number in range(count):

        def one(number: int = number) -> float:
            return score(_rewrite(rule, says, number=number, count=count))

        yield Attempt(f"{says}, in call {number + 1} of {count} alone", one, 2)


def _found(rule: Rule, calls: tuple[Call, ...]) -> dict[str, int]:
    """Each variant that some call has, and how many have it."""
    counts: dict[str, int] = {}
    for name, arguments in calls:
        for variant in rule(name, arguments):
            counts[variant.says] = counts.get(variant.says, 0) + 1
    return counts


def _rewrite(
    rule: Rule, says: str, *, number: int | None = None, count: int = 1
) -> Rewrite:
    """Make one variant of every call that has it, or of the `number`-th of `count`.

    Counted anew after `count` of them, for a score may run PyTorch more than once.
    """
    seen = 0

    def rewrite(name: str, arguments: Arguments) -> Call | None:
        nonlocal seen
        for variant in rule(name, arguments):
            if variant.says == says:
                seen += 1
                wanted = number is None or (seen - 1) % count == number
                return variant.make() if wanted else None
        return None

    return rewrite
