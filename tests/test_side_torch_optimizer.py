"""The PyTorch side of a pair: a user's optimizer as a pure function."""

import copy

import numpy as np
import pytest
import torch
from torch import nn, optim
from torch.optim import lr_scheduler

from torchnets.side import runtime

STEPS = 5
BOTH = pytest.mark.parametrize("precision", ["float64", "float32"])


def grouped(parameters):
    groups = [
        {"params": parameters[:1], "weight_decay": 0.1},
        {"params": parameters[1:], "lr": 0.3, "weight_decay": 0.0},
    ]
    return optim.AdamW(groups, lr=0.1)


def clipped(parameters):
    made = optim.SGD(parameters, lr=0.1, momentum=0.9, nesterov=True)

    def clip(optimizer, args, kwargs):
        nn.utils.clip_grad_norm_(parameters, 0.5)

    made.register_step_pre_hook(clip)
    return made


def scheduled(schedule, **constants):
    def factory(parameters):
        made = optim.AdamW(parameters, lr=0.1, weight_decay=0.05)
        return made, schedule(made, **constants)

    return factory


def warm(parameters):
    made = optim.SGD(parameters, lr=0.1)
    first = lr_scheduler.LinearLR(made, 0.1, total_iters=2)
    then = lr_scheduler.CosineAnnealingLR(made, 3)
    return made, lr_scheduler.SequentialLR(made, [first, then], milestones=[2])


FACTORIES = {
    "sgd": lambda p: optim.SGD(p, lr=0.1),
    "momentum": lambda p: optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True),
    "adam": lambda p: optim.Adam(p, lr=0.1, amsgrad=True),
    "adamw": lambda p: optim.AdamW(p, lr=0.1, weight_decay=0.1),
    "tensor rate": lambda p: optim.AdamW(p, lr=torch.tensor(0.1)),
    "fused": lambda p: optim.AdamW(p, lr=0.1, fused=True),
    "rmsprop": lambda p: optim.RMSprop(p, lr=0.1, momentum=0.5, centered=True),
    "adagrad": lambda p: optim.Adagrad(p, lr=0.1),
    "nadam": lambda p: optim.NAdam(p, lr=0.1),
    "adafactor": lambda p: optim.Adafactor(p, lr=0.1),
    "grouped": grouped,
    "clipped": clipped,
    "some": lambda p: optim.Adam(p[1:], lr=0.1),
    "step": scheduled(lr_scheduler.StepLR, step_size=2),
    "cosine": scheduled(lr_scheduler.CosineAnnealingLR, T_max=4),
    "cycle": scheduled(lr_scheduler.OneCycleLR, max_lr=0.5, total_steps=6),
    "lambda": scheduled(lr_scheduler.LambdaLR, lr_lambda=lambda step: 1 / (1 + step)),
    "warm": warm,
}


def values(precision: str, seed: int) -> dict[str, np.ndarray]:
    generator = np.random.default_rng(seed)
    shapes = {"a.weight": (3, 2), "a.bias": (3,), "scale": ()}
    return {
        path: generator.normal(size=shape).astype(precision)
        for path, shape in shapes.items()
    }


def directly(factory, precision: str) -> tuple[list, optim.Optimizer]:
    """Parameters after every step, the optimizer used as one does."""
    start = values(precision, 0)
    own = [nn.Parameter(torch.tensor(value)) for value in start.values()]
    made = factory(own)
    optimizer, scheduler = made if isinstance(made, tuple) else (made, None)
    after = []
    for step in range(STEPS):
        gradients = values(precision, step + 1)
        for one, value in zip(own, gradients.values(), strict=True):
            one.grad = torch.tensor(value)
        optimizer.step()
        if scheduler:
            scheduler.step()
        after.append([one.detach().clone() for one in own])
    return after, optimizer


@pytest.mark.filterwarnings("ignore:The epoch parameter in `scheduler.step:UserWarning")
@BOTH
@pytest.mark.parametrize("name", FACTORIES)
def test_five_steps_are_those_of_the_optimizer_itself(name, precision):
    """The same bits, though it is made anew at every step."""
    factory = FACTORIES[name]
    with runtime.session(precision):
        expected, optimizer = directly(factory, precision)
        parameters = values(precision, 0)
        memory = runtime.begin(factory, parameters)
        for step in range(STEPS):
            gradients = values(precision, step + 1)
            kept = copy.deepcopy((parameters, gradients, memory))
            made, following = runtime.advance(factory, memory, parameters, gradients)
            same(kept, (parameters, gradients, memory))
            twice, _ = runtime.advance(factory, memory, parameters, gradients)
            for path, theirs in zip(made, expected[step], strict=True):
                np.testing.assert_array_equal(made[path], theirs)
                np.testing.assert_array_equal(twice[path], theirs)
            parameters, memory = made, following
        found = runtime.slots(factory, memory)
        arrays = [
            value
            for kept in optimizer.state.values()
            for slot, value in kept.items()
            if slot != "step" and isinstance(value, torch.Tensor)
        ]
    assert len(found) == len(arrays)
    for ours, theirs in zip(found.values(), arrays, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def same(left, right) -> None:
    """Every number in two nests of anything is the same."""
    if isinstance(left, (np.ndarray, torch.Tensor)):
        np.testing.assert_array_equal(left, right)
    elif isinstance(left, dict):
        assert left.keys() == right.keys()
        for name, value in left.items():
            same(value, right[name])
    elif isinstance(left, (tuple, list)):
        for one, other in zip(left, right, strict=True):
            same(one, other)
    elif hasattr(left, "paths"):
        same(vars(left), vars(right))
    else:
        assert left == right or callable(left)


@pytest.mark.parametrize(
    ("name", "slots"),
    [
        ("adamw", ["first_moment", "second_moment"]),
        ("momentum", ["momentum"]),
        ("rmsprop", ["second_moment", "momentum", "grad_avg"]),
        ("adagrad", ["sum"]),
        ("sgd", []),
    ],
)
def test_slots_have_their_canonical_names(name, slots):
    factory = FACTORIES[name]
    parameters = values("float64", 0)
    memory = runtime.begin(factory, parameters)
    _, memory = runtime.advance(factory, memory, parameters, values("float64", 1))
    found = runtime.slots(factory, memory)
    assert sorted(found) == sorted(
        f"{slot}/{path}" for slot in slots for path in parameters
    )


def test_moments_stand_with_the_parameter_they_are_of():
    """m = (1 − β₁) g after one step, whatever the order and the groups."""

    def turned(parameters):
        return optim.Adam(parameters[::-1], betas=(0.5, 0.9))

    parameters, gradients = values("float64", 0), values("float64", 1)
    with runtime.session("float64"):
        memory = runtime.begin(turned, parameters)
        _, memory = runtime.advance(turned, memory, parameters, gradients)
        found = runtime.slots(turned, memory)
    for path, gradient in gradients.items():
        np.testing.assert_array_equal(found[f"first_moment/{path}"], gradient / 2)


def test_moved_changes_every_float_and_leaves_zeros_and_counts():
    factory = FACTORIES["cosine"]
    parameters, gradients = values("float64", 0), values("float64", 1)
    seen = []

    def change(value):
        seen.append(value)
        return value * 2

    with runtime.session("float64"):
        memory = runtime.begin(factory, parameters)
        _, memory = runtime.advance(factory, memory, parameters, gradients)
        kept = copy.deepcopy(memory)
        moved = runtime.moved(factory, memory, change)
        same(kept, memory)
        before, after = (runtime.slots(factory, one) for one in (memory, moved))
    for name, value in before.items():
        np.testing.assert_array_equal(after[name], 2 * value)
    group, other = (one.optimizer["param_groups"][0] for one in (memory, moved))
    for name in ("lr", "eps", "weight_decay", "initial_lr"):
        assert other[name] == 2 * group[name]
    assert other["betas"] == (1.8, 1.998)
    assert [entry["step"] for entry in moved.optimizer["state"].values()] == [1, 1, 1]
    assert all(isinstance(value, np.ndarray) for value in seen)
    assert not any(value is True or value == 0 for value in seen if value.ndim == 0)


def test_a_constant_of_zero_is_not_offered():
    factory = FACTORIES["sgd"]
    memory = runtime.begin(factory, values("float64", 0))
    moved = runtime.moved(factory, memory, lambda value: value + 1)
    group = moved.optimizer["param_groups"][0]
    assert (group["lr"], group["weight_decay"], group["momentum"]) == (1.1, 0, 0)
    assert group["nesterov"] is False


# ------------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("factory", "says"),
    [
        (optim.LBFGS, "LBFGS evaluates the loss again within a step"),
        (optim.SGD([nn.Parameter(torch.ones(1))]), "expected a function of the param"),
        (lambda p: 3, "must return a torch.optim.Optimizer"),
        (lambda p: (optim.SGD(p), 3), "expected a scheduler of torch.optim"),
        (lambda p: optim.SGD([nn.Parameter(torch.ones(1))]), "not among those"),
        (
            lambda p: (o := optim.SGD(p), lr_scheduler.ReduceLROnPlateau(o)),
            "follows a validation loss",
        ),
    ],
)
def test_what_cannot_be_stepped_is_refused_with_the_reason(factory, says):
    with pytest.raises(TypeError, match=says):
        runtime.begin(factory, values("float64", 0))
