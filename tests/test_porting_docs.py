"""What docs/porting.md shows is what the tool prints today."""

import difflib
import re
import shutil
from pathlib import Path

import pytest
from support import ROOT
from typer.testing import CliRunner

from compare import cli
from compare.noise import LIMIT

DOCUMENT = (ROOT / "docs/porting.md").read_text(encoding="utf-8")
FILES = ROOT / "docs/porting"
PORT = "first_port.py"
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", DOCUMENT, re.M | re.S)
COMMAND = "$ twinnets "
SHOWN = [n for n, (_, text) in enumerate(BLOCKS) if COMMAND in text]
SCORE = re.compile(r"(?<=score )[\d.e+-]+|(?<=→ )[\d.e+-]+")
LINE = re.compile(r"(?<=\.py:)\d+")
"""A line of a source, which is another in another version."""


def edited(text: str, diff: str) -> str:
    """A source after a diff of the document; each of its pieces stands there once."""
    for old, new in re.findall(r"((?:^-.*\n)+)((?:^\+.*\n)+)", diff, re.M):
        before, after = (re.sub(r"^[-+]", "", part, flags=re.M) for part in (old, new))
        assert text.count(before) == 1, before
        text = text.replace(before, after)
    return text


def source(block: int) -> str:
    """The first port as it is at a block of the document."""
    text = (FILES / PORT).read_text(encoding="utf-8")
    for language, diff in BLOCKS[:block]:
        text = edited(text, diff) if language == "diff" else text
    return text


def parts(line: str) -> tuple[list[str], list[float]]:
    """A line's words, and its scores apart."""
    cells = re.split(r"\s{2,}", line.strip())
    if cells[0] in ("gradients", "outputs", "loss", "state", "update") and cells[3:]:
        return cells[:-3] + cells[-2:], [float(cells[-3])]
    masked = LINE.sub("", SCORE.sub("", line))
    return masked.split(), [float(score) for score in SCORE.findall(line)]


def alike(shown: str, printed: str) -> bool:
    """The same words, and scores of one order of magnitude; rounding is rounding."""
    words, scores = parts(shown)
    others, found = parts(printed)
    if words != others or len(scores) != len(found):
        return False
    pairs = zip(scores, found, strict=True)
    return all(a / 10 <= b <= a * 10 if a > LIMIT else b <= LIMIT for a, b in pairs)


def test_first_port_becomes_the_port():
    done = next(n for n in SHOWN if " port.py::jax_model" in BLOCKS[n][1])
    text, wanted = source(done), (FILES / "port.py").read_text(encoding="utf-8")
    assert text.partition('"""\n')[2] == wanted.partition('"""\n')[2]


@pytest.mark.slow
@pytest.mark.parametrize("block", SHOWN)
def test_the_output_shown_is_what_is_printed(block, tmp_path, monkeypatch):
    folder = tmp_path / "porting"
    shutil.copytree(FILES, folder)
    Path(folder / PORT).write_text(source(block), encoding="utf-8")
    monkeypatch.chdir(folder)
    _, _, rest = BLOCKS[block][1].partition(COMMAND)
    command, *lines = rest.splitlines()
    result = CliRunner().invoke(cli.app, [*command.split(), "--out", "run"])
    fails = ": semantic," in lines[0]
    assert result.exit_code == int(fails), result.output
    printed = result.stdout.splitlines()
    for shown in lines:
        if shown != "…":
            found = any(alike(shown, line) for line in printed)
            near = difflib.get_close_matches(shown, printed, 1, 0)
            assert found, f"{shown}\n{near}"
    assert not lines[-1].startswith("note") or printed[-1].startswith("note")
    assert (folder / "repro.py").is_file() == ("--repro" in command)


@pytest.mark.parametrize(
    ("shown", "printed", "same"),
    [
        ("x (score 1.6e+11 → 0.11)", "x (score 2.1e+11 → 0.3)", True),
        ("x (score 1.6e+11 → 0.11)", "x (score 1.6e+9 → 0.11)", False),
        ("x (score 1.6e+11 → 0.11)", "x (score 1.6e+11 → 33)", False),
        ("has eps 1e-06 (score 50 → 1)", "has eps 1e-05 (score 50 → 1)", False),
        ("loss  loss  train  1.2e+10  2.21  2.22", "loss loss", False),
        ("loss  loss  train  1.2e+10  2.21  2.22",) * 2 + (True,),
        (
            "loss  loss  train  1e+10  2.21  2.22",
            "loss  loss  train  3e+10  2.21  2.23",
            False,
        ),
        ("softmax, jax/f.py:9 (f)", "softmax, jax/f.py:11 (f)", True),
        ("largest score 0 of 32", "largest score 0.3 of 32", True),
    ],
)
def test_lines_that_count_as_the_same(shown, printed, same):
    assert alike(shown, printed) == same
