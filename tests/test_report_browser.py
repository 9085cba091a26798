"""The page in a browser, from a file and without a network."""

import json
from dataclasses import replace

import made_up_runs as runs
import pytest
from browser import Opened, browser
from support import ROOT

from compare import result
from compare.report.page import page
from compare.result import Run

GALLERY = ROOT / "docs" / "gallery" / "index.html"
SOME = ("line_linear", "moons_mlp", "two_layer_adam", "kinks")
WIDTHS = (360, 1440)
THEMES = ("light", "dark")
SERIOUS = ("serious", "critical")


@pytest.fixture(scope="module")
def chromium():
    with browser() as found:
        yield found


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A page of today's code: a few examples of a real run, and all that is odd."""
    folder = tmp_path_factory.mktemp("page")
    kept = result.read(ROOT / "results" / "cpu-2-cores" / "run.json")
    real = result.only(kept, SOME)
    (failing,) = runs.mismatch().examples
    odd = [replace(failing, name="one that fails"), *runs.hostile_names().examples]
    odd += [*runs.of_pairs().examples, *runs.odd_pairs().examples[2:]]
    examples = [*real.examples, *odd]
    whole = Run(**{**vars(real), "examples": examples})
    path = folder / "report.html"
    path.write_text(page(whole, folder), encoding="utf-8")
    return path


@pytest.fixture(params=["written", "gallery"])
def path(request):
    """Today's page, and the one that is committed."""
    return GALLERY if request.param == "gallery" else request.getfixturevalue("written")


@pytest.fixture
def opened(chromium, written):
    found = Opened(chromium, written, viewport={"width": 1440, "height": 900})
    yield found
    found.context.close()


@pytest.mark.parametrize("theme", THEMES)
def test_it_opens_draws_every_chart_asks_nobody_and_fits(chromium, path, theme):
    found = Opened(chromium, path, color_scheme=theme)
    found.draw()
    assert found.page.locator("[data-failed]").count() == 0
    drawn = found.page.locator("[data-drawn] .live svg")
    assert drawn.count() == found.page.locator("[data-chart]").count() > 0
    assert found.page.locator("[data-drawn] .still:visible").count() == 0
    assert found.complaints == []
    assert found.outside() == []
    for width in WIDTHS:
        found.page.set_viewport_size({"width": width, "height": 800})
        assert found.page.evaluate("document.documentElement.scrollWidth") <= width
    found.context.close()


def test_without_scripts_everything_is_there(chromium, written):
    found = Opened(chromium, written, java_script_enabled=False)
    pictures = found.page.locator(".still svg")
    assert pictures.count() == found.page.locator("[data-chart]").count() > 0
    assert found.page.locator("h1").is_visible()
    assert not found.page.locator("#filter").is_visible()
    assert not found.page.locator("#theme").is_visible()
    found.context.close()


@pytest.mark.parametrize(("theme", "width"), [("light", 360), ("dark", 1440)])
def test_nothing_keeps_anybody_from_reading_it(chromium, written, theme, width):
    """By axe-core, the rules of WCAG 2: contrast, names, roles, headings, focus."""
    axe = pytest.importorskip(
        "axe_playwright_python.sync_playwright", reason="no axe: see extra `browser`"
    )
    size = {"width": width, "height": 900}
    found = Opened(chromium, written, viewport=size, color_scheme=theme)
    found.draw()
    wrong = axe.Axe().run(found.page).response["violations"]
    told = [
        (one["id"], one["impact"], [node["target"] for node in one["nodes"]][:5])
        for one in wrong
        if one["impact"] in SERIOUS
    ]
    assert told == []
    found.context.close()


def names_of(found: Opened) -> list[str]:
    """The examples of the matrix that are shown, in their order."""
    lines = found.page.locator("#matrix-table tbody tr:not([hidden]) th")
    return [text.strip() for text in lines.all_text_contents()]


@pytest.mark.parametrize("by", ["mouse", "keyboard"])
def test_the_matrix_is_sorted(opened, by):
    before = names_of(opened)
    button = opened.page.locator("#matrix-table th button", has_text="loss")

    def press():
        if by == "mouse":
            button.click()
        else:
            button.focus()
            opened.page.keyboard.press("Enter")

    heading = opened.page.locator("#matrix-table th", has_text="loss")
    orders = []
    for expected in ("descending", "ascending", None):
        press()
        assert heading.get_attribute("aria-sort") == expected
        cells = "#matrix-table tbody tr td:nth-child(5)"
        values = [
            float(value) if value else None
            for value in opened.page.locator(cells).evaluate_all(
                "(all) => all.map((cell) => cell.dataset.sort ?? '')"
            )
        ]
        known = [value for value in values if value is not None]
        orders.append(names_of(opened))
        if expected:
            assert known == sorted(known, reverse=expected == "descending")
            assert values[: len(known)] == known  # what has no number is last
    assert orders[0] != orders[1]
    assert orders[2] == before


@pytest.mark.parametrize(
    ("typed", "verdict", "expected"),
    [
        ("moons", "", ["moons_mlp"]),
        ("LINE_", "", ["line_linear"]),
        ("", "differs", ["kinks"]),
        ("moons", "differs", []),
        (
            "<script>",
            "semantic",
            ["<script>alert(1)</script>", "pair <script>alert(1)</script>"],
        ),
    ],
)
def test_the_matrix_is_filtered(opened, typed, verdict, expected):
    every = len(names_of(opened))
    opened.page.locator("#filter").fill(typed)
    opened.page.locator("#verdict").select_option(verdict)
    assert names_of(opened) == expected
    told = opened.page.locator("#shown").inner_text()
    assert told == f"{len(expected)} of {every} shown"


def background(found: Opened) -> str:
    return found.page.evaluate("getComputedStyle(document.body).backgroundColor")


@pytest.mark.parametrize("theme", THEMES)
def test_the_theme_is_the_systems_until_it_is_chosen(chromium, written, theme):
    found = Opened(chromium, written, color_scheme=theme)
    first = background(found)
    seen = []
    button = found.page.locator("#theme")
    for way in ("click", "press"):
        button.click() if way == "click" else button.press("Enter")
        seen.append((button.inner_text(), background(found)))
    assert [text for text, _ in seen] == ["Theme: light", "Theme: dark"]
    assert seen[0][1] != seen[1][1]
    assert (
        first == dict(zip(THEMES, (colour for _, colour in seen), strict=True))[theme]
    )
    found.context.close()


@pytest.mark.parametrize("by", ["mouse", "keyboard"])
def test_the_tabs_of_the_twins(opened, by):
    part = "#example-two-layer-adam"
    opened.unfold()
    tabs = opened.page.locator(f"{part}--twins [role=tab]")
    code = opened.page.locator(f"{part}--code")
    jax, torch = code.locator("pre.jax").first, code.locator("pre.torch").first
    assert (jax.is_visible(), torch.is_visible()) == (True, True)
    if by == "mouse":
        tabs.nth(1).click()
    else:
        tabs.nth(0).focus()
        opened.page.keyboard.press("ArrowRight")
    assert (jax.is_visible(), torch.is_visible()) == (True, False)
    chosen = tabs.evaluate_all("(all) => all.map((tab) => tab.ariaSelected)")
    assert chosen == ["false", "true", "false"]
    if by == "mouse":
        tabs.nth(2).click()
    else:
        opened.page.keyboard.press("End")
    assert (jax.is_visible(), torch.is_visible()) == (False, True)
    assert code.get_attribute("aria-labelledby") == tabs.nth(2).get_attribute("id")


def test_a_cell_of_the_matrix_opens_what_it_is_about(opened):
    row = opened.page.locator("#matrix-table tr", has_text="two_layer_adam")
    row.locator("a[href$='--in-gradients']").click()
    target = opened.page.locator("#example-two-layer-adam--in-gradients")
    assert target.is_visible()
    assert "gradients" in target.inner_text()


def test_a_chart_answers_to_the_pointer(opened):
    figure = opened.page.locator("#headline, [id$=headline]").first
    figure.scroll_into_view_if_needed()
    figure.locator(".live svg").wait_for()
    point = figure.locator(".live svg .mark-symbol.role-mark path").first
    point.hover(force=True)
    told = opened.page.locator("#vg-tooltip-element.visible")
    told.wait_for()
    assert told.inner_text() != ""


def test_the_data_are_saved_as_they_are(opened, written, tmp_path):
    with opened.page.expect_download() as saved:
        opened.page.locator("#data").click()
    kept = tmp_path / "run.json"
    saved.value.save_as(kept)
    assert saved.value.suggested_filename == "run.json"
    names = [example["name"] for example in json.loads(kept.read_bytes())["examples"]]
    assert names[: len(SOME)] == sorted(SOME)
    result.read(kept)


def test_on_paper_everything_is_open_and_still(opened):
    folded = opened.page.locator("details:not([open])").count()
    opened.page.emulate_media(media="print")
    opened.page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    charts = opened.page.locator("[data-chart]").count()
    assert opened.page.locator(".still svg:visible").count() == charts
    assert opened.page.locator("details:not([open])").count() == 0
    assert opened.page.locator(".live:visible").count() == 0
    assert not opened.page.locator(".bar").is_visible()
    opened.page.evaluate("window.dispatchEvent(new Event('afterprint'))")
    assert opened.page.locator("details:not([open])").count() == folded > 0
