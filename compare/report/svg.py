"""A chart's SVG with only what is seen in a page: a third of what Vega writes.

What most elements have alike, a style sheet gives them; each picture has one role and
one description in the page; hundredths of a pixel nobody sees.
"""

import re
from collections.abc import Iterator
from xml.etree.ElementTree import Element, fromstring, register_namespace, tostring

SVG, XLINK = "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"
register_namespace("", SVG)
register_namespace("xlink", XLINK)

_FINE = re.compile(r"(\d+\.\d)\d+")
_USUAL = {
    ("opacity", "1"),
    ("fill-opacity", "1"),
    ("stroke-width", "1"),
    ("font-weight", "normal"),
    ("text-anchor", "start"),
    ("stroke-miterlimit", "10"),
    ("transform", "translate(0,0)"),
}
_UNSEEN = re.compile("class|role|aria-.*|pointer-events|font-family")
_DEFAULTS = {
    "text": {"fill": "var(--ink)", "font-size": "11px"},
    "line": {"stroke": "var(--muted)"},
}
"""What the style sheet says of elements that do not say otherwise."""
_GROUP, _PATH, _CLIP = (f"{{{SVG}}}{tag}" for tag in ("g", "path", "clipPath"))


def style(inside: str = "") -> str:
    """The style sheet without which a pruned picture is not what it was."""
    rules = [f"{inside}text {{ font-family: system-ui, sans-serif }}"]
    rules += [
        f"{inside}{tag}:not([{key}]) {{ {key}: {value} }}"
        for tag, defaults in _DEFAULTS.items()
        for key, value in defaults.items()
    ]
    return "\n".join(rules)


def pruned(svg: str, name: str) -> str:
    """The picture, with identifiers of its own in a page."""
    root = fromstring(svg)
    for element in root.iter():
        _strip(element, name)
    _flatten(root)
    return tostring(root, encoding="unicode")


def _strip(element: Element, name: str) -> None:
    plain = _DEFAULTS.get(element.tag.removeprefix(f"{{{SVG}}}"), {})
    for key, value in [*element.attrib.items()]:
        usual = (key, value) in _USUAL or plain.get(key) == value
        if _UNSEEN.fullmatch(key) or usual:
            del element.attrib[key]
        elif key == "id":
            element.set(key, f"{name}-{value}")
        elif "url(#" in value:
            element.set(key, value.replace("url(#", f"url(#{name}-"))
        elif "href" not in key and not key.endswith("opacity"):
            element.set(key, _FINE.sub(r"\1", value))


def _flatten(element: Element) -> None:
    """Take out what is not seen, and groups that say nothing of what they hold."""
    if element.tag == _CLIP:
        return
    for child in element:
        _flatten(child)
    element[:] = [kept for child in element for kept in _kept(child)]


def _kept(child: Element) -> Iterator[Element]:
    if child.tag == _PATH and not child.attrib.keys() & {"fill", "stroke"}:
        return
    if child.get("display") == "none" or (child.tag == _GROUP and not len(child)):
        return
    if child.tag == _GROUP and not child.attrib:
        yield from child
        return
    yield child
