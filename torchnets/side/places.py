"""The user's line that an operation comes from."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import torch

LIBRARY = str(Path(torch.__file__).parent)
OURS = str(Path(__file__).parent)
CHECKERS = ("/jaxtyping/", "/beartype/", "<@beartype")
"""Frames of what checks types around a function, the user's or ours."""
EDGES = {("running.py", "run"), ("evaluate.py", "pulled")}
"""Ours that call what is the user's."""
LINE = re.compile(r'\s*File "(?P<file>.+)", line (?P<line>\d+), in (?P<function>.+)')
Frame = tuple[str, int, str]


def of_forward() -> str:
    """The line that is being run, as `file.py:12 (function)`."""
    return _place(_frames())


def of_node(node: Any) -> str:
    """The line of the forward operation whose gradient a node of the graph takes."""
    lines = node.metadata.get("traceback_", [])
    matches = [LINE.match(entry) for entry in reversed(lines)]
    return _place((m["file"], int(m["line"]), m["function"]) for m in matches if m)


def _frames() -> Iterator[Frame]:
    frame = sys._getframe(1)
    while frame is not None:
        yield frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name
        frame = frame.f_back


def _place(frames: Iterable[Frame]) -> str:
    """The innermost frame of the user's, or of torch.nn where there is none."""
    layer = ""
    for file, line, function in frames:
        name = Path(file).name
        told = f"{name}:{line} ({function.strip()})"
        if file.startswith(OURS):
            if (name, function.strip()) in EDGES:
                break
        elif not file.startswith(LIBRARY) and not any(c in file for c in CHECKERS):
            return told
        elif not layer and file.startswith(f"{LIBRARY}/nn/"):
            layer = told
    return layer
