"""The examples as a list; of one its documentation, and its twins side by side."""

import ast
import json
import re
import textwrap
from dataclasses import dataclass
from difflib import SequenceMatcher
from importlib.util import find_spec
from pathlib import Path

from rich.console import Console
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from compare import registry
from compare.fault import FRAMEWORKS
from compare.plant import PACKAGE
from compare.spec import Lesson

LABELS = ("Notebook:", "Equation:", "Differs:")
"""What the parts of an example's documentation begin with, in this order."""
LONGEST = 88
"""Columns of a line of text where the terminal has more."""
# It ends before an empty line, an indented one, or one with a label.
_PARAGRAPH = re.compile(rf"^(?! |$).*(\n(?! |$|{'|'.join(LABELS)}).*)*", re.MULTILINE)


@dataclass(frozen=True)
class Part:
    """One definition of a twin, with its comments and decorators; "" is the head."""

    name: str
    source: str


def kind(name: str) -> str:
    """ "lesson" or "training"."""
    return "lesson" if isinstance(registry.load(name), Lesson) else "training"


def print_examples(*, as_json: bool) -> None:
    """Every example: name, kind, one line."""
    rows = [(name, kind(name), registry.summary(name)) for name in registry.names()]
    if as_json:
        keys = ("name", "kind", "teaches")
        print(json.dumps([dict(zip(keys, row, strict=True)) for row in rows], indent=1))
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("example", "kind", "what it teaches"):
        table.add_column(heading)
    for row in rows:
        table.add_row(*row)
    Console().print(table)


def print_twins(name: str) -> None:
    """What an example is about; the JAX twin on the left, PyTorch's on the right."""
    console = Console()
    text = filled(registry.documentation(name), width=min(console.width, LONGEST))
    console.print(Text(text), "", sep="\n", soft_wrap=True)
    table = Table(show_lines=True, expand=True)
    for framework in FRAMEWORKS:
        path = f"{PACKAGE[framework]}/{name}.py"
        table.add_column(path, ratio=1, overflow="fold")
    for left, right in aligned(source("jax", name), source("torch", name)):
        table.add_row(_coloured(left), _coloured(right))
    console.print(table)


def filled(text: str, *, width: int) -> str:
    """Paragraphs in lines of a width; indented lines, the equations, as they are."""
    return _PARAGRAPH.sub(lambda found: _fill(found[0], width), text)


def _fill(paragraph: str, width: int) -> str:
    return textwrap.fill(
        paragraph, width, break_long_words=False, break_on_hyphens=False
    )


def _coloured(text: str) -> Syntax:
    return Syntax(text, "python", background_color="default", word_wrap=True)


def source(framework: str, name: str) -> str:
    """A twin's source, read as text: its framework need not be there."""
    package = find_spec(PACKAGE[framework])
    if package is None or not package.submodule_search_locations:
        raise ModuleNotFoundError(f"{PACKAGE[framework]} is not installed")
    folder = Path(next(iter(package.submodule_search_locations)))
    return (folder / (name.replace(".", "/") + ".py")).read_text(encoding="utf-8")


def parts(text: str) -> list[Part]:
    """The head of a file and its definitions, in order, nothing left out."""
    lines = text.splitlines()
    named = [
        node
        for node in ast.parse(text).body
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))
    ]
    found, begin, name = [], 0, ""
    for node in named:
        first = min([node.lineno, *(d.lineno for d in node.decorator_list)]) - 1
        while first and lines[first - 1].startswith("#"):
            first -= 1
        found.append(Part(name, "\n".join(lines[begin:first]).strip("\n")))
        begin, name = first, node.name
    found.append(Part(name, "\n".join(lines[begin:]).strip("\n")))
    return found


def aligned(left: str, right: str) -> list[tuple[str, str]]:
    """Both sources in rows: definitions of the same name face each other."""
    mine, theirs = parts(left), parts(right)
    names = [p.name for p in mine], [p.name for p in theirs]
    rows: list[tuple[str, str]] = []
    for same, *ends in SequenceMatcher(None, *names, autojunk=False).get_opcodes():
        first, second = mine[slice(*ends[:2])], theirs[slice(*ends[2:])]
        if same == "equal":
            rows += [(p.source, q.source) for p, q in zip(first, second, strict=True)]
        else:
            rows.append((_joined(first), _joined(second)))
    return rows


def _joined(some: list[Part]) -> str:
    return "\n\n\n".join(part.source for part in some)
