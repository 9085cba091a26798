"""The arguments of `twinnets report`, and `--report` of the commands that make runs."""

from pathlib import Path
from typing import Annotated

import typer

from compare import answer, result
from compare.command_report import NAME, STANDARD, Wanted, report
from compare.exits import or_usage, say, usage
from compare.result import Run

Report = Annotated[
    bool, typer.Option("--report", help=f"Also write {NAME} into the run's folder.")
]


def report_run(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="Folder of a run, or its .json.")
    ],
    html: Annotated[
        Path | None, typer.Option(help=f"The page; default DIR/{NAME}.")
    ] = None,
    markdown: Annotated[
        Path | None,
        typer.Option(help="Of at most 60 kB, for a comment; - prints it."),
    ] = None,
    junit: Annotated[
        Path | None,
        typer.Option(help="XML: a test for each phase of each example; - prints it."),
    ] = None,
    picture: Annotated[
        Path | None,
        typer.Option(help="SVG of who is faster: NAME-light.svg and NAME-dark.svg."),
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="In JUnit, `precision` does not pass.")
    ] = False,
    open_: Annotated[
        bool, typer.Option("--open", help="Show the page in a browser.")
    ] = False,
) -> None:
    """Make a page of a run, Markdown or JUnit: needs neither framework.

    Without any of --html, --markdown, --junit and --picture, or with --open, it is
    the page.
    """
    file = folder if folder.suffix == ".json" else folder / "run.json"
    folder = file.parent
    found = or_usage(lambda: result.read(file), result.NotARun)
    if strict and junit is None:
        raise usage("--strict: expected --junit too, for only there it tells")
    if picture is not None and picture.suffix != ".svg":
        raise usage(f"--picture: expected a name in .svg, got {picture}")
    if picture is not None and not answer.fastest(found):
        raise usage("--picture: nothing was timed in both frameworks")
    others = (markdown, junit, picture)
    if html is None and (open_ or others == (None, None, None)):
        html = folder / NAME
    if [html, markdown, junit].count(STANDARD) > 1:
        raise usage("-: expected at most one of --html, --markdown and --junit")
    if html == STANDARD and open_:
        raise usage("--open: expected a file as --html, got -")
    write_report(found, folder, Wanted(html, markdown, junit, picture, strict))
    if open_ and html is not None:
        typer.launch(str(html.resolve()))


def write_report(run: Run, folder: Path, wanted: Wanted) -> None:
    """Write it and say where; leaves with exit code 2 where it cannot be written."""
    for option in ("html", "markdown", "junit", "picture"):
        path = getattr(wanted, option)
        if path is None or path == STANDARD:
            continue
        if not path.parent.is_dir():
            raise usage(f"--{option}: there is no folder {path.parent}")
        if path.is_dir():
            raise usage(f"--{option}: expected a file, {path} is a folder")
    try:
        for path in report(run, folder, wanted):
            if path != STANDARD:
                say(str(path))
    except OSError as error:
        raise usage(f"cannot write {error.filename}: {error.strerror}") from None
