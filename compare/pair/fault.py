"""A fault planted in one of our own pairs, and what the comparison must say of it."""

from dataclasses import dataclass

from compare.fault import Edit, Side

LOSS, OPTIMIZER = "the loss", "the optimizer"
"""What is to blame in the place of a layer."""


@dataclass(frozen=True)
class PairFault:
    """One edit of one side's source, as people make them.

    `phase` is where it shows first, `layer` PyTorch's path of the first layer that
    differs ("" is the whole model), `cause` the entry of the table of explanations
    that must be named, "" where the table has none for it.
    """

    name: str
    case: str
    side: Side
    edit: Edit
    phase: str
    layer: str = ""
    cause: str = ""
