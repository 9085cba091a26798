"""Where an equation of a traced program was written: the source line a person knows."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

# What carries every program and explains none.
MACHINERY = (
    "jax/_src/interpreters/",
    "jax/_src/lax/",
    "jax/_src/numpy/",
    "jax/_src/ops/",
    "flax/nnx/nn/dtypes.py",
    "flax/linen/dtypes.py",
    "flax/nnx/variablelib.py",
    "flax/core/",
    "jaxtyping/",
    "beartype/",
    "<frozen ",
)
OURS = str(Path(__file__).parent)
STANDARD = str(Path(os.__file__).parent)


class Frame(NamedTuple):
    """A line of a call stack; `file` of an installed package starts at its name."""

    file: str
    line: int
    function: str

    def __str__(self) -> str:
        name = self.file if self.installed else Path(self.file).name
        return f"{name}:{self.line} ({self.function})"

    @property
    def installed(self) -> bool:
        """Whether this is a line of an installed package."""
        return not self.file.startswith("<") and not Path(self.file).is_absolute()

    @property
    def machinery(self) -> bool:
        """Whether this is a line of a transformation, or inside of an operation."""
        at_top = self.file.startswith("jax/_src/") and self.file.count("/") == 2
        return at_top or self.file.startswith((*MACHINERY, STANDARD))

    @property
    def ours(self) -> bool:
        """Whether this line calls the model, or stands in place of a part of it."""
        return self.file.startswith(OURS)


Stack = tuple[Frame, ...]


def stack(equation: Any, outer: Stack) -> Stack:
    """The calls that made an equation, innermost first.

    Inside of a compiled function or a loop JAX, which keeps programs for other callers,
    knows them only up to there: the rest are those of the equation around it.
    """
    traceback = equation.source_info.traceback
    frames = tuple(_frames(traceback)) if traceback else ()
    return frames if frames[-1:] == outer[-1:] else frames + outer


def describe(frames: Stack) -> str:
    """The innermost line that is no machinery, and the user's, if that is another.

    "" where no line is of the model.
    """
    known = list(_of_the_model(frames))
    if not known:
        return ""
    users = [frame for frame in known if not frame.installed]
    others = [frame for frame in known if not frame.file.startswith(("jax/", "flax/"))]
    layers = [frame for frame in known if frame.file.startswith("flax/")]
    # Of a layer of Flax's, its own call says more than the helpers that it calls.
    caller = next(iter(users or others or reversed(layers)), known[0])
    return str(known[0]) if caller == known[0] else f"{known[0]}, called in {caller}"


def _of_the_model(frames: Stack) -> Iterator[Frame]:
    """Without machinery, what this package does, and whoever calls it."""
    last = max((at for at, frame in enumerate(frames) if frame.ours), default=None)
    return (f for f in frames[:last] if not f.machinery and not f.ours)


def _frames(traceback: Any) -> Iterator[Frame]:
    for frame in traceback.frames:
        name = frame.function_name.replace("<locals>.", "")
        yield Frame(_short(frame.file_name), frame.line_num, name)


def _short(file: str) -> str:
    for folder in ("site-packages", "dist-packages"):
        _, found, rest = file.rpartition(f"/{folder}/")
        if found:
            return rest
    return file
