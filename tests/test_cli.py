"""The command line: exit codes, what is said, and what is printed."""

import json
import shutil
from contextlib import nullcontext
from dataclasses import replace

import msgspec
import numpy as np
import pytest
from junitparser import JUnitXml
from support import COPIED, LESSONS, NAMES, SPECS, python, twinnets
from typer.testing import CliRunner

from compare import cli, doctor, result, trace_file
from compare.cli import exit_code
from compare.report.junit import junit
from compare.result import Example, Run
from compare.trace import Key

pytest_plugins = ("warm",)

RUNNER = CliRunner()


def invoke(*arguments: object):
    """Run the command line in this process."""
    return RUNNER.invoke(cli.app, [str(argument) for argument in arguments])


# ------------------------------------------------------------------------ wrong usage


@pytest.fixture
def places(tmp_path):
    """A regular file, and folders that hold no run or a wrong one."""
    (tmp_path / "file").write_text("a regular file")
    for name, text in (
        ("truncated", '{"schema": 1, "seed": 0, "exam'),
        ("newer", '{"schema": 99}'),
        ("other", '{"a": 1}'),
    ):
        (tmp_path / name).mkdir()
        (tmp_path / name / "run.json").write_text(text)
    return tmp_path


# Arguments, in which {} is the folder above, and a piece of what must be said.
USAGE = [
    ("run linear", "there is no example 'linear': did you mean line_linear"),
    ("run line_linear two_layer", "did you mean two_layer_adam or two_layer_"),
    ("run qqq", "there is no example 'qqq': see `twinnets list`"),
    ("run line_linear --quick --full", "--quick and --full"),
    ("run line_linear --out {}/file", "cannot write to"),
    ("run line_linear --out {}/file/below", "cannot write to"),
    ("run --from {}/nowhere", "is not there: expected the folder of a `twinnets run`"),
    ("run --from {}/file", "is not there"),
    ("run --from {}/truncated", "cut off"),
    ("run --from {}/newer", "has schema 99, this twinnets reads up to 1"),
    ("run --from {}/other", "is no run of twinnets"),
    ("run --seed -1", "--seed"),
    ("run --seed x", "--seed"),
    ("run --device tpu", "--device"),
    ("run --nonsense", "--nonsense"),
    ("nonsense", "nonsense"),
    ("show", "name"),
    ("show linear", "did you mean line_linear"),
    ("selftest nonsense", "there is no fault 'nonsense'"),
]


@pytest.mark.parametrize(("arguments", "says"), USAGE, ids=[a for a, _ in USAGE])
def test_wrong_usage_is_said_in_words(places, arguments, says):
    done = invoke(*arguments.format(places).split())
    assert done.exit_code == 2
    assert isinstance(done.exception, SystemExit)
    assert says in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("arguments", "says"), [USAGE[0], USAGE[4], USAGE[11], USAGE[14], USAGE[15]]
)
def test_wrong_usage_of_the_process(places, arguments, says):
    """The same through `main`: no traceback on the way out."""
    done = twinnets(*arguments.format(places).split())
    assert done.returncode == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_a_long_message_is_not_broken_into_lines(places):
    """So that a path can be copied, and a program can look for words."""
    far = places / "/".join(["a-rather-long-name-of-a-folder"] * 5)
    done = invoke("run", "--from", far)
    assert f"twinnets: {far}/run.json is not there" in done.stderr


# --------------------------------------------------------------------- list and show


def test_list_names_every_example():
    done = invoke("list")
    assert done.exit_code == 0
    for name in NAMES:
        assert name in done.stdout


def test_list_as_json():
    done = invoke("list", "--json")
    assert done.exit_code == 0
    assert json.loads(done.stdout) == [
        {
            "name": name,
            "kind": "lesson" if name in LESSONS else "training",
            "teaches": SPECS[name].teaches,
        }
        for name in NAMES
    ]


@pytest.mark.parametrize("name", NAMES)
def test_show_prints_both_twins(monkeypatch, name):
    monkeypatch.setenv("COLUMNS", "240")
    done = invoke("show", name)
    assert done.exit_code == 0
    for package in ("jaxnets", "torchnets"):
        assert f"{package}/{name}.py" in done.stdout
    assert "from jax import Array" in done.stdout
    assert "from torch import Tensor" in done.stdout


@pytest.mark.parametrize(
    "command", [(), ("list",), ("show",), ("run",), ("selftest",), ("doctor",)]
)
def test_help(command):
    done = invoke(*command, "--help")
    assert done.exit_code == 0
    assert "Usage:" in done.stdout


def test_the_installed_command_is_the_same():
    done = python("-c", "from compare.cli import main; main()", "list", "--json")
    assert done.stdout == twinnets("list", "--json").stdout != ""


# ------------------------------------------------------------------------- exit codes


def examples(*verdicts: str) -> list[Example]:
    return [Example(f"e{i}", "training", v, 0.0, []) for i, v in enumerate(verdicts)]


@pytest.mark.parametrize(
    ("verdicts", "code", "strict"),
    [
        (("bitwise", "rounding", "differs"), 0, 0),
        (("rounding", "precision"), 0, 1),
        (("rounding", "semantic"), 1, 1),
        (("rounding", "crashed"), 1, 1),
        (("rounding", "unresolved"), 1, 1),
        (("skipped", "rounding"), 0, 0),
        (("skipped", "semantic"), 1, 1),
        (("skipped", "skipped"), 4, 4),
        ((), 4, 4),
    ],
)
def test_verdicts_and_exit_codes(verdicts, code, strict):
    assert exit_code(examples(*verdicts), strict=False) == code
    assert exit_code(examples(*verdicts), strict=True) == strict


# ------------------------------------------------------------------------------- run


@pytest.fixture
def less_precise(copied):
    """A folder in which PyTorch's float32 is 1 % off."""
    path = copied / "traces" / f"{COPIED}.torch.float32"
    found = trace_file.load(path)
    key = Key("gradients", "gradient", "linear1.weight", 0)
    arrays = found.arrays | {key: found.arrays[key] * np.float32(1.01)}
    trace_file.save(replace(found, arrays=arrays), path)
    return copied


@pytest.fixture
def wrong(copied):
    """A folder in which JAX's float64 loss is off by one part in 10⁹."""
    path = copied / "traces" / f"{COPIED}.jax.float64"
    found, key = trace_file.load(path), Key("loss", "loss", "", 0)
    arrays = found.arrays | {key: np.asarray(found.arrays[key] * (1 + 1e-9))}
    trace_file.save(replace(found, arrays=arrays), path)
    return copied


def test_a_run_prints_a_table_and_where_it_is(lent_workers, tmp_path):
    done = invoke("run", "line_linear", "--quick", "--out", tmp_path, "--seed", 5)
    assert done.exit_code == 0, done.output
    assert "1 of 1 examples agree" in done.stdout
    assert str(tmp_path / "run.json") in done.stdout.replace("\n", "")
    found = result.read(tmp_path / "run.json")
    assert found.seed == 5
    assert [example.name for example in found.examples] == ["line_linear"]
    assert "rounding" in done.stderr  # the progress, as plain lines
    assert len(list((tmp_path / "traces").glob("*.json"))) == 4


def test_a_run_as_json_prints_nothing_else(lent_workers, tmp_path):
    names = ("line_linear", "cross_entropy", "line_linear")
    done = invoke("run", *names, "--quick", "--json", "--out", tmp_path)
    assert done.exit_code == 0
    assert json.loads(done.stdout) == json.loads((tmp_path / "run.json").read_bytes())
    told = [example["name"] for example in json.loads(done.stdout)["examples"]]
    assert told == ["line_linear", "cross_entropy"]
    assert done.stderr == ""


def test_from_checks_saved_traces(whole):
    done = invoke("run", "--from", whole.folder)
    assert done.exit_code == 0
    assert f"{len(NAMES)} of {len(NAMES)} examples agree" in done.stdout
    one = invoke("run", "tensors", "--from", whole.folder, "--json")
    assert [e["name"] for e in json.loads(one.stdout)["examples"]] == ["tensors"]


def test_strict_passes_where_both_sides_are_alike(copied):
    assert invoke("run", "--from", copied, "--strict").exit_code == 0


def test_a_mismatch_is_exit_code_1_and_says_where(wrong):
    done = invoke("run", "--from", wrong)
    assert done.exit_code == 1
    assert "0 of 1 examples agree" in done.stdout
    told = done.stdout.replace("\n", " ")
    assert f"{COPIED}: semantic in loss" in told
    for word in ("step 0", "float64", "JAX has", "PyTorch "):
        assert word in told


def test_strict_is_about_precision_only(less_precise):
    assert invoke("run", "--from", less_precise).exit_code == 0
    strict = invoke("run", "--from", less_precise, "--strict")
    assert strict.exit_code == 1
    assert "PyTorch is" in strict.stdout.replace("\n", " ")


def test_a_folder_without_its_traces_is_wrong_usage(copied):
    shutil.rmtree(copied / "traces")
    done = invoke("run", "--from", copied)
    assert done.exit_code == 2
    assert f"no traces of {COPIED}" in done.stderr


# ------------------------------------------------------------------------------ doctor


def test_a_report_is_written_with_the_run(wrong):
    """One loss of a real run is off: one red test, and the top of the page."""
    done = invoke("run", "--from", wrong, "--report", "--json")
    assert done.exit_code == 1
    page = (wrong / "report.html").read_text(encoding="utf-8")
    told = page.partition('id="mismatch"')[2].partition("</section>")[0]
    assert "the loss or its reduction: no outputs were found to differ" in told
    assert "the values differ by 1e-09 of themselves" in told
    found = msgspec.json.decode(done.stdout, type=Run)
    suites = JUnitXml.fromstring(junit(found))
    cases = [(case.name, case.is_passed) for suite in suites for case in suite]
    assert [name for name, passed in cases if not passed] == ["loss"]
    assert len(cases) > 5


@pytest.fixture
def doctor_at_work(monkeypatch, workers):
    """`doctor` asks the warm workers."""
    monkeypatch.setattr(doctor, "Workers", lambda *_, **__: nullcontext(workers))


def test_doctor_tells_versions_and_settings(doctor_at_work):
    done = invoke("doctor")
    assert done.exit_code == 0
    for word in ("python", "numpy", "jax float64", "torch float32", "highest"):
        assert word in done.stdout


def test_doctor_as_json(doctor_at_work):
    done = invoke("doctor", "--json")
    assert done.exit_code == 0
    told = json.loads(done.stdout)
    assert told["missing"] == {}
    assert told["workers"]["jax float64"]["default dtype"] == "float64"
