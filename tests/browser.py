"""A browser for tests, without a network; tests skip where there is none."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome")
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)


@contextmanager
def browser() -> Iterator:
    """Headless Chromium; skips with the reason where it is not there."""
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="no playwright: pip install -e '.[browser]'"
    )
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        pytest.skip(f"none of {', '.join(NAMES)} is installed")
    with playwright.sync_playwright() as started:
        launched = started.chromium.launch(executable_path=found, args=[*QUIET])
        yield launched
        launched.close()


class Opened:
    """A page of a file, with all that it asked for and complained about."""

    def __init__(self, browser, path: Path, **options):
        self.context = browser.new_context(accept_downloads=True, **options)
        self.context.set_offline(True)
        self.page = self.context.new_page()
        self.requests: list[str] = []
        self.complaints: list[str] = []
        self.page.on("request", lambda asked: self.requests.append(asked.url))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", self._heard)
        self.address = path.as_uri()
        self.page.goto(self.address)

    def _heard(self, message) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)

    def outside(self) -> list[str]:
        """Requests for anything but the file itself and what is made inside it."""
        own = (self.address, "data:", "blob:", "about:")
        return [url for url in self.requests if not url.startswith(own)]

    def unfold(self) -> None:
        """Open everything that can be."""
        self.page.evaluate(
            "document.querySelectorAll('details').forEach((d) => { d.open = true; })"
        )

    def draw(self) -> None:
        """Look at every chart, and wait until all are drawn, or failed to be."""
        self.unfold()
        figures = self.page.locator("[data-chart]")
        for at in range(figures.count()):
            figures.nth(at).scroll_into_view_if_needed()
        self.page.wait_for_function(
            "[...document.querySelectorAll('[data-chart]')].every("
            "(f) => 'drawn' in f.dataset || 'failed' in f.dataset)",
            timeout=120_000,
        )
