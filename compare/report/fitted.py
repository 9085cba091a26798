"""Markdown of at most so many bytes: parts in the order of importance, the last cut."""

from collections.abc import Sequence
from dataclasses import dataclass

from compare.report.text import markdown

LIMIT = 60_000
"""Bytes; GitHub takes 65,536 characters in a comment."""
LONGEST = 300
"""Characters of a sentence."""
_LEFT_OUT = "\n…and {count} more, left out: this text is at most 60 kB.\n"


@dataclass(frozen=True)
class Part:
    """A heading, the head of a table where it is one, and lines that may be cut."""

    head: str
    lines: Sequence[str]
    tail: str = ""

    def fixed(self) -> int:
        """Bytes of what is not cut, and of saying that the rest is."""
        left_out = _LEFT_OUT.format(count=len(self.lines))
        return sum(map(_size, (self.head, left_out, self.tail)))


def fitted(answer: str, parts: Sequence[Part]) -> str:
    """The answer and the parts that have lines, in at most `LIMIT` bytes."""
    parts = [part for part in parts if part.lines]
    left = LIMIT - _size(answer) - sum(part.fixed() for part in parts)
    text = [answer]
    for part in parts:
        text.append(part.head)
        for place, line in enumerate(part.lines):
            left -= _size(line)
            if left < 0:
                text.append(_LEFT_OUT.format(count=len(part.lines) - place))
                left = 0
                break
            text.append(line)
        text.append(part.tail)
    return "".join(text)


def said(text: str) -> str:
    """A sentence that is shown, and does nothing else."""
    return markdown(text, at_most=LONGEST)


def table(title: str, *columns: str) -> str:
    """The heading and the head of a table."""
    rule = "|".join(["---"] * len(columns))
    return f"\n### {title}\n\n| {' | '.join(columns)} |\n|{rule}|\n"


def row(*cells: str) -> str:
    """A line of a table."""
    return f"| {' | '.join(map(markdown, cells))} |\n"


def _size(text: str) -> int:
    return len(text.encode())
