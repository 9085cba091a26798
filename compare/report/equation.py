"""A line of an equation as it is written in plain text → MathML, which browsers set.

Kept libraries read AsciiMath or UnicodeMath, where spaces say nothing, `(N,)` and
`|Fₙ - F|` are errors, and remarks are products of letters: here all of them are text
that a person reads, and what is not understood must stay as it is.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from unicodedata import category, decomposition, normalize
from xml.etree.ElementTree import Element, tostring

from markupsafe import Markup

NAMES = (
    "argmax|argmin|clamp|cos|cov|depth|det|diag|exp|ln|log|loss|max|mean|min|relu|"
    "remainder|sigmoid|sign|sin|softmax|std|sup|tanh|tr|var"
)
"""Words that are quantities or functions wherever they stand; others may be remarks."""
PAIRS = {")": "(", "]": "[", "}": "{", "⌋": "⌊", "⌉": "⌈", "⟩": "⟨"}
BARS = "|‖"
HATS = {"\u0302": "^", "\u0303": "~", "\u0304": "¯"}
DEEPEST = 40
"""Brackets within brackets; those further inside are not paired."""
THIN, WORD, WIDE = "0.2em", "0.3em", "2em"
_SIGNS = "+−±"


def _scripts(kind: str) -> dict[str, str]:
    """Characters that are one plain character, raised or lowered."""
    found = ((chr(code), decomposition(chr(code)).split()) for code in range(0x2D00))
    return {
        char: chr(int(parts[1], 16))
        for char, parts in found
        if parts[:1] == [f"<{kind}>"] and len(parts) == 2
    }


SUPER, SUB = _scripts("super"), _scripts("sub")
_RAISED = f"[{''.join(map(re.escape, SUPER))}]"
_LOWERED = f"[{''.join(map(re.escape, SUB))}]"
_NAME = rf"(?:{NAMES})(?![A-Za-z])"
# Of two letters or more, and not two or three variables side by side, as in `kb`.
_WORD = r"(?:(?=[A-Za-z]{0,2}[AEIOUYaeiouy])[A-Za-z]{2,}|[A-Za-z]{4,})"
# What has a script, an argument or a ∂ is no word of a remark.
_SAID = rf"(?<!∂)(?!{_NAME}){_WORD}(?![A-Za-z(\[_^/]|{_RAISED}|{_LOWERED})"
_TOKEN = re.compile(
    rf"""(?P<space>\s+)
    | `(?P<code>[^`\x00-\x1f]+)`
    | (?P<raised>{_RAISED}+)
    | (?P<lowered>{_LOWERED}+)
    | \^(?P<over>[A-Za-z]+|[0-9]+)
    | _(?P<under>[A-Za-z]+|[0-9]+)
    | (?P<number>[0-9]+(?:\.[0-9]+)?)
    | (?P<remark>{_SAID}(?:(?:,?[ ]|-){_SAID})*)
    | (?P<name>{_NAME}|{_WORD})
    | (?P<letter>[^\W\d_][\u0300-\u036f]?)
    | (?P<other>.)""",
    re.VERBOSE | re.DOTALL,
)
_UNWRITTEN = re.compile("[^\t-\r\x1c-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What neither XML nor HTML can hold, escaped or not."""


@dataclass
class _Row:
    """What has been read; spaces are strings. `opened` are brackets not closed yet."""

    items: list[Element | str] = field(default_factory=list)
    opened: list[tuple[str, int]] = field(default_factory=list)

    def last(self) -> Element | None:
        """What a script would belong to: nothing, where a space is between."""
        item = self.items[-1] if self.items else None
        return None if isinstance(item, str) else item

    def may_have(self, base: Element, script: str) -> bool:
        """Scripts of scripts are none; nor has a bracket one that is still open."""
        if self.opened and self.opened[-1][1] == len(self.items) - 1:
            return False
        twice = base.tag == "msub" and base[0].tag == "msup"
        return not twice and base.tag not in (script, "msubsup", "mtext")

    def close(self, opener: str, closer: str) -> bool:
        """What stands between two brackets becomes one thing."""
        while self.opened and self.opened[-1][0] in BARS and opener not in BARS:
            self.opened.pop()
        if not self.opened or self.opened[-1][0] != opener:
            return False
        begin = self.opened.pop()[1]
        inside = self.items[begin + 1 :]
        before = self.items[begin - 1] if begin else ""
        if opener == "(" and not isinstance(before, str) and before.text == "√":
            self.items[begin - 1 :] = [_made("msqrt", _made("mrow", *_set(inside)))]
            return True
        fences = [_bracket(opener, "prefix"), _bracket(closer, "postfix")]
        row = _made("mrow", fences[0], _made("mrow", *_set(inside)), fences[1])
        if row.find(".//msqrt") is not None:  # nothing else is higher than a line
            for fence in fences:
                fence.set("stretchy", "true")
        self.items[begin:] = [row]
        return True


def equation(line: str) -> Markup:
    """One line as `<div class="equation">`; never raises, and shows every character.

    It holds a `<math display="block">` for each of what two spaces or more part, so
    that a page can set them beside or below each other. Σ is a sum, a hyphen a minus;
    what XML cannot hold becomes U+FFFD.
    """
    row = _Row()
    text = _UNWRITTEN.sub("\ufffd", line.strip())
    for found in _TOKEN.finditer(text):
        before = text[found.start() - 1] if found.start() else " "
        _read(row, found, before, text[found.end() : found.end() + 1] or " ")
    pieces: list[list[Element | str]] = [[]]
    for item in row.items:
        if item == WIDE:
            pieces.append([])
        else:
            pieces[-1].append(item)
    math = [_made("math", *_set(piece), display="block") for piece in pieces]
    division = _made("div", *math, **{"class": "equation"})
    return Markup(tostring(division, encoding="unicode"))


def _read(row: _Row, found: re.Match[str], before: str, after: str) -> None:
    kind, text = found.lastgroup or "other", found[0]
    if kind == "space":
        row.items.append(" " if len(text) == 1 else WIDE)
    elif kind in ("raised", "lowered", "over", "under"):
        plain = found[kind].translate(str.maketrans(SUPER | SUB))
        _attach(row, plain, raised=kind in ("raised", "over"), written=text)
    elif kind == "code":
        row.items.append(_made("mtext", _leaf("code", found["code"])))
    elif kind == "other":
        _read_sign(row, text, before, after)
    elif kind == "letter":
        _rooted(row, _sum_or_letter(row, text))
    else:
        tag = {"number": "mn", "remark": "mtext", "name": "mi"}[kind]
        _rooted(row, _leaf(tag, text))


def _rooted(row: _Row, element: Element) -> None:
    """A root right before a number or a name is its root."""
    last = row.last()
    if last is not None and last.text == "√" and element.tag != "mtext":
        row.items[-1] = _made("msqrt", element)
    else:
        row.items.append(element)


def _sum_or_letter(row: _Row, text: str) -> Element:
    """A hat is set over its letter: only plain letters have an italic form."""
    last = row.last()
    if text == "Σ" and (last is None or last.tag == "mo"):
        return _leaf("mo", "∑")
    plain, *marks = normalize("NFD", text)
    if len(marks) != 1 or marks[0] not in HATS:
        return _leaf("mi", text)
    hat = _leaf("mo", HATS[marks[0]], stretchy="false")
    return _made("mover", _leaf("mi", plain), hat, accent="true")


def _attach(row: _Row, plain: str, *, raised: bool, written: str) -> None:
    """A script to what stands before it, at most one of a kind; else as written."""
    tag, base = "msup" if raised else "msub", row.last()
    holder, place = row.items, -1
    if base is not None and base.tag == "msqrt" and base[0].tag != "mrow":
        holder, place, base = base, 0, base[0]  # √xᵢ is the root of xᵢ
    elif base is not None and base.tag == "mrow":
        holder, place, base = base, 2, base[2]  # no higher than its bracket
    if base is None or not row.may_have(base, tag):
        row.items.append(_leaf("mtext", written))
        return
    script = _made("mrow", *_plain(plain))
    if base.tag == "msub" and raised:
        holder[place] = _made("msubsup", *base, script)
    else:
        holder[place] = _made(tag, base, script)


def _plain(text: str) -> Iterator[Element]:
    for part in re.findall(r"[0-9]+|[A-Za-z]+|.", text, re.DOTALL):
        tag = "mn" if part.isdecimal() else "mi" if part.isalpha() else "mo"
        yield _leaf(tag, part)


def _read_sign(row: _Row, sign: str, before: str, after: str) -> None:
    """A bracket, an operator, or what is neither."""
    if sign in PAIRS and row.close(PAIRS[sign], sign):
        return
    if sign in BARS and not before.isspace() and row.close(sign, sign):
        return
    opens = sign in PAIRS.values() or (sign in BARS and not after.isspace())
    if opens and len(row.opened) < DEEPEST:
        row.opened.append((sign, len(row.items)))
    last = row.last()
    if sign == "*" and last is not None and last.tag[1] in "is" and after in " ),]":
        _attach(row, sign, raised=True, written=sign)
    elif opens or sign in PAIRS or sign in BARS:
        row.items.append(_leaf("mo", sign, stretchy="false"))
    elif sign in "∂…∞":
        row.items.append(_leaf("mi", sign))
    elif category(sign)[0] in "SP":
        row.items.append(_operator(sign, before, after))
    else:
        row.items.append(_leaf("mtext", sign))


def _operator(sign: str, before: str, after: str) -> Element:
    """With spaces as they were written, where a browser would choose others."""
    ended = before.isalnum() or before in PAIRS or before in BARS
    sign = "−" if sign == "-" else sign
    if sign in _SIGNS and not after.isspace() and not ended:
        return _leaf("mo", sign, form="prefix")
    if sign == "/" and before.isspace() and after.isspace():
        return _leaf("mo", sign, lspace=THIN, rspace=THIN)
    return _leaf("mo", sign)


def _bracket(sign: str, form: str) -> Element:
    return _leaf("mo", sign, form=form, stretchy="false")


def _set(items: list[Element | str]) -> Iterator[Element]:
    """Spaces between things; beside an operator its own are enough."""
    for index, item in enumerate(items):
        if not isinstance(item, str):
            yield item
        elif 0 < index < len(items) - 1:
            left, right = items[index - 1], items[index + 1]
            if item == WIDE:
                yield _made("mspace", width=WIDE)
            elif not (
                _is_operator(left) or (_is_operator(right) and not _is_sum(right))
            ):
                words = _is_word(left) or _is_word(right)
                yield _made("mspace", width=WORD if words else THIN)


def _is_operator(item: Element | str) -> bool:
    return isinstance(item, str) or item.tag == "mo"


def _is_sum(item: Element | str) -> bool:
    """An operator that has what follows as its only side."""
    return not isinstance(item, str) and item.text == "∑"


def _is_word(item: Element | str) -> bool:
    return not isinstance(item, str) and len(item.text or "") > 1 and item.tag != "mn"


def _made(tag: str, *inside: Element, **attributes: str) -> Element:
    element = Element(tag, attributes)
    element.extend(inside)
    return element


def _leaf(tag: str, text: str, **attributes: str) -> Element:
    element = Element(tag, attributes)
    element.text = text
    return element
