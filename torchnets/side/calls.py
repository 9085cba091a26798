"""Every call of a torch function, by one name: seen, or made in another way.

`F.relu(x)`, `torch.relu(x)` and `x.relu()` are one call, `("relu", {"input": x})`, with
arguments by the names of parameters and with defaults filled in. What such a call calls
inside is not offered again. Gradients flow through calls made in another way.

Source: torch.overrides.TorchFunctionMode.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torch.overrides import TorchFunctionMode

from torchnets.side.operations import ALIASES, OPERATIONS, REVERSED, SIZES

Arguments = dict[str, Any]
Call = tuple[str, Arguments]
Rewrite = Callable[[str, Arguments], Call | None]
"""Given a call, the call to make in its place; None to make it as it is."""


class Rewriting(TorchFunctionMode):
    """While entered, calls are offered to `rewrite` and made as it says.

    A call may be rewritten to any name of `OPERATIONS`. Raises ValueError for another.
    """

    def __init__(self, rewrite: Rewrite) -> None:
        super().__init__()
        self.rewrite = rewrite

    def __torch_function__(
        self,
        func: Any,
        types: Any,
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Offer one call, then make it or what was given in its place."""
        kwargs = kwargs or {}
        call = read(func, args, kwargs)
        instead = self.rewrite(*call) if call else None
        return make(*instead) if instead else func(*args, **kwargs)


class Watching(Rewriting):
    """While entered, `calls` grows by every call that is made."""

    def __init__(self) -> None:
        super().__init__(self._keep)
        self.calls: list[Call] = []

    def _keep(self, name: str, arguments: Arguments) -> None:
        self.calls.append((name, arguments))


def make(name: str, arguments: Arguments) -> Any:
    """The call of this name with these arguments.

    Raises ValueError where the name is not one of `OPERATIONS`.
    """
    if name not in OPERATIONS:
        known = ", ".join(sorted(OPERATIONS))
        raise ValueError(f"no torch function is known as {name!r}; known are {known}")
    return OPERATIONS[name](**arguments)


def read(func: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Call | None:
    """One call's name and arguments; None where it is not one of `OPERATIONS`."""
    own = getattr(func, "__name__", "")
    name = ALIASES.get(own, own if own[:1] == "_" else own.removesuffix("_"))
    if name not in OPERATIONS:
        return None
    bound = _bind(name, args[::-1] if own in REVERSED else args, kwargs)
    return None if bound is None else (name, bound)


_RENAMED = {"self": "input", "axis": "dim", "keepdims": "keepdim"}


def _bind(
    name: str, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> Arguments | None:
    """Arguments by name; None where they are of a form that is not known."""
    if name in SIZES:
        args = (args[0], *_gathered(args[1:])) if args else ()
    if name in SPREADS:
        args, kwargs = _corrected(args, kwargs)
    known = OPERATIONS[name].signature
    named = {_RENAMED.get(key, key): value for key, value in kwargs.items()}
    named = {key: value for key, value in named.items() if key in known.parameters}
    try:
        bound = known.bind(*args, **named)
    except TypeError:
        return None
    bound.apply_defaults()
    return dict(bound.arguments)


SPREADS = frozenset({"var", "std", "var_mean", "std_mean"})


def _gathered(sizes: Sequence[Any]) -> tuple[Any, ...]:
    """`x.view(2, 3)` and `x.view((2, 3))` alike."""
    if not sizes:
        return ()
    if len(sizes) == 1 and not isinstance(sizes[0], int):
        return tuple(sizes)
    return (tuple(sizes),)


def _corrected(
    args: Sequence[Any], kwargs: Mapping[str, Any]
) -> tuple[Sequence[Any], Mapping[str, Any]]:
    """The old `unbiased` of a variance as its `correction`."""
    named = dict(kwargs)
    if len(args) == 2 and isinstance(args[1], bool):
        args, named["unbiased"] = args[:1], args[1]
    elif len(args) > 2:
        named["unbiased"] = args[2]
        named.update(zip(("keepdim",), args[3:], strict=False))
        args = args[:2]
    if "unbiased" in named:
        named["correction"] = int(named.pop("unbiased"))
    return args, named
