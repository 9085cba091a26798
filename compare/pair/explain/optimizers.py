"""Explanations by a user's optimizer with other constants, or another step."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

from compare.pair.explain import steps
from compare.pair.explain.parts import (
    Attempt,
    Evidence,
    Explanation,
    Factory,
    OptimizerEvidence,
    Phase,
)

PHASES: tuple[Phase, ...] = ("update", "state")
DECAYS = (1e-2, 1e-4, 5e-4, 1e-3, 0.1, 0.05)
FACTORS = (10.0, 0.1, 2.0, 0.5, 100.0, 0.01, 1000.0, 0.001)
BETAS = ((0.9, 0.95, 0.8, 0.5, 0.0), (0.999, 0.99, 0.98, 0.95, 0.9))
EPS = (1e-8, 1e-6, 1e-7, 1e-10, 1e-5, 1e-3, 0.0)
MOMENTA = (0.9, 0.0, 0.99, 0.95, 0.5)
CLIPS = (1.0, 0.1, 0.5, 5.0, 10.0, 0.01)
STARTS = (0.1, 0.0, 1.0)


@dataclass(frozen=True)
class User:
    """The user's optimizer, as it says itself: class, constants of its first group."""

    kind: str
    constants: Mapping[str, Any]
    scheduled: bool
    hooked: bool


Try = tuple[str, Factory]


@lru_cache(maxsize=1)
def _user(evidence: OptimizerEvidence) -> User:
    """Seen when it is made for a score. Raises ValueError where none is."""
    seen: list[User] = []

    def seeing(parameters: Any) -> Any:
        built = evidence.factory(parameters)
        pair = isinstance(built, tuple)
        optimizer = built[0] if pair else built
        group = optimizer.param_groups[0]
        constants = {name: value for name, value in group.items() if name != "params"}
        hooks = bool(getattr(optimizer, "_optimizer_step_pre_hooks", None))
        kind = type(optimizer).__name__
        seen.append(User(kind, constants, pair and built[1] is not None, hooks))
        return built

    evidence.score(seeing)
    if not seen:
        raise ValueError("optimizer: its score was taken without making it")
    return seen[0]


def explanation(
    name: str, tries: Callable[[User, Factory], Iterator[Try]]
) -> Explanation:
    """An entry of the table that steps PyTorch's optimizer in another way."""

    def attempts(evidence: Evidence) -> Iterator[Attempt]:
        given = evidence.optimizer
        if given is None:
            return
        for says, factory in tries(_user(given), given.factory):
            yield Attempt(says, partial(given.score, factory))

    return Explanation(name, PHASES, attempts)


def _set(factory: Factory, **changes: Any) -> Factory:
    return steps.changed(factory, steps.with_constants(lambda group: changes))


def _others(user: User, name: str, values: Iterable[Any]) -> Iterator[Any]:
    """Values that a constant may have and does not; none where there is none."""
    now = user.constants.get(name)
    return (value for value in values if now is not None and value != now)


def _decay(user: User, factory: Factory) -> Iterator[Try]:
    now = user.constants.get("weight_decay")
    if now is None:
        return
    decoupled = user.kind == "AdamW" or user.constants.get("decoupled_weight_decay")
    kinds = {
        "coupled": "added to the gradient",
        "decoupled": "taken from the parameters, not added to the gradient",
    }
    here = "decoupled" if decoupled else "coupled"
    there = "coupled" if decoupled else "decoupled"
    special = {
        "unscaled": "not multiplied by the learning rate",
        "matrices": "of matrices alone, not of biases and scales",
    }
    if now:
        yield (
            f"PyTorch's weight decay of {now:g} is {kinds[there]}",
            steps.changed(factory, steps.with_decay(None, kind=there)),
        )
        yield (
            f"PyTorch's {user.kind} has no weight decay (it has {now:g})",
            _set(factory, weight_decay=0.0),
        )
    for kind, words in special.items() if now else ():
        act = steps.with_decay(None, kind=kind)
        yield f"PyTorch's weight decay is {words}", steps.changed(factory, act)
    for kind in (here, there):
        for decay in _others(user, "weight_decay", DECAYS):
            yield (
                f"PyTorch's weight decay is {decay:g}, {kinds[kind]} (it is {now:g}, "
                f"{kinds[here]})",
                steps.changed(factory, steps.with_decay(decay, kind=kind)),
            )


def _rate(user: User, factory: Factory) -> Iterator[Try]:
    for factor in FACTORS:

        def change(group: dict, factor: float = factor) -> dict:
            return {"lr": group["lr"] * factor}

        yield (
            f"PyTorch's learning rate is {factor:g} times what it is",
            steps.changed(factory, steps.with_constants(change)),
        )


def _betas(user: User, factory: Factory) -> Iterator[Try]:
    now = user.constants.get("betas")
    if now is None:
        return
    for place, values in enumerate(BETAS):
        for value in values:
            betas = (value, now[1]) if place == 0 else (now[0], value)
            if betas != tuple(now):
                yield (
                    f"PyTorch's {user.kind} has betas {betas} (it has {tuple(now)})",
                    _set(factory, betas=betas),
                )


def _eps(user: User, factory: Factory) -> Iterator[Try]:
    for eps in _others(user, "eps", EPS):
        yield (
            f"PyTorch's {user.kind} has eps {eps:g} (it has {user.constants['eps']:g})",
            _set(factory, eps=eps),
        )


def _adam(user: User) -> bool:
    return user.kind in ("Adam", "AdamW") and not user.constants.get("amsgrad")


def _root(user: User, factory: Factory) -> Iterator[Try]:
    said = f"the eps of PyTorch's {user.kind} is "
    if _adam(user):
        yield (
            said + "inside of the root (it is outside)",
            steps.changed(factory, steps.adam(root=True)),
        )
        yield (
            said + "added before the correction of the bias (it is after)",
            steps.changed(factory, steps.adam(late=True)),
        )
    if user.kind == "RMSprop" and not user.constants["centered"]:
        yield (
            said + "inside of the root (it is outside)",
            steps.changed(factory, steps.rmsprop),
        )


def _uncorrected(user: User, factory: Factory) -> Iterator[Try]:
    if _adam(user):
        yield (
            f"PyTorch's {user.kind} does not correct the bias of its moments",
            steps.changed(factory, steps.adam(corrected=False)),
        )


def _momentum(user: User, factory: Factory) -> Iterator[Try]:
    for name in ("momentum", "alpha", "dampening", "rho"):
        for value in _others(user, name, MOMENTA):
            yield (
                f"PyTorch's {user.kind} has {name} {value:g} (it has "
                f"{user.constants[name]:g})",
                _set(factory, **{name: value}),
            )
    momentum = user.constants.get("momentum")
    if momentum and "dampening" in user.constants:
        yield (
            f"PyTorch's {user.kind} has dampening {momentum:g}, as of a mean of "
            "gradients",
            _set(factory, dampening=momentum),
        )


def _variants(user: User, factory: Factory) -> Iterator[Try]:
    for name in ("nesterov", "amsgrad", "centered"):
        now = user.constants.get(name)
        if isinstance(now, bool):
            words = "has" if not now else "has no"
            yield (
                f"PyTorch's {user.kind} {words} {name}",
                _set(factory, **{name: not now}),
            )


def _accumulator(user: User, factory: Factory) -> Iterator[Try]:
    for start in _others(user, "initial_accumulator_value", STARTS):
        now = user.constants["initial_accumulator_value"]
        yield (
            f"the sum of squares of PyTorch's {user.kind} starts at {start:g} (it "
            f"starts at {now:g})",
            steps.changed(factory, steps.accumulated(start)),
        )


def _clipping(user: User, factory: Factory) -> Iterator[Try]:
    if user.hooked:
        yield (
            "PyTorch's gradients are clipped without 1e-6 in the denominator (they are "
            "with it)",
            steps.changed(factory, steps.reclipped(_without_small)),
        )
        yield (
            "PyTorch's gradients are not clipped",
            steps.changed(factory, steps.reclipped(lambda before, after: before)),
        )
        return
    for most in CLIPS:
        for small, words in ((0.0, ""), (1e-6, ", with 1e-6 in the denominator")):
            yield (
                f"PyTorch's gradients are clipped to the norm {most:g}{words}",
                steps.changed(factory, steps.clipped(most, small)),
            )


def _without_small(before: float, after: float) -> float:
    """most, of after = before · most / (before + 1e-6)."""
    return after * (before + 1e-6) / before


def _schedule(user: User, factory: Factory) -> Iterator[Try]:
    if user.scheduled:
        for count, words in ((1, "ahead"), (-1, "behind")):
            yield (
                f"PyTorch's schedule is one step {words}",
                steps.shifted(factory, count),
            )


def _sign(user: User, factory: Factory) -> Iterator[Try]:
    yield (
        f"PyTorch's {user.kind} goes up the gradient",
        steps.changed(factory, steps.with_gradients(lambda gradients: -1.0)),
    )


OPTIMIZERS: tuple[Explanation, ...] = (
    explanation("weight decay", _decay),
    explanation("schedule", _schedule),
    explanation("clipping", _clipping),
    explanation("place of eps", _root),
    explanation("eps of the optimizer", _eps),
    explanation("betas", _betas),
    explanation("bias correction", _uncorrected),
    explanation("momentum of the optimizer", _momentum),
    explanation("variant of the optimizer", _variants),
    explanation("initial accumulator", _accumulator),
    explanation("learning rate", _rate),
    explanation("sign of the update", _sign),
)
