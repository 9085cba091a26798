"""Two runs side by side for the terminal: what differs, and how much does not."""

from collections.abc import Iterator

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from compare import show_times, versus_words
from compare.command import STYLES
from compare.report.text import one_line
from compare.versus import Versus

LONGEST = 300
"""Characters of a sentence."""
LEGEND = (
    "score, float32: the largest that passed, of 32 and of 10. Times: µs a step with\n"
    "the 95 % interval; now/then above 1 takes longer. Verdicts decide the exit code,\n"
    "times do not."
)


def show_versus(found: Versus) -> None:
    """The environment, the examples, the times; what it amounts to stands last."""
    console = show_times.console_of()
    if found.environment:
        console.print(_environment(found), "")
    if versus_words.changed(found):
        console.print(_examples(found), "")
    for line in (*_explained(found), *_alone(found)):
        console.print(line, highlight=False)
    _show_times(found, console)
    style = "bold red" if found.worse or not found.examples else "bold green"
    console.print(f"\n[{style}]{versus_words.verdicts(found)}[/]", highlight=False)
    console.print(versus_words.times(found), highlight=False)
    console.print(f"[dim]{LEGEND}[/]", highlight=False)


def _table(*headings: str) -> Table:
    """Whose first column gives way where the terminal is narrow; without margins."""
    table = show_times.table_of(*headings)
    table.show_edge = table.pad_edge = False
    table.columns[0].no_wrap = False
    table.columns[0].overflow = "fold"
    return table


def _environment(found: Versus) -> Table:
    table = _table("environment", "then", "now")
    for column in table.columns:
        column.no_wrap, column.overflow, column.justify = False, "fold", "left"
    for name, both in found.environment.items():
        table.add_row(*map(_safe, (name, *versus_words.setting(both))))
    return table


def _examples(found: Versus) -> Table:
    table = _table("example", "verdict", "checks", "score", "float32")
    table.columns[1].justify = "left"
    for one in versus_words.changed(found):
        verdict, *rest = versus_words.cells(one)
        style = STYLES[one.verdict.now]
        table.add_row(_safe(one.name), f"[{style}]{verdict}[/]", *rest)
    return table


def _explained(found: Versus) -> Iterator[str]:
    """Which phases differ, and what fails first."""
    for one in versus_words.changed(found):
        style, name = STYLES[one.verdict.now], _safe(one.name)
        if told := versus_words.phases(one):
            yield f"[{style}]{name}[/]: {_safe(told, LONGEST)}"
        if told := versus_words.failure(one):
            yield f"[{style}]{name}[/]: {_safe(told, LONGEST)}"


def _alone(found: Versus) -> Iterator[str]:
    for name, verdict in found.gone.items():
        style = "bold red" if name in found.worse else "dim"
        yield f"[{style}]{_safe(name)}[/]: gone, was {verdict}"
    for name, verdict in found.added.items():
        yield f"[{STYLES[verdict]}]{_safe(name)}[/]: new, {verdict}"


def _show_times(found: Versus, console: Console) -> None:
    if told := versus_words.elsewhere(found):
        console.print(f"[yellow]{_safe(told, LONGEST)}[/]", highlight=False)
    if versus_words.listed(found):
        console.print("", _times(found))
    for line in versus_words.untimed(found):
        console.print(f"[dim]{_safe(line, LONGEST)}[/]", highlight=False)


def _times(found: Versus) -> Table:
    table = _table("µs a step", "then", "now", "now/then (95 %)", "")
    listed = versus_words.listed(found)
    for name in dict.fromkeys(one.example for one in listed):
        table.add_row(f"[bold]{_safe(name)}[/]")
        for one in listed:
            if one.example == name:
                table.add_row(
                    _safe(one.label),
                    versus_words.step(one.then),
                    versus_words.step(one.now),
                    versus_words.ratio(one),
                    f"[{show_times.STYLES[one.verdict]}]{one.verdict}[/]",
                )
    return table


def _safe(text: str, at_most: int = 80) -> str:
    """On one line, and no markup."""
    return escape(one_line(text, at_most=at_most))
