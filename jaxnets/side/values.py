"""What is known of the values of a program that has left float64 somewhere."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import reduce
from operator import or_
from typing import NamedTuple


class Value(NamedTuple):
    """What is known of a value: sets of places, each set as the bits of an integer.

    `touched` by these places; `inside`: computed below float64 since these places left
    it; `exact`: made of integers and short constants alone.
    """

    touched: int = 0
    inside: int = 0
    exact: bool = False


@dataclass
class Place:
    """A line where float64 is left, and what is computed below float64 from there."""

    primitive: str
    where: str
    backward: bool = False
    dtype: str = "float32"
    primitives: set[str] = field(default_factory=set)
    together: int = 0
    """Places whose numbers meet with those of this one below float64."""


def bits(number: int) -> Iterator[int]:
    """The positions of the bits that are set."""
    return (place for place in range(number.bit_length()) if number >> place & 1)


def join(values: Sequence[Value]) -> Value:
    """What is known of a value that may be any of these, or depend on all of them."""
    touched = reduce(or_, (value.touched for value in values), 0)
    inside = reduce(or_, (value.inside for value in values), 0)
    return Value(touched, inside, all(value.exact for value in values))
