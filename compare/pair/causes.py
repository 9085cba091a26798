"""After a mismatch: where it is, layer by layer, and what would make it match."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from compare import result
from compare.pair import backward, blame, evidence
from compare.pair.blame import Blamed
from compare.pair.compared import Compared
from compare.pair.evidence import Evidence
from compare.pair.explain.table import explain
from compare.pair.report import Failing
from compare.pair.repro_parts import failing
from compare.pair.teacher import Lesson
from compare.result import Row

EXPLAINED = 5
"""Places that an explanation is looked for."""


@dataclass(frozen=True)
class Causes:
    """The places that differ on their own, the first one first, and their causes."""

    blamed: list[Blamed] = field(default_factory=list)
    causes: list[dict[str, Any]] = field(default_factory=list)
    layers: list[dict[str, Any]] = field(default_factory=list)
    failing: Failing | None = None

    def facts(self) -> dict[str, Any]:
        """As run.json has it."""
        first = self.blamed[0] if self.blamed else None
        told = None
        if first is not None:
            told = {"layer": first.layer, "jax": first.jax, "where": first.where}
            told["says"] = first.says
        return {"blamed": told, "causes": self.causes, "layers": self.layers}


Found = tuple[Blamed, Callable[[], Iterator[Evidence]]]
"""A place, and what its explanation is judged by, in the order in which to try."""


def causes(found: Compared, say: Callable[[str], None]) -> Causes:
    """Look where and why; nothing where all agree."""
    wrong = [row for row in found.rows if row.verdict == "semantic"]
    wrong = sorted(wrong, key=result.in_order)
    if not wrong:
        return Causes()
    say("looking for the first layer that differs")
    lesson, places = _forward(found, wrong)
    layers = [] if lesson is None else blame.scores(lesson)
    if not places:
        places = list(_loss(found, wrong))
    if not places:
        layers, places = _backward(found, wrong)
    places += [*_buffers(found, wrong, places), *_optimizer(found, wrong)]
    told = []
    for blamed, tries in _once(places)[:EXPLAINED]:
        say(f"looking for the cause in {blamed.layer or 'the model'}")
        causes = (explain(seen) for seen in tries())
        cause = next((one for one in causes if one is not None), None)
        if cause is not None:
            told.append({"layer": blamed.layer} | asdict(cause))
    blamed = [one for one, _ in places]
    smallest = None if lesson is None else failing(lesson, blamed)
    return Causes(blamed, told, layers, smallest)


def _once(places: Sequence[Found]) -> list[Found]:
    """The first place of each layer."""
    first: dict[str, Found] = {}
    for blamed, tries in places:
        first.setdefault(blamed.layer, (blamed, tries))
    return list(first.values())


def _later(make: Callable[..., Evidence], *arguments: Any) -> Any:
    """Evidence costs a run: it is made when it is asked for."""
    return lambda: (make(*arguments) for _ in range(1))


def _of_layer(lesson: Lesson, blamed: Blamed) -> Callable[[], Iterator[Evidence]]:
    """All of a layer's code at once; where several things are wrong, one place."""

    def tries() -> Iterator[Evidence]:
        if blamed.spot is not None:
            for whole in (True, False):
                yield evidence.of_layer(lesson, blamed, blamed.spot, whole=whole)

    return tries


def _forward(
    found: Compared, wrong: Sequence[Row]
) -> tuple[Lesson | None, list[Found]]:
    """Places of the forward pass, where outputs differ."""
    rows = [row for row in wrong if row.phase == "outputs" and row.step in found.points]
    if not rows:
        return None, []
    lesson = found.lesson(str(rows[0].step))
    places = blame.forward(lesson) or blame.not_finite(lesson)
    if not places:
        alike, none = "each layer alone does the same", "no layer is on both sides"
        known = alike if lesson.aligned else none
        whole = Blamed("", "", f"its outputs; {known}", 0.0)
        return None, [(whole, _later(evidence.of_outputs, found, rows[0]))]
    return lesson, [(one, _of_layer(lesson, one)) for one in places]


def _loss(found: Compared, wrong: Sequence[Row]) -> Iterator[Found]:
    """The loss, where outputs agree."""
    for row in wrong:
        if row.phase == "loss" and row.step in found.points:
            where = "outputs agree, the loss does not"
            blamed = Blamed("the loss", "", where, row.score or float("inf"))
            yield blamed, _later(evidence.of_loss, found, row)
            return


def _backward(
    found: Compared, wrong: Sequence[Row]
) -> tuple[list[dict[str, Any]], list[Found]]:
    """Layers and the place of the backward pass, where outputs and loss agree."""
    rows = [r for r in wrong if r.phase == "gradients" and r.step in found.points]
    if not rows:
        return [], []
    point = found.points[str(rows[0].step)]
    aligned, scores = backward.scores(found.both, point, seed=found.ask.seed)
    paths = {entry.label: entry.torch for entry in found.both.map.entries}
    leaves = [paths[row.leaf] for row in rows if row.leaf in paths]
    blamed = backward.blamed(aligned, scores, leaves)
    tries = _later(evidence.of_gradients, found, rows, blamed)
    return backward.layers(aligned, scores), [(blamed, tries)]


def _buffers(
    found: Compared, wrong: Sequence[Row], places: Sequence[Found]
) -> Iterator[Found]:
    """Running statistics, where what they are made of agrees."""
    if any(blamed.spot is not None for blamed, _ in places):
        return  # they are made of what differs already
    rows = {
        row.leaf: row
        for row in reversed(wrong)
        if row.quantity == "buffer" and row.step in found.points
    }
    known = {blamed.layer for blamed, _ in places}
    # The first in the order of the model: the loudest may be any.
    for entry in found.both.map.entries:
        layer, row = entry.torch.rpartition(".")[0], rows.get(entry.label)
        if row is None or layer in known:
            continue
        partner = entry.jax.rpartition("/")[0]
        score = row.score or float("inf")
        blamed = Blamed(layer, partner, "its running statistics", score)
        yield blamed, _later(evidence.of_buffer, found, row, layer)
        return


def _optimizer(found: Compared, wrong: Sequence[Row]) -> Iterator[Found]:
    """The optimizer: it gets the same gradients on both sides, come what may."""
    rows = [row for row in wrong if row.phase == "update"]
    rows = rows or [r for r in wrong if r.phase == "state" and r.quantity != "buffer"]
    if rows and found.ask.optimizers is not None:
        where = f"step {rows[0].step}, from the same gradients"
        blamed = Blamed("the optimizer", "", where, rows[0].score or float("inf"))
        tries = _later(evidence.of_optimizer, found, found.ask.optimizers[0], rows[0])
        # Steps of a large model are not kept.
        yield blamed, tries if found.steps else lambda: iter(())
