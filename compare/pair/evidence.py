"""What an explanation is judged by: the arrays, and PyTorch run in another way."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from importlib import import_module
from typing import Any

import numpy as np

from compare import check
from compare.pair import blame
from compare.pair.blame import Blamed
from compare.pair.both import Both, Point
from compare.pair.compared import Compared
from compare.pair.explain import Evidence, OptimizerEvidence
from compare.pair.teacher import Lesson, Spot, apart
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
        parameters=_parameters(lesson.both, lesson.point, blamed.layer),
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
    keys = [_key(row)]
    loss = both.torch.loss
    if loss is None:
        return _evidence(found, keys, (), None)
    calls = import_module("torchnets.side.calls")
    watch = calls.Watching()

    def run(around: AbstractContextManager[Any]) -> float:
        def within(*arguments: Any) -> Any:
            with around:
                return loss(*arguments)

        torch = replace(both.torch, loss=within)
        return _score(found, keys, _values(replace(both, torch=torch), point))

    run(watch)
    score = _quietly(lambda rewrite: run(calls.Rewriting(rewrite)))
    return _evidence(found, keys, tuple(watch.calls), score)


def of_optimizer(found: Compared, factory: Any, row: Row) -> Evidence:
    """Of an optimizer: the recorded steps are taken again with another one."""
    both, taken = found.both, found.steps[:STEPS]
    keys = [
        key
        for key in found.traces["jax", "float64"].arrays
        if key.phase == "update" and isinstance(key.step, int) and key.step < len(taken)
    ]
    folded = {entry.label for entry in both.map.entries if entry.folded}
    keys = [key for key in keys if key.leaf not in folded]
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
        return _score(found, keys, values)

    jax = found.traces["jax", "float64"].arrays
    updates = [
        {key.leaf: jax[key] for key in keys if key.step == number}
        for number in range(len(taken))
    ]
    steps = OptimizerEvidence(
        factory=factory,
        score=_quietly(score),
        parameters=tuple(both.map.canonical("torch", one.parameters) for one in taken),
        gradients=tuple(both.map.canonical("torch", one.gradients) for one in taken),
        updates=tuple(updates),
    )
    shown = _key(row) if row.phase == "update" else keys[0]
    return replace(_evidence(found, [shown], (), None), phase="update", optimizer=steps)


def _of_rows(found: Compared, rows: Sequence[Row], scope: str | None) -> Evidence:
    """Of quantities of one point: PyTorch's model runs again under a rewrite."""
    both, point = found.both, found.points[str(rows[0].step)]
    keys = [_key(row) for row in rows]

    def score(**options: Any) -> float:
        at = replace(point, train=options.pop("train", point.train))
        return _score(found, keys, _values(both, at, **options))

    return replace(
        _evidence(
            found,
            keys,
            _calls(both, point, scope),
            _quietly(lambda rewrite: score(rewrite=rewrite, scope=scope)),
        ),
        other_mode=_quietly(lambda: score(train=not point.train)),
        parameters=_parameters(both, point, scope or ""),
    )


def _evidence(
    found: Compared,
    keys: Sequence[Key],
    calls: tuple[Any, ...],
    score: Callable[..., float] | None,
) -> Evidence:
    """The worst of the quantities, and a judge of all of them."""
    pairs = [check.pair(found.traces, key) for key in keys]
    worst = max(pairs, key=lambda pair: apart(pair.left, pair.right, float(pair.floor)))
    return Evidence(
        phase=worst.key.phase,  # type: ignore[arg-type]
        jax=worst.left,
        torch=worst.right,
        floor=float(worst.floor),
        before=apart(worst.left, worst.right, float(worst.floor)),
        calls=calls,
        score=score,
    )


def _key(row: Row) -> Key:
    return Key(row.phase, row.quantity, row.leaf, row.step)


def _score(found: Compared, keys: Sequence[Key], values: Any) -> float:
    """The worst of the quantities with PyTorch's replaced."""
    scores = []
    for key in keys:
        pair = check.pair(found.traces, key)
        if key not in values:
            return FAILED
        scores.append(apart(pair.left, values[key], float(pair.floor)))
    return max(scores)


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


def _parameters(both: Both, point: Point, layer: str) -> dict[str, np.ndarray]:
    """PyTorch's weights of a layer and of those inside of it."""
    inside = f"{layer}." if layer else ""
    return {name: v for name, v in point.state.items() if name.startswith(inside)}


def _quietly(run: Callable[..., float]) -> Callable[..., float]:
    """A candidate that raises is no explanation: it does not fit this model."""

    def score(*arguments: Any) -> float:
        try:
            return run(*arguments)
        except Exception:
            return FAILED

    return score
