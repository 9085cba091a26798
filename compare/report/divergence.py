"""How far the two frameworks come apart in float64, beside the measured floor."""

import numpy as np

from compare import noise
from compare.check import Sides, pair
from compare.check_steps import LOSS
from compare.report.chart import Figure, Missing, draw, slug
from compare.report.curves import NotThere, counted, series
from compare.report.divergence_chart import Apart, drawn
from compare.result import Example


def divergence(example: Example, sides: Sides) -> Figure:
    """The losses' distance, step by step; `Missing` where a side has no losses."""
    called, title = f"{slug(example.name)}--divergence", "Divergence"
    try:
        apart = _apart(example, sides)
    except NotThere as error:
        return Missing(called, title, str(error))
    if apart.neither.all():
        return Missing(called, title, "no float64 loss is finite in either framework")
    picture = drawn(apart, _checkpoints(example, len(apart.floor)))
    return draw(picture, called, title=title, describes=_tell(example, apart))


def _apart(example: Example, sides: Sides) -> Apart:
    left, right = series(sides, "float64", LOSS)
    try:
        floor = np.broadcast_to(pair(sides, LOSS).floor, left.shape)
    except (KeyError, ValueError) as error:
        raise NotThere(f"the losses have no floor: {error.args[0]}") from None
    with np.errstate(over="ignore"):  # a distance beyond all numbers is infinite
        difference = noise.distance(left, right)
    given, steps = example.facts.get("horizon"), len(left)
    return Apart(
        difference=difference,
        floor=np.array(floor, np.float64),
        neither=~np.isfinite(left) & ~np.isfinite(right),
        horizon=given if type(given) is int and 0 <= given < steps else steps,
    )


def _checkpoints(example: Example, steps: int) -> list[int]:
    rows = [row for row in example.checks if row.phase in ("outputs", "gradients")]
    found = {row.step for row in rows if isinstance(row.step, int)}
    return sorted(step for step in found if 0 <= step < steps)


def _tell(example: Example, apart: Apart) -> str:
    known = ~apart.neither
    told = _tell_largest(apart)
    if apart.horizon == len(known):
        told += "; no horizon in sight."
    else:
        told += f"; from the horizon, step {apart.horizon:,}, on runs are not compared."
    if equal := int((known & (apart.difference == 0)).sum()):
        told += f" Equal at {counted(equal)}, drawn at the bottom edge."
    if alone := int((known & np.isinf(apart.difference)).sum()):
        told += f" Only one is finite at {counted(alone)}, drawn at the top edge."
    if lost := int(apart.neither.sum()):
        told += f" Left out: {counted(lost)} where neither loss is finite."
    scores = [
        row.score
        for row in example.checks
        if (row.phase, row.quantity) == ("trajectory", "parameters")
        and row.precision == "float64"
        and row.score is not None
        and np.isfinite(row.score)
    ]
    if scores:
        told += f" The parameters: at most {max(scores):.2g} of their own floors."
    return told


def _tell_largest(apart: Apart) -> str:
    both = "JAX and PyTorch differ"
    if many := int(apart.beyond.sum()):
        first = int(np.argmax(apart.beyond))
        score = apart.scores[first]
        much = f"{apart.difference[first]:.2g}, {score:,.3g} floors"
        if not np.isfinite(apart.difference[first]):
            much = "more than any number"
        return (
            f"{both} in the loss by more than rounding, {noise.LIMIT:.0f} floors, at "
            f"{counted(many)}, first at step {first:,}: by {much}"
        )
    known = np.flatnonzero(~apart.neither[: apart.horizon])
    if not known.size:
        return "No loss is compared"
    return (
        f"{both} by at most {apart.difference[known].max():.2g} in the loss over "
        f"{counted(apart.horizon)}, {apart.scores[known].max():.2g} floors at most; "
        f"{noise.LIMIT:.0f} would be rounding still"
    )
