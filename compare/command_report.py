"""`twinnets report`: a run's folder → a page, Markdown, JUnit, where wanted."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from compare import outcome, record
from compare.result import Run

NAME = "report.html"
"""In the run's folder, where no other is given."""
STANDARD = Path("-")
"""Standard output in the place of a file."""


@dataclass(frozen=True)
class Wanted:
    """Where each kind goes; None where it is not wanted."""

    html: Path | None = None
    markdown: Path | None = None
    junit: Path | None = None
    picture: Path | None = None
    strict: bool = False


def report(run: Run, folder: Path, wanted: Wanted) -> Iterator[Path]:
    """Write what is wanted, one after the other; each file when it is there.

    Raises OSError.
    """
    if wanted.html is not None:
        from compare.report.page import page  # with its charts takes a second

        yield _written(wanted.html, page(run, folder).encode())
    if wanted.markdown is not None:
        from compare.report.markdown import markdown

        faults, _ = outcome.told(folder, run.environment)  # the page says why not
        yield _written(wanted.markdown, markdown(run, faults).encode())
    if wanted.junit is not None:
        from compare.report.junit import junit

        yield _written(wanted.junit, junit(run, strict=wanted.strict))
    if wanted.picture is not None:
        from compare.report.headline_picture import THEMES, headline_picture

        for theme in THEMES:
            path = wanted.picture.with_stem(f"{wanted.picture.stem}-{theme}")
            yield _written(path, headline_picture(run, theme).encode())


def _written(path: Path, content: bytes) -> Path:
    if path == STANDARD:
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
        return path
    record.put(path, content)
    return path
