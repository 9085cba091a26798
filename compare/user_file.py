"""What a user names as `path/to/file.py::name`: the file is loaded, the name taken."""

import hashlib
import inspect
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any


class NotThere(ValueError):
    """A file or a name that is not there, or that raises, in a person's words."""


def named(place: str, *, option: str) -> Any:
    """The object of that name; a plain function without parameters is called.

    A file is loaded once, under a name of its own; its folder is on `sys.path` only
    until all is there. Raises `NotThere`.
    """
    file, apart, name = place.rpartition("::")
    if not (apart and file and name):
        raise NotThere(f"{option}: expected path/to/file.py::name, got {place!r}")
    path = Path(file)
    if not path.is_file():
        raise NotThere(f"{option}: there is no file {path}")
    with _reachable(path.resolve().parent):
        module = _loaded(path.resolve(), option)
        if not hasattr(module, name):
            there = ", ".join(_offered(module)) or "nothing"
            raise NotThere(f"{option}: {path} has no {name!r}; it has {there}")
        found = getattr(module, name)
        if inspect.isclass(found):
            raise NotThere(
                f"{option}: {place} is a class; expected an object, or a function "
                "without parameters that returns one"
            )
        if inspect.isfunction(found) and not inspect.signature(found).parameters:
            return _told(found, path.resolve(), f"{option}: {name}() of {path}")
        return found


def _loaded(path: Path, option: str) -> ModuleType:
    digest = hashlib.sha256(str(path).encode()).hexdigest()[:8]
    name = f"twinnets_user_{digest}_{path.stem}"
    if name in sys.modules:
        return sys.modules[name]
    spec = spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise NotThere(f"{option}: expected a Python file, got {path}")
    module = module_from_spec(spec)
    loader = spec.loader
    sys.modules[name] = module  # dataclasses look their module up there
    try:
        _told(lambda: loader.exec_module(module), path, f"{option}: {path}")
    except NotThere:
        del sys.modules[name]
        raise
    return module


def _told(call: Callable[[], Any], path: Path, what: str) -> Any:
    """What the call returns; what it raises is said with the user's line."""
    try:
        return call()
    except (Exception, SystemExit) as error:
        frames = traceback.extract_tb(error.__traceback__)
        own = [frame.lineno for frame in frames if frame.filename == str(path)]
        if isinstance(error, SyntaxError) and error.filename == str(path):
            own.append(error.lineno)
        line = f" in line {own[-1]}" if own else ""
        said = f"{type(error).__name__}: {error}".rstrip(": ")
        raise NotThere(f"{what} raises{line}: {said}") from error


def _offered(module: ModuleType) -> list[str]:
    """Names that the file itself defines, without modules and private ones."""
    return [
        name
        for name, value in vars(module).items()
        if not name.startswith("_")
        and not inspect.ismodule(value)
        and getattr(value, "__module__", module.__name__) == module.__name__
    ]


@contextmanager
def _reachable(folder: Path) -> Iterator[None]:
    """What lies beside the file can be imported by it."""
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))
