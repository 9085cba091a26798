"""`twinnets report`: what is written where, and wrong usage in words."""

import re
import xml.etree.ElementTree as xml

import made_up_runs as runs
import pytest
from support import ROOT
from typer.testing import CliRunner

from compare import cli, result

RUNNER = CliRunner()


def invoke(*arguments: object):
    """Run the command line in this process."""
    return RUNNER.invoke(cli.app, [str(argument) for argument in arguments])


@pytest.fixture
def folder(tmp_path):
    result.write(runs.mismatch(), tmp_path / "run.json")
    return tmp_path


def files(folder) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_the_page_is_put_into_the_runs_folder(folder):
    done = invoke("report", folder)
    assert (done.exit_code, done.stdout) == (0, "")
    assert done.stderr.strip() == f"twinnets: {folder / 'report.html'}"
    assert files(folder) == {"run.json", "report.html"}
    assert (folder / "report.html").read_text().startswith("<!doctype html>")


def test_a_run_may_have_another_name(folder):
    """As `pytest --twinnets-report=pairs.json` gives it."""
    (folder / "run.json").rename(folder / "pairs.json")
    assert invoke("report", folder / "pairs.json").exit_code == 0
    assert files(folder) == {"pairs.json", "report.html"}


def test_only_what_is_wanted_is_written(folder):
    given = {"--markdown": folder / "a.md", "--junit": folder / "a.xml"}
    done = invoke("report", folder, *(part for pair in given.items() for part in pair))
    assert done.exit_code == 0
    assert files(folder) == {"run.json", "a.md", "a.xml"}
    assert (folder / "a.md").read_text().startswith("## ❌ 0 of 1 examples agree")
    failed = xml.parse(folder / "a.xml").getroot().findall(".//failure")
    assert len(failed) == 1


@pytest.mark.parametrize(
    ("option", "begins"),
    [("--markdown", "## ❌"), ("--junit", "<?xml"), ("--html", "<!")],
)
def test_a_dash_prints_it(folder, option, begins):
    done = invoke("report", folder, option, "-")
    assert done.exit_code == 0
    assert done.stdout.startswith(begins)
    assert done.stderr == ""
    assert files(folder) == {"run.json"}


def test_strict_makes_precision_a_failure(tmp_path):
    result.write(runs.plain(), tmp_path / "run.json")
    counts = []
    for more in ((), ("--strict",)):
        done = invoke("report", tmp_path, "--junit", "-", *more)
        counts.append(len(xml.fromstring(done.stdout).findall(".//failure")))
    assert counts == [0, 1]


def test_open_shows_the_page(folder, monkeypatch):
    shown = []
    monkeypatch.setattr("typer.launch", shown.append)
    done = invoke("report", folder, "--markdown", folder / "a.md", "--open")
    assert done.exit_code == 0
    assert shown == [str(folder / "report.html")]


WRONG = [
    ("not there", (), "is not there"),
    ("cut off", (), "cut off"),
    ("newer", (), "has schema 99"),
    ("no run", (), "is no run of twinnets"),
    ("good", ("--strict",), "--strict: expected --junit too"),
    ("good", ("--html", "-", "--open"), "--open: expected a file"),
    ("good", ("--html", "nowhere/at/all.html"), "there is no folder nowhere/at"),
    ("good", ("--junit", "."), "expected a file, . is a folder"),
    ("good", ("--junit", "-", "--markdown", "-"), "-: expected at most one"),
    ("good", ("--picture", "a.png"), "--picture: expected a name in .svg"),
    ("good", ("--picture", "a.svg"), "--picture: nothing was timed"),
]


@pytest.mark.parametrize(("state", "options", "says"), WRONG)
def test_wrong_usage_is_one_line(tmp_path, monkeypatch, state, options, says):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "run.json"
    if state != "not there":
        result.write(runs.plain(), path)
    if state == "cut off":
        path.write_bytes(path.read_bytes()[:-100])
    elif state == "newer":
        path.write_text('{"schema": 99}')
    elif state == "no run":
        path.write_text('{"schema": 1, "seed": "of all things"}')
    done = invoke("report", tmp_path, *options)
    assert done.exit_code == 2
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert says in done.stderr


def test_time_writes_it_too(tmp_path):
    result.write(runs.with_times(), tmp_path / "run.json")
    done = invoke("time", "--from", tmp_path, "--report")
    assert str(tmp_path / "report.html") in done.stderr
    assert 'id="example-line-linear--speed"' in (tmp_path / "report.html").read_text()


def test_a_picture_of_who_is_faster_in_two_themes(tmp_path):
    result.write(runs.with_times(), tmp_path / "run.json")
    done = invoke("report", tmp_path, "--picture", tmp_path / "fast.svg")
    assert done.exit_code == 0
    assert files(tmp_path) == {"run.json", "fast-light.svg", "fast-dark.svg"}
    colours = []
    for theme in ("light", "dark"):
        text = (tmp_path / f"fast-{theme}.svg").read_text()
        xml.fromstring(text)
        assert "var(" not in text
        assert "line_linear" in text
        colours.append(set(re.findall(r"#[0-9a-f]{6}", text)))
    assert colours[0].isdisjoint(colours[1])


def test_compare_of_the_two_runs_that_are_committed():
    both = [ROOT / "results" / name for name in ("cpu-2-cores-earlier", "cpu-2-cores")]
    done = invoke("compare", *both)
    assert done.exit_code == 0, done.output
    assert "22 examples in both runs" in done.stdout
