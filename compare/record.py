"""JSON files that have a schema number: written whole, read into dataclasses."""

from pathlib import Path
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")


def text(value: Any) -> str:
    """As a person reads it; a number that is not finite is null."""
    return msgspec.json.format(msgspec.json.encode(value)).decode()


def write(value: Any, path: Path, *, end: bytes = b"") -> None:
    """Write it as JSON; raises OSError."""
    put(path, msgspec.json.format(msgspec.json.encode(value), indent=1) + end)


def put(path: Path, content: bytes) -> None:
    """Write a file that is there whole or not at all; raises OSError."""
    partial = path.with_name(path.name + ".partial")
    partial.write_bytes(content)
    partial.replace(path)


def read(
    path: Path, kind: type[T], *, schema: int, called: str, wrong: type[ValueError]
) -> T:
    """The file's content; raises `wrong` with the reason in a person's words."""
    try:
        found = msgspec.json.decode(path.read_bytes())
    except OSError as error:
        raise wrong(f"{path} cannot be read: {error.strerror}") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise wrong(f"{path} is no JSON, or is cut off: {error}") from None
    version = found.get("schema") if isinstance(found, dict) else None
    if isinstance(version, int) and version > schema:
        raise wrong(
            f"{path} has schema {version}, this twinnets reads up to {schema}: "
            "upgrade it"
        )
    try:
        return msgspec.convert(found, kind)
    except msgspec.ValidationError as error:
        raise wrong(f"{path} is no {called} of twinnets: {error}") from None
