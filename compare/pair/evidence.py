"""What an explanation is judged by: the arrays, and PyTorch run in another way."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from importlib import import_module
from typing import Any

import numpy as np

from compare import check, noise
from compare.check import Pair
from compare.pair import blame
from compare.pair.blame import Blamed
from compare.pair.both import Both, Point
from compare.pair.compared import Compared
from compare.pair.explain.table import Evidence, OptimizerEvidence
from compare.pair.judge import key_of
from compare.pair.teacher import Lesson, Spot
from compare.result import Row
from compare.trace import Key

STEPS = 8
"""Optimizer steps that a candidate is tried on."""
FAILED = float("inf")
"""The score of what raises."""


def of_layer(lesson: Lesson, blamed: Blamed, spot: Spot, *, whole: bool) -> Evidence:
    """Of a place that teacher forcing has found.

    Unless only this place is meant, all that the same code makes must match: also what
    is right, and must stay so.
    """
    scope = blamed.layer or None
    layers = tuple(one.torch.path for one in lesson.aligned)
    spots = blame.of_code(lesson, blamed.layer) if whole else [spot]

    def score(**options: Any) -> float:
        seen = lesson.again(**options)
        return max(lesson.score(one, seen[one]) for one in spots)

    return Evidence(
        phase="outputs",
        jax=lesson.jax[spot],
        torch=lesson.torch[spot],
        floor=lesson.floors[spot],
        before=lesson.score(spot),
        calls=_calls(lesson.both, lesson.point, scope, layers),
        score=_quietly(lambda rewrite: score(rewrite=rewrite, scope=scope)),
        other_mode=_quietly(lambda: score(train=not lesson.point.train)),
    )


def of_outputs(found: Compared, row: Row) -> Evidence:
    """Of a whole model whose layers cannot be told apart."""
    return _of_rows(found, [row], None)


def of_gradients(found: Compared, rows: Sequence[Row], blamed: Blamed) -> Evidence:
    """Of a backward pass: every gradient that fails must match."""
    if blamed.layer == "the loss":
        return replace(of_loss(found, rows[0]), phase="gradients")
    same = [row for row in rows if row.step == rows[0].step]
    return _of_rows(found, same, blamed.layer or None)


def of_buffer(found: Compared, row: Row, layer: str) -> Evidence:
    """Of running statistics."""
    return _of_rows(found, [row], layer or None)


def of_loss(found: Compared, row: Row) -> Evidence:
    """Of the loss, or of its derivative; what is rewritten is the loss function."""
    both, point = found.both, found.points[str(row.step)]
    pairs = _pairs(found, [key_of(row)])
    loss = both.torch.loss
    if loss is None:
        return _evidence(pairs, (), None)
    calls = import_module("torchnets.side.calls")
    watch = calls.Watching()

    def run(around: AbstractContextManager[Any]) -> float:
        def within(*arguments: Any) -> Any:
            with around:
                return loss(*arguments)

        torch = replace(both.torch, loss=within)
        return _score(pairs, _values(replace(both, torch=torch), point))

    run(watch)
    score = _quietly(lambda rewrite: run(calls.Rewriting(rewrite)))
    return _evidence(pairs, tuple(watch.calls), score)


def of_optimizer(found: Compared, factory: Any, row: Row) -> Evidence:
    """Of an optimizer: the recorded steps are taken again with another one."""
    both, taken = found.both, found.steps[:STEPS]
    keys = [
        key
        for key in found.traces["jax", "float64"].arrays
        if key.phase == "update" and isinstance(key.step, int) and key.step < len(taken)
    ]
    folded = {entry.label for entry in both.map.entries if entry.folded}
    pairs = _pairs(found, [key for key in keys if key.leaf not in folded])
    runtime = both.torch.runtime

    def score(other: Any) -> float:
        values: dict[Key, np.ndarray] = {}
        with both.session("float64"):
            memory = runtime.begin(other, taken[0].parameters)
            for number, step in enumerate(taken):
                new, memory = runtime.advance(
                    other, memory, step.parameters, step.gradients
                )
                update = {n: new[n] - step.parameters[n] for n in new}
                for label, value in both.map.canonical("torch", update).items():
                    values[Key("update", "update", label, number)] = value
        return _score(pairs, values)

    steps = OptimizerEvidence(factory, _quietly(score))
    shown = [one for one in pairs if one.key == key_of(row)] or pairs
    told = _evidence(shown[:1], (), None)
    return replace(told, phase="update", optimizer=steps)


def _of_rows(found: Compared, rows: Sequence[Row], scope: str | None) -> Evidence:
    """Of quantities of one point: PyTorch's model runs again under a rewrite."""
    both, point = found.both, found.points[str(rows[0].step)]
    pairs = _pairs(found, [key_of(row) for row in rows])

    def score(**options: Any) -> float:
        at = replace(point, train=options.pop("train", point.train))
        return _score(pairs, _values(both, at, **options))

    return replace(
        _evidence(
            pairs,
            _calls(both, point, scope),
            _quietly(lambda rewrite: score(rewrite=rewrite, scope=scope)),
        ),
        other_mode=_quietly(lambda: score(train=not point.train)),
    )


def _pairs(found: Compared, keys: Sequence[Key]) -> list[Pair]:
    """Both sides of quantities, with their floors."""
    return [check.pair(found.traces, key) for key in keys]


def _evidence(
    pairs: Sequence[Pair],
    calls: tuple[Any, ...],
    score: Callable[..., float] | None,
) -> Evidence:
    """The worst of the quantities, and a judge of all of them."""
    scores = [noise.score(one.left, one.right, float(one.floor)) for one in pairs]
    before, worst = max(zip(scores, pairs, strict=True), key=lambda told: told[0])
    return Evidence(
        phase=worst.key.phase,  # type: ignore[arg-type]
        jax=worst.left,
        torch=worst.right,
        floor=float(worst.floor),
        before=before,
        calls=calls,
        score=score,
    )


def _score(pairs: Sequence[Pair], values: Any) -> float:
    """The worst of the quantities with PyTorch's replaced."""
    if any(one.key not in values for one in pairs):
        return FAILED
    return max(noise.score(p.left, values[p.key], float(p.floor)) for p in pairs)


def _values(both: Both, point: Point, **options: Any) -> Any:
    with both.session("float64"):
        return both.values(both.torch, point.cast("float64"), **options)


def _calls(
    both: Both, point: Point, scope: str | None, layers: Sequence[str] = ()
) -> tuple[Any, ...]:
    """The torch functions called in a layer, but not in those further in."""
    with both.session("float64"):
        exact = replace(point, pulls=False).cast("float64")
        return both.torch.runtime.watched(
            both.torch.subject,
            **both.arguments(both.torch, exact),
            scope=scope,
            layers=layers,
        )


def _quietly(run: Callable[..., float]) -> Callable[..., float]:
    """A candidate that raises is no explanation: it does not fit this model."""

    def score(*arguments: Any) -> float:
        try:
            return run(*arguments)
        except Exception:
            return FAILED

    return score
