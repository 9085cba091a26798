"""Both twins' sources for a page, with colours, and what differs marked."""

import re
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import groupby

from markupsafe import Markup, escape
from pygments.lexers.python import PythonLexer
from pygments.token import Token

from compare import registry
from compare.fault import FRAMEWORKS
from compare.show import aligned, parts, source

KINDS = {
    Token.Keyword: "k",
    Token.Operator.Word: "k",
    Token.Literal.String: "s",
    Token.Comment: "c",
    Token.Literal.Number: "n",
    Token.Name.Function: "f",
    Token.Name.Class: "f",
    Token.Name.Decorator: "d",
}
"""What has a colour of its own, and its class in `code.css`."""


@dataclass(frozen=True)
class Facing:
    """A definition on both sides, or what stands on one alone; "" is the head.

    `left` is JAX, `right` PyTorch: for a `<pre>` in something of class `code`.
    """

    name: str
    left: Markup
    right: Markup


def twins(name: str) -> list[Facing] | None:
    """Both sources, function by function; None where one of them cannot be read."""
    if name not in registry.names():
        return None
    try:
        sources = [source(framework, name) for framework in FRAMEWORKS]
        return [facing(left, right) for left, right in aligned(*sources)]
    except (OSError, ModuleNotFoundError, SyntaxError):
        return None


def facing(left: str, right: str) -> Facing:
    """Two pieces of source, of which each marks the lines that the other lacks."""
    names = [part.name for side in (left, right) for part in parts(side) if part.name]
    mine, theirs = left.split("\n"), right.split("\n")
    same = SequenceMatcher(None, mine, theirs, autojunk=False).get_matching_blocks()
    shared = [
        {start + i for start, size in runs for i in range(size)}
        for runs in ([(b.a, b.size) for b in same], [(b.b, b.size) for b in same])
    ]
    return Facing(
        ", ".join(dict.fromkeys(names)),
        coloured(left, unmarked=shared[0]),
        coloured(right, unmarked=shared[1]),
    )


def coloured(text: str, *, unmarked: set[int]) -> Markup:
    """Source with its colours; lines other than these and empty ones in `<mark>`.

    A mark holds all lines that follow each other, and the ends of these lines. Without
    its tags it is the source.
    """
    lines = _lines(text)
    numbered = groupby(enumerate(lines), lambda each: _marked(*each, unmarked))
    html = []
    for marked, group in numbered:
        pieces = [piece for _, line in group for piece in line]
        inside = Markup("").join(_span(*run) for run in _runs(pieces))
        html.append(Markup("<mark>{}</mark>").format(inside) if marked else inside)
    return Markup("").join(html)


def _marked(number: int, line: list[tuple[str, str]], unmarked: set[int]) -> bool:
    return number not in unmarked and any(text.strip() for _, text in line)


def _span(kind: str, text: str) -> Markup:
    return (
        Markup("<span class={}>{}</span>").format(kind, text) if kind else escape(text)
    )


def _runs(pieces: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Neighbours of one colour as one piece, with the spaces between them."""
    runs: list[tuple[str, str]] = []
    for kind, text in pieces:
        if len(runs) > 1 and runs[-2][0] == kind and not runs[-1][1].strip():
            text = runs.pop()[1] + text
        if runs and runs[-1][0] == kind:
            text = runs.pop()[1] + text
        runs.append((kind, text))
    return runs


def _lines(text: str) -> list[list[tuple[str, str]]]:
    """Pieces by line, each with the class of its colour; the ends of lines included."""
    lines: list[list[tuple[str, str]]] = [[]]
    for _, token, value in PythonLexer().get_tokens_unprocessed(text):
        kind = next((KINDS[each] for each in token.split() if each in KINDS), "")
        for piece in re.findall(r"[^\n]*\n|[^\n]+", value):
            lines[-1].append((kind, piece))
            if piece.endswith("\n"):
                lines.append([])
    return lines
