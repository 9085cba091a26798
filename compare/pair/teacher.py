"""Teacher forcing: each JAX layer on PyTorch's numbers, so that no error is inherited.

Both models run once more with all that goes into and comes out of each layer replaced
by what PyTorch had there: a layer's own output then differs only by what it does
itself, and what arrives at a layer only by what is done between layers.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeVar

import numpy as np

from compare import noise
from compare.measure import cast_one
from compare.pair.align import Aligned, calls
from compare.pair.both import Both, Model, Point
from compare.pair.measure import COPIES, discrete, perturbed
from compare.spec import stream

NARROW = 4.0
"""Float32 floors that a layer in float32 may be off: nothing grows in one layer."""
Way = Literal["input", "output"]
Spot = tuple[tuple[str, int], Way, int]
"""PyTorch's path and call, going in or coming out, which array."""
Seen = dict[Spot, np.ndarray]
"""Arrays as JAX lays them out."""
Place = TypeVar("Place")


@dataclass(frozen=True)
class Lesson:
    """Both models on PyTorch's numbers, and how far apart rounding may bring them.

    `narrow` is how far each side's float32 is from its float64, the larger of the two.
    """

    both: Both
    point: Point
    aligned: Sequence[Aligned]
    torch: Seen
    jax: Seen
    floors: dict[Spot, float]
    narrow: dict[Spot, float]
    inherited: Seen
    """JAX's own run, from beginning to end, without PyTorch's numbers."""

    def score(self, spot: Spot, torch: np.ndarray | None = None) -> float:
        """How far JAX is from PyTorch at a place, in floors."""
        first = self.torch[spot] if torch is None else torch
        return noise.score(self.jax[spot], first, self.floors[spot])

    def precise(self, spot: Spot) -> bool:
        """Whether what is apart there is no more than float32 can make it."""
        return excused(self.torch[spot], self.jax[spot], self.narrow[spot])

    def again(self, *, train: bool | None = None, **options: Any) -> Seen:
        """What PyTorch has at every place when something is done otherwise."""
        point = replace(self.point, train=self.point.train if train is None else train)
        both = self.both
        with both.session("float64"):
            return _run(both, both.torch, point, self.aligned, self.torch, **options)


def teach(both: Both, point: Point, *, seed: int) -> Lesson:
    """Record both models at a point and run them forced."""
    with both.session("float64"):
        exact = point.cast("float64")
        ran = {
            model.framework: model.runtime.record(
                model.subject, **both.arguments(model, replace(exact, pulls=False))
            )
            for model in both.models()
        }
        aligned = calls(both, ran["torch"], ran["jax"])
        torch = _seen(aligned, "torch", ran["torch"])
        jax = _run(both, both.jax, exact, aligned, torch)
        moved = dict.fromkeys(jax, 0.0)
        for copy in range(COPIES):
            changed = perturbed(exact, "float64", seed=seed, copy=copy)
            given = _moved(torch, seed=seed, copy=copy)
            for model, base in ((both.torch, torch), (both.jax, jax)):
                widen(moved, _run(both, model, changed, aligned, given), base)
    with both.session("float32"):
        short = {spot: cast_one(value, "float32") for spot, value in torch.items()}
        at = point.cast("float32")
        narrow = [
            _run(both, model, at, aligned, short) for model in (both.torch, both.jax)
        ]
    errors = dict.fromkeys(jax, 0.0)
    for short, base in zip(narrow, (torch, jax), strict=True):
        widen(errors, short, base)
    inherited = _seen(aligned, "jax", ran["jax"])
    limits = floors((torch, jax), narrow, moved)
    return Lesson(both, exact, aligned, torch, jax, limits, errors, inherited)


def excused(torch: np.ndarray, jax: np.ndarray, error: float) -> bool:
    """Whether two arrays are no further apart than float32 can make them.

    `error` is how far either side's own float32 is off.
    """
    size = float(noise.largest(torch))
    floor = max(error, noise.ULPS * noise.ULP["float32"] * size)
    return noise.score(jax, torch, floor) <= NARROW


def widen(
    moved: dict[Place, float],
    found: Mapping[Place, np.ndarray],
    base: Mapping[Place, np.ndarray],
) -> None:
    """How far each place has moved at most, with one more run."""
    for place, so_far in moved.items():
        far = float(noise.largest_distance(found[place], base[place]))
        moved[place] = max(so_far, far)


def floors(
    pair: Sequence[Mapping[Place, np.ndarray]],
    narrow: Sequence[Mapping[Place, np.ndarray]],
    moved: Mapping[Place, float],
) -> dict[Place, float]:
    """The rounding floor of each place, of both sides in float64 and in float32."""
    return {
        place: float(
            noise.float64_floor(
                [side[place] for side in pair],
                [side[place] for side in narrow],
                sensitivity=np.asarray(far),
            )
        )
        for place, far in moved.items()
    }


def _run(
    both: Both,
    model: Model,
    point: Point,
    aligned: Sequence[Aligned],
    taught: Seen,
    **options: Any,
) -> Seen:
    """What a model makes when its layers are taught; options are its runtime's."""
    ran = model.runtime.forced(
        model.subject,
        **both.arguments(model, replace(point, pulls=False)),
        given=_given(aligned, model.framework, taught),
        **options,
    )
    return _seen(aligned, model.framework, ran)


def _moved(taught: Seen, *, seed: int, copy: int) -> Seen:
    rng = stream(seed, f"pair layers {copy}")
    named = {str(number): value for number, value in enumerate(taught.values())}
    fixed = discrete(named)
    values = noise.perturb(named, rng, precision="float64", discrete=fixed)
    return dict(zip(taught, values.values(), strict=True))


def _given(aligned: Sequence[Aligned], side: str, taught: Seen) -> dict:
    """What a side's layers get and what they hand on, in its own layout."""
    given = {}
    for one in aligned:
        call = getattr(one, side)
        inputs, outputs = (
            _filled(
                list(getattr(call, f"{way}s")),
                getattr(one, f"{way}s"),
                side,
                way,
                one.key,
                taught,
            )
            for way in ("input", "output")
        )
        given[call.path, call.number] = (inputs, outputs)
    return given


def _filled(
    own: list[np.ndarray],
    places: Sequence[tuple[int, int, tuple[int, ...]]],
    side: str,
    way: str,
    key: tuple[str, int],
    taught: Seen,
) -> tuple[np.ndarray, ...]:
    """A call's arrays with those replaced that are taught."""
    for number, (first, second, axes) in enumerate(places):
        value = taught[key, way, number]  # type: ignore[index]
        if side == "torch":
            own[first] = value.transpose(np.argsort(axes))
        else:
            own[second] = value
    kind = next(iter(taught.values())).dtype
    with np.errstate(over="ignore"):  # float64's lowest, as in a mask, is −inf
        return tuple(np.ascontiguousarray(value, kind) for value in own)


def _seen(aligned: Sequence[Aligned], side: str, ran: Sequence[Any]) -> Seen:
    """The arrays of partners, as JAX lays them out."""
    by_call = {(call.path, call.number): call for call in ran}
    seen: Seen = {}
    for one in aligned:
        own = getattr(one, side)
        call = by_call[own.path, own.number]
        for way in ("input", "output"):
            arrays = getattr(call, f"{way}s")
            for number, (first, second, axes) in enumerate(getattr(one, f"{way}s")):
                value = (
                    arrays[first].transpose(axes) if side == "torch" else arrays[second]
                )
                seen[one.key, way, number] = value
    return seen
