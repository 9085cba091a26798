"""`twinnets compare`: exit codes, where it prints, and wrong usage in words."""

import json
from dataclasses import replace

import made_up_runs as runs
import pytest
from made_up_times import timing
from support import twinnets
from typer.testing import CliRunner

from compare import cli, result
from compare.report.versus_markdown import markdown_versus
from compare.versus import versus

RUNNER = CliRunner()


def invoke(*arguments: object):
    """Run the command line in this process."""
    return RUNNER.invoke(cli.app, ["compare", *map(str, arguments)])


def saved(folder, run):
    """The folder of this run."""
    result.write(run, folder / "run.json")
    return folder


# --------------------------------------------------------------------------- exit codes


def verdicts(**by_name):
    """A run of examples with these verdicts."""
    return runs.run(
        *(
            runs.example(name, runs.row(verdict=verdict), verdict=verdict)
            for name, verdict in by_name.items()
        )
    )


CODES = [
    ("the same", {"a": "rounding"}, {"a": "rounding"}, 0),
    ("worse, but proved", {"a": "bitwise"}, {"a": "precision"}, 0),
    ("better", {"a": "semantic"}, {"a": "rounding"}, 0),
    ("fails in both", {"a": "semantic"}, {"a": "crashed"}, 0),
    ("new and passes", {"a": "rounding"}, {"a": "rounding", "b": "bitwise"}, 0),
    ("new and skipped", {"a": "rounding"}, {"a": "rounding", "b": "skipped"}, 0),
    ("gone, but failed", {"a": "rounding", "b": "crashed"}, {"a": "rounding"}, 0),
    ("semantic", {"a": "rounding"}, {"a": "semantic"}, 1),
    ("crashed", {"a": "differs"}, {"a": "crashed"}, 1),
    ("unresolved", {"a": "precision"}, {"a": "unresolved"}, 1),
    ("skipped now", {"a": "rounding"}, {"a": "skipped"}, 1),
    ("skipped then, fails", {"a": "skipped"}, {"a": "semantic"}, 1),
    ("gone", {"a": "rounding", "b": "rounding"}, {"a": "rounding"}, 1),
    ("new and fails", {"a": "rounding"}, {"a": "rounding", "b": "semantic"}, 1),
    (
        "one of two",
        {"a": "crashed", "b": "bitwise"},
        {"a": "bitwise", "b": "crashed"},
        1,
    ),
    ("nothing", {}, {}, 4),
    ("nothing then", {}, {"a": "semantic"}, 4),
    ("nothing now", {"a": "rounding"}, {}, 4),
    ("nothing in common", {"a": "rounding"}, {"b": "rounding"}, 4),
    ("skipped in both", {"a": "skipped"}, {"a": "skipped"}, 4),
    ("skipped then", {"a": "skipped"}, {"a": "rounding"}, 4),
]


@pytest.mark.parametrize(
    ("then", "now", "code"), [each[1:] for each in CODES], ids=[e[0] for e in CODES]
)
def test_what_two_runs_amount_to(tmp_path, then, now, code):
    left = saved(tmp_path / "then", verdicts(**then))
    right = saved(tmp_path / "now", verdicts(**now))
    for options in ((), ("--json",), ("--markdown", "-")):
        done = invoke(left, right, *options)
        assert done.exit_code == code, done.output
        assert done.stderr == ""


@pytest.mark.parametrize("factor", [0.5, 2.0])
def test_times_decide_no_exit_code(tmp_path, factor):
    timings = [timing("JAX jit", 1.0, 1.01, 0.99)]
    then = runs.run(runs.training(), timings=timings)
    workers = timing("JAX jit", *(factor * each for each in (1.0, 1.01, 0.99))).workers
    now = replace(then, timings=[replace(timings[0], workers=workers)])
    left, right = saved(tmp_path / "then", then), saved(tmp_path / "now", now)
    done = invoke(left, right)
    assert done.exit_code == 0
    assert ("FASTER" if factor < 1 else "SLOWER") in done.stdout


def test_the_same_folder_twice(tmp_path):
    folder = saved(tmp_path / "run", runs.with_times())
    done = invoke(folder, folder)
    assert done.exit_code == 0
    assert "3 examples in both runs: 3 as before" in done.stdout


# ----------------------------------------------------------------------- what it prints


@pytest.fixture
def both(tmp_path):
    """Folders of two runs, of which the later one is worse."""
    then = saved(tmp_path / "then", runs.with_times())
    return then, saved(tmp_path / "now", runs.mismatch())


def expected(both):
    return versus(*(result.read(folder / "run.json") for folder in both))


def test_tables(both):
    done = invoke(*both)
    assert "1 example in both runs: 1 worse; 2 gone" in done.stdout
    assert "rounding → semantic" in done.stdout
    assert "\x1b" not in done.stdout


def test_json(both):
    told = json.loads(invoke(*both, "--json").stdout)
    assert told["worse"] == [runs.TRAINING, runs.LESSON, runs.OTHER]
    (one,) = told["examples"]
    assert one["verdict"] == {"then": "rounding", "now": "semantic"}
    assert one["failure"]["why"] == "the gradient is doubled"
    assert {cell["now"] for cell in told["untimed"]} == {"not timed"}


def test_markdown_on_standard_output_is_alone(both):
    assert invoke(*both, "--markdown", "-").stdout == markdown_versus(expected(both))


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_markdown_in_a_file_is_besides(both, tmp_path, options):
    path = tmp_path / "it is.md"
    done = invoke(*both, "--markdown", path, *options)
    assert done.exit_code == 1
    assert path.read_text(encoding="utf-8") == markdown_versus(expected(both))
    assert done.stdout == invoke(*both, *options).stdout != ""


@pytest.mark.parametrize("made", runs.RUNS)
def test_any_run_can_be_compared(tmp_path, made):
    """As it is read: what was not finite is null."""
    folder = saved(tmp_path / "run", made())
    other = saved(tmp_path / "hostile", runs.hostile_names())
    assert invoke(folder, folder).exit_code in (0, 4)
    alike = made is runs.hostile_names
    for arguments in ((folder, other), (other, folder, "--markdown", "-")):
        assert invoke(*arguments).exit_code == (0 if alike else 4)


# -------------------------------------------------------------------------- wrong usage


@pytest.fixture
def places(tmp_path, monkeypatch):
    """A run, a regular file, and folders that hold no run or a wrong one."""
    monkeypatch.chdir(tmp_path)
    saved(tmp_path / "run", runs.plain())
    (tmp_path / "file").write_text("a regular file")
    (tmp_path / "nothing").mkdir()
    whole = (tmp_path / "run" / "run.json").read_text()
    texts = {"newer": '{"schema": 99}', "other": '{"a": 1}', "cut": whole[:500]}
    for name, text in texts.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "run.json").write_text(text)
    return tmp_path


WRONG = {
    "nowhere": "is not there: expected the folder of a `twinnets run`",
    "nothing": "is not there: expected the folder of a `twinnets run`",
    "file": "is not there",
    "newer": "has schema 99, this twinnets reads up to 1: upgrade it",
    "other": "is no run of twinnets",
    "cut": "is no JSON, or is cut off",
}
USAGE = [
    *((f"{wrong} run", says) for wrong, says in WRONG.items()),
    *((f"run {wrong}", says) for wrong, says in WRONG.items()),
    ("run run --json --markdown -", "--json and --markdown -: both print; give one"),
    ("run run --markdown nothing", "--markdown: cannot write nothing: Is a directory"),
    ("run run --markdown file/x.md", "--markdown: cannot write file/x.md: Not a dir"),
    ("run run --markdown no/x.md", "--markdown: cannot write no/x.md: No such file"),
]


@pytest.mark.parametrize(("arguments", "says"), USAGE, ids=[a for a, _ in USAGE])
def test_wrong_usage_is_said_in_one_line(places, arguments, says):
    before = {path.name for path in places.iterdir()}
    done = invoke(*arguments.split())
    assert done.exit_code == 2
    assert isinstance(done.exception, SystemExit)
    assert done.stderr.startswith("twinnets: ")
    assert says in done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""
    assert {path.name for path in places.iterdir()} == before


@pytest.mark.parametrize("arguments", ["", "run", "run run run", "run run --nonsense"])
def test_what_typer_refuses(places, arguments):
    done = invoke(*arguments.split())
    assert done.exit_code == 2
    assert done.stdout == ""


def test_help_says_what_the_exit_codes_mean():
    told = " ".join(invoke("--help").stdout.split())
    assert "Verdicts decide the exit code, times do not" in told
    assert "Exit code 1: an example that was proved fails" in told
    assert "Exit code 4: no example" in told


def test_the_process(both):
    done = twinnets("compare", *map(str, both), "--markdown", "-")
    assert done.returncode == 1
    assert done.stdout == markdown_versus(expected(both))
    assert done.stderr == ""
