"""`twinnets time`: exit codes, and wrong usage in words."""

import pytest
from made_up_times import lost, run, timing
from support import twinnets
from typer.testing import CliRunner

from compare import cli
from compare.cli_time import timing_code

RUNNER = CliRunner()


def invoke(*arguments: object):
    """Run the command line in this process."""
    given = [str(argument) for argument in arguments]
    return RUNNER.invoke(cli.app, ["time", *given])


# --------------------------------------------------------------------------- exit codes

GOOD = timing("JAX jit", 1e-3, 1e-3)
WRONG = lost("JAX scan", "not equivalent", "a loss is off")
DEAD = lost("JAX scan", "failed", "it died")
OUT = lost("JAX scan", "left out", "no graph")
NOISE = lost("JAX jit again", "failed", "it died")


@pytest.mark.parametrize(
    ("found", "code"),
    [
        (run(GOOD), 0),
        (run(GOOD, claims=(True, True)), 0),
        (run(GOOD, OUT, claims=(True,)), 0),
        (run(GOOD, claims=(True, False)), 1),
        (run(GOOD, claims=(None, False)), 1),
        (run(GOOD, WRONG, claims=(True,)), 1),
        (run(GOOD, DEAD), 1),
        (run(WRONG), 1),
        (run(DEAD, OUT), 1),
        (run(GOOD, WRONG, claims=(None,)), 1),
        (run(GOOD, claims=(True, None)), 3),
        (run(), 4),
        (run(OUT), 4),
        (run(GOOD, changes=("kept", "new")), 0),
        (run(GOOD, changes=("kept", "regressed")), 1),
        (run(GOOD, changes=("undecided", "regressed")), 1),
        (run(GOOD, claims=(None,), changes=("regressed",)), 1),
        (run(GOOD, changes=("kept", "undecided")), 3),
        (run(GOOD, claims=(True,), changes=("undecided",)), 3),
    ],
)
def test_what_times_amount_to(found, code):
    assert timing_code(found) == code


def test_a_control_that_is_lost_is_no_mismatch():
    """Its mode has passed; without it nothing is decided, which claims say."""
    assert timing_code(run(GOOD, NOISE)) == 0
    assert timing_code(run(NOISE)) == 4


# -------------------------------------------------------------------------- wrong usage


@pytest.fixture
def places(tmp_path, monkeypatch):
    """A regular file, and folders that hold no run or a wrong one."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("a regular file")
    for name, text in (("newer", '{"schema": 99}'), ("other", '{"a": 1}')):
        (tmp_path / name).mkdir()
        (tmp_path / name / "run.json").write_text(text)
    return tmp_path


# Arguments, in which {} is the folder above, and a piece of what must be said.
USAGE = [
    ("linear", "there is no example 'linear': did you mean line_linear"),
    ("tensors", "tensors is a lesson"),
    ("line_linear --modes fast", "--modes: expected some of notebook"),
    ("line_linear --budget soon", "--budget: expected seconds as in 90, 120s or 2m"),
    ("line_linear --sweep width=1,2", "--sweep: expected batch="),
    ("line_linear --sweep batch=64", "--sweep: expected two sizes or more"),
    ("line_linear --save a/b", "baseline: expected a name of letters"),
    ("line_linear --against ../main", "baseline: expected a name of letters"),
    ("line_linear --against main", "there is none yet"),
    ("line_linear --precision tf32", "--precision tf32: expected float32 on a CPU"),
    ("line_linear --threads 99999", "--threads: expected at most"),
    ("line_linear --max-slowdown inf", "--max-slowdown: expected a number such as"),
    ("line_linear --modes jit --out {}/file", "cannot write to"),
    ("line_linear --modes jit --out {}/other", "is no run of twinnets"),
    ("--from {}/nowhere", "is not there: expected the folder of a `twinnets run`"),
    ("--from {}/file", "is not there"),
    ("--from {}/newer", "has schema 99, this twinnets reads up to 1"),
    ("--from {}/other", "is no run of twinnets"),
]


@pytest.mark.parametrize(("arguments", "says"), USAGE, ids=[a for a, _ in USAGE])
def test_wrong_usage_is_said_in_one_line(places, arguments, says):
    done = invoke(*arguments.format(places).split())
    assert done.exit_code == 2
    assert isinstance(done.exception, SystemExit)
    assert done.stderr.startswith("twinnets: ")
    assert says in done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""
    assert {path.name for path in places.iterdir()} == {"file", "newer", "other"}


@pytest.mark.parametrize(
    "arguments",
    [
        "--blocks 0",
        "--threads 0",
        "--seed -1",
        "--max-slowdown 0.9",
        "--max-slowdown nan",
        "--device tpu",
        "--precision float16",
        "--nonsense",
    ],
)
def test_what_typer_refuses(places, arguments):
    done = invoke("line_linear", *arguments.split())
    assert done.exit_code == 2
    assert arguments.split()[0] in done.stderr
    assert done.stdout == ""


def test_wrong_usage_of_the_process():
    """The same through `main`: no traceback on the way out."""
    done = twinnets("time", "linear")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""
