"""Two runs side by side in Markdown, for a pull request."""

from collections.abc import Iterator

from compare import answer, versus_words
from compare.report.fitted import Part, fitted, row, said, table
from compare.report.text import markdown
from compare.versus import Compared, Versus


def markdown_versus(found: Versus) -> str:
    """The answer, what is worse, and what else differs; the last is cut first.

    At most `LIMIT` bytes; names and reasons are shown, and do nothing else.
    """
    return fitted(_answer(found), _parts(found))


def _answer(found: Versus) -> str:
    told = [versus_words.verdicts(found), versus_words.times(found)]
    if warning := versus_words.elsewhere(found):
        told.append(said(warning))
    first, *rest = map(answer.sentence, told)
    return "\n\n".join((f"**{first}**", *rest)) + "\n"


def _parts(found: Versus) -> list[Part]:
    """In the order of importance."""
    changed = versus_words.changed(found)
    return [
        Part("\n### Worse\n\n", _worse(found)),
        Part(
            table(
                "Examples that differ",
                *("example", "verdict", "checks", "score", "float32"),
            ),
            [row(one.name, *versus_words.cells(one)) for one in changed],
        ),
        Part(
            table(
                "Times that differ, µs a step",
                *("example", "mode", "then", "now", "now/then", "verdict"),
            ),
            [
                row(
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
        Part(
            table("Environment", "setting", "then", "now"),
            [
                row(name, *versus_words.setting(both))
                for name, both in found.environment.items()
            ],
        ),
        Part("\n### Phases\n\n", [line for one in changed for line in _phases(one)]),
        Part("\n### New\n\n", [_item(*one) for one in found.added.items()]),
        Part(
            "\n### Timed in one run only\n\n",
            [f"- {said(line)}\n" for line in versus_words.untimed(found)],
        ),
    ]


def _worse(found: Versus) -> list[str]:
    lines = []
    failing = {one.name: versus_words.failure(one) for one in found.examples}
    verdicts = {one.name: versus_words.cells(one)[0] for one in found.examples}
    verdicts |= {name: f"{was} → gone" for name, was in found.gone.items()}
    verdicts |= {name: f"new → {now}" for name, now in found.added.items()}
    for name in found.worse:
        why = f": {said(failing[name])}" if failing.get(name) else ""
        lines.append(f"- {markdown(name)}: {markdown(verdicts[name])}{why}\n")
    return lines


def _phases(one: Compared) -> Iterator[str]:
    """Which differ, and what fails first where that is not told above."""
    told = [versus_words.phases(one)]
    told += [] if one.is_worse else [versus_words.failure(one)]
    for line in filter(None, told):
        yield f"- {markdown(one.name)}: {said(line)}\n"


def _item(name: str, verdict: str) -> str:
    return f"- {markdown(name)}: {verdict}\n"
