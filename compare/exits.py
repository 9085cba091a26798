"""What all commands share: exit codes, and one line in place of a traceback.

Exit codes: 0 all passed · 1 a mismatch or a crash · 2 wrong usage · 3 a timing claim
could not be decided · 4 nothing was compared · 130 interrupted.
"""

from collections.abc import Callable, Sequence
from typing import Annotated, TypeVar

import typer
from rich.console import Console

from compare import registry
from compare.registry import UnknownExample
from compare.result import Example, Verdict, passed

PASSED, MISMATCH, USAGE, UNDECIDED, NOTHING = 0, 1, 2, 3, 4


T = TypeVar("T")
Names = Annotated[
    list[str] | None, typer.Argument(help="Examples; all of them by default.")
]


def exit_code(examples: Sequence[Example], *, strict: bool) -> int:
    """What a run's verdicts amount to."""
    verdicts: list[Verdict] = [example.verdict for example in examples]
    if any(not passed(verdict, strict=strict) for verdict in verdicts):
        return MISMATCH
    if all(verdict == "skipped" for verdict in verdicts):
        return NOTHING
    return PASSED


def usage(message: str) -> typer.Exit:
    """Say what is wrong in one line, and leave with exit code 2."""
    say(message)
    return typer.Exit(USAGE)


def say(message: str) -> None:
    Console(stderr=True).print(
        f"twinnets: {message}", style="bold", markup=False, soft_wrap=True
    )


def known(names: list[str] | None) -> list[str]:
    """These examples, or all; leaves with exit code 2 at an unknown one."""
    for name in names or ():
        or_usage(lambda name=name: registry.load(name), UnknownExample)
    return list(dict.fromkeys(names)) if names else list(registry.names())


def or_usage(call: Callable[[], T], *errors: type[Exception]) -> T:
    try:
        return call()
    except errors as error:
        if isinstance(error, OSError) and error.strerror:
            raise usage(f"{error.filename}: {error.strerror}") from None
        raise usage(str(error.args[0]) if error.args else str(error)) from None
