"""How values go through loops and branches of a program, until nothing changes."""

from collections.abc import Callable
from typing import Any

from jaxnets.side.values import Value, join

Runs = Callable[[Any, list[Value]], list[Value]]
"""The values of an inner program's outputs from those of its inputs."""


def through_scan(equation: Any, inputs: list[Value], run: Runs) -> list[Value]:
    """Through a loop of known length: constants, what is carried, rows."""
    first, carried = equation.params["num_consts"], equation.params["num_carry"]
    constants, rest = inputs[:first], inputs[first:]
    carry, rows = rest[:carried], rest[carried:]
    while True:
        found = run(equation.params["jaxpr"], [*constants, *carry, *rows])
        grown = _grown(carry, found[:carried])
        if grown == carry:
            return [*carry, *found[carried:]]
        carry = grown


def through_while(equation: Any, inputs: list[Value], run: Runs) -> list[Value]:
    """Through a loop whose end is computed, on which all that it carries depends."""
    first, second = equation.params["cond_nconsts"], equation.params["body_nconsts"]
    tested, rest = inputs[:first], inputs[first:]
    constants, carry = rest[:second], rest[second:]
    while True:
        (decided,) = run(equation.params["cond_jaxpr"], [*tested, *carry])
        found = run(equation.params["body_jaxpr"], [*constants, *carry])
        grown = [_decided(value, decided) for value in _grown(carry, found)]
        if grown == carry:
            return carry
        carry = grown


def through_branches(equation: Any, inputs: list[Value], run: Runs) -> list[Value]:
    """Through all branches, and what chooses among them."""
    decided, *arguments = inputs
    found = [run(branch, arguments) for branch in equation.params["branches"]]
    return [_decided(join(values), decided) for values in zip(*found, strict=True)]


def _grown(carry: list[Value], found: list[Value]) -> list[Value]:
    return [join(pair) for pair in zip(carry, found, strict=True)]


def _decided(value: Value, by: Value) -> Value:
    return value._replace(touched=value.touched | by.touched)


THROUGH = {"scan": through_scan, "while": through_while, "cond": through_branches}
