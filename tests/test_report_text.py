"""Text of others in a Markdown table: it is shown, and nothing else comes of it."""

import re
from html import unescape
from xml.etree.ElementTree import Element, fromstring, tostring

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from compare.report.text import markdown, one_line, seen

READER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
MARKUP = r"|<>&`@#_*~[]()!\$:/.-+=\"' " + "\n\r\t\x07\u202e\u2066\u200b\u2028é𝒩aw7"


def cells(text: str) -> list:
    """The cells of a table, header first, as the tokens that are in them."""
    tokens = READER.parse(f"| a | b |\n|---|---|\n| {text} | end |\n\nafter\n")
    *found, after = [t.children for t in tokens if t.type == "inline"]
    assert [t.content for t in after] == ["after"]
    return found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("two_layer_adam", "two_layer_adam"),
        ("", ""),
        (None, "None"),
        ("a | b", "a &#124; b"),
        (r"a \| b", "a &#92;&#124; b"),
        ("<script>", "&#60;script&#62;"),
        ("&lt;", "&#38;lt;"),
        ("`x`", "&#96;x&#96;"),
        ("__init__", "&#95;&#95;init&#95;&#95;"),
        ("to @somebody", "to @&#8203;somebody"),
        ("see #12 # 3", "see #&#8203;12 # 3"),
        ("why: https://a.b", "why: https&#58;//a.b"),
        ("WWW.a.b", "WWW&#46;a.b"),
        ("~~a~~ *b*", "&#126;&#126;a&#126;&#126; &#42;b&#42;"),
        ("[a](b)", "&#91;a&#93;(b)"),
        ("a\r\n\tb\u2028c ", "a b c"),
        ("a\x07\u202eb\u200b\ud800", "a��b��"),
    ],
)
def test_what_is_markup_is_written_as_characters(text, expected):
    assert markdown(text) == expected


@pytest.mark.parametrize(
    ("text", "at_most", "expected"),
    [
        ("abcd", 4, "abcd"),
        ("abcde", 4, "abc…"),
        ("ab cde", 4, "ab…"),
        ("<<<<<", 3, "&#60;&#60;…"),
        ("x" * 300, 80, "x" * 79 + "…"),
    ],
)
def test_long_text_is_cut_as_it_is_seen(text, at_most, expected):
    assert markdown(text, at_most=at_most) == expected


@given(st.text() | st.text(MARKUP), st.integers(1, 40))
def test_a_cell_is_its_text_and_nothing_else(text, at_most):
    """By a reader of Markdown: two rows of two cells, of plain characters."""
    found = cells(markdown(text, at_most=at_most))
    assert len(found) == 4
    assert {token.type for token in found[2]} <= {"text", "text_special"}
    shown = "".join(token.content for token in found[2]).replace("\u200b", "")
    assert shown == one_line(text, at_most=at_most)
    assert "".join(token.content for token in found[3]) == "end"


@given(st.text() | st.text(MARKUP), st.integers(1, 40))
def test_nothing_in_it_is_a_link_or_a_mention(text, at_most):
    """Those that GitHub makes of bare text, which the reader above does not."""
    found = markdown(text, at_most=at_most)
    assert not re.search(r":\S|www\.\S", found, re.IGNORECASE)
    assert not re.search(r"[@#]\w", unescape(found))


@given(st.text() | st.text(MARKUP), st.integers(1, 40))
def test_one_line_can_be_seen(text, at_most):
    found = one_line(text, at_most=at_most)
    assert len(found) <= at_most
    assert found.isprintable()
    assert one_line(found, at_most=at_most) == found


@given(st.text() | st.text(MARKUP))
def test_what_is_seen_is_legal_in_xml(text):
    element = Element("a", b=seen(text, lines=False))
    element.text = seen(text)
    found = fromstring(tostring(element))
    assert (found.get("b"), found.text or "") == (element.get("b"), element.text)
    assert len(element.text) == len(text)
    assert seen(text).count("\n") == text.count("\n")
    assert seen(text, lines=False) == seen(text).replace("\n", " ")
