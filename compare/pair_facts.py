"""What an example of kind "pair" has in its facts, as plain text for any report.

The facts are what `compare_pair` has found: the map of weights, the layers, the blamed
one, the causes, what computes in float32. A run.json by other hands may have anything
in their place: what is not as expected is left out.
"""

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import inf
from typing import Any, Literal

from compare.noise import LIMIT
from compare.result import Example

Kind = Literal["own", "inherited", "agrees", "unknown"]
SCORES = ("arriving", "own", "inherited", "gradient")
"""Fields of a layer that are scores, in the order of execution."""


@dataclass(frozen=True)
class Weight:
    """One line of the map of weights."""

    torch: str
    jax: str
    torch_shape: str
    jax_shape: str
    transform: str
    note: str


@dataclass(frozen=True)
class Layer:
    """One call of a layer, and its scores; None where there is none.

    `own` is its score on the other side's inputs, `inherited` that on its own.
    """

    torch: str
    jax: str
    type: str
    call: str
    arriving: float | None
    own: float | None
    inherited: float | None
    gradient: float | None

    @property
    def scores(self) -> tuple[tuple[str, float | None], ...]:
        """In the order of a table's columns."""
        return tuple((name, getattr(self, name)) for name in SCORES)

    def looks(self, name: str) -> Kind:
        """How a score is coloured: too large here, too large from above, or fine."""
        score = getattr(self, name)
        if score is None:
            return "unknown"
        if score <= LIMIT:
            return "agrees"
        return "own" if name == "own" else "inherited"

    @property
    def kind(self) -> Kind:
        """Whether it differs on its own, or only by what it was handed."""
        if self.own is not None and not self.own <= LIMIT:
            return "own"
        others = [s for s in (self.arriving, self.inherited) if s is not None]
        if any(not score <= LIMIT for score in others):
            return "inherited"
        return "unknown" if self.own is None else "agrees"


@dataclass(frozen=True)
class Cause:
    """One explanation, and what the score becomes when it is taken back."""

    layer: str
    says: str
    before: str
    after: str

    @property
    def sentence(self) -> str:
        """All of it in one sentence without its full stop."""
        where = f" ({self.layer})" if self.layer else ""
        known = self.before and self.after
        scores = f": score {self.before} → {self.after}"
        return f"{self.says}{where}{scores if known else ''}"


@dataclass(frozen=True)
class Pair:
    """Everything that a report shows of a pair besides its rows."""

    torch: str
    jax: str
    told: tuple[tuple[str, str], ...]
    where: str
    blamed: str
    causes: tuple[Cause, ...]
    layers: tuple[Layer, ...]
    weights: tuple[Weight, ...]
    notes: tuple[str, ...]
    spots: tuple[str, ...]
    warnings: tuple[str, ...]

    @property
    def likely(self) -> str:
        """The causes in one sentence, the one that explains most first."""
        return "; ".join(cause.sentence for cause in self.causes[:2])


def pair_of(example: Example) -> Pair | None:
    """What is known of a pair; None for an example of another kind."""
    if example.kind != "pair":
        return None
    facts = example.facts
    models = _mapping(facts.get("models"))
    blamed = _mapping(facts.get("blamed"))
    layer = _text(blamed, "layer") or _text(blamed, "jax")
    where = _text(blamed, "where")
    return Pair(
        _text(models, "torch"),
        _text(models, "jax"),
        tuple(_told(facts)),
        " · ".join(filter(None, (layer, where))),
        _text(blamed, "says"),
        tuple(_cause(each) for each in _mappings(facts, "causes")),
        tuple(_layer(each) for each in _mappings(facts, "layers")),
        tuple(_weight(each) for each in _mappings(facts, "weights")),
        tuple(_texts(facts, "notes")),
        tuple(filter(None, map(_spot, _mappings(facts, "spots")))),
        tuple(_texts(facts, "warnings")),
    )


def _told(facts: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, title in (
        ("copied", "Weights"),
        ("mode", "Modes"),
        ("dropout", "Dropout"),
    ):
        if said := _joined(facts.get(name)):
            yield title, said


def _cause(found: Mapping[str, Any]) -> Cause:
    return Cause(
        _text(found, "layer"),
        _text(found, "says") or _text(found, "name"),
        number(_score(found.get("before"))),
        number(_score(found.get("after"))),
    )


def _layer(found: Mapping[str, Any]) -> Layer:
    types = dict.fromkeys((_text(found, "torch_type"), _text(found, "jax_type")))
    return Layer(
        _text(found, "torch"),
        _text(found, "jax"),
        " / ".join(filter(None, types)),
        _text(found, "call"),
        _score(found.get("input_score")),
        _score(found.get("own_score")),
        _score(found.get("inherited_score")),
        _score(found.get("gradient_score")),
    )


def _weight(found: Mapping[str, Any]) -> Weight:
    return Weight(
        _text(found, "torch"),
        _text(found, "jax"),
        _shape(found.get("torch_shape")),
        _shape(found.get("jax_shape")),
        _text(found, "transform"),
        _text(found, "note"),
    )


def _spot(found: Mapping[str, Any]) -> str:
    """Which side computes what in less than float64, where, and what depends on it."""
    side, operation = _text(found, "side"), _text(found, "operation")
    where, phases = _text(found, "where"), _joined(found.get("phases"))
    told = ": ".join(filter(None, (side, operation)))
    told += f", at {where}" if where else ""
    return told + (f"; {phases} depend on it" if phases else "")


def number(score: float | None) -> str:
    """A score as it is shown; one beyond all numbers is ∞."""
    if score is None:
        return ""
    return "∞" if score == inf else f"{score:.2g}"


def _score(value: Any) -> float | None:
    """JSON has no infinity: there it is a word."""
    if value in ("inf", "Infinity", "∞"):
        return inf
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value:
        return None
    return float(value) if abs(value) <= sys.float_info.max else inf


def _shape(value: Any) -> str:
    if isinstance(value, list | tuple):
        return " × ".join(map(str, value)) if value else "()"
    return "" if value is None else str(value)


def _joined(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return value if isinstance(value, str) else ""


def _text(found: Mapping[str, Any], name: str) -> str:
    value = found.get(name)
    return "" if value is None else str(value)


def _texts(facts: Mapping[str, Any], name: str) -> list[str]:
    value = facts.get(name)
    return list(map(str, value)) if isinstance(value, list | tuple) else []


def _mappings(facts: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    value = facts.get(name)
    every = value if isinstance(value, list | tuple) else []
    return [each for each in every if isinstance(each, Mapping)]


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
