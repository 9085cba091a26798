"""Finding what computes below float64 inside a float64 evaluation of a user's model."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import jax
import numpy as np

from jaxnets.side.evaluate import RETURNED, arguments, evaluation, tracing
from jaxnets.side.narrow import follow
from jaxnets.side.operations import line, operation
from jaxnets.side.optimizer import Memory, step_of
from jaxnets.side.parts import Pull, Spot
from jaxnets.side.subject import Subject

PHASES = ("outputs", "loss", "gradients", "buffers", "update")


def low_precision(
    subject: Subject,
    state: Mapping[str, np.ndarray],
    inputs: Mapping[str, np.ndarray],
    *,
    train: bool,
    pull: Pull,
) -> list[Spot]:
    """Where an evaluation leaves float64, and what depends on that; nothing is run."""
    # All numbers are arguments: in the program, one of float32 would be a constant.
    with tracing():
        trace = jax.make_jaxpr(evaluation(subject, train, pull), return_shape=True)
        program, shapes = trace(*arguments(subject, state, inputs, pull))
    places = [keys for keys, _ in jax.tree.leaves_with_path(shapes)]
    names = [keys[1].key if len(keys) > 1 else "" for keys in places]
    return narrow_spots(program, names, [RETURNED[keys[0].idx] for keys in places])


def low_precision_step(
    optimizer: Any,
    memory: Memory,
    parameters: Mapping[str, np.ndarray],
    gradients: Mapping[str, np.ndarray],
) -> list[Spot]:
    """Where an optimizer's step leaves float64; nothing is run.

    What it keeps for later steps counts as much as the update.
    """
    wanted = {path: gradients[path] for path in parameters}
    trace = jax.make_jaxpr(step_of(optimizer.update))
    program = trace(dict(parameters), memory.state, wanted)
    count = len(program.jaxpr.outvars)
    found = narrow_spots(program, [""] * count, ["update"] * count)
    return [spot._replace(names=()) for spot in found]


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
            spots.append(Spot(told, line(place, places), reached, which))
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
