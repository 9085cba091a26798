"""Every other constant or step of an optimizer is found where that is what differs."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn, optim

from compare import noise
from compare.pair.explain.table import Evidence, OptimizerEvidence, explain
from torchnets.side import optimizer as side

Factory = Callable[[Any], Any]
STEPS = 3
RNG = np.random.default_rng(0)
START = {"weight": RNG.standard_normal((4, 3)), "bias": RNG.standard_normal(3)}
GRADIENTS = [
    {path: RNG.standard_normal(value.shape) for path, value in START.items()}
    for _ in range(STEPS)
]


@pytest.fixture(autouse=True)
def _float64() -> Iterator[None]:
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def steps(factory: Factory) -> list[dict[str, np.ndarray]]:
    """The parameters' changes, through PyTorch's side of a pair."""
    memory, now, made = side.begin(factory, START), START, []
    for gradients in GRADIENTS:
        after, memory = side.advance(factory, memory, now, gradients)
        made.append({path: after[path] - now[path] for path in now})
        now = after
    return made


def flat(updates: list[dict[str, np.ndarray]]) -> np.ndarray:
    return np.concatenate([value.ravel() for one in updates for value in one.values()])


def by_hand(rule: Callable[[np.ndarray, dict, int], np.ndarray]) -> list[dict]:
    """Updates by a formula in NumPy, of each leaf alone: (g, memory, count) → −Δθ."""
    memory: dict[str, dict] = {path: {} for path in START}
    return [
        {path: -rule(g, memory[path], count) for path, g in gradients.items()}
        for count, gradients in enumerate(GRADIENTS, start=1)
    ]


def adam(root: bool, corrected: bool) -> list[dict]:
    """Kingma and Ba, with eps 1e-3."""

    def rule(g: np.ndarray, memory: dict, count: int) -> np.ndarray:
        memory["m"] = 0.9 * memory.get("m", 0.0) + 0.1 * g
        memory["v"] = 0.999 * memory.get("v", 0.0) + 0.001 * g**2
        top, low = (1 - 0.9**count, 1 - 0.999**count) if corrected else (1.0, 1.0)
        if root:
            below = np.sqrt(memory["v"] / low + 1e-3)
        else:
            below = np.sqrt(memory["v"] / low) + 1e-3
        return 0.01 * memory["m"] / top / below

    return by_hand(rule)


def rmsprop() -> list[dict]:
    def rule(g: np.ndarray, memory: dict, count: int) -> np.ndarray:
        del count
        memory["v"] = 0.9 * memory.get("v", 0.0) + 0.1 * g**2
        return 0.01 * g / np.sqrt(memory["v"] + 1e-3)

    return by_hand(rule)


def clipped(most: float) -> list[dict]:
    """Descent along gradients clipped as optax does, without 1e-6."""
    made = []
    for gradients in GRADIENTS:
        size = math.sqrt(sum(float((g**2).sum()) for g in gradients.values()))
        factor = min(1.0, most / size)
        made.append({path: -0.1 * factor * g for path, g in gradients.items()})
    return made


def hooked(parameters: Any) -> Any:
    """PyTorch's way, with 1e-6."""
    made = optim.SGD(parameters, 0.1)

    def clip(*given: Any) -> None:
        del given
        nn.utils.clip_grad_norm_(made.param_groups[0]["params"], 0.5)

    made.register_step_pre_hook(clip)
    return made


def scheduled(late: int, kind: str = "lambda") -> Factory:
    def made(parameters: Any) -> Any:
        sgd = optim.SGD(parameters, 0.1)
        if kind == "lambda":
            return sgd, optim.lr_scheduler.LambdaLR(
                sgd, lambda count: 0.8 ** max(count + late, 0)
            )
        return sgd, optim.lr_scheduler.CosineAnnealingLR(sgd, 10)

    return made


def of(kind: Any, *args: Any, **constants: Any) -> Factory:
    return lambda parameters: kind(parameters, *args, **constants)


def matrices(parameters: Any) -> Any:
    """Decay of the matrix alone, as by a mask."""
    weight, bias = list(parameters)
    groups = [{"params": [weight]}, {"params": [bias], "weight_decay": 0.0}]
    return optim.AdamW(groups, 0.1, weight_decay=0.1)


ADAM = of(optim.Adam, 0.01, eps=1e-3)
CASES: list[tuple[str, Factory, Factory | Callable[[], list[dict]], str]] = [
    (
        "weight decay",
        of(optim.AdamW, 0.1, weight_decay=0.1),
        of(optim.Adam, 0.1, weight_decay=0.1),
        "weight decay of 0.1 is added to the gradient",
    ),
    (
        "weight decay",
        of(optim.Adam, 0.1, weight_decay=0.1),
        of(optim.AdamW, 0.1, weight_decay=0.1),
        "not added to the gradient",
    ),
    (
        "weight decay",
        of(optim.AdamW, 0.1),
        of(optim.AdamW, 0.1, weight_decay=1e-4),
        "weight decay is 0.0001, taken from the parameters",
    ),
    ("weight decay", of(optim.AdamW, 0.1), of(optim.Adam, 0.1), "no weight decay"),
    (
        "weight decay",
        of(optim.AdamW, 0.1, weight_decay=0.1),
        matrices,
        "matrices alone",
    ),
    (
        "weight decay",
        of(optim.SGD, 0.1, momentum=0.9, weight_decay=0.1),
        of(optim.SGD, 0.1, momentum=0.9),
        "SGD has no weight decay (it has 0.1)",
    ),
    ("schedule", scheduled(0), scheduled(1), "one step ahead"),
    ("schedule", scheduled(0), scheduled(-1), "one step behind"),
    ("clipping", hooked, lambda: clipped(0.5), "without 1e-6"),
    ("clipping", hooked, of(optim.SGD, 0.1), "not clipped"),
    ("clipping", of(optim.SGD, 0.1), lambda: clipped(0.5), "clipped to the norm 0.5"),
    ("clipping", of(optim.SGD, 0.1), hooked, "0.5, with 1e-6"),
    ("place of eps", ADAM, lambda: adam(True, True), "inside of the root"),
    (
        "place of eps",
        of(optim.RMSprop, 0.01, alpha=0.9, eps=1e-3),
        rmsprop,
        "RMSprop is inside of the root",
    ),
    ("eps of the optimizer", ADAM, of(optim.Adam, 0.01, eps=1e-6), "eps 1e-06"),
    ("betas", of(optim.Adam), of(optim.Adam, betas=(0.9, 0.95)), "(0.9, 0.95)"),
    ("betas", of(optim.Adam), of(optim.Adam, betas=(0.95, 0.999)), "(0.95, 0.999)"),
    ("bias correction", ADAM, lambda: adam(False, False), "does not correct"),
    (
        "momentum of the optimizer",
        of(optim.SGD, 0.1, momentum=0.5),
        of(optim.SGD, 0.1, momentum=0.9),
        "momentum 0.9 (it has 0.5)",
    ),
    (
        "momentum of the optimizer",
        of(optim.SGD, 0.1, momentum=0.9),
        of(optim.SGD, 0.1, momentum=0.9, dampening=0.9),
        "dampening 0.9",
    ),
    (
        "momentum of the optimizer",
        of(optim.RMSprop),
        of(optim.RMSprop, alpha=0.9),
        "alpha 0.9 (it has 0.99)",
    ),
    (
        "variant of the optimizer",
        of(optim.SGD, 0.1, momentum=0.9),
        of(optim.SGD, 0.1, momentum=0.9, nesterov=True),
        "has nesterov",
    ),
    (
        "variant of the optimizer",
        of(optim.Adam, betas=(0.9, 0.6)),
        of(optim.Adam, betas=(0.9, 0.6), amsgrad=True),
        "has amsgrad",
    ),
    (
        "initial accumulator",
        of(optim.Adagrad, 0.1),
        of(optim.Adagrad, 0.1, initial_accumulator_value=0.1),
        "starts at 0.1",
    ),
    ("learning rate", of(optim.Adam), of(optim.Adam, 1e-2), "10 times what it is"),
    (
        "learning rate",
        scheduled(0, "cosine"),
        lambda: steps(of_cosine(0.05)),
        "0.5 times what it is",
    ),
    (
        "sign of the update",
        of(optim.Adam),
        of(optim.Adam, maximize=True),
        "goes up the gradient",
    ),
]


def of_cosine(rate: float) -> Factory:
    def made(parameters: Any) -> Any:
        sgd = optim.SGD(parameters, rate)
        return sgd, optim.lr_scheduler.CosineAnnealingLR(sgd, 10)

    return made


def evidence(user: Factory, theirs: list[dict[str, np.ndarray]]) -> Evidence:
    """Three steps of the user's optimizer against JAX's updates."""
    ours, wanted = flat(steps(user)), flat(theirs)
    largest = max(float(noise.largest(value)) for value in START.values())
    floor = 4 * noise.ULP["float64"] * largest
    apart = float(noise.largest_distance(wanted, ours))
    return Evidence(
        phase="update",
        jax=wanted,
        torch=ours,
        floor=floor,
        before=apart / floor,
        optimizer=OptimizerEvidence(
            factory=user,
            score=lambda other: (
                float(noise.largest_distance(wanted, flat(steps(other)))) / floor
            ),
        ),
    )


def updates(port: Any) -> list[dict[str, np.ndarray]]:
    try:
        return port()
    except TypeError:
        return steps(port)


@pytest.mark.parametrize(
    ("name", "user", "port", "says"),
    CASES,
    ids=[f"{number}-{case[0]}" for number, case in enumerate(CASES)],
)
def test_optimizer(name: str, user: Factory, port: Any, says: str) -> None:
    """The port differs by one switch, which is found and named."""
    given = evidence(user, updates(port))
    assert given.before > 100 * noise.LIMIT
    cause = explain(given)
    assert cause is not None
    assert (cause.name, says in cause.says) == (name, True), cause
    assert cause.after <= noise.LIMIT


@pytest.mark.parametrize(
    "user", [case[1] for case in CASES], ids=[str(n) for n in range(len(CASES))]
)
def test_honest(user: Factory) -> None:
    """The same optimizer needs no cause."""
    assert explain(evidence(user, steps(user))) is None


def test_the_users_optimizer_stays() -> None:
    """What is tried leaves no trace in what the factory makes."""
    before = steps(ADAM)
    explain(evidence(ADAM, adam(True, False)))
    after = steps(ADAM)
    assert all(
        np.array_equal(one[path], other[path])
        for one, other in zip(before, after, strict=True)
        for path in one
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert type(ADAM([nn.Parameter(torch.ones(2))])) is optim.Adam
