"""The made-up runs: what they claim to be, and that run.json can hold them."""

from math import isfinite

import made_up_runs as runs
import msgspec
import pytest

from compare import result
from compare.result import Run


def null(value):
    """What is left of JSON's data when numbers that are not finite are null."""
    if isinstance(value, dict):
        return {key: null(each) for key, each in value.items()}
    if isinstance(value, list):
        return [null(each) for each in value]
    return None if isinstance(value, float) and not isfinite(value) else value


@pytest.mark.parametrize("made_up", runs.RUNS)
def test_what_is_written_is_read(made_up, tmp_path):
    path = tmp_path / "run.json"
    run = made_up()
    result.write(run, path)
    found = result.read(path)
    assert _data(found) == null(_data(run))
    assert made_up is runs.not_finite or found == run


def _data(run: Run):
    return msgspec.to_builtins(run)


@pytest.mark.parametrize(
    ("made_up", "verdicts"),
    [
        (runs.plain, ["rounding", "differs", "precision"]),
        (runs.mismatch, ["semantic"]),
        (runs.crashed, ["crashed"] * 3),
        (runs.skipped, ["skipped"] * 2),
        (runs.unresolved, ["unresolved"]),
        (runs.not_finite, ["semantic"]),
        (runs.empty, []),
        (runs.one_step, ["rounding"]),
        (runs.with_times, ["rounding", "differs", "precision"]),
    ],
)
def test_verdicts(made_up, verdicts):
    assert [example.verdict for example in made_up().examples] == verdicts


def test_a_mismatch_fails_in_one_phase():
    (example,) = runs.mismatch().examples
    (first,) = result.failures(example.checks)
    assert (first.phase, first.step, first.index) == ("gradients", 1, [1, 0])


def test_times_are_of_examples_of_the_run():
    """As `result.with_times` asks."""
    run = runs.with_times()
    assert result.with_times(run, run) == run
