"""An example's documentation in parts: nothing is left out, and all of it escaped."""

import re
from html import unescape
from unicodedata import normalize

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from compare import registry
from compare.report.documentation import Documentation, cut, documentation
from compare.report.equation import SUB, SUPER, equation
from compare.show import LABELS

NAMES = registry.names()
TEXT = """\
A title of `one` line.

A first <b>paragraph</b> with `code &
more` in two lines.

A second.

Notebook: "PyTorch", one
and the rest.
Notebook: "Basics", two.

Equation: of x, which is
    y = x W₁,  loss = Σ y²
    z = 1
Differs: in `this` and
in that.
"""


def test_a_documentation_in_its_parts():
    """By hand."""
    assert cut(TEXT) == Documentation(
        title=Markup("A title of <code>one</code> line."),
        paragraphs=(
            Markup(
                "A first &lt;b&gt;paragraph&lt;/b&gt; with <code>code &amp; more</code>"
                " in two lines."
            ),
            Markup("A second."),
        ),
        notebooks=(
            Markup("&#34;PyTorch&#34;, one and the rest."),
            Markup("&#34;Basics&#34;, two."),
        ),
        equations=(
            equation("of x, which is"),
            equation("y = x W₁,  loss = Σ y²"),
            equation("z = 1"),
        ),
        differs=(Markup("in <code>this</code> and in that."),),
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Title.", Documentation(Markup("Title."), (), (), (), ())),
        (
            "Title.\nMore.\n\n    x = 1\n\nDiffers: a.\n\nLast.\nDiffers:\nb.",
            Documentation(
                Markup("Title."),
                (Markup("More."), Markup("Last.")),
                (),
                (equation("x = 1"),),
                (Markup("a."), Markup("b.")),
            ),
        ),
        ("A ` b.", Documentation(Markup("A ` b."), (), (), (), ())),
    ],
)
def test_parts_that_are_not_there_or_somewhere_else(text, expected):
    assert cut(text) == expected


@pytest.mark.parametrize("name", NAMES)
def test_every_example_has_all_parts(name):
    found = documentation(name)
    assert found is not None
    text = registry.documentation(name)
    assert found.title.striptags() == text.splitlines()[0].replace("`", "")
    assert found.paragraphs
    assert len(found.notebooks) == text.count("\nNotebook:")
    indented = [line for line in text.splitlines() if line.startswith(" ")]
    assert [*found.equations][-len(indented) :] == [equation(line) for line in indented]
    assert [part[-1] for part in found.differs] == ["."]


def words(found: Documentation) -> list[str]:
    """All of it in one, without tags, backquotes or what equations set otherwise."""
    texts = (found.title, *found.paragraphs, *found.notebooks, *found.differs)
    return " ".join(Markup(text).striptags() for text in texts).split()


@pytest.mark.parametrize("name", NAMES)
def test_no_word_is_lost(name):
    found = documentation(name)
    assert found is not None
    text = re.sub(
        r"(?s)\nEquation:.*?(?=\n\n|\nDiffers:)",
        "",
        "\n" + str(registry.documentation(name)),
    )
    for label in LABELS:
        text = text.replace("\n" + label, "\n")
    assert sorted(words(found)) == sorted(text.replace("`", "").split())


lines = st.one_of(
    st.sampled_from(["", "  ", *LABELS, "    x = y²", "a `b` c", "`", "<i>&amp;"]),
    st.text(max_size=20),
    st.sampled_from(LABELS).flatmap(
        lambda label: st.text(max_size=9).map(label.__add__)
    ),
)


TAG = re.compile(
    '</?(?:div( class="equation")?|code|math( display="block")?|m(row|[inostu]|text)|'
    'm(space|sub|sup|subsup|sqrt|over)|mo)( [a-z]+="[a-z0-9.]+")* ?/?>'
)


def letters(text: str) -> list[str]:
    plain = normalize("NFD", text).translate(str.maketrans(SUPER | SUB))
    return sorted(char for char in plain.replace("∑", "Σ") if char.isalnum())


@given(st.lists(lines, max_size=12).map("\n".join))
def test_no_letter_of_any_text_is_lost_and_nothing_in_it_is_a_tag(text):
    found = cut(text)
    parts = (found.title, *found.paragraphs, *found.notebooks, *found.differs)
    shown = TAG.sub("", "\n".join(parts + found.equations))
    assert "<" not in shown and ">" not in shown
    title, _, rest = text.strip().partition("\n")
    for label in LABELS:
        rest = re.sub(f"(?m)(?<![^\n])^{label}", "", rest)
    assert letters(unescape(shown)) == letters(title + rest)


@pytest.mark.parametrize(
    "name", ["", "nothing", "../show", "linear_regression\0", "<script>", "x" * 300]
)
def test_an_example_that_is_not_known_has_none(name):
    assert documentation(name) is None


def test_a_documentation_that_is_empty_is_none(monkeypatch):
    monkeypatch.setattr(registry, "documentation", lambda name: " \n")
    assert documentation("linear_regression") is None
