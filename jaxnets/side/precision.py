"""Finding what computes below float64 inside a float64 evaluation of a user's model."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import jax
import numpy as np

from jaxnets.side.apply import apply
from jaxnets.side.evaluate import scalar, tracing
from jaxnets.side.narrow import follow
from jaxnets.side.nested import is_float
from jaxnets.side.operations import line, operation
from jaxnets.side.optimizer import Memory, step_of
from jaxnets.side.parts import Pull, Spot
from jaxnets.side.subject import Subject
from jaxnets.side.trees import flatten

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
    trained = {leaf.path for leaf in subject.leaves if leaf.kind == "parameter"}
    parameters = {path: value for path, value in state.items() if path in trained}
    floats = {name: value for name, value in inputs.items() if is_float(value)}
    evaluation = _evaluation(subject, train=train, pull=pull)
    # All numbers are arguments: in the program, one of float32 would be a constant.
    rest = dict(state), dict(inputs), pull.targets, pull.cotangents
    with tracing():
        trace = jax.make_jaxpr(evaluation, return_shape=True)
        program, shapes = trace(parameters, floats, rest)
    places = [keys for keys, _ in jax.tree.leaves_with_path(shapes)]
    names = [str(keys[-1].key) for keys in places]
    return narrow_spots(program, names, [str(keys[0].key) for keys in places])


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


def _evaluation(subject: Subject, *, train: bool, pull: Pull) -> Callable[..., Any]:
    """All that an evaluation gives, by phase and name."""
    alone = pull.loss is None and pull.cotangents is None

    def forward(parameters: Any, floats: Any, rest: Any) -> Any:
        state, inputs, targets, cotangents = rest
        outputs, buffers = apply(
            subject,
            {**state, **parameters},
            {**inputs, **floats},
            train=train,
            draw=pull.draw,
        )
        shown = {"outputs": flatten(outputs), "buffers": buffers}
        return None if alone else scalar(pull, outputs, targets, cotangents), shown

    def evaluation(parameters: Any, floats: Any, rest: Any) -> Any:
        if alone:
            return forward(parameters, floats, rest)[1]
        differentiated = jax.value_and_grad(forward, argnums=(0, 1), has_aux=True)
        (loss, shown), (first, second) = differentiated(parameters, floats, rest)
        gradients = {"parameters": first, "inputs": second}
        return {**shown, "loss": {"": loss}, "gradients": gradients}

    return evaluation


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
