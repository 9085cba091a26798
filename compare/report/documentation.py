"""What an example's documentation says, in parts, for a page."""

import re
from dataclasses import dataclass

from markupsafe import Markup, escape

from compare import registry
from compare.report.equation import equation
from compare.show import LABELS

EQUATION = "Equation:"
_APART = re.compile(rf"\n\s*?\n|\n(?={'|'.join(LABELS)})")


@dataclass(frozen=True)
class Documentation:
    """Each text without its label and in one line; empty what is not there."""

    title: Markup
    paragraphs: tuple[Markup, ...]
    notebooks: tuple[Markup, ...]
    equations: tuple[Markup, ...]
    differs: tuple[Markup, ...]


def documentation(name: str) -> Documentation | None:
    """An example's documentation; None where there is no such example, or nothing."""
    try:
        text = registry.documentation(name)
    except registry.UnknownExample:
        return None
    return cut(text) if text.strip() else None


def cut(text: str) -> Documentation:
    """A documentation in its parts, by labels; nothing is left out.

    What has no label is a paragraph, wherever it stands, and an indented line is an
    equation, as is every line after `Equation:`.
    """
    title, _, rest = text.strip().partition("\n")
    found: dict[str, list[Markup]] = {label: [] for label in ("", *LABELS)}
    for block in _APART.split(rest):
        label = next((label for label in LABELS if block.startswith(label)), "")
        first, *others = block.removeprefix(label).split("\n")
        lines = [first.strip() if label else first, *others]
        set_apart = [line for line in lines if label == EQUATION or line[:1] == " "]
        said = " ".join(line for line in lines if line not in set_apart)
        found[EQUATION] += [equation(line) for line in set_apart if line.strip()]
        if said.strip():
            found[label].append(_inline(said))
    paragraphs, notebooks, equations, differs = map(tuple, found.values())
    return Documentation(_inline(title), paragraphs, notebooks, equations, differs)


def _inline(text: str) -> Markup:
    """Escaped, in one line; what is between backquotes is code."""
    parts = re.split("`([^`]+)`", " ".join(text.split()))
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if index % 2 else escape(part)
        for index, part in enumerate(parts)
    )
