"""Planting a fault: a fresh copy of one side's code with one edit in its source.

The edited copy runs in the live worker like any twin; nothing that comes out of it is
touched. A fault whose text is not found exactly once is an error, so that none can
silently fail to be planted.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from unittest.mock import patch

from compare.fault import Edit

PACKAGE = {"jax": "jaxnets", "torch": "torchnets"}
_SHARED = ("arrays", "layout", "operations", "precision")
PARTS = {
    "jax": (*_SHARED, "steps", "runtime", "modes", "gauges"),
    "torch": (*_SHARED, "runtime", "modes", "gauges"),
}
"""Of each side's runtime, every part after those that it imports."""


def modules(
    framework: str, example: str, edit: Edit | None = None
) -> tuple[ModuleType, ModuleType]:
    """One side's runtime and twin, with an edit in a fresh copy of its code."""
    found = code(framework, example, edit)
    return found["runtime"], found["twin"]


def code(
    framework: str, example: str, edit: Edit | None = None
) -> dict[str, ModuleType]:
    """All parts of one side by name, "twin" among them, in a fresh copy for an edit."""
    package = PACKAGE[framework]
    names = {part: f"{package}.{part}" for part in PARTS[framework]}
    names["twin"] = f"{package}.{example}"
    # Imported in any case: what they import must stay when the copies are gone.
    honest = {part: import_module(name) for part, name in names.items()}
    if edit is None:
        return honest
    if edit.file not in names:
        raise ValueError(f"file: expected one of {[*names]}, got {edit.file!r}")
    with patch.dict(sys.modules):
        return {
            part: _copy(name, edit if edit.file == part else None)
            for part, name in names.items()
        }


def fresh(name: str, edit: Edit) -> ModuleType:
    """A fresh copy of one module, under its name, with an edit.

    Raises ValueError unless the text is found exactly once in its source.
    """
    import_module(name)  # in any case: what it imports must stay
    with patch.dict(sys.modules):
        return _copy(name, edit)


@contextmanager
def by_name(module: ModuleType) -> Iterator[None]:
    """Let a module be found under its name, where pickle looks a class up.

    A process of its own that is handed such a class imports the file, without an edit.
    """
    before = sys.modules[module.__name__]
    # Not `patch.dict`: what is imported meanwhile must stay.
    sys.modules[module.__name__] = module
    try:
        yield
    finally:
        sys.modules[module.__name__] = before


def _copy(name: str, edit: Edit | None) -> ModuleType:
    found = find_spec(name)
    if found is None or found.origin is None:
        raise ModuleNotFoundError(f"there is no module {name}", name=name)
    source = Path(found.origin).read_text(encoding="utf-8")
    if edit is not None:
        times = source.count(edit.find)
        if times != 1:
            raise ValueError(
                f"{name}: expected {edit.find!r} once in its source, found it "
                f"{times} times; mend the fault"
            )
        source = source.replace(edit.find, edit.replace)
    module = ModuleType(name)
    module.__file__ = found.origin
    sys.modules[name] = module
    exec(compile(source, found.origin, "exec"), module.__dict__)
    return module
