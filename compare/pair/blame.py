"""The first layer that differs on its own, and everything else that does."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from math import isfinite
from typing import Any

import numpy as np

from compare import noise
from compare.pair.align import Aligned, around, within
from compare.pair.teacher import Lesson, Spot


@dataclass(frozen=True)
class Blamed:
    """A place where the models differ, nothing before it being at fault.

    `layer` is PyTorch's path of the module whose code is to be looked at, `where` says
    what in it, `score` how far apart it is there on its own. `spot` is the array that
    shows it, if it is one of the forward pass.
    """

    layer: str
    jax: str
    where: str
    score: float
    spot: Spot | None = None

    @property
    def says(self) -> str:
        """One sentence."""
        name = f"`{self.layer}`" if self.layer else "the model itself"
        return f"the first to differ is {name}: {self.where}"


@dataclass(frozen=True)
class LayerScore:
    """One call of a layer: how far its inputs, what it does itself, all together and
    the cotangents of its outputs are apart, in floors."""

    torch: str
    jax: str
    torch_type: str
    jax_type: str
    call: int
    verdict: str
    input_score: float | str | None = None
    own_score: float | str | None = None
    inherited_score: float | str | None = None
    gradient_score: float | str | None = None


def forward(lesson: Lesson) -> list[Blamed]:
    """Places of the forward pass that differ on their own, the first one first.

    What float32 can explain is a mistake only where nothing else is.
    """
    wrong = [spot for spot in _in_order(lesson) if lesson.score(spot) > noise.LIMIT]
    beyond = [spot for spot in wrong if not lesson.precise(spot)]
    return [_blamed(lesson, spot) for spot in beyond or wrong]


def not_finite(lesson: Lesson) -> list[Blamed]:
    """The first place where both sides have the same inf or NaN, if there is one."""
    for spot in _in_order(lesson):
        if not np.isfinite(lesson.jax[spot]).all():
            place = _blamed(lesson, spot)
            where = f"{place.where}, where neither side is finite any more"
            return [replace(place, where=where, score=float("inf"))]
    return []


def _in_order(lesson: Lesson) -> list[Spot]:
    """Places in the order in which PyTorch comes by."""
    by_key = {one.key: one for one in lesson.aligned}

    def when(spot: Spot) -> tuple[int, bool, int, int]:
        key, way, index = spot
        one = by_key[key]
        if way == "input":  # an enclosing layer starts before those inside of it
            return one.start, False, one.depth, index
        return one.end, True, 0, index

    return sorted(lesson.jax, key=when)


def _blamed(lesson: Lesson, spot: Spot) -> Blamed:
    key, way, _ = spot
    one = next(one for one in lesson.aligned if one.key == key)
    path, score = one.torch.path, lesson.score(spot)
    if way == "input":
        outer, jax = around(lesson.aligned, path)
        return Blamed(outer, jax, f"what it does before `{path}`", score, spot)
    inside = [one for one in lesson.aligned if within(one.torch.path, path)]
    if not inside:
        return Blamed(path, one.jax.path, "the layer itself", score, spot)
    last = max(inside, key=lambda other: other.end).torch.path
    where = f"what it does around the layers inside of it (the last is `{last}`)"
    return Blamed(path, one.jax.path, where, score, spot)


def of_code(lesson: Lesson, layer: str) -> list[Spot]:
    """Places that show what a layer's own code does: before each layer, and its end."""
    return [spot for spot in lesson.jax if layer == _whose(lesson, spot)]


def _whose(lesson: Lesson, spot: Spot) -> str:
    """The layer whose own code makes what is at a place."""
    (path, _), way, _ = spot
    return around(lesson.aligned, path)[0] if way == "input" else path


def scores(lesson: Lesson) -> list[dict[str, Any]]:
    """Every layer in the order of execution, as run.json has it."""
    return [asdict(_score(lesson, one)) for one in lesson.aligned]


def _score(lesson: Lesson, one: Aligned) -> LayerScore:
    arriving = list(_scores(lesson, one, "input"))
    own = list(_scores(lesson, one, "output"))
    inherited = max(
        noise.score(lesson.inherited[spot], lesson.torch[spot], lesson.floors[spot])
        for spot in _spots(lesson, one, "output")
    )
    at_fault = [
        spot for spot in _spots(lesson, one) if lesson.score(spot) > noise.LIMIT
    ]
    if not at_fault:
        verdict = "rounding" if inherited <= noise.LIMIT else "inherited"
    else:
        precise = all(lesson.precise(spot) for spot in at_fault)
        verdict = "precision" if precise else "semantic"
    return layer(
        one,
        verdict,
        input=max(arriving, default=None),
        own=max(own),
        inherited=inherited,
    )


def layer(one: Aligned, verdict: str, **scores: float | None) -> LayerScore:
    """A row of the table of layers; JSON has no infinity."""
    told = {
        f"{name}_score": score if score is None or isfinite(score) else "inf"
        for name, score in scores.items()
    }
    torch, jax = one.torch, one.jax
    return LayerScore(
        torch.path, jax.path, torch.type, jax.type, torch.number, verdict, **told
    )


def _spots(lesson: Lesson, one: Aligned, way: str = "") -> Iterator[Spot]:
    for spot in lesson.jax:
        if spot[0] == one.key and way in ("", spot[1]):
            yield spot


def _scores(lesson: Lesson, one: Aligned, way: str) -> Iterator[float]:
    yield from (lesson.score(spot) for spot in _spots(lesson, one, way))
