"""Two runs side by side in Markdown, for a pull request."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from compare import versus_words
from compare.report.text import markdown
from compare.versus import Compared, Versus

LIMIT = 60_000
"""Bytes; GitHub takes 65,536 characters in a comment."""
_LEFT_OUT = "\n…and {count} more, left out: this text is at most 60 kB.\n"
_LONGEST = 300


@dataclass(frozen=True)
class _Part:
    """A heading, the head of a table where it is one, and lines that may be cut."""

    head: str
    lines: Sequence[str]

    def fixed(self) -> int:
        """Bytes of what is not cut, and of saying that the rest is."""
        return _size(self.head) + _size(_LEFT_OUT.format(count=len(self.lines)))


def markdown_versus(found: Versus) -> str:
    """The answer, what is worse, and what else differs; the last is cut first.

    At most `LIMIT` bytes; names and reasons are shown, and do nothing else.
    """
    parts = [part for part in _parts(found) if part.lines]
    answer = _answer(found)
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
    return "".join(text)


def _size(text: str) -> int:
    return len(text.encode())


def _answer(found: Versus) -> str:
    told = [versus_words.verdicts(found), versus_words.times(found)]
    if warning := versus_words.elsewhere(found):
        told.append(_said(warning))
    first, *rest = (f"{line[0].upper()}{line[1:]}." for line in told)
    return "\n\n".join((f"**{first}**", *rest)) + "\n"


def _parts(found: Versus) -> list[_Part]:
    """In the order of importance."""
    changed = versus_words.changed(found)
    return [
        _Part("\n### Worse\n\n", _worse(found)),
        _Part(
            _table("Examples that differ", "example verdict checks score float32"),
            [_row(one.name, *versus_words.cells(one)) for one in changed],
        ),
        _Part(
            _table(
                "Times that differ, µs a step", "example mode then now now/then verdict"
            ),
            [
                _row(
                    one.example,
                    one.label,
                    versus_words.step(one.then),
                    versus_words.step(one.now),
                    versus_words.ratio(one),
                    one.verdict,
                )
                for one in versus_words.listed(found)
            ],
        ),
        _Part(
            _table("Environment", "setting then now"),
            [
                _row(name, *versus_words.setting(both))
                for name, both in found.environment.items()
            ],
        ),
        _Part("\n### Phases\n\n", [line for one in changed for line in _phases(one)]),
        _Part("\n### New\n\n", [_item(*one) for one in found.added.items()]),
        _Part(
            "\n### Timed in one run only\n\n",
            [f"- {_said(line)}\n" for line in versus_words.untimed(found)],
        ),
    ]


def _worse(found: Versus) -> list[str]:
    lines = []
    failing = {one.name: versus_words.failure(one) for one in found.examples}
    verdicts = {one.name: versus_words.cells(one)[0] for one in found.examples}
    verdicts |= {name: f"{was} → gone" for name, was in found.gone.items()}
    verdicts |= {name: f"new → {now}" for name, now in found.added.items()}
    for name in found.worse:
        why = f": {_said(failing[name])}" if failing.get(name) else ""
        lines.append(f"- {markdown(name)}: {markdown(verdicts[name])}{why}\n")
    return lines


def _phases(one: Compared) -> Iterator[str]:
    """Which differ, and what fails first where that is not told above."""
    told = [versus_words.phases(one)]
    told += [] if one.is_worse else [versus_words.failure(one)]
    for line in filter(None, told):
        yield f"- {markdown(one.name)}: {_said(line)}\n"


def _item(name: str, verdict: str) -> str:
    return f"- {markdown(name)}: {verdict}\n"


def _said(text: str) -> str:
    return markdown(text, at_most=_LONGEST)


def _table(title: str, headings: str) -> str:
    columns = headings.split()
    rule = "|".join(["---"] * len(columns))
    return f"\n### {title}\n\n| {' | '.join(columns)} |\n|{rule}|\n"


def _row(*cells: str) -> str:
    return f"| {' | '.join(map(markdown, cells))} |\n"
