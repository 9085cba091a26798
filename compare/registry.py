"""Examples by file name: `specs/<name>.py` is found because it is there."""

import difflib
import pkgutil
from importlib import import_module
from inspect import cleandoc
from types import ModuleType

import compare.specs
from compare.spec import Spec, Training


class UnknownExample(LookupError):
    """No example has that name."""


def names() -> tuple[str, ...]:
    """Names of all examples, sorted; a file in a folder is named `folder.file`."""
    prefix = compare.specs.__name__ + "."
    found = pkgutil.walk_packages(compare.specs.__path__, prefix)
    return tuple(sorted(m.name.removeprefix(prefix) for m in found if not m.ispkg))


def load(name: str) -> Spec:
    """The spec of an example; raises `UnknownExample` with the nearest names."""
    return _module(name).SPEC


def training(name: str) -> Training:
    """The spec of an example that is trained; raises TypeError for a lesson."""
    spec = load(name)
    if not isinstance(spec, Training):
        raise TypeError(f"example: expected a training, got {name}")
    return spec


def documentation(name: str) -> str:
    """What an example teaches, where it is from, its equations, what differs."""
    return cleandoc(_module(name).__doc__ or "")


def _module(name: str) -> ModuleType:
    if name not in names():
        near = difflib.get_close_matches(name, names(), n=3, cutoff=0.4)
        hint = f"did you mean {' or '.join(near)}?" if near else "see `twinnets list`"
        raise UnknownExample(f"there is no example {name!r}: {hint}")
    return import_module(f"{compare.specs.__name__}.{name}")


def summary(name: str) -> str:
    """What an example teaches, in one line."""
    return load(name).teaches
