"""What is in a page: its elements, its links, its scripts and its data."""

import base64
import gzip
import hashlib
import re
from dataclasses import dataclass, field
from html.parser import HTMLParser

import msgspec

from compare.result import Run

VOID = frozenset({"meta", "br", "input", "img", "link", "hr"})


@dataclass
class Page(HTMLParser):
    """The elements of a page, as a parser finds them."""

    source: str
    tags: list[tuple[str, dict[str, str | None]]] = field(default_factory=list)
    scripts: list[str] = field(default_factory=list)
    text: str = ""
    inside: str = ""

    def __post_init__(self):
        super().__init__()
        self.feed(self.source)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self.inside = tag
        if tag == "script":
            self.scripts.append("")

    def handle_endtag(self, tag):
        self.inside = ""

    def handle_data(self, data):
        if self.inside == "script":
            self.scripts[-1] += data
        elif self.inside != "style":
            self.text += data

    def attributes(self, name: str) -> list[str]:
        """What all elements have of an attribute."""
        return [told[name] or "" for _, told in self.tags if name in told]

    @property
    def policy(self) -> str:
        """The page's Content-Security-Policy."""
        (found,) = (
            told["content"]
            for tag, told in self.tags
            if tag == "meta" and told.get("http-equiv") == "Content-Security-Policy"
        )
        return found or ""

    @property
    def run(self) -> Run:
        """The run.json that the page holds."""
        (link,) = (u for u in self.attributes("href") if u.startswith("data:"))
        return msgspec.json.decode(unpacked(link.partition(",")[2]), type=Run)


def unpacked(packed: str) -> bytes:
    """What `compare.report.page.packed` has packed."""
    return gzip.decompress(base64.b64decode(packed))


def digest(script: str) -> str:
    """As a policy names a script."""
    made = hashlib.sha256(script.encode()).digest()
    return f"'sha256-{base64.b64encode(made).decode()}'"


def figures(source: str) -> int:
    """How many charts a page has."""
    return len(re.findall(r'<figure class="chart[^>]* data-chart=', source))
