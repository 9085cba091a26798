"""Methods of classes replaced for the time of one call, and put back."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

Patch = tuple[type, str, Callable[[Callable[..., Any]], Callable[..., Any]]]


@contextmanager
def patched(patches: list[Patch]) -> Iterator[None]:
    """Replace `class.name` by `wrap(class.name)`; undone whatever happens."""
    undo: list[tuple[type, str, Any]] = []
    try:
        for owner, name, wrap in patches:
            undo.append((owner, name, vars(owner).get(name)))
            setattr(owner, name, wrap(getattr(owner, name)))
        yield
    finally:
        for owner, name, own in reversed(undo):
            if own is None:
                delattr(owner, name)
            else:
                setattr(owner, name, own)
