"""What a chart was drawn from."""

from collections.abc import Iterator
from typing import Any

from compare.report.chart import Chart, Figure

ROUNDED = 1e-3
"""Numbers are drawn in four digits: so far, relatively, may they be off."""


def drawn(figure: Figure | None) -> Chart:
    """The chart, which must not be missing."""
    assert isinstance(figure, Chart), figure
    return figure


def rows_with(figure: Figure | None, *columns: str) -> list[dict[str, Any]]:
    """The rows that have these columns, of all data of a chart."""
    found = list(_rows(drawn(figure).spec))
    return [row for row in found if set(columns) <= set(row)]


def _rows(part: Any) -> Iterator[dict[str, Any]]:
    if isinstance(part, dict):
        data = part.get("data")
        if isinstance(data, dict) and "values" in data:
            yield from data["values"]
        for each in part.values():
            yield from _rows(each)
    elif isinstance(part, list):
        for each in part:
            yield from _rows(each)
