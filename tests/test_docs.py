"""What the documents say can be typed can be typed."""

import re
import shlex
from pathlib import Path

import pytest
import typer.main
from support import ROOT

from compare import cli

COMMANDS = typer.main.get_command(cli.app)
DOCUMENTS = (
    "README.md",
    "CONTRIBUTING.md",
    "docs/ci.md",
    "docs/porting.md",
    "docs/gallery/README.md",
    "results/cpu-2-cores/README.md",
    "results/cpu-2-cores-earlier/README.md",
    ".github/workflows/check.yml",
)


def typed(path: Path) -> list[str]:
    """Commands of a document: lines of its blocks, and `twinnets …` in its text."""
    text = path.read_text(encoding="utf-8").replace("\\\n", " ")
    whole = re.findall(r"^[^`#|\n]*?(?<![\w/.])(twinnets [a-z][^`\n]*)$", text, re.M)
    inline = re.findall(r"`(twinnets [a-z][^`]*)`", text)
    return [" ".join(found.split()) for found in (*whole, *inline)]


def options(command) -> set[str]:
    return {name for given in command.params for name in given.opts}


CASES = [(name, line) for name in DOCUMENTS for line in typed(ROOT / name)]


@pytest.mark.parametrize(("document", "line"), CASES)
def test_every_command_and_option_exists(document, line):
    words = shlex.split(line.partition("  ")[0], comments=True)
    command = COMMANDS.commands[words[1]]
    given = {word.partition("=")[0] for word in words if word.startswith("--")}
    assert given <= options(command)


def test_every_document_has_commands():
    assert {name for name, _ in CASES} == set(DOCUMENTS)


@pytest.mark.parametrize("name", [*COMMANDS.commands])
def test_readme_names_every_command(name):
    assert f"twinnets {name}" in (ROOT / "README.md").read_text(encoding="utf-8")


LINKS = [
    (name, link)
    for name in (*DOCUMENTS, "ARCHITECTURE.md", "CHANGELOG.md", "docs/coverage.md")
    for link in re.findall(
        r"(?:\]\(|srcset=\"|src=\")([^)\"#]+)", (ROOT / name).read_text("utf-8")
    )
    if "://" not in link
]


@pytest.mark.parametrize(("document", "link"), LINKS)
def test_every_link_leads_to_a_file(document, link):
    assert (ROOT / document).parent.joinpath(link.split()[0]).exists()
