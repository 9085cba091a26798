"""Where a backward pass goes wrong whose forward pass agrees."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any, NamedTuple

import numpy as np

from compare import noise
from compare.pair.align import Aligned, around, calls, within
from compare.pair.blame import Blamed, layer
from compare.pair.both import Both, Model, Point
from compare.pair.measure import COPIES, perturbed
from compare.pair.teacher import excused, floors, widen

Place = tuple[tuple[str, int], int]
"""PyTorch's path and call, which output."""
Cotangents = dict[Place, np.ndarray]


class Apart(NamedTuple):
    """How far two cotangents are apart, in floors, and whether float32 explains it."""

    score: float
    excused: bool

    @property
    def wrong(self) -> bool:
        return self.score > noise.LIMIT and not self.excused


Found = dict[Place, Apart]


def scores(both: Both, point: Point, *, seed: int) -> tuple[list[Aligned], Found]:
    """How far the cotangents of every layer's outputs are apart."""
    with both.session("float64"):
        exact = point.cast("float64")
        ran = {m.framework: _record(both, m, exact) for m in both.models()}
        aligned = calls(both, ran["torch"], ran["jax"])
        base = {side: _cotangents(aligned, side, ran[side]) for side in ran}
        moved = dict.fromkeys(base["torch"], 0.0)
        for copy in range(COPIES):
            changed = perturbed(exact, "float64", seed=seed, copy=copy)
            for model in both.models():
                side = model.framework
                found = _cotangents(aligned, side, _record(both, model, changed))
                widen(moved, found, base[side])
    with both.session("float32"):
        at = point.cast("float32")
        narrow = {
            model.framework: _cotangents(
                aligned, model.framework, _record(both, model, at)
            )
            for model in both.models()
        }
    errors = dict.fromkeys(moved, 0.0)
    for side, short in narrow.items():
        widen(errors, short, base[side])
    torch, jax = base["torch"], base["jax"]
    limits = floors((torch, jax), (narrow["torch"], narrow["jax"]), moved)
    found = {
        place: Apart(
            noise.score(torch[place], jax[place], limit),
            excused(torch[place], jax[place], errors[place]),
        )
        for place, limit in limits.items()
    }
    return aligned, found


def layers(aligned: Sequence[Aligned], found: Found) -> list[dict[str, Any]]:
    """Every layer whose outputs have cotangents on both sides, as run.json has it."""
    rows = []
    for one in aligned:
        own = _of(one, found)
        if not own:
            continue
        score = max(apart.score for apart in own)
        verdict = "precision" if score > noise.LIMIT else "rounding"
        if any(apart.wrong for apart in own):
            verdict = "semantic"
        rows.append(asdict(layer(one, verdict, gradient=score)))
    return rows


def _of(one: Aligned, found: Found) -> list[Apart]:
    return [apart for (key, _), apart in found.items() if key == one.key]


def _record(both: Both, model: Model, point: Point) -> list[Any]:
    arguments = both.arguments(model, replace(point, pulls=True))
    return model.runtime.record(model.subject, **arguments)


def _cotangents(aligned: list[Aligned], side: str, ran: list[Any]) -> Cotangents:
    """Those that both sides have, as JAX lays them out."""
    by_call = {(call.path, call.number): call for call in ran}
    found: Cotangents = {}
    for one in aligned:
        own = getattr(one, side)
        call = by_call[own.path, own.number]
        for number, (first, second, axes) in enumerate(one.outputs):
            there = [
                len(c.cotangents) > at and c.cotangents[at] is not None
                for c, at in ((one.torch, first), (one.jax, second))
            ]
            if all(there):
                value = call.cotangents[first if side == "torch" else second]
                turned = value.transpose(axes) if side == "torch" else value
                found[one.key, number] = turned
    return found


def blamed(aligned: list[Aligned], found: Found, wrong_leaves: list[str]) -> Blamed:
    """The last place, in order of execution, whose cotangent is already wrong.

    Where all cotangents agree it is the last layer whose own weights have a wrong
    gradient: `wrong_leaves` are PyTorch's paths.
    """
    bad = [one for one in aligned if any(a.wrong for a in _of(one, found))]
    # An enclosing layer ends where its last one does: the inner one says more.
    if bad:
        last = max(bad, key=lambda one: (one.end, one.depth))
        worst = max(apart.score for apart in _of(last, found))
        if not last.torch.path:
            return Blamed("the loss", "", "its derivative by the outputs", worst)
        takers = _takers(aligned, last)
        if len(takers) == 1:
            where = f"its backward pass, to what `{last.torch.path}` gives"
            return Blamed(takers[0].torch.path, takers[0].jax.path, where, worst)
        torch, jax = around(aligned, last.torch.path)
        where = f"the backward pass of what it does behind `{last.torch.path}`"
        return Blamed(torch, jax, where, worst)
    owners = [
        one
        for one in aligned
        if any(leaf.rpartition(".")[0] == one.torch.path for leaf in wrong_leaves)
    ]
    if owners:
        last = max(owners, key=lambda one: one.end)
        where = "the gradient of its own weights"
        return Blamed(last.torch.path, last.jax.path, where, float("inf"))
    return Blamed("", "", "its backward pass", float("inf"))


def _takers(aligned: list[Aligned], last: Aligned) -> list[Aligned]:
    """The later layers that take what a layer gives, without those inside of others."""
    given = last.torch.outputs
    takers = [
        one
        for one in aligned
        if one.start > last.end
        and any(np.array_equal(a, b) for a in one.torch.inputs for b in given)
    ]
    paths = [one.torch.path for one in takers]
    return [
        one
        for one in takers
        if not any(within(one.torch.path, outer) for outer in paths)
    ]
