"""A user's optimizer with its step taken in another way, by its own class and state.

No framework is imported: tensors are worked on by what they can do.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from compare.pair.explain.parts import Factory

Step = Callable[[], Any]
Act = Callable[[Any, Step], Any]
"""An optimizer and its own step → the step in the place of that."""


def changed(factory: Factory, act: Act) -> Factory:
    """The same factory, whose optimizers step by `act`.

    The step is of the class, for the state of an optimizer is loaded from elsewhere.
    """

    def made(parameters: Any) -> Any:
        built = factory(parameters)
        optimizer = built[0] if isinstance(built, tuple) else built
        optimizer.__class__ = _class(type(optimizer), act)
        optimizer.__dict__.pop("step", None)  # a scheduler has put its own there
        return built

    return made


def _class(base: Any, act: Act) -> Any:
    def step(self: Any, closure: Any = None) -> Any:
        del closure
        self._opt_called = True
        return act(self, lambda: base.step(self))

    marks = {"hooked": True, "_wrapped_by_lr_sched": True}
    vars(step).update(marks)  # else PyTorch would wrap it, and warn
    return type(base.__name__, (base,), {"step": step})


@contextmanager
def constants(
    optimizer: Any, change: Callable[[dict[str, Any]], dict[str, Any]]
) -> Iterator[None]:
    """While entered, every group has the constants that `change` returns."""
    before = [
        {name: value for name, value in group.items() if name != "params"}
        for group in optimizer.param_groups
    ]
    for group in optimizer.param_groups:
        group.update(change(group))
    try:
        yield
    finally:
        for group, old in zip(optimizer.param_groups, before, strict=True):
            group.update(old)


def with_constants(change: Callable[[dict], dict]) -> Act:
    """Its own step, with other constants in its groups."""

    def act(optimizer: Any, step: Step) -> Any:
        with constants(optimizer, change):
            return step()

    return act


def trained(optimizer: Any) -> Iterator[tuple[dict, Any]]:
    """Every parameter that has a gradient, with its group."""
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            if parameter.grad is not None:
                yield group, parameter


def with_decay(decay: float | None, *, kind: str) -> Act:
    """Its own step without decay, and decay by hand; None takes the group's.

    kind: "coupled" (into the gradient), "decoupled" (of the parameter, times the rate),
    "unscaled" (of the parameter alone), "matrices" (decoupled, of those alone).
    """

    def act(optimizer: Any, step: Step) -> Any:
        for group, parameter in trained(optimizer):
            amount = group.get("weight_decay", 0.0) if decay is None else decay
            if kind == "coupled":
                parameter.grad = parameter.grad + amount * parameter.data
            elif kind == "matrices":
                if parameter.ndim > 1:
                    parameter.data.mul_(1 - group["lr"] * amount)
            else:
                rate = group["lr"] if kind == "decoupled" else 1.0
                parameter.data.mul_(1 - rate * amount)
        with constants(optimizer, lambda group: {"weight_decay": 0.0}):
            return step()

    return act


def with_gradients(change: Callable[[list[Any]], float]) -> Act:
    """Its own step, of gradients times the factor that `change` makes of them all."""

    def act(optimizer: Any, step: Step) -> Any:
        gradients = [parameter.grad for _, parameter in trained(optimizer)]
        factor = change(gradients)
        for _, parameter in trained(optimizer):
            parameter.grad = parameter.grad * factor
        return step()

    return act


def norm(gradients: list[Any]) -> float:
    """√Σ g² over all."""
    return math.sqrt(sum(float((one * one).sum()) for one in gradients))


def clipped(most: float, small: float) -> Act:
    """Gradients of a norm above `most` times most / (norm + small)."""

    def factor(gradients: list[Any]) -> float:
        size = norm(gradients)
        return min(1.0, most / (size + small)) if size else 1.0

    return with_gradients(factor)


def reclipped(change: Callable[[float, float], float]) -> Act:
    """What the user's own hook has made of the gradients, made anew.

    `change` takes (norm before, norm after the user's hooks), gives the norm wanted.
    """

    def act(optimizer: Any, step: Step) -> Any:
        before = [parameter.grad.clone() for _, parameter in trained(optimizer)]

        def hook(*given: Any) -> None:
            del given
            after = [parameter.grad for _, parameter in trained(optimizer)]
            sizes = norm(before), norm(after)
            if sizes[0] and sizes[1] < sizes[0]:
                factor = change(sizes[0], sizes[1]) / sizes[0]
                for (_, parameter), old in zip(trained(optimizer), before, strict=True):
                    parameter.grad = old * factor

        handle = optimizer.register_step_pre_hook(hook)
        try:
            return step()
        finally:
            handle.remove()

    return act


def adam(*, root: bool = False, corrected: bool = True, late: bool = False) -> Act:
    r"""Adam by hand: θ −= η m̂ / (√v̂ + ε), or √(v̂ + ε) with `root`.

    Not `corrected`: m and v in the place of m̂ and v̂. `late`: ε is added to √v before
    the correction, as TensorFlow does. Source: Kingma and Ba, 2015.
    """

    def act(optimizer: Any, step: Step) -> None:
        del step
        for group, parameter in trained(optimizer):
            first, second, count = _moments(optimizer, group, parameter)
            one, two = group["betas"]
            top = 1 - float(one) ** count if corrected else 1.0
            low = 1 - float(two) ** count if corrected else 1.0
            eps, rate = float(group["eps"]), float(group["lr"])
            if root:
                below = (second / low + eps).sqrt()
            elif late:
                below = (second.sqrt() + eps) / math.sqrt(low)
            else:
                below = (second / low).sqrt() + eps
            parameter.data.sub_(rate * (first / top) / below)

    return act


def _moments(optimizer: Any, group: dict, parameter: Any) -> tuple[Any, Any, int]:
    """Both moments after one more gradient, and how many there were."""
    state = optimizer.state[parameter]
    if not state:
        state["step"] = parameter.data.new_zeros(())
        state["exp_avg"] = parameter.data * 0
        state["exp_avg_sq"] = parameter.data * 0
    gradient = parameter.grad
    decay = float(group.get("weight_decay", 0.0))
    if group.get("decoupled_weight_decay"):
        parameter.data.mul_(1 - float(group["lr"]) * decay)
    else:
        gradient = gradient + decay * parameter.data
    one, two = (float(beta) for beta in group["betas"])
    state["step"] += 1
    state["exp_avg"].mul_(one).add_(gradient * (1 - one))
    state["exp_avg_sq"].mul_(two).add_(gradient * gradient * (1 - two))
    return state["exp_avg"], state["exp_avg_sq"], int(state["step"])


def rmsprop(optimizer: Any, step: Step) -> None:
    """RMSprop by hand: θ −= η g / √(v + ε), eps inside of the root."""
    del step
    for group, parameter in trained(optimizer):
        state = optimizer.state[parameter]
        if not state:
            state["step"] = parameter.data.new_zeros(())
            state["square_avg"] = parameter.data * 0
            if group["momentum"]:
                state["momentum_buffer"] = parameter.data * 0
        state["step"] += 1
        gradient = parameter.grad + float(group["weight_decay"]) * parameter.data
        kept = float(group["alpha"])
        state["square_avg"].mul_(kept).add_(gradient * gradient * (1 - kept))
        moved = gradient / (state["square_avg"] + float(group["eps"])).sqrt()
        if group["momentum"]:
            moved = state["momentum_buffer"].mul_(float(group["momentum"])).add_(moved)
        parameter.data.sub_(float(group["lr"]) * moved)


def accumulated(start: float) -> Act:
    """Its own step, from an Adagrad whose sum of squares starts at another number."""

    def act(optimizer: Any, step: Step) -> Any:
        for group, parameter in trained(optimizer):
            state = optimizer.state[parameter]
            if not float(state["step"]):
                now = float(group.get("initial_accumulator_value", 0.0))
                state["sum"].add_(start - now)
        return step()

    return act


def shifted(factory: Factory, steps: int) -> Factory:
    """The same factory, whose scheduler is one step ahead (1) or behind (−1)."""

    def made(parameters: Any) -> Any:
        optimizer, scheduler = factory(parameters)
        if steps > 0:
            optimizer._opt_called = True  # else PyTorch warns of the order
            scheduler.step()
        else:
            scheduler.last_epoch -= 1
        return optimizer, scheduler

    return made
