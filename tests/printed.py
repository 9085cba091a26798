"""What is printed of a run, and the rows of its tables."""

import re
from collections.abc import Callable
from contextlib import redirect_stdout
from io import StringIO

from compare.result import Run
from compare.show_times import show_times


def printed(found: Run, show: Callable[[Run], None] = show_times) -> str:
    """Where there is no terminal."""
    with redirect_stdout(StringIO()) as text:
        show(found)
    return text.getvalue()


def rows(text: str, name: str) -> list[list[str]]:
    """The cells of the lines that begin with a name; two spaces are between them."""
    lines = (line.strip() for line in text.splitlines())
    cells = (re.split(r"\s{2,}", line) for line in lines)
    return [found[1:] for found in cells if found[0] == name]
