"""docs/coverage.md: every cell of the notebooks has an example, and it is there."""

import ast
import re

import pytest
import typer
from support import NAMES, ROOT, tree

from compare.cli import app
from compare.fault import FRAMEWORKS

NOTEBOOKS = {
    "Neural Networks with PyTorch": 25,
    "Basics of PyTorch": 35,
    "Introduction to PyTorch": 14,
    "PyTorch": 39,
}
"""Code cells of each: the notebooks themselves are not part of this repository."""
OUTSIDE, PRINTED = "Outside of the cells", "What was printed"
Row = list[str]


def tables(text: str) -> dict[str, list[Row]]:
    """Title of each section → its table, with the head and without the rule."""
    found: dict[str, list[Row]] = {}
    for section in re.split(r"^## ", text, flags=re.MULTILINE)[1:]:
        title, *lines = section.splitlines()
        rows = [cells(line) for line in lines if line.startswith("|")]
        found[title] = [row for row in rows if set("".join(row)) != {"-"}]
    return found


def cells(line: str) -> Row:
    """The cells of one line; a bar in the text is written `\\|`."""
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip())[1:-1]]


def quoted(cell: str) -> list[str]:
    """What stands between backticks."""
    return re.findall(r"`([^`]+)`", cell)


def first_gap(rows: list[Row], count: int) -> str:
    """The first row that does not go on where the one above ended; "" if none.

    A row may have the cells of the one above, where they need two examples.
    """
    above, end = "", 0
    for row in rows:
        first, _, last = row[0].partition("–")
        if row[0] != above and int(first) != end + 1:
            return f"{row[0]} after {above or 'nothing'}"
        above, end = row[0], int(last or first)
        if end < int(first):
            return f"{row[0]} goes backwards"
    return "" if end == count else f"{end} cells of {count}"


def public(framework: str, name: str) -> set[str]:
    """The public functions of a twin."""
    return {
        node.name
        for node in tree(framework, name).body
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")
    }


DOCUMENT = tables((ROOT / "docs" / "coverage.md").read_text(encoding="utf-8"))
COVERED = {
    notebook: DOCUMENT.get(f"{notebook}: {count} code cells", [[]])[1:]
    for notebook, count in NOTEBOOKS.items()
}
MAPPED = [
    *((notebook, *row) for notebook, rows in COVERED.items() for row in rows),
    *DOCUMENT[OUTSIDE][1:],
]
"""Notebook, cells (or what), …, example, functions."""
COMMANDS = sorted(
    {
        name.removeprefix("twinnets ")
        for row in MAPPED
        for name in quoted(f"{row[-2]} {row[-1]}")
        if " " in name
    }
)


@pytest.mark.parametrize(
    ("rows", "count", "gap"),
    [
        ("1–2 3 4–6", 6, ""),
        ("1–2 1–2 3", 3, ""),
        ("1–2 4", 4, "4 after 1–2"),
        ("1–2 2–3", 3, "2–3 after 1–2"),
        ("1 2 1", 2, "1 after 2"),
        ("2", 2, "2 after nothing"),
        ("1 2–1", 1, "2–1 goes backwards"),
        ("1–2", 3, "2 cells of 3"),
        ("", 3, "0 cells of 3"),
    ],
)
def test_a_gap_is_found(rows, count, gap):
    assert first_gap([[row] for row in rows.split()], count) == gap


def test_a_table_is_read():
    text = "# A\n\n## B: 2\n\n| a | b |\n|---|---|\n| 1 | `c \\| d`, `e` |\n| 2 | |\n"
    assert tables(text) == {"B: 2": [["a", "b"], ["1", r"`c \| d`, `e`"], ["2", ""]]}
    assert quoted(r"`c \| d`, `e`") == [r"c \| d", "e"]


@pytest.mark.parametrize("notebook", NOTEBOOKS)
def test_every_cell_of_a_notebook_has_a_row(notebook):
    assert first_gap(COVERED[notebook], NOTEBOOKS[notebook]) == ""


def test_no_cell_of_a_table_is_empty():
    assert [
        (title, row)
        for title, (head, *rows) in DOCUMENT.items()
        for row in rows
        if len(row) != len(head) or not all(row)
    ] == []
    assert all(len(rows) > 1 for rows in DOCUMENT.values())


@pytest.mark.parametrize("row", MAPPED, ids=" ".join)
def test_examples_and_functions_are_there(row):
    """A row names one example and functions of it, its run, or a command."""
    *_, example, functions = row
    [name] = quoted(example)
    assert example == f"`{name}`"
    if name.startswith("twinnets "):
        return
    assert name in NAMES
    named = {function for function in quoted(functions) if " " not in function}
    for framework in FRAMEWORKS:
        assert named <= public(framework, name)
    rest = re.sub(r"`[^`]+`", "", functions).replace(",", " ").split()
    assert rest in ([], ["the", "run"])
    assert quoted(functions) or rest


def test_every_example_is_in_a_row():
    assert set(NAMES) <= {quoted(row[-2])[0] for row in MAPPED}


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_is_there(command):
    name, *options = command.split()
    known = typer.main.get_command(app).commands
    assert name in known
    assert set(options) <= {o for p in known[name].params for o in p.opts}


def test_printed_numbers_are_those_of_a_notebook():
    """Each beside the range that was measured, the smaller number first."""
    for notebook, cell, _, printed, seen in DOCUMENT[PRINTED][1:]:
        assert 1 <= int(cell) <= NOTEBOOKS[notebook]
        float(printed)
        low, high = map(float, seen.split(" to "))
        assert low <= high
