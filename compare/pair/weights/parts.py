"""What both sides tell of a user's model, as plain data."""

from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal["parameter", "buffer", "counter"]


@dataclass(frozen=True)
class Leaf:
    """One array of a model: where it stands, and in which layer.

    `layer` is the path of the module that owns it, `layer_type` the name of its class
    ("" where there is none, as in a dict of arrays), `name` the last part of the path.
    """

    path: str
    shape: tuple[int, ...]
    dtype: str
    kind: Kind
    layer: str = ""
    layer_type: str = ""
    name: str = ""


@dataclass(frozen=True)
class Module:
    """One module: its path, the name of its class, its plain attributes."""

    path: str
    type: str
    settings: dict[str, Any] = field(default_factory=dict)
