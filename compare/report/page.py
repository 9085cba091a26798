"""A run's folder → one HTML file that opens anywhere and asks nobody for anything.

A Content-Security-Policy in the file lets no request leave it and no script run but
ours, which it knows by their digests. Vega needs to compile its expressions, hence
`unsafe-eval`: they are the charts' own, with names of data at most as quoted strings.
"""

import base64
import gzip
import hashlib
from collections.abc import Iterator, Sequence
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from itertools import groupby
from pathlib import Path

import msgspec
import vl_convert
from altair.utils.schemapi import debug_mode
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from compare import answer, pair_facts
from compare.report import text
from compare.report.chart import Chart, slug
from compare.report.checks import Precision, Quantity
from compare.report.matrix import PHASES
from compare.report.svg import style
from compare.report.view import View, view_of
from compare.result import Run

STYLES = ("templates/page.css", "equation.css", "code.css")
SCRIPT = "templates/page.js"
VEGA = "window.vegaEmbed = vegaEmbed;"
"""All that the page asks of the libraries."""


def page(run: Run, folder: Path) -> str:
    """The report; `folder` is where the run's traces are, if they are there."""
    # Altair would hold every part of a chart against Vega-Lite's schema again.
    with debug_mode(False):
        view = view_of(run, folder)
    jinja = _environment()
    script = source(SCRIPT)
    library, bundled = _library()
    data = packed(msgspec.json.encode(run))
    return jinja.get_template("page.html").render(
        view=view,
        policy=_policy(script, library),
        version=version("twinnets"),
        css=Markup("\n".join([*map(source, STYLES), style(".still svg ")])),
        script=Markup(script),
        library=bundled,
        charts=packed(_specs(view)),
        data=data,
        data_size=f"{len(data) * 3 / 4 / 1e3:.0f} kB",
    )


def _environment() -> Environment:
    found = Environment(
        loader=PackageLoader("compare.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_visible,
    )
    found.filters |= {
        "markup": Markup,
        "short": _short,
        "place": _place,
        "told": answer.change,
        "score": pair_facts.number,
        "groupby_column": _by_column,
    }
    return found


def _visible(value: object) -> object:
    """No name can turn the page's writing around, or hide in it."""
    if isinstance(value, Markup) or not isinstance(value, str):
        return value
    return text.seen(value)


def source(name: str) -> str:
    """A file of this package."""
    return files("compare.report").joinpath(name).read_text(encoding="utf-8").strip()


def packed(content: bytes) -> str:
    """Content as base64 of gzip; the same bytes for the same content."""
    return base64.b64encode(gzip.compress(content, 9, mtime=0)).decode()


@cache
def _library() -> tuple[str, str]:
    """Vega and Vega-Lite, and the same at a third of the size."""
    bundle = vl_convert.javascript_bundle(VEGA)
    return bundle, packed(bundle.encode())


def _specs(view: View) -> bytes:
    return msgspec.json.encode(
        {chart.name: chart.spec for chart in view.charts if isinstance(chart, Chart)}
    )


def _policy(*scripts: str) -> str:
    digests = [base64.b64encode(hashlib.sha256(s.encode()).digest()) for s in scripts]
    known = " ".join(f"'sha256-{digest.decode()}'" for digest in digests)
    return (
        f"default-src 'none'; script-src {known} 'unsafe-eval'; "
        "style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
    )


def _short(score: float | None) -> str:
    return "" if score is None else f"{score:.2g}"


def _place(found: Precision) -> str:
    """Where the worst row is."""
    step = "" if found.step is None else f"step {found.step}"
    return " ".join(filter(None, (found.leaf, step)))


def _by_column(rows: Sequence[Quantity]) -> Iterator[tuple[str, list[Quantity]]]:
    """Rows by the column of the matrix that links to them."""
    column_of = {phase: name for name, phases in PHASES.items() for phase in phases}
    for column, own in groupby(rows, lambda row: column_of.get(row.phase, row.phase)):
        yield column if column in PHASES else slug(column), list(own)
