"""What the inputs are too poor to show."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from compare.pair.inputs import Arrays
from compare.trace import Trace

SHORT = 8
"""Positions: rotary and learned encodings barely turn within fewer."""


def some(names: Sequence[str]) -> str:
    """The first few, and whether there are more."""
    return ", ".join(names[:3]) + (", …" if len(names) > 3 else "")


def warnings(inputs: Arrays, modules: Sequence[Any]) -> Iterator[str]:
    """A sentence for each kind of fault that cannot be seen with these inputs."""
    for name, value in inputs.items():
        yield from _of_one(f"inputs {name}", value)
    types = {module.type for module in modules}
    batches = {value.shape[0] for value in inputs.values() if value.ndim}
    if batches == {1} and any("BatchNorm" in name for name in types):
        yield (
            "a batch of 1 with batch normalisation: what mixes up examples cannot be "
            "seen; use at least 3"
        )
    elif batches == {1}:
        yield (
            "a batch of 1: what mixes up examples, and a mean for a sum over them, "
            "cannot be seen; use at least 3"
        )
    if _positional(modules):
        for name, value in inputs.items():
            if value.ndim >= 2 and value.shape[1] < SHORT:
                yield (
                    f"inputs {name}: a sequence of {value.shape[1]} with positions or "
                    "attention: wrong rotary or sinusoidal encodings and masks barely "
                    f"show; use at least {SHORT}"
                )


def _of_one(name: str, value: np.ndarray) -> Iterator[str]:
    floats = value.dtype.kind == "f"
    if value.size < 2:
        return
    if not value.any():
        if floats:
            yield (
                f"{name}: all zero: weights of the first layer, and whatever "
                "multiplies them, cannot be seen"
            )
        elif value.dtype.kind in "iu":
            yield f"{name}: all 0: one row of an embedding is all that is used"
        else:
            yield f"{name}: a mask that is False everywhere: masking cannot be seen"
    elif (value == value.flat[0]).all():
        what = (
            "a mask that is True everywhere: masking cannot be seen"
            if value.dtype.kind == "b"
            else "constant: permuted, transposed and shifted axes cannot be seen, and "
            "a normalisation leaves nothing"
        )
        yield f"{name}: {what}"
    elif len(value) > 1 and (value == value[:1]).all() and value.ndim > 1:
        yield f"{name}: every example is the same: what mixes them up cannot be seen"


def _positional(modules: Sequence[Any]) -> bool:
    """Whether the model looks at positions."""
    types = " ".join(module.type.lower() for module in modules)
    paths = " ".join(module.path.lower() for module in modules)
    return "attention" in types or "transformer" in types or "position" in types + paths


def of_gradients(sides: Mapping[tuple[str, str], Trace]) -> Iterator[str]:
    """A sentence where no step has a gradient of a leaf, on neither side."""
    reached: dict[str, bool] = {}
    for (_, precision), trace in sides.items():
        for key, value in trace.arrays.items() if precision == "float64" else ():
            if (key.phase, key.quantity) == ("gradients", "gradient"):
                reached[key.leaf] = reached.get(key.leaf, False) or bool(value.any())
    if void := [leaf for leaf, moves in reached.items() if not moves]:
        yield f"not reached by these inputs, so not checked: {some(void)}"


def of_frozen(name: str, paths: Sequence[str]) -> Iterator[str]:
    """A sentence where a side's model does not train all of its parameters."""
    if paths:
        yield (
            f"{name}: {len(paths)} frozen parameters ({some(paths)}) are compared as "
            "if they were trained"
        )


def of_outputs(outputs: Iterable[np.ndarray]) -> Iterator[str]:
    """A sentence where some outputs have no derivatives: of either side, or both."""
    kinds = [value.dtype.kind == "f" for value in outputs]
    if not any(kinds):
        yield (
            "outputs: none is floating-point: the backward pass cannot be seen; return "
            "what they are made of, such as logits"
        )
    elif not all(kinds):
        yield (
            "outputs: some are whole numbers or booleans: what only they depend on has "
            "no gradient to compare"
        )


def empty(inputs: Mapping[str, np.ndarray]) -> list[str]:
    """Inputs that hold nothing."""
    return [f"{name} of shape {v.shape}" for name, v in inputs.items() if not v.size]
