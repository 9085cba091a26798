"""The saved traces of one example, or why there are none to draw."""

from pathlib import Path

from compare import trace_file
from compare.check import Sides
from compare.fault import FRAMEWORKS, NAMES
from compare.noise import PRECISIONS
from compare.trace import by_side


class NoTraces(ValueError):
    """Traces that are not there or cannot be read, with the reason."""


def traces_of(folder: Path, example: str, *, run: str) -> Sides:
    """All traces of an example by (framework, precision); raises `NoTraces`."""
    found = []
    for side in FRAMEWORKS:
        for precision in PRECISIONS:
            path = folder / "traces" / f"{example}.{side}.{precision}"
            if not path.with_name(path.name + ".json").exists():
                why = f"the run's folder has no {precision} trace of {NAMES[side]}"
                raise NoTraces(why)
            try:
                found.append(trace_file.load(path))
            except (OSError, ValueError, KeyError) as error:
                raise NoTraces(f"{path.name} cannot be read: {error}") from None
    if others := {trace.run for trace in found} - {run}:
        raise NoTraces(f"the traces are of another run: {', '.join(sorted(others))}")
    return by_side(found)
