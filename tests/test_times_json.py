"""Times in run.json: what is written is read, and is printed from there."""

import json
from dataclasses import replace
from math import inf, nan

import msgspec
import pytest
from made_up_times import EXAMPLE, lost, ratio, run, sampled, timing
from typer.testing import CliRunner

from compare import cli, result
from compare.cli_time import timing_code
from compare.result import NotARun, Run
from compare.timing import Crossover, Sweep

GOOD = timing("JAX jit", 1e-3, 1e-3)
RUNNER = CliRunner()


def invoke(*arguments: object):
    """Run the command line in this process."""
    given = [str(argument) for argument in arguments]
    return RUNNER.invoke(cli.app, ["time", *given])


# -------------------------------------------------------------------- run.json and back

EVERYTHING = run(
    replace(
        timing("JAX jit", 1e-3, 1.1e-3, 0.9e-3),
        pays_after=12.5,
        pays_after_warm=None,
        products="tf32",
        score=None,
    ),
    timing("PyTorch eager", 2e-3),  # of one block: no interval
    timing("PyTorch eager again", 2e-3, 2e-3),
    replace(
        timing("JAX scan", 1e-3),
        batch=64,
        workers=[
            sampled(
                1e-3,
                operations={"written": 1e6, "compiled": None},
                settled=False,
                steps_a_call=500,
            )
        ],
    ),
    lost("JAX scan", "not equivalent", "a loss is off"),
    lost("PyTorch compile", "left out", "no graph"),
    claims=(True, False, None),
    changes=("new", "kept", "undecided", "regressed"),
    ratios=[
        ratio("JAX jit", "PyTorch eager", 0.5, fastest=True, unlike=["a: b, c"]),
        ratio(
            "JAX scan",
            "JAX jit",
            1.0,
            low=None,
            high=None,
            band=None,
            verdict="UNDECIDED",
            batch=64,
        ),
    ],
    sweeps=[
        Sweep(EXAMPLE, "jax", "jit", [1, 2], 1e-5, 0.0, 2e-5, 1e9, 9e8, 2e9, 0.1),
        Sweep(EXAMPLE, "jax", "scan", [1, 2], 0.0, *[None] * 5, worst=0.0),
    ],
    crossovers=[
        Crossover(EXAMPLE, "JAX jit", "PyTorch eager", 123.4),
        Crossover(EXAMPLE, "JAX jit", "PyTorch eager", None),
    ],
)


def test_what_is_written_is_read(tmp_path):
    path = tmp_path / "run.json"
    result.write(EVERYTHING, path)
    assert result.read(path) == EVERYTHING


@pytest.mark.parametrize("number", [inf, -inf, nan])
def test_a_number_that_is_not_finite_is_null(tmp_path, number):
    """Where one may come from: a proof, or a division."""
    path = tmp_path / "run.json"
    fields = ("score", "pays_after", "pays_after_warm", "speed", "fraction")
    odd = replace(GOOD, **dict.fromkeys(fields, number))
    result.write(run(odd), path)
    (found,) = result.read(path).timings
    assert found == replace(GOOD, **dict.fromkeys(fields))


def test_a_run_without_times_can_be_read(tmp_path):
    """Of an earlier twinnets, which timed nothing."""
    path = tmp_path / "run.json"
    path.write_text('{"schema": 1, "seed": 3, "environment": {}, "examples": []}')
    assert result.read(path).timings == []


@pytest.mark.parametrize(
    ("field", "value"),
    [("outcome", "fine"), ("framework", "numpy"), ("phases", {"import": "long"})],
)
def test_times_that_are_none_are_refused_by_name(tmp_path, field, value):
    path = tmp_path / "run.json"
    result.write(run(GOOD), path)
    found = json.loads(path.read_bytes())
    found["timings"][0][field] = value
    path.write_text(json.dumps(found))
    with pytest.raises(NotARun, match=rf"is no run.*timings\[.*\]\.{field}"):
        result.read(path)


# --------------------------------------------------------------------------- from, json


@pytest.fixture
def written(tmp_path):
    """A folder with everything that a run can tell."""
    result.write(EVERYTHING, tmp_path / "run.json")
    return tmp_path


def test_from_prints_an_earlier_run(written):
    done = invoke("--from", written)
    assert done.exit_code == timing_code(EVERYTHING) == 1
    assert "1 of 3 claims hold" in done.stdout
    assert done.stderr == ""
    assert [path.name for path in written.iterdir()] == ["run.json"]


def test_json_is_the_run(written):
    done = invoke("--from", written, "--json")
    assert done.exit_code == 1
    assert msgspec.json.decode(done.stdout, type=Run) == EVERYTHING
    assert json.loads(done.stdout) == json.loads((written / "run.json").read_bytes())


def test_a_summary_prints_what_is_wanted(written):
    done = invoke("--from", written, "--summary")
    assert done.exit_code == 1
    assert "times as fast" in done.stdout
    assert "claims" not in done.stdout


def test_from_a_run_that_has_not_been_timed(tmp_path):
    result.write(run(), tmp_path / "run.json")
    done = invoke("--from", tmp_path)
    assert done.exit_code == 4
    assert "0 of 0 claims hold" in done.stdout


def test_from_prints_the_examples_asked_for(tmp_path):
    other = "moons_mlp"
    found = run(timing("JAX jit", 1e-3), timing("JAX scan", 1e-3, example=other))
    result.write(found, tmp_path / "run.json")
    done = invoke(other, "--from", tmp_path)
    assert other in done.stdout
    assert "JAX scan" in done.stdout
    assert "JAX jit" not in done.stdout


# ---------------------------------------------------------- what a command replaces


@pytest.mark.parametrize(
    ("names", "swept", "left"),
    [
        ([EXAMPLE], False, {"timings": 1, "ratios": 1, "sweeps": 2, "crossovers": 2}),
        ([EXAMPLE], True, {"timings": 5, "ratios": 1, "claims": 3, "changes": 4}),
        ([], True, {part: len(getattr(EVERYTHING, part)) for part in result.TIMES}),
    ],
)
def test_times_at_one_size_and_at_several_stand_beside_each_other(names, swept, left):
    found = result.but(EVERYTHING, names, swept=swept)
    kept = {part: len(getattr(found, part)) for part in result.TIMES}
    assert {part: count for part, count in kept.items() if count} == left
    gone = result.only(EVERYTHING, names, swept=swept)
    for part in result.TIMES:
        rows = [*getattr(found, part), *getattr(gone, part)]
        assert len(rows) == len(getattr(EVERYTHING, part))
    assert found.examples == EVERYTHING.examples
