"""Twins in a page: every character stays, and the right lines are marked."""

import re
from collections import Counter
from html import unescape
from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from compare import registry
from compare.fault import FRAMEWORKS
from compare.report import twins as report
from compare.report.twins import KINDS, Facing, coloured, facing, twins
from compare.show import aligned, source

NAMES = registry.names()
CSS = (files("compare.report") / "code.css").read_text(encoding="utf-8")


def text(markup: Markup) -> str:
    """Without tags: there are no others than these."""
    assert isinstance(markup, Markup)
    plain = re.sub(r"<span class=[a-z]>|</span>|</?mark>", "", str(markup))
    assert "<" not in plain and ">" not in plain
    return unescape(plain)


def marked(markup: Markup) -> list[str]:
    """The lines that are marked."""
    found = re.findall(r"<mark>(.*?)</mark>", str(markup), re.DOTALL)
    return [line for part in found for line in text(Markup(part)).splitlines()]


@pytest.mark.parametrize("name", NAMES)
def test_twins_are_their_sources_row_by_row(name):
    sources = [source(framework, name) for framework in FRAMEWORKS]
    found = twins(name)
    assert found is not None
    assert [(text(row.left), text(row.right)) for row in found] == aligned(*sources)
    for side, whole in zip(("left", "right"), sources, strict=True):
        pieces = [text(getattr(row, side)) for row in found]
        assert "\n\n\n".join(piece for piece in pieces if piece) + "\n" == whole


@pytest.mark.parametrize("name", NAMES)
def test_a_line_is_marked_where_the_other_side_has_no_equal_one(name):
    found = twins(name)
    assert found is not None
    for row in found:
        left, right = text(row.left).split("\n"), text(row.right).split("\n")
        rest = [
            Counter(filter(str.strip, mine)) - Counter(marked(markup))
            for mine, markup in ((left, row.left), (right, row.right))
        ]
        assert rest[0] == rest[1]
        for mine, markup, other in ((left, row.left, right), (right, row.right, left)):
            lone = {line for line in mine if line not in other and line.strip()}
            assert lone <= {*marked(markup)} <= {*mine}


def test_all_twins_together_are_small():
    """Of a page of at most 3 MB, 550 kB are theirs."""
    size = 0
    for name in NAMES:
        for row in twins(name) or ():
            size += len((row.left + row.right).encode())
    assert 150_000 < size < 550_000


@given(st.text(), st.sets(st.integers(0, 9)))
def test_any_source_keeps_its_characters(written, unmarked):
    assert text(coloured(written, unmarked=unmarked)) == written


def test_what_has_a_colour_and_what_is_marked():
    """By hand: neighbours of one colour are one, with the spaces between them."""
    left = (
        '@a\ndef f(x):\n    """Of <x>,\n    twice."""\n    # why\n    return not 2 * x'
    )
    right = left.replace("# why", "# what\n    # it is\n\n    if x: pass")
    before = (
        "<span class=d>@a</span>\n<span class=k>def</span> <span class=f>f</span>(x):\n"
        "    <span class=s>&#34;&#34;&#34;Of &lt;x&gt;,\n"
        "    twice.&#34;&#34;&#34;</span>\n"
    )
    after = "    <span class=k>return not</span> <span class=n>2</span> * x"
    assert facing(left, right) == Facing(
        "f",
        Markup(
            f"{before}<mark>    <span class=c># why</span>\n</mark>{after}",
        ),
        Markup(
            f"{before}<mark>    <span class=c># what\n    # it is</span>\n</mark>\n"
            "<mark>    <span class=k>if</span> x: <span class=k>pass</span>\n</mark>"
            f"{after}"
        ),
    )


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        ("", "", ""),
        ("x = 1", "y = 1", ""),
        ("def f(): ...", "def f(): ...", "f"),
        ("", "class C: ...", "C"),
        ("def f(): ...\n\n\ndef g(): ...", "def h(): ...", "f, g, h"),
    ],
)
def test_a_row_has_the_names_of_what_it_holds(left, right, expected):
    assert facing(left, right).name == expected


@pytest.mark.parametrize(
    "name", ["", "nothing", "runtime", "../torchnets/steps", "a\0b", "<b>" * 100]
)
def test_an_example_that_is_not_known_has_no_twins(name):
    assert twins(name) is None


@pytest.mark.parametrize(
    "error", [ModuleNotFoundError("jaxnets"), FileNotFoundError("x"), SyntaxError("x")]
)
def test_a_twin_that_cannot_be_read_has_no_page(monkeypatch, error):
    def fails(framework: str, name: str) -> str:
        raise error

    monkeypatch.setattr(report, "source", fails)
    assert twins("linear_regression") is None


# -------------------------------------------------------------------- colours

LIGHT, DARK = ("#ffffff", "#f6f7f9"), ("#16181d", "#1d2026")


def luminance(colour: str) -> float:
    """https://www.w3.org/TR/WCAG22/#dfn-relative-luminance"""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio"""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def colours(theme: int) -> dict[str, str]:
    """Of the light theme, 0, or the dark one, 1."""
    found = re.findall(
        r"--code-([a-z]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\);", CSS
    )
    return {name: both[theme] for name, *both in found}


def test_contrast_of_black_and_white():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)  # WebAIM's


@pytest.mark.parametrize(("theme", "grounds"), [(0, LIGHT), (1, DARK)])
def test_colours_can_be_read_in_both_themes(theme, grounds):
    """WCAG 2.2, AA: 4.5, on the page, on a card, and on a marked line."""
    found = colours(theme)
    ground = found.pop("mark")
    assert len(found) == len({*KINDS.values()}) == 6
    for name, colour in found.items():
        for behind in (*grounds, ground):
            assert contrast(colour, behind) >= 4.5, (name, behind)


def test_every_class_has_its_colour():
    rules = dict(re.findall(r"\.code \.(\w) \{ color: var\(--code-([a-z]+)\)", CSS))
    assert {*rules} == {*KINDS.values()}
    assert {*rules.values()} == {*colours(0)} - {"mark"}
