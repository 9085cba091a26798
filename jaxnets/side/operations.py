"""What a person calls the operations that stand where float64 is left."""

from collections.abc import Sequence

from jaxnets.side.constants import KEEPS
from jaxnets.side.values import Place, bits

# What tells the name, the first that fits: all of these are there.
NAMES = (
    ({"reduce_max", "exp", "div", "reduce_sum"}, "softmax"),
    ({"exp", "log", "reduce_sum"}, "log of a sum of exponentials"),
    ({"rsqrt"}, "normalisation"),
    ({"sqrt", "div", "reduce_sum"}, "normalisation"),
)
# What is done there, if there is no such name: the first that is there.
TOLD = (
    "conv_general_dilated",
    "dot_general",
    "erf",
    "erfc",
    "tanh",
    "logistic",
    "exp",
    "exp2",
    "log",
    "log1p",
    "pow",
    "integer_pow",
    "sqrt",
    "div",
    "cumsum",
    "reduce_sum",
    "mul",
    "add",
    "sub",
)
CONVERSION = "convert_element_type"


def operation(place: Place, places: Sequence[Place]) -> str:
    """What is computed below float64 from a place on, such as "softmax in float32"."""
    if place.primitive == "constant":
        return f"a constant of {place.dtype}"
    if place.primitive == "reduce_precision":
        return place.primitive
    forward = _forward(place, places)
    if place.backward and forward:
        return f"gradient of {operation(forward[0], places)}"
    for needed, name in NAMES:
        if needed <= place.primitives:
            return f"{name} in {place.dtype}"
    if place.primitive != CONVERSION:
        return f"{place.primitive} in {place.dtype}"
    told = [name for name in TOLD if name in place.primitives]
    told += sorted(place.primitives - KEEPS)
    return f"{told[0]} in {place.dtype}" if told else f"{CONVERSION} to {place.dtype}"


def line(place: Place, places: Sequence[Place]) -> str:
    """Where that stands; of a gradient that no line of the model asks for, its own."""
    lines = [place.where, *(other.where for other in _forward(place, places))]
    return next(filter(None, lines), "no line of the model")


def _forward(place: Place, places: Sequence[Place]) -> list[Place]:
    """What numbers of the gradient at this place meet with."""
    met = [places[number] for number in bits(place.together)]
    return [other for other in met if not other.backward]
