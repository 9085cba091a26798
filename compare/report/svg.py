"""A chart's SVG with only what is seen in a page: a third of what Vega writes.

The page gives its charts a font and the colour of text, and each picture one role and
one description; hundredths of a pixel nobody sees.
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
    ("stroke-width", "1"),
    ("font-weight", "normal"),
    ("text-anchor", "start"),
    ("stroke-miterlimit", "10"),
    ("transform", "translate(0,0)"),
}
_UNSEEN = re.compile("class|role|aria-.*|pointer-events|font-family")
_NOWHERE = ("", "M0,0h0v0h0Z")
_GROUP, _PATH, _TEXT = (f"{{{SVG}}}{tag}" for tag in ("g", "path", "text"))


def pruned(svg: str, name: str, *, ink: str) -> str:
    """The picture, with identifiers of its own in a page; `ink` is the page's text."""
    root = fromstring(svg)
    for element in root.iter():
        _strip(element, name, ink)
    _flatten(root)
    return tostring(root, encoding="unicode")


def _strip(element: Element, name: str, ink: str) -> None:
    for key, value in [*element.attrib.items()]:
        plain = element.tag == _TEXT and (key, value) == ("fill", ink)
        if _UNSEEN.fullmatch(key) or (key, value) in _USUAL or plain:
            del element.attrib[key]
        elif key == "id":
            element.set(key, f"{name}-{value}")
        elif "url(#" in value:
            element.set(key, value.replace("url(#", f"url(#{name}-"))
        elif "href" not in key:
            element.set(key, _FINE.sub(r"\1", value))


def _flatten(element: Element) -> None:
    """Take out what leads nowhere, and groups that say nothing of what they hold."""
    for child in element:
        _flatten(child)
    element[:] = [kept for child in element for kept in _kept(child)]


def _kept(child: Element) -> Iterator[Element]:
    if child.tag == _PATH and child.get("d", "") in _NOWHERE:
        return
    if child.get("display") == "none" or (child.tag == _GROUP and not len(child)):
        return
    if child.tag == _GROUP and not child.attrib:
        yield from child
        return
    yield child
