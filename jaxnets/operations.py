"""Counting the floating-point operations of matrix products, as they are written."""

from collections.abc import Callable, Iterator
from math import prod
from typing import Any

import jax


def products(function: Callable[..., Any], *arguments: Any) -> int:
    """Operations of all matrix products in a call, before XLA drops any.

    2 · (elements of the product) · (terms of each)

    Convolutions are left out. Raises ValueError where the count depends on numbers:
    branches that differ, a loop of unknown length.
    """
    return _products(jax.make_jaxpr(function)(*arguments).jaxpr)


def inner_programs(equation: Any) -> Iterator[Any]:
    """The programs inside of an equation, such as a branch or the body of a loop."""
    values = list(equation.params.values())
    for value in jax.tree.leaves(values, is_leaf=lambda v: hasattr(v, "eqns")):
        program = getattr(value, "jaxpr", value)
        if hasattr(program, "eqns"):
            yield program


def _products(program: Any) -> int:
    return sum(_of(equation) for equation in program.eqns)


def _of(equation: Any) -> int:
    name = equation.primitive.name
    found = [_products(inner) for inner in inner_programs(equation)]
    if name == "dot_general":
        (contracted, _), _ = equation.params["dimension_numbers"]
        shape = equation.invars[0].aval.shape
        terms = prod(shape[axis] for axis in contracted)
        return 2 * equation.outvars[0].aval.size * terms
    if name == "scan":
        return equation.params["length"] * sum(found)
    if name == "cond" and len(set(found)) == 1:
        return found[0]
    if name in ("cond", "while") and any(found):
        raise ValueError(
            f"function: expected a count that depends on shapes alone, got {name!r} "
            f"with products ({found}); close over the numbers that decide, under "
            "jax.disable_jit() and jax.ensure_compile_time_eval()"
        )
    return sum(found)
