"""A fault planted in one of our own pairs, and what the comparison must say of it."""

from dataclasses import dataclass
from typing import Literal

from compare.fault import Edit, Side

LOSS, OPTIMIZER = "the loss", "the optimizer"
"""What is to blame in the place of a layer."""


@dataclass(frozen=True)
class PairFault:
    """One edit of one side's source, as people make them.

    `phase` is where it shows first, `layer` PyTorch's path of the first layer that
    differs ("" is the whole model), None where there is none to name; `cause` the entry
    of the table of explanations that must be named, "" where the table has none for it.
    """

    name: str
    case: str
    side: Side
    edit: Edit
    phase: str
    layer: str | None = ""
    cause: str = ""
    verdict: Literal["semantic", "precision", "unresolved", "refused"] = "semantic"
    """Refused: there is no map of weights, or outputs have other shapes. Unresolved:
    one side is so coarse that nothing can be compared."""
