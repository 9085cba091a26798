"""Where a traced program leaves float64, and which of its outputs depend on it.

Every value of the program is followed, through all programs inside of it: which places
have touched it, and whether it is still below float64. A number below float64 that is
exact all the same, such as a constant 0.5, is no place.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import jax

from jaxnets.side.constants import KEEPS, is_float, is_narrow, is_rounded, is_short
from jaxnets.side.loops import THROUGH
from jaxnets.side.source import Stack, describe, stack
from jaxnets.side.values import Place, Value, bits, join

# Primitives whose inner program only says how two numbers are combined.
COMBINES = ("reduce", "scatter", "select_and", "arg", "sort")


def follow(program: Any) -> tuple[list[Place], list[int]]:
    """The places of a closed program, and for each output the bits of its places."""
    walk = Walk()
    inputs = [Value(exact=is_narrow(variable)) for variable in program.jaxpr.invars]
    values = walk.program(program, inputs, ())
    return walk.places, [value.touched for value in values]


@dataclass
class Walk:
    """A walk over a program: the places that it has found."""

    places: list[Place] = field(default_factory=list)
    numbers: dict[tuple[str, str, bool], int] = field(default_factory=dict)
    nowhere: int = 0
    """Places that are on no line of the model's, until something there uses them."""

    def program(self, program: Any, inputs: list[Value], outer: Stack) -> list[Value]:
        """The values of a program's outputs from those of its inputs."""
        inner = _open(program)
        known: dict[Any, Value] = dict(zip(inner.invars, inputs, strict=True))
        for variable, number in zip(inner.constvars, _constants(program), strict=True):
            users = [e for e in inner.eqns if variable in e.invars]
            frames = stack(users[0], outer) if users else outer
            known[variable] = self._constant(number, variable, frames)
        for equation in inner.eqns:
            frames = stack(equation, outer)
            arriving = self._arriving(known, equation.invars, frames)
            found = self._equation(equation, arriving, frames)
            known.update(zip(equation.outvars, found, strict=True))
        return self._arriving(known, inner.outvars, outer)

    def _arriving(
        self, known: dict[Any, Value], variables: Sequence[Any], frames: Stack
    ) -> list[Value]:
        values = [None if hasattr(v, "val") else known[v] for v in variables]
        inside = any(value.inside for value in values if value)
        # Among numbers that are below float64 already, a constant is no place.
        return [
            value or (Value() if inside else self._constant(v.val, v, frames))
            for value, v in zip(values, variables, strict=True)
        ]

    def _constant(self, number: Any, variable: Any, frames: Stack) -> Value:
        if is_rounded(number):
            return self._leave(Place("constant", describe(frames)), variable)
        return Value(exact=is_short(number))

    def _equation(
        self, equation: Any, inputs: list[Value], frames: Stack
    ) -> list[Value]:
        name = equation.primitive.name
        if name in THROUGH:
            return THROUGH[name](equation, inputs, partial(self.program, outer=frames))
        programs = [] if name.startswith(COMBINES) else list(_programs(equation))
        if not programs:
            return self._operation(equation, inputs, frames)
        if len(programs) == 1 and _fits(equation, _open(programs[0])):
            return self.program(programs[0], inputs, frames)
        # Of other primitives with programs inside, all of it may touch all.
        every = join(inputs)
        for program in programs:
            arguments = [every] * len(_open(program).invars)
            every = join([every, *self.program(program, arguments, frames)])
        return [every] * len(equation.outvars)

    def _operation(
        self, equation: Any, inputs: list[Value], frames: Stack
    ) -> list[Value]:
        name = equation.primitive.name
        pairs = list(zip(equation.invars, inputs, strict=True))
        inside = join([value for v, value in pairs if is_narrow(v)]).inside
        floats = [value for v, value in pairs if is_float(v)]
        exact = name in KEEPS and join(floats).exact
        self._meet(inside, name)
        touched = join(inputs).touched
        if touched & self.nowhere:
            self._locate(touched & self.nowhere, describe(frames))
        leaves = not inside and not exact
        results = []
        for variable in equation.outvars:
            narrow = is_narrow(variable)
            if leaves and (narrow or _rounds(equation)):
                place = Place(name, describe(frames), _is_backward(equation))
                left = self._leave(place, variable)
                results.append(left._replace(touched=touched | left.touched))
            else:
                results.append(Value(touched, inside if narrow else 0, exact))
        return results

    def _leave(self, place: Place, variable: Any) -> Value:
        key = (place.primitive, place.where, place.backward)
        if key not in self.numbers:
            self.numbers[key] = len(self.places)
            self.places.append(place)
        bit = 1 << self.numbers[key]
        if not self.places[self.numbers[key]].where and not place.backward:
            self.nowhere |= bit
        dtype = variable.aval.dtype.name
        if not is_narrow(variable):
            return Value(bit)
        self.places[self.numbers[key]].dtype = dtype
        return Value(bit, bit)

    def _locate(self, nowhere: int, where: str) -> None:
        for number in bits(nowhere) if where else ():
            self.places[number].where = where
            self.nowhere &= ~(1 << number)

    def _meet(self, inside: int, name: str) -> None:
        for number in bits(inside):
            self.places[number].primitives.add(name)
            self.places[number].together |= inside


def _open(program: Any) -> Any:
    return getattr(program, "jaxpr", program)


def _constants(program: Any) -> Sequence[Any]:
    return getattr(program, "consts", ())


def _programs(equation: Any) -> Iterator[Any]:
    values = list(equation.params.values())
    leaves = jax.tree.leaves(values, is_leaf=lambda value: hasattr(value, "eqns"))
    return (value for value in leaves if hasattr(value, "eqns"))


def _fits(equation: Any, program: Any) -> bool:
    counts = (len(equation.invars), len(equation.outvars))
    return counts == (len(program.invars), len(program.outvars))


def _is_backward(equation: Any) -> bool:
    return "transpose(" in str(equation.source_info.name_stack)


def _rounds(equation: Any) -> bool:
    """Whether digits are cut off without a change of the type."""
    return equation.params.get("mantissa_bits", 52) < 52
