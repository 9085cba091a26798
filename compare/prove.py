"""Does a mode that is timed compute what has passed? Judged at that run's floors.

The one-step maps of the mode, in float32, take the place of the ones that its framework
has in the run, and are judged as they were. The first losses of the run are judged up
to the *float32 horizon*: rounding errors are, to first order, proportional to the unit
roundoff, so the floor of the float64 run times 2²⁹ is that of float32; past the step
where it exceeds a thousandth of the loss nothing can be said.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from compare import noise
from compare.check import Sides, failed, judge_float32, pair
from compare.check_steps import LOSS
from compare.fault import NAMES
from compare.result import Row
from compare.timing import Products
from compare.trace import Key, Trace

_MADE = (("loss", "train_step"), ("update", "update"))
"""Phase and quantity of what every step makes, besides the optimizer's state."""
_WIDER = noise.ULP["float32"] / noise.ULP["float64"]


def prove(sides: Sides, proof: Trace, *, products: Products = "float32") -> Row:
    """The worst row of a mode's proof; raises ValueError where nothing was compared.

    Products of rounded factors are less precise than the run's float32: the one-step
    maps pass as `precision`, and of the losses it is only asked that they stay finite.
    """
    side = proof.framework, "float32"
    at_their_places = replace(
        sides[side],
        arrays={
            **sides[side].arrays,
            **{key: _thinned(sides[side], key, v) for key, v in proof.arrays.items()},
        },
    )
    own = {**sides, side: at_their_places}
    maps = [key for key in proof.arrays if key != LOSS]
    rows = [judge_float32(own, key) for key in maps]
    if not rows or LOSS not in proof.arrays:
        raise ValueError("proof: expected one-step maps and losses, got nothing")
    rows += [*_missing(sides[side], proof), *_losses(sides, proof, products)]
    return max(rows, key=lambda row: _badness(row, products))


def holds(row: Row, *, products: Products = "float32") -> bool:
    """Whether the worst row of a proof lets the mode's times be shown."""
    accepted = {"bitwise", "rounding", "unresolved"}
    if products != "float32":
        accepted.add("precision")
    return row.verdict in accepted


def _badness(row: Row, products: Products) -> tuple[bool, float]:
    score = 0.0 if row.score is None else row.score
    return not holds(row, products=products), score


def _thinned(trace: Trace, key: Key, value: np.ndarray) -> np.ndarray:
    """The elements that a saved trace has kept, or all."""
    place = trace.places.get(key)
    return value if place is None else value.ravel()[place]


def _missing(run: Trace, proof: Trace) -> Iterator[Row]:
    """What a step of the run has made, and the mode's own step from there has not."""
    steps = {key.step for key in proof.arrays if key != LOSS}
    for key in run.arrays:
        made = key[:2] in _MADE or key.phase == "state"
        if made and key.step in steps and key not in proof.arrays:
            why = f"{NAMES[proof.framework]} has none in this mode"
            yield failed(key, why, precision="float32")


def _losses(sides: Sides, proof: Trace, products: Products) -> Iterator[Row]:
    """The losses of the run, up to the float32 horizon."""
    whole = pair(sides, LOSS)
    wide = whole.left if proof.framework == "jax" else whole.right
    found = proof.arrays[LOSS].astype(np.float64)
    steps = min(len(found), len(wide))
    wide, found, floor = wide[:steps], found[:steps], _WIDER * whole.floor[:steps]
    lost = np.flatnonzero(~np.isfinite(found) & np.isfinite(wide))
    if len(lost):  # past the horizon a run must at least stay finite
        yield failed(LOSS, f"{NAMES[proof.framework]} is lost at step {lost[0]}")
        return
    if products != "float32":
        return
    past = np.flatnonzero(floor > noise.RESOLVED * np.abs(wide))
    horizon = int(past[0]) if len(past) else steps
    if not horizon:
        yield failed(LOSS, "rounding is of the size of the first loss")
        return
    scores = noise.distance(found, wide)[:horizon] / floor[:horizon]
    at = int(np.argmax(scores))
    name = NAMES[proof.framework]
    ok = scores[at] <= noise.FLOAT32_LIMIT
    yield Row(
        phase=LOSS.phase,
        quantity=LOSS.quantity,
        leaf="",
        step=at,
        precision="float32",
        error=float(noise.distance(found, wide)[at]),
        floor=float(floor[at]),
        score=float(scores[at]),
        verdict="rounding" if ok else "semantic",
        why="" if ok else f"{name} has {found[at]!r}, in float64 {wide[at]!r}",
    )


def explained(row: Row) -> str:
    """A failing row in one line."""
    where = " ".join(filter(None, (row.phase, row.quantity, row.leaf)))
    step = "" if row.step is None else f" at step {row.step}"
    return f"{where}{step}: {row.why}"
