"""Equations as MathML: the specs' own by hand, and nothing lost whatever is written."""

import re
from unicodedata import normalize
from xml.etree import ElementTree

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markupsafe import Markup

from compare import registry
from compare.report.equation import SUB, SUPER, equation

PLAIN = str.maketrans(SUPER | SUB)
HATS = {"^": "\u0302", "~": "\u0303", "¯": "\u0304"}
CORE = {
    *("div", "math", "mrow", "mi", "mn", "mo", "mtext", "mspace"),
    *("msup", "msub", "msubsup", "msqrt", "mover", "code"),
}
"""Elements of MathML Core that browsers set; `div` and `code` are HTML's."""


def lines() -> list[str]:
    """Every line of an equation in the examples' documentation."""
    found = []
    for name in registry.names():
        text = registry.documentation(name)
        found += [line.strip() for line in text.splitlines() if line.startswith(" ")]
    return found


def read(markup: Markup) -> ElementTree.Element:
    return ElementTree.fromstring(str(markup))


def written(element: ElementTree.Element) -> str:
    """MathML back to plain text, without spaces, scripts as plain characters."""
    inside = [written(child) for child in element]
    if element.tag == "msqrt":
        (child,) = element
        return f"√({inside[0]})" if child.tag == "mrow" else f"√{inside[0]}"
    if element.tag == "mover":
        return inside[0] + HATS[inside[1]]
    if element.tag == "code":
        return f"`{element.text}`"
    text = element.text or ""
    return ("Σ" if text == "∑" else text) + "".join(inside)


def characters(text: str) -> str:
    """The same of plain text; `_` and `^` may be a place, a hyphen a minus."""
    plain = normalize("NFD", text).translate(PLAIN).replace("∑", "Σ")
    return re.sub(r"[\s_^]", "", plain.replace("-", "−"))


def check(text: str) -> ElementTree.Element:
    markup = equation(text)
    assert isinstance(markup, Markup)
    root = read(markup)
    assert root.tag == "div" and root.get("class") == "equation"
    assert all(math.tag == "math" and math.get("display") == "block" for math in root)
    assert {element.tag for element in root.iter()} <= CORE
    assert characters(written(root)) == characters(text)
    return root


@pytest.mark.parametrize("line", lines())
def test_no_character_of_an_equation_is_lost(line):
    check(line)


@pytest.mark.parametrize("line", lines())
def test_every_bracket_bar_and_root_of_an_equation_has_its_partner(line):
    """And all scripts have become places."""
    root = check(line)
    closed = [
        row for row in root.iter("mrow") if len(row) == 3 and row[1].tag == "mrow"
    ]
    fences = [
        mo.text for mo in root.iter("mo") if mo.get("stretchy") and mo.text != "^"
    ]
    paired = [mo.text for row in closed for end in row[::2] for mo in end.iter("mo")]
    assert sorted(fences) == sorted(paired)
    assert line.count("√") == len(list(root.iter("msqrt")))
    shown = "".join(
        element.text or "" for element in root.iter() if element.tag != "code"
    )
    assert not set(shown) & {*SUPER, *SUB, "_", "√"}


# Characters that mean something, more often than chance would have them.
MEANT = st.text("ab kb max for θŷŷΣ∂√()[]|‖⌊⌋²ᵗ₁ₙ_^*`,.-−+/=  09<>&\"'", max_size=40)


@given(st.one_of(MEANT, st.text(), st.text("²₁_^√(|)x", max_size=12)))
@example("(²)")
@example("|(²|)")
@example("√(x)₁²√x₁²²")
@example("[0, 1) (a]")
@example("x̂̂ ŷ̃ é")
@example("¼ ™ ª ⁽ ﷺ \u202e \ud83d\ude00 <script>alert('&amp;')</script>")
def test_no_character_is_lost_whatever_is_written(text):
    """But those that neither XML nor HTML can hold, which are shown as U+FFFD."""
    held = re.sub("[\x00-\x08\x0e-\x1b\ud800-\udfff\ufffe\uffff]", "\ufffd", text)
    markup = equation(text)
    assert characters(written(read(markup))) == characters(held)


@pytest.mark.parametrize(
    "text", ["(" * 9999, "(" * 9999 + ")" * 9999, "x²₁" * 9999, "√" * 9999, "|a" * 9999]
)
def test_brackets_in_brackets_do_not_end_in_an_error(text):
    check(text)


def inner(text: str) -> str:
    """What is in `math`, without the attributes."""
    markup = re.sub(r"(<\w+)[^>]*?( ?/)?>", r"\1\2>", str(equation(text)))
    inside = markup.removeprefix("<div><math>").removesuffix("</math></div>")
    return inside.replace(" /", "/")


def row(text: str) -> str:
    return f"<mrow>{text}</mrow>"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("at", "<mtext>at</mtext>"),
        ("kb", "<mi>k</mi><mi>b</mi>"),
        ("ηH", "<mi>η</mi><mi>H</mi>"),
        (
            "relu(x)",
            "<mi>relu</mi>" + row("<mo>(</mo><mrow><mi>x</mi></mrow><mo>)</mo>"),
        ),
        (
            "cost(x)",
            "<mi>cost</mi>" + row("<mo>(</mo><mrow><mi>x</mi></mrow><mo>)</mo>"),
        ),
        ("∂cost/∂w", "<mi>∂</mi><mi>cost</mi><mo>/</mo><mi>∂</mi><mi>w</mi>"),
        ("W₁₂", f"<msub><mi>W</mi>{row('<mn>12</mn>')}</msub>"),
        ("hᵢ₋₁", f"<msub><mi>h</mi>{row('<mi>i</mi><mo>−</mo><mn>1</mn>')}</msub>"),
        ("10⁻⁴", f"<msup><mn>10</mn>{row('<mo>−</mo><mn>4</mn>')}</msup>"),
        ("h_depth", f"<msub><mi>h</mi>{row('<mi>depth</mi>')}</msub>"),
        ("a^t", f"<msup><mi>a</mi>{row('<mi>t</mi>')}</msup>"),
        ("θ* ", f"<msup><mi>θ</mi>{row('<mo>*</mo>')}</msup>"),
        ("a*b", "<mi>a</mi><mo>*</mo><mi>b</mi>"),
        (
            "W₂ᵀ",
            f"<msubsup><mi>W</mi>{row('<mn>2</mn>')}{row('<mi>T</mi>')}</msubsup>",
        ),
        ("ŷ", "<mover><mi>y</mi><mo>^</mo></mover>"),
        ("√(a)", "<msqrt><mrow><mi>a</mi></mrow></msqrt>"),
        ("√x", "<msqrt><mi>x</mi></msqrt>"),
        ("√xᵢ", f"<msqrt><msub><mi>x</mi>{row('<mi>i</mi>')}</msub></msqrt>"),
        (
            "√(a)²",
            f"<msup><msqrt><mrow><mi>a</mi></mrow></msqrt>{row('<mn>2</mn>')}</msup>",
        ),
        ("⌊x⌋", row("<mo>⌊</mo><mrow><mi>x</mi></mrow><mo>⌋</mo>")),
        ("|x|", row("<mo>|</mo><mrow><mi>x</mi></mrow><mo>|</mo>")),
        ("a | b", "<mi>a</mi><mo>|</mo><mi>b</mi>"),
        ("[0, 1)", "<mo>[</mo><mn>0</mn><mo>,</mo><mn>1</mn><mo>)</mo>"),
        ("a  b", "<mi>a</mi></math><math><mi>b</mi>"),
        (
            "|a  b|",
            row("<mo>|</mo><mrow><mi>a</mi><mspace/><mi>b</mi></mrow><mo>|</mo>"),
        ),
        ("a-b", "<mi>a</mi><mo>−</mo><mi>b</mi>"),
        (
            "(a)²",
            row(
                "<mo>(</mo><mrow><mi>a</mi></mrow>"
                f"<msup><mo>)</mo>{row('<mn>2</mn>')}</msup>"
            ),
        ),
        ("a = b", "<mi>a</mi><mo>=</mo><mi>b</mi>"),
        ("0 for x", "<mn>0</mn><mspace/><mtext>for</mtext><mspace/><mi>x</mi>"),
        ("as long, as so-called", "<mtext>as long, as so-called</mtext>"),
        ("by `a.b`", "<mtext>by</mtext><mspace/><mtext><code>a.b</code></mtext>"),
        ("Σₙ x", f"<msub><mo>∑</mo>{row('<mi>n</mi>')}</msub><mspace/><mi>x</mi>"),
        ("log Σ x", "<mi>log</mi><mspace/><mo>∑</mo><mi>x</mi>"),
        ("UΣV", "<mi>U</mi><mi>Σ</mi><mi>V</mi>"),
        ("_", "<mo>_</mo>"),
        ("^t", "<mtext>^t</mtext>"),
        ("²", "<mtext>²</mtext>"),
        ("x²²", f"<msup><mi>x</mi>{row('<mn>22</mn>')}</msup>"),
        ("x²^t", f"<msup><mi>x</mi>{row('<mn>2</mn>')}</msup><mtext>^t</mtext>"),
        ("(²)", row("<mo>(</mo><mrow><mtext>²</mtext></mrow><mo>)</mo>")),
        ("a<b", "<mi>a</mi><mo>&lt;</mo><mi>b</mi>"),
        ("", "<div><math/></div>"),
    ],
)
def test_what_is_written_becomes_what_is_meant(text, expected):
    """By hand; a script's content is a row of its own."""
    assert inner(text) == expected


@pytest.mark.parametrize(
    ("text", "forms"),
    [
        ("-x", ["prefix"]),
        ("a - b", [None]),
        ("= -x", [None, "prefix"]),
        ("x-1", [None]),
        ("x²-1", [None]),
        ("a, -1", [None, "prefix"]),
    ],
)
def test_a_sign_is_set_close_to_its_number(text, forms):
    assert [mo.get("form") for mo in read(equation(text)).iter("mo")] == forms


def test_only_brackets_around_a_root_grow():
    grown = [mo.get("stretchy") for mo in read(equation("(a) (√(b) + (c))")).iter("mo")]
    assert grown == ["false", "false", "true", None, "false", "false", "true"]
