"""Outputs and gradients of a model, in one program that is compiled once."""

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from jaxnets.arrays import to_numpy
from jaxnets.side.apply import apply
from jaxnets.side.parts import Evaluation, Pull
from jaxnets.side.subject import Subject
from jaxnets.side.trees import flatten

Arrays = Mapping[str, Any]
RETURNED = ("outputs", "loss", "gradients", "gradients", "buffers")
"""What the program returns; gradients of the parameters, then of the inputs."""
UNTRACEABLE = (
    jax.errors.ConcretizationTypeError,
    jax.errors.TracerArrayConversionError,
    jax.errors.TracerIntegerConversionError,
    jax.errors.NonConcreteBooleanIndexError,
)


def evaluate(
    subject: Subject,
    state: Mapping[str, np.ndarray],
    inputs: Mapping[str, np.ndarray],
    *,
    train: bool,
    pull: Pull,
) -> Evaluation:
    """Outputs, the scalar, its gradients, and the buffers after the call.

    Compiled once per mode, pull, shapes and dtypes. Raises ValueError for a model that
    cannot be traced, for a loss that is no single float, and for cotangents that fit
    no output.
    """
    program = _program(subject, train, pull)
    given = arguments(subject, state, inputs, pull)
    with tracing():
        still = _still(subject, program, given)
        outputs, loss, parameters, changes, buffers = program(*given)
    # Each is let go as it is copied: of a large model there is never a second set.
    order = list(given[0]) if parameters else []
    gradients = {path: to_numpy(parameters.pop(path)) for path in order}
    return Evaluation(
        {name: to_numpy(value) for name, value in outputs.items()},
        None if loss is None else to_numpy(loss),
        gradients,
        {name: to_numpy(changes[name]) for name in given[2] if changes},
        {path: to_numpy(value) for path, value in buffers.items()},
        tuple(path for path, v in gradients.items() if path in still and not v.any()),
    )


@contextmanager
def tracing() -> Iterator[None]:
    """Say it in a person's words where a model cannot be traced."""
    try:
        yield
    except UNTRACEABLE as error:
        said = str(error).strip().partition("\n")[0]
        raise ValueError(
            "the JAX model cannot be traced, which its gradients need: it takes the "
            f"value of an array as Python's or NumPy's ({said}); use jnp.where, "
            "lax.cond and functions of jax.numpy there, and close over what is fixed "
            "in place of giving it as an input"
        ) from error


def scalar(pull: Pull, outputs: Any, targets: Any, cotangents: Arrays | None) -> Array:
    """What is differentiated: loss(outputs, *targets), else Σ output · cotangent."""
    if pull.loss is not None:
        value = jnp.asarray(pull.loss(outputs, *map(jnp.asarray, targets)))
        if value.shape or not jnp.issubdtype(value.dtype, jnp.floating):
            raise ValueError(
                "the JAX loss: expected a single float, got "
                f"{value.dtype.name} of shape {value.shape}; take its mean or sum"
            )
        return value
    named, weights = flatten(outputs), cotangents or {}
    if unknown := [name for name in weights if name not in named]:
        raise ValueError(f"cotangents for {unknown}: outputs are {list(named)}")
    products = [jnp.sum(named[name] * weight) for name, weight in weights.items()]
    return sum(products, start=jnp.zeros(()))


def _program(subject: Subject, train: bool, pull: Pull) -> Callable[..., Any]:
    """The compiled function of this mode and pull; other numbers are arguments."""
    names = None if pull.cotangents is None else tuple(pull.cotangents)
    key = ("evaluate", train, id(pull.loss), id(pull.draw), names)
    if key not in subject.programs:
        # The pull's functions are kept, so that no other gets the id of one of them.
        rule = pull._replace(targets=())
        subject.programs[key] = rule, jax.jit(evaluation(subject, train, rule))
    return subject.programs[key][1]


def arguments(
    subject: Subject, state: Arrays, inputs: Arrays, pull: Pull
) -> tuple[Any, ...]:
    """All numbers that an evaluation takes, in its order."""
    return *_split(subject, state), *_floats(inputs), pull.targets, pull.cotangents


def evaluation(subject: Subject, train: bool, pull: Pull) -> Callable[..., Any]:
    """The function of `arguments` that gives what is in `RETURNED`."""
    alone = pull.loss is None and pull.cotangents is None

    def forward(parameters: Any, floats: Any, rest: Any) -> Any:
        buffers, others, targets, cotangents = rest
        outputs, after = apply(
            subject,
            {**parameters, **buffers},
            {**floats, **others},
            train=train,
            draw=pull.draw,
        )
        # Unlike a dict's, the order of its keys outlives the program.
        shown = OrderedDict(flatten(outputs)), OrderedDict(after)
        if alone:
            return jnp.zeros(()), shown
        return scalar(pull, outputs, targets, cotangents), shown

    def evaluation(
        parameters: Any,
        buffers: Any,
        floats: Any,
        others: Any,
        targets: Any,
        cotangents: Any,
    ) -> Any:
        rest = buffers, others, targets, cotangents
        if alone:
            _, (outputs, after) = forward(parameters, floats, rest)
            return outputs, None, {}, {}, after
        differentiated = jax.value_and_grad(forward, argnums=(0, 1), has_aux=True)
        (loss, (outputs, after)), gradients = differentiated(parameters, floats, rest)
        return outputs, loss, *gradients, after

    return evaluation


def _split(
    subject: Subject, state: Mapping[str, np.ndarray]
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Parameters and all else of a state, in the order of definition."""
    kinds = {leaf.path: leaf.kind for leaf in subject.leaves}
    parameters = [leaf.path for leaf in subject.leaves if leaf.kind == "parameter"]
    return (
        {path: state[path] for path in parameters if path in state},
        {path: v for path, v in state.items() if kinds.get(path) != "parameter"},
    )


def _floats(inputs: Mapping[str, np.ndarray]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Inputs that have a gradient, and the others."""
    floats = {
        name: value
        for name, value in inputs.items()
        if jnp.issubdtype(np.asarray(value).dtype, jnp.floating)
    }
    return floats, {name: v for name, v in inputs.items() if name not in floats}


def _still(subject: Subject, program: Any, given: Any) -> frozenset[str]:
    """Parameters whose gradients depend on no number that the program is given."""
    shapes = jax.tree.map(lambda a: (np.shape(a), np.asarray(a).dtype.name), given)
    key = ("still", id(program), repr(shapes), jnp.result_type(float).name)
    if key not in subject.programs:
        traced = program.trace(*given)
        pairs, _ = jax.tree_util.tree_flatten_with_path(traced.out_info)
        inner = traced.jaxpr.jaxpr
        moved = _dependent(inner)
        subject.programs[key] = frozenset(
            keys[1].key
            for (keys, _), variable in zip(pairs, inner.outvars, strict=True)
            if keys[0].idx == RETURNED.index("gradients") and id(variable) not in moved
        )
    return subject.programs[key]


def _dependent(program: Any) -> set[int]:
    """The variables of a program that depend on its inputs, by identity."""
    moved = {id(variable) for variable in program.invars}
    for equation in program.eqns:
        if any(id(variable) in moved for variable in equation.invars):
            moved |= {id(variable) for variable in equation.outvars}
    return moved
