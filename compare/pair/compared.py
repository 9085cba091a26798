"""Everything that is compared of a pair: rows, and the facts beside them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from compare.noise import PRECISIONS
from compare.pair import inputs, judge, outputs, start, wrong
from compare.pair.ask import Ask
from compare.pair.both import Both, Model, Point, State
from compare.pair.judge import Spot
from compare.pair.ledger import Ledger
from compare.pair.measure import measure
from compare.pair.modes import modal
from compare.pair.optimizers import Step
from compare.pair.optimizers import steps as optimizer_steps
from compare.pair.progress import Progress
from compare.pair.teacher import Lesson, teach
from compare.pair.wrong import Wrong
from compare.result import Row
from compare.trace import Trace

MODES = {True: "train", False: "eval"}
DEPENDS = ("Dropout", "BatchNorm")
"""Layers that do something else in train mode."""


@dataclass(frozen=True)
class Compared:
    """What was run, and the rows that came of it."""

    both: Both
    points: dict[str, Point]
    """By mode."""
    ledger: Ledger
    steps: list[Step] = field(default_factory=list)
    lessons: dict[str, Lesson] = field(default_factory=dict)

    @property
    def ask(self) -> Ask:
        """What was asked for."""
        return self.ledger.ask

    @property
    def rows(self) -> list[Row]:
        """All rows that compare the models."""
        return self.ledger.rows

    @property
    def traces(self) -> dict[tuple[str, str], Trace]:
        """Of the points that were kept."""
        return self.ledger.traces

    def lesson(self, step: str) -> Lesson:
        """What each layer of a point does alone; taught once."""
        if step not in self.lessons:
            self.lessons[step] = teach(self.both, self.points[step], seed=self.ask.seed)
        return self.lessons[step]

    def outputs(self) -> Iterator[np.ndarray]:
        """All outputs of both sides."""
        for trace in self.traces.values():
            yield from (v for k, v in trace.arrays.items() if k.phase == "outputs")


def compare(
    both: Both, ask: Ask, state: State, drawn: inputs.Arrays, say: Progress
) -> Compared:
    """Run both models at every point, and their optimizers; raises `wrong.Raised`."""
    targets = inputs.targets(ask.targets, seed=ask.seed)
    first = Point("train", True, state, drawn, targets)
    points = _points(both, first, ask)
    ledger = Ledger(both, ask)
    for mode, point in points.items():
        out = ledger.open()
        measure(both, point, out, seed=ask.seed, say=say)
        ledger.spots += _spots(both, mode, point, say)
        ledger.close(out, point)
    taken: list[Step] = []
    if ask.optimizers is not None:
        last = [*points.values()][-1]
        if not last.train:
            ledger.spots += [replace(spot, step="train") for spot in ledger.spots]
        taken = optimizer_steps(
            ledger, last, lambda number: _fed(last, ask, number), say=say
        )
    return Compared(both, points, ledger, taken)


def _points(both: Both, first: Point, ask: Ask) -> dict[str, Point]:
    """A point for each mode that matters, and that both models know."""
    with both.session("float64"):
        dry = {m.framework: _trains(both, m, first) for m in both.models()}
        depends = any(_depends(both, m, first, dry) for m in (both.torch, both.jax))
        points = {}
        for train in _modes(both, depends):
            point = replace(first, step=MODES[train], train=train)
            seen = {
                m.framework: dry[m.framework]
                if train
                else both.evaluate(m, _dry(point, train))
                for m in both.models()
            }
            points[MODES[train]] = _pulled(both, point, seen, ask)
    return points


def _trains(both: Both, model: Model, first: Point) -> Any:
    """What a model gives in train mode; None where that need not be known.

    One that draws random numbers of its own cannot be compared in train mode, but it
    can be in eval mode, if that is all that the other side has.
    """
    try:
        return both.evaluate(model, _dry(first, True))
    except wrong.Raised:
        if _both_switch(both) or not modal(model):
            raise
        return None


def _pulled(both: Both, point: Point, seen: dict[str, Any], ask: Ask) -> Point:
    """A point with the names of its outputs, and their cotangents without a loss."""
    shown = {side: found.outputs for side, found in seen.items()}
    names = outputs.paired(shown["torch"], shown["jax"])
    _same_shapes(both, names, shown)
    point = replace(point, names=names)
    if both.torch.loss is not None:
        return point
    drawn = start.cotangents(shown["torch"], seed=ask.seed)
    return replace(point, cotangents=drawn or None, pulls=bool(drawn))


def _dry(point: Point, train: bool) -> Point:
    """Outputs only."""
    return replace(point, train=train, pulls=False).cast("float64")


def _same_shapes(both: Both, names: dict[str, str], seen: dict[str, Any]) -> None:
    """Raise `Wrong` where an output and its partner have other shapes."""
    both.layout.check("outputs", seen["torch"])
    turned = both.layout.to_torch(
        "outputs", {name: seen["jax"][own] for own, name in names.items()}
    )
    for name, value in seen["torch"].items():
        if value.shape != turned[name].shape:
            turn = ""
            if sorted(value.shape) == sorted(turned[name].shape):
                turn = '; say layout={"outputs": ("NCHW", "NHWC")}, with your letters'
            raise Wrong(
                f"outputs{f'.{name}' if name else ''}: PyTorch's has shape "
                f"{value.shape}, JAX's {turned[name].shape}{turn}"
            )


def _depends(both: Both, model: Model, first: Point, dry: dict[str, Any]) -> bool:
    """Whether a model does something else in train mode than in eval mode."""
    if not modal(model):
        return False
    typed = any(word in one.type for one in model.modules for word in DEPENDS)
    if (typed and _both_switch(both)) or dry[model.framework] is None:
        return True
    train, still = dry[model.framework], both.evaluate(model, _dry(first, False))
    if train.outputs.keys() != still.outputs.keys():
        return True
    kinds = ((train.outputs, still.outputs), (train.buffers, still.buffers))
    return any(
        not np.array_equal(one[name], other[name], equal_nan=True)
        for one, other in kinds
        for name in one
    )


def _modes(both: Both, depends: bool) -> tuple[bool, ...]:
    """Where one side does not know train mode, both do the same in eval mode alone."""
    if not depends:
        return (True,)
    return (False, True) if _both_switch(both) else (False,)


def _both_switch(both: Both) -> bool:
    return all(modal(model) for model in both.models())


def _fed(point: Point, ask: Ask, number: int) -> Point:
    """The batch of a step: drawn anew where inputs are a function of a Generator."""
    if not callable(ask.inputs) or number == 0:
        return point
    return replace(
        point,
        inputs=inputs.draw(ask.inputs, seed=ask.seed, purpose=f"pair inputs {number}"),
        targets=inputs.targets(ask.targets, seed=ask.seed + number),
    )


def _spots(both: Both, mode: str, point: Point, say: Progress) -> list[Spot]:
    """What computes in less than float64 inside of the float64 run."""
    found: list[Spot] = []
    with both.session(PRECISIONS[0]):
        say(f"{mode}: looking for float32")
        for model in both.models():
            with wrong.of(model.name, "the search for low precision"):
                own = model.runtime.low_precision(
                    model.subject, **both.arguments(model, point.cast("float64"))
                )
            found += judge.spots_of(both, mode, model.framework, own, point.names)
            found += _kept(both, mode, model, point)
    return found


def _kept(both: Both, mode: str, model: Model, point: Point) -> Iterator[Spot]:
    """Leaves that only one side has: the other may make such a table in float64."""
    mine = model.framework == "torch"
    values = point.state if mine else both.kept
    for path in both.map.kept_torch if mine else both.map.kept_jax:
        if not model.runtime.is_short(values[path]):
            told = f"a constant in float32: {path}"
            phases = ("outputs", "loss", "gradients", "buffers")
            where = f"buffer {path}"
            yield Spot(model.framework, mode, told, where, phases, frozenset())


def told(found: Sequence[Spot]) -> list[dict[str, Any]]:
    """Each place once, as run.json has it."""
    rows = {
        (spot.side, spot.operation, spot.where): {
            "side": spot.side,
            "operation": spot.operation,
            "where": spot.where,
            "phases": list(spot.phases),
        }
        for spot in found
    }
    return list(rows.values())
