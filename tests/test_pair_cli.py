"""`twinnets pair`: users' files, exit codes, what is printed and what is kept."""

import json
import sys

import made_up_pairs as pairs
import pytest
from typer.testing import CliRunner

from compare import cli, result
from compare.pair import entry
from compare.pair.report import PairReport
from compare.pair.wrong import Wrong
from compare.user_file import NotThere, named

RUNNER = CliRunner()
FILE = """
import beside

print("printed while loading")

class Model:
    pass

class Called:
    def __call__(self, x):
        return x

torch_model = "right"
jax_model = (len, {"w": 1})
wrong_model = "wrong"
called = Called()
_hidden = 1

def made():
    return beside.VALUE

def inputs(rng):
    return rng

def fails():
    return 1 / 0

def loss(outputs, targets):
    return 0.0
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "beside.py").write_text("VALUE = 'from beside'\n")
    (tmp_path / "port.py").write_text(FILE)
    (tmp_path / "raises.py").write_text("first = 1\nraise RuntimeError('no GPU')\n")
    (tmp_path / "leaves.py").write_text("import sys\nsys.exit(3)\n")
    (tmp_path / "broken.py").write_text("x = 1\ny = (\n")
    (tmp_path / "notes.txt").write_text("no Python")
    yield tmp_path
    sys.modules.pop("beside", None)


@pytest.fixture
def asked(monkeypatch):
    """A made-up engine in the place of ours, and what it is asked for."""
    calls = []

    def compare_pair(torch_model, jax_model, inputs, *, name, **options):
        calls.append((torch_model, jax_model, inputs, {"name": name} | options))
        if torch_model == "refused":
            raise Wrong("inputs: expected at least one array, got none")
        make = pairs.failing if torch_model == "wrong" else pairs.passing
        return PairReport(make(name), seed=options["seed"])

    monkeypatch.setattr(entry, "compare_pair", compare_pair)
    return calls


def invoke(*arguments: object):
    """Run the command line in this process."""
    return RUNNER.invoke(cli.app, ["pair", *map(str, arguments)])


def usual(folder, torch="torch_model", jax="jax_model", inputs="inputs"):
    """The arguments that there must be, and where to write."""
    port = folder / "port.py"
    models = f"{port}::{torch}", f"{port}::{jax}"
    return *models, "--inputs", f"{port}::{inputs}", "--out", folder / "out"


# ------------------------------------------------------------------------ users' files


def test_an_object_is_taken_as_it_is(folder):
    place = f"{folder / 'port.py'}::"
    assert named(place + "jax_model", option="JAX") == (len, {"w": 1})
    assert named(place + "inputs", option="--inputs").__name__ == "inputs"
    assert type(named(place + "called", option="JAX")).__name__ == "Called"


def test_a_plain_function_without_parameters_is_called(folder):
    assert named(f"{folder / 'port.py'}::made", option="TORCH") == "from beside"


def test_a_file_is_loaded_once_and_its_folder_is_only_lent(folder):
    before = list(sys.path)
    first, second = (
        named(f"{folder / 'port.py'}::called", option="TORCH") for _ in range(2)
    )
    assert first is second
    assert sys.path == before


@pytest.mark.parametrize(
    ("place", "says"),
    [
        ("port.py", "expected path/to/file.py::name"),
        ("::name", "expected path/to/file.py::name"),
        ("port.py::", "expected path/to/file.py::name"),
        ("nowhere.py::x", "there is no file"),
        (".::x", "there is no file"),
        ("notes.txt::x", "expected a Python file"),
        ("port.py::modle", "has no 'modle'; it has Model, Called, "),
        ("port.py::Model", "is a class; expected an object"),
        ("port.py::fails", "raises in line 26: ZeroDivisionError: division by zero"),
        ("raises.py::x", "raises in line 2: RuntimeError: no GPU"),
        ("leaves.py::x", "raises in line 2: SystemExit: 3"),
        ("broken.py::x", "raises in line 2: SyntaxError: '(' was never closed"),
    ],
)
def test_what_cannot_be_taken_is_said_in_words(folder, place, says):
    before = list(sys.path)
    with pytest.raises(NotThere) as error:
        named(f"{folder}/{place}" if place[:2] != "::" else place, option="TORCH")
    assert str(error.value).startswith("TORCH: ")
    assert says in str(error.value)
    assert sys.path == before


def test_a_file_that_raised_is_loaded_again_when_it_is_mended(folder):
    path = folder / "raises.py"
    with pytest.raises(NotThere):
        named(f"{path}::first", option="TORCH")
    path.write_text("first = 1\n")
    assert named(f"{path}::first", option="TORCH") == 1


# ------------------------------------------------------------------------- the command


def test_a_pair_that_agrees(folder, asked):
    done = invoke(*usual(folder))
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith(
        "port.py::torch_model, jax_model: rounding, 96 checks"
    )
    assert "printed while loading" not in done.stdout
    assert str(folder / "out" / "run.json") in done.stderr
    run = result.read(folder / "out" / "run.json")
    assert [example.kind for example in run.examples] == ["pair"]
    assert run.environment["command"][0] == "twinnets"
    ((torch, jax, inputs, options),) = asked
    assert (torch, jax, inputs.__name__) == ("right", (len, {"w": 1}), "inputs")
    assert options == {
        "name": "port.py::torch_model, jax_model",
        "copy": "torch",
        "seed": 0,
    }


def test_a_pair_that_differs(folder, asked):
    done = invoke(*usual(folder, torch="wrong_model"), "--report")
    assert done.exit_code == 1
    assert "LayerNorm norm gives other outputs" in done.stdout
    page = (folder / "out" / "report.html").read_text(encoding="utf-8")
    assert "eps is 1e-05 in PyTorch" in page


def test_as_json_nothing_else_is_printed(folder, asked):
    done = invoke(*usual(folder), "--json")
    assert done.exit_code == 0
    written = json.loads((folder / "out" / "run.json").read_bytes())
    assert json.loads(done.stdout) == written


def test_all_options_reach_the_comparison(folder, asked):
    port = folder / "port.py"
    options = (
        *("--loss", f"{port}::loss", f"{port}::loss", "--targets", f"{port}::made"),
        *("--optimizers", f"{port}::made", "--steps", 3, "--copy", "jax", "--seed", 5),
        *("--layout", "NCHW:NHWC", "--layout", "inputs.0=NLC:NCL"),
        *("--rename", "a.*=b", "--rename", "c=d=e", "--rename", "f="),
    )
    assert invoke(*usual(folder), *options).exit_code == 0
    ((*_, told),) = asked
    assert [loss.__name__ for loss in told.pop("loss")] == ["loss", "loss"]
    assert told == {
        "name": "port.py::torch_model, jax_model",
        "targets": "from beside",
        "optimizers": "from beside",
        "steps": 3,
        "copy": "jax",
        "seed": 5,
        "layout": {"": ("NCHW", "NHWC"), "inputs.0": ("NLC", "NCL")},
        "rename": {"a.*": "b", "c": "d=e", "f": None},
    }


def test_two_files_are_both_named(folder, asked):
    (folder / "other.py").write_text("jax_model = 1\n")
    _, _, *rest = usual(folder)
    invoke(
        f"{folder / 'port.py'}::torch_model", f"{folder / 'other.py'}::jax_model", *rest
    )
    assert asked[0][3]["name"] == "port.py::torch_model, other.py::jax_model"


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--layout", "NCHW"), "--layout: expected PyTorch's axes and JAX's"),
        (("--rename", "a"), "--rename: expected PATTERN=REPLACEMENT, got 'a'"),
        (("--repro", "repro.txt"), "--repro: expected a file in .py"),
        (("--steps", "0"), "--steps"),
        (("--copy", "both"), "--copy"),
        (("--targets", "nowhere.py::x"), "--targets: there is no file nowhere.py"),
    ],
)
def test_wrong_usage_is_said_before_anything_is_compared(folder, asked, options, says):
    (folder / "out").mkdir()
    (folder / "out" / "run.json").write_text("an earlier run")
    done = invoke(*usual(folder), *options)
    assert done.exit_code == 2
    assert says in done.stderr
    assert done.stdout == ""
    assert asked == []
    assert (folder / "out" / "run.json").read_text() == "an earlier run"


def test_what_cannot_be_compared_is_wrong_usage(folder, asked):
    (folder / "refused.py").write_text("torch_model = 'refused'\n")
    _, *rest = usual(folder)
    done = invoke(f"{folder / 'refused.py'}::torch_model", *rest)
    assert done.exit_code == 2
    assert "inputs: expected at least one array, got none" in done.stderr
    assert "Traceback" not in done.stderr


def test_precision_passes_but_not_strictly(folder, asked, monkeypatch):
    def compare_pair(*models, name, **options):
        loose = pairs.row("outputs", "", precision="float32", verdict="precision")
        made = pairs.Example(name, "pair", "precision", 0.1, [loose], {})
        return PairReport(made, seed=0)

    monkeypatch.setattr(entry, "compare_pair", compare_pair)
    assert invoke(*usual(folder)).exit_code == 0
    assert invoke(*usual(folder), "--strict").exit_code == 1


def test_without_a_layer_there_is_no_repro(folder, asked):
    done = invoke(*usual(folder), "--repro", folder / "repro.py")
    assert done.exit_code == 0
    assert "no layer differs on its own" in done.stderr
    assert not (folder / "repro.py").exists()


PORT = """
import jax.numpy as jnp
import numpy as np
import torch

torch_model = torch.nn.Linear(3, 2)
jax_model = (lambda params, x: x @ params["weight"].T + params["bias"], {
    "weight": jnp.ones((2, 3)), "bias": jnp.zeros(2)
})
wrong = (lambda params, x: x @ params["weight"].T - params["bias"], jax_model[1])
inputs = np.arange(12.0).reshape(4, 3)
"""


@pytest.mark.parametrize(("jax", "code"), [("jax_model", 0), ("wrong", 1)])
def test_two_real_models(tmp_path, jax, code):
    """Through the real engine: a function of a dict of arrays against a layer."""
    (tmp_path / "port.py").write_text(PORT)
    done = invoke(*usual(tmp_path, jax=jax))
    assert done.exit_code == code, done.output
    (example,) = result.read(tmp_path / "out" / "run.json").examples
    assert example.verdict == ("semantic" if code else "rounding")
    phases = {row.phase for row in example.checks}
    assert {"outputs", "gradients"} <= phases
