"""Text from anywhere, made safe to show: on one line, without what cannot be seen."""

import re

LONGEST = 80
"""Characters of a text that has a line or a cell to itself."""
UNSEEN = "\N{REPLACEMENT CHARACTER}"
_MARKUP = re.compile(
    r"[@#](?=\w)"
    r"|[&<>|`\\*~\[\]$]"
    r"|:(?=\S)|(?<=www)\.(?=\S)"  # links, which need no brackets on GitHub
    r"|(?<![^\W_])_|_(?![^\W_])",  # of a_name only those that are not inside it
    re.IGNORECASE,
)


def seen(text: object, *, lines: bool = True) -> str:
    """What can be seen of a text; white space is spaces, and ends of lines if asked.

    Control characters, those that turn the direction of writing, and whatever else
    XML 1.0 forbids become U+FFFD.
    """
    return "".join(_seen(each, lines) for each in str(text))


def _seen(each: str, lines: bool) -> str:
    if each.isspace():
        return "\n" if lines and each == "\n" else " "
    return each if each.isprintable() else UNSEEN


def one_line(text: object, *, at_most: int = LONGEST) -> str:
    """What can be seen of a text, cut with an ellipsis; white space is one space."""
    line = seen(" ".join(str(text).split()))
    return line if len(line) <= at_most else line[: at_most - 1].rstrip() + "…"


def markdown(text: object, *, at_most: int = LONGEST) -> str:
    """One line as a cell of a Markdown table that shows it, and does nothing else.

    Markup becomes character references, which are never markup. Nobody is notified:
    a space of no width parts @ and # from what follows, for GitHub looks for names and
    numbers after it has resolved the references.
    """
    line = one_line(text, at_most=at_most)
    return _MARKUP.sub(_quiet, line)


def _quiet(found: re.Match[str]) -> str:
    mark = found[0]
    return f"{mark}&#8203;" if mark in "@#" else f"&#{ord(mark)};"
