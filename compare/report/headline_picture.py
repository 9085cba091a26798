"""The headline chart as a picture of its own, for a README: in the page's colours."""

import re

from compare.answer import speed
from compare.report.chart import draw
from compare.report.page import source
from compare.report.speed_charts import headline_chart
from compare.report.svg import style
from compare.result import Run

WIDTH = 380
"""Between the axes, in pixels."""
THEMES = ("light", "dark")
"""In the order in which the page's style sheet has their colours."""
_VARIABLE = re.compile(r"--([a-z-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\);")
_USED = re.compile(r"var\(--([a-z-]+)\)")


def headline_picture(run: Run, theme: str) -> str:
    """The SVG; raises ValueError where nothing was timed in both frameworks."""
    chart = headline_chart(run, width=WIDTH)
    drawn = draw(chart, "headline", title="", describes=speed(run))
    colours = _colours(theme)
    looks = f"<title>{speed(run)}</title><style>{style()}</style>"
    svg = re.sub(r"(<svg[^>]*>)", rf"\1{looks}", drawn.svg, count=1)
    return _USED.sub(lambda found: colours[found[1]], svg) + "\n"


def _colours(theme: str) -> dict[str, str]:
    """Of the page's style sheet, by name."""
    found = _VARIABLE.findall(source("templates/page.css"))
    return {name: both[THEMES.index(theme)] for name, *both in found}
