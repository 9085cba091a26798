"""What a person calls the operations that stand where float64 is left."""

from collections.abc import Sequence

from jaxnets.side.values import Place, bits

# What tells the name, the first that fits: all of these are there.
NAMES = (
    ({"exp", "div", "reduce_sum"}, "softmax"),
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
    "cumsum",
    "reduce_sum",
    "div",
    "mul",
    "add",
    "sub",
)
CONVERSION = "convert_element_type"


def operation(place: Place, places: Sequence[Place]) -> str:
    """What is computed below float64 from a place on, such as "softmax in float32"."""
    if place.primitive == "constant":
        return f"a constant of {place.dtype}"
    before = [places[number] for number in bits(place.together)]
    forward = [other for other in before if not other.backward]
    if place.backward and forward:
        return f"gradient of {operation(forward[0], places)}"
    for needed, name in NAMES:
        if needed <= place.primitives:
            return f"{name} in {place.dtype}"
    if place.primitive != CONVERSION:
        return f"{place.primitive} in {place.dtype}"
    told = next((name for name in TOLD if name in place.primitives), None)
    return f"{told} in {place.dtype}" if told else f"{CONVERSION} to {place.dtype}"
