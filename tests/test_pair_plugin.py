"""The pytest plugin: what a user's failing test shows, and what it leaves."""

import json

import made_up_pairs as pairs
import pytest
from support import ROOT, python

from compare import result
from compare.pair import collected

pytest_plugins = ("pytester",)

ENGINE = """
import sys, types
sys.path.insert(0, {tests!r})
import made_up_pairs as pairs
from compare.pair.report import PairReport

def deeper(model):
    try:
        model()
    except KeyError as error:
        raise ValueError("nothing has a partner") from error

def compare_pair(torch_model, jax_model, inputs, *, name, **options):
    if callable(torch_model):
        deeper(torch_model)
    make = pairs.failing if torch_model == "wrong" else pairs.passing
    return PairReport(make(name), seed=7)

engine = types.ModuleType("compare.pair.entry")
engine.compare_pair = compare_pair
engine.deeper = deeper
for each in (deeper, compare_pair):
    each.__globals__["__name__"] = engine.__name__
sys.modules["compare.pair.entry"] = engine
"""
"""A conftest that puts a made-up engine in the place of ours: it starts at once."""
CASES = """
def test_alike(equivalent):
    report = equivalent("right", None, None)
    assert report.passed

def test_unlike(equivalent):
    before = "a line of the user"
    equivalent("wrong", None, None)

def test_twice(equivalent):
    equivalent("right", None, None)
    equivalent("right", None, None, name="my own name")

def test_no_pair():
    pass
"""


@pytest.fixture
def session(pytester):
    """A folder with the made-up engine and these tests."""
    pytester.makeconftest(ENGINE.format(tests=str(ROOT / "tests")))
    pytester.makepyfile(test_port=CASES)
    return pytester


@pytest.fixture
def shown(session):
    """What a session shows of a test that fails."""
    done = session.runpytest("-p", "no:cacheprovider")
    done.assert_outcomes(passed=3, failed=1)
    return done.stdout.str()


def test_a_failure_is_the_report_and_the_users_own_line(shown):
    told = shown.partition("FAILURES")[2].partition("short test summary")[0]
    assert '>       equivalent("wrong", None, None)' in told
    for line in str_of_report("test_port.py::test_unlike"):
        assert f" {line}".rstrip() in told
    assert "plugin.py" not in told
    assert "raise AssertionError" not in told


def str_of_report(name):
    from compare.pair.report import PairReport

    return [
        line
        for line in str(PairReport(pairs.failing(name), 7)).splitlines()
        if line and "phase" not in line
    ]


def test_an_error_of_ours_has_none_of_our_frames(session):
    session.makepyfile(
        test_wrong="""
        def model():
            return {}["weight"]

        def test_wrong(equivalent):
            equivalent(model, None, None)
        """
    )
    told = session.runpytest("test_wrong.py").stdout.str()
    assert "ValueError: nothing has a partner" in told
    assert "equivalent(model, None, None)" in told
    assert 'return {}["weight"]' in told
    assert "def deeper" not in told
    assert "conftest.py" not in told


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "xdist"])
def test_all_pairs_are_written(session, workers):
    if workers:
        pytest.importorskip("xdist")
    done = session.runpytest("--twinnets-report=pairs.json", *workers)
    done.assert_outcomes(passed=3, failed=1)
    assert "3 of 4 pairs agree" in done.stdout.str()
    run = result.read(session.path / "pairs.json")
    assert run.seed == 7
    assert run.environment["command"][0] == "pytest"
    found = {example.name: example for example in run.examples}
    assert found.keys() == {
        "test_port.py::test_alike",
        "test_port.py::test_unlike",
        "test_port.py::test_twice",
        "my own name",
    }
    unlike = "test_port.py::test_unlike"
    assert found[unlike] == pairs.failing(unlike)


def test_a_pair_that_cannot_be_compared_is_in_the_report(session):
    session.makepyfile(
        test_wrong="""
        def test_wrong(equivalent):
            equivalent(lambda: {}["weight"], None, None)
        """
    )
    session.runpytest("--twinnets-report=pairs.json", "test_wrong.py")
    (example,) = result.read(session.path / "pairs.json").examples
    assert (example.name, example.verdict) == ("test_wrong.py::test_wrong", "crashed")
    assert example.checks[0].why == "ValueError: nothing has a partner"


def test_a_session_without_pairs_says_so(session):
    done = session.runpytest("--twinnets-report=pairs.json", "-k", "no_pair")
    assert "twinnets: nothing was compared; pairs.json" in done.stdout.str()
    assert result.read(session.path / "pairs.json").examples == []


@pytest.mark.parametrize("place", ["pairs.txt", "nowhere/pairs.json"])
def test_a_place_that_cannot_be_is_wrong_usage(session, place):
    done = session.runpytest(f"--twinnets-report={place}")
    assert done.ret == pytest.ExitCode.USAGE_ERROR
    assert f"got {place}" in done.stderr.str()


def test_a_report_that_cannot_be_written_is_said(session):
    (session.path / "pairs.json").mkdir()
    done = session.runpytest("--twinnets-report=pairs.json")
    done.assert_outcomes(passed=3, failed=1)
    assert "cannot write pairs.json" in done.stdout.str()


def test_names_that_are_alike_are_told_apart(tmp_path):
    text = json.dumps({"seed": 3, "example": json.loads(encoded(pairs.passing("a")))})
    collected.write([text, text, text], tmp_path / "run.json")
    names = [example.name for example in result.read(tmp_path / "run.json").examples]
    assert names == ["a", "a (2)", "a (3)"]


def encoded(example):
    from compare import record

    return record.text(example)


def test_a_session_that_does_not_use_it_imports_nothing_for_it(tmp_path):
    """Only the plugin itself and the package that it lies in."""
    code = (
        "import json, sys, pytest\n"
        "before = set(sys.modules)\n"
        "pytest.main(['-q', '-p', 'no:cacheprovider', *sys.argv[1:]])\n"
        "print(json.dumps(sorted(set(sys.modules) - before)))"
    )
    (tmp_path / "test_a.py").write_text("def test_a():\n    pass\n")
    place = ("--rootdir", str(tmp_path), "-c", "/dev/null", str(tmp_path))
    given = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    with_it = python("-c", code, "-p", "compare.plugin", *place, **given)
    without = python("-c", code, *place, **given)
    brought, base = (
        set(json.loads(done.stdout.splitlines()[-1])) for done in (with_it, without)
    )
    assert brought - base == {"compare", "compare.plugin"}


def test_it_is_installed_with_the_package():
    from importlib.metadata import entry_points

    (found,) = entry_points(group="pytest11", name="twinnets")
    assert found.value == "compare.plugin"
