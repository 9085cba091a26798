"""What is printed of a run, and the rows of its tables.

Name this module in `pytest_plugins` to use its fixture.
"""

import re

import pytest

from compare.result import Run
from compare.show_times import show_times


@pytest.fixture
def printed(capsys):
    """What is printed of a run where there is no terminal."""

    def printed(found: Run, show=show_times) -> str:
        show(found)
        return capsys.readouterr().out

    return printed


def rows(text: str, name: str) -> list[list[str]]:
    """The cells of the lines that begin with a name; two spaces are between them."""
    lines = (line.strip() for line in text.splitlines())
    cells = (re.split(r"\s{2,}", line) for line in lines)
    return [found[1:] for found in cells if found[0] == name]
