"""Finding what computes below float64 inside a float64 evaluation of a user's model."""

from collections.abc import Iterator, Sequence
from typing import Any

from jaxnets.side.narrow import follow
from jaxnets.side.operations import operation
from jaxnets.side.parts import Spot

PHASES = ("outputs", "loss", "gradients", "buffers", "update")


def narrow_spots(
    program: Any, names: Sequence[str], phases: Sequence[str]
) -> list[Spot]:
    """Where a closed jaxpr leaves float64, if an output of it depends on that.

    `names` and `phases` are those of its outputs, in their order. Each line has one
    spot for all phases of which every output depends on it, without names, and one for
    each other phase, with the names of those that do.
    """
    places, touched = follow(program)
    outputs = list(zip(phases, names, touched, strict=True))
    spots = []
    for number, place in enumerate(places):
        told = operation(place, places)
        for reached, which in _reached(outputs, 1 << number):
            spots.append(Spot(told, place.where, reached, which))
    return spots


def _reached(
    outputs: Sequence[tuple[str, str, int]], bit: int
) -> Iterator[tuple[tuple[str, ...], tuple[str, ...]]]:
    whole = []
    for phase in PHASES:
        every = [(name, touched & bit) for of, name, touched in outputs if of == phase]
        which = tuple(name for name, depends in every if depends)
        if which and len(which) == len(every):
            whole.append(phase)
        elif which:
            yield (phase,), which
    if whole:
        yield tuple(whole), ()
