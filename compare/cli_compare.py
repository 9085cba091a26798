"""The arguments of `twinnets compare`, and what its exit code says."""

from pathlib import Path
from typing import Annotated

import typer

from compare import record, result
from compare.exits import MISMATCH, NOTHING, PASSED, or_usage, usage
from compare.versus import Versus, versus


def compare_runs(
    dir_a: Annotated[
        Path, typer.Argument(metavar="DIR_A", help="Folder of the run of then.")
    ],
    dir_b: Annotated[
        Path, typer.Argument(metavar="DIR_B", help="Folder of the run of now.")
    ],
    markdown: Annotated[
        Path | None,
        typer.Option(help="Also write Markdown into this file; - prints it instead."),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON in place of the tables.")
    ] = False,
) -> None:
    """Hold two runs against each other: verdicts, scores, times, versions.

    Verdicts decide the exit code, times do not: see `twinnets time --against`.

    Exit code 1: an example that was proved fails, is skipped or is gone; or one
    fails that did not. What fails in both, or is new and passes, is no reason.

    Exit code 4: no example of both runs was compared in the first.
    """
    from compare.report.versus_markdown import markdown_versus
    from compare.show_versus import show_versus

    printed = markdown == Path("-")
    if printed and as_json:
        raise usage("--json and --markdown -: both print; give one of them")
    then, now = (
        or_usage(lambda folder=folder: result.read(folder / "run.json"), result.NotARun)
        for folder in (dir_a, dir_b)
    )
    found = versus(then, now)
    if markdown is not None and not printed:
        _write(markdown, markdown_versus(found))
    if printed:
        print(markdown_versus(found), end="")
    elif as_json:
        print(record.text(found))
    else:
        show_versus(found)
    raise typer.Exit(compare_code(found))


def compare_code(found: Versus) -> int:
    """What the verdicts of two runs amount to."""
    if not found.examples:
        return NOTHING
    if found.worse:
        return MISMATCH
    compared = any(one.verdict.then != "skipped" for one in found.examples)
    return PASSED if compared else NOTHING


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise usage(f"--markdown: cannot write {path}: {error.strerror}") from None
