"""The page of a run: complete, closed to the outside, and true to run.json."""

import json
from pathlib import Path

import made_up_runs as runs
import msgspec
import pytest
from pages import Page, digest, figures, unpacked
from support import ROOT, python

from compare import answer, outcome, result
from compare.outcome import Outcome, Report, Told
from compare.report import page as pages
from compare.report.chart import slug

LIMIT = 3_000_000
"""Bytes of a page of all examples."""
GALLERY = ROOT / "docs" / "gallery"


def page(run: result.Run, folder: Path) -> Page:
    return Page(pages.page(run, folder))


@pytest.fixture(scope="module", params=runs.RUNS, ids=lambda made: made.__name__)
def made(request, tmp_path_factory):
    """Each made-up run as it is read from a file, and its page."""
    path = tmp_path_factory.mktemp("run") / "run.json"
    result.write(request.param(), path)
    run = result.read(path)
    return run, page(run, path.parent)


def test_the_answer_is_at_the_top(made):
    run, found = made
    assert answer.agreement(run) in found.source.partition("<h2")[0]


def test_every_link_leads_somewhere_and_nowhere_else(made):
    _, found = made
    targets = found.attributes("id")
    assert len(set(targets)) == len(targets)
    for address in found.attributes("href"):
        inside = address.startswith("#") and address[1:] in targets
        assert inside or address.startswith("data:application/gzip;base64,")
    assert found.attributes("src") == []
    for name in ("aria-labelledby", "aria-controls"):
        assert set(found.attributes(name)) <= set(targets)


def test_only_our_scripts_may_run(made):
    _, found = made
    library, charts, script = found.scripts
    known = [digest(script), digest(unpacked(library).decode())]
    assert all(one in found.policy for one in known)
    assert found.policy.count("'sha256-") == len(known)
    assert found.policy.startswith("default-src 'none';")
    assert "http" not in found.policy
    assert len(json.loads(unpacked(charts))) == figures(found.source)
    handlers = [
        name for _, told in found.tags for name in told if name.startswith("on")
    ]
    assert handlers == []


def test_the_whole_run_is_inside(made):
    run, found = made
    assert found.run == run


def test_every_example_has_its_line_and_its_section(made):
    run, found = made
    targets = found.attributes("id")
    for example in run.examples:
        assert slug(example.name) in targets
        assert f"#{slug(example.name)}" in found.attributes("href")
        if not result.passed(example.verdict):
            assert f"{slug(example.name)}--mismatch" in targets


def test_the_same_run_gives_the_same_page(tmp_path):
    run = runs.one_step()
    assert pages.page(run, tmp_path) == pages.page(run, tmp_path)


def test_names_are_text_and_turn_nothing_around(tmp_path):
    found = page(runs.hostile_names(), tmp_path)
    assert "<script>alert" not in found.source
    assert "alert(1)" in found.text
    assert "{{ 7 * 7 }}" in found.text
    assert not any(mark in found.source for mark in "\u202e\x07\x1b")


def test_a_mismatch_says_where_how_much_why_and_how_to_repeat_it(tmp_path):
    found = page(runs.mismatch(), tmp_path)
    told = found.source.partition('id="mismatch"')[2].partition("</section>")[0]
    assert found.source.index('id="mismatch"') < found.source.index('id="matrix"')
    for part in ("gradients", "weight", "[1, 0]", "0.5", "0.25", "2.5e+15"):
        assert part in told
    assert "a factor of 2" in told
    assert f"twinnets run {runs.TRAINING} --seed 0" in told


def test_without_traces_the_curves_say_so_and_the_rest_stands(tmp_path):
    found = page(runs.plain(), tmp_path)
    assert "Not drawn: the run" in found.source
    assert "has no float64 trace of JAX" in found.text
    assert figures(found.source) > 0


def test_an_example_of_another_version_has_its_rows(tmp_path):
    found = page(runs.run(runs.training("once_there_was")), tmp_path)
    assert "has no example of that name" in found.text
    assert "example-once-there-was--in-gradients" in found.attributes("id")


def test_faults_that_were_planted_are_told(tmp_path):
    report = Report(
        [
            Outcome("half a loss", "line_linear", "jax", "loss", True, 1e4, "semantic"),
            Outcome(
                "no bias", "line_linear", "torch", "outputs", False, None, "<none>"
            ),
        ],
        [Told("by eye", "somebody", 1, 2, 0, 1)],
    )
    outcome.write(report, tmp_path)
    assert outcome.read(tmp_path) == report
    found = page(runs.plain(), tmp_path)
    assert "1 of 2 planted faults found, smallest score 1e+04." in found.text
    assert "&lt;none&gt;" in found.source
    (tmp_path / outcome.FILE).write_text('{"schema": 99}')
    assert "are not shown" in page(runs.plain(), tmp_path).text


def test_the_page_needs_no_framework(tmp_path):
    result.write(runs.plain(), tmp_path / "run.json")
    code = (
        "import sys; from pathlib import Path; from compare import cli; "
        "sys.argv = ['twinnets', 'report', sys.argv[1]]\n"
        "try: cli.main()\n"
        "except SystemExit as done: code = done.code\n"
        "names = {'jax', 'torch', 'flax', 'optax', 'grain'} & set(sys.modules)\n"
        "print(code, names)"
    )
    done = python("-c", code, str(tmp_path))
    assert done.stdout.strip() == "0 set()", done.stderr
    assert (tmp_path / "report.html").stat().st_size > 500_000


# ------------------------------------------------------------------- what is committed


def test_the_gallery_is_a_page_of_all_examples_within_the_limit():
    path = GALLERY / "index.html"
    assert path.stat().st_size <= LIMIT
    found = Page(path.read_text(encoding="utf-8"))
    kept = result.read(ROOT / "results" / "cpu-2-cores" / "run.json")
    assert msgspec.json.encode(found.run) == msgspec.json.encode(kept)
    assert len(found.run.examples) == 22
    assert "Not drawn" not in found.source
