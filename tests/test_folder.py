"""A run's folder: checked again without running, and what was touched in between."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest
from support import COPIED as NAME
from support import NAMES, SIDES, failing

from compare import folder, result, trace_file
from compare.folder import NotWritable, again, open_folder
from compare.result import NotARun, first_failure
from compare.trace import Key

pytest_plugins = ("warm",)

EVERY = pytest.mark.parametrize("name", NAMES)


@pytest.fixture(scope="session")
def checked_again(whole):
    """All examples of the run, judged from their saved traces."""
    return {example.name: example for example in again(whole.folder).examples}


def side(at: Path, framework: str = "torch", precision: str = "float64") -> Path:
    """Where a trace is, without its endings."""
    return at / "traces" / f"{NAME}.{framework}.{precision}"


def rewrite(path: Path, **changes) -> None:
    """Save a trace again with other contents."""
    trace_file.save(replace(trace_file.load(path), **changes), path)


# ----------------------------------------------------------------------- once again


@EVERY
def test_the_rows_are_those_of_the_run(whole, checked_again, name):
    """Although large leaves were thinned on the way to the disk."""
    first = next(e for e in whole.found.examples if e.name == name)
    second = checked_again[name]
    # As JSON, where a number that is not finite is null.
    pairs = zip(first.checks, second.checks, strict=True)
    for left, right in pairs:
        same = msgspec.json.encode(left) == msgspec.json.encode(right)
        assert same, f"{left}\n{right}"
    assert replace(first, checks=[]) == replace(second, checks=[])


def test_large_leaves_are_thinned(whole):
    """100,000 weights are kept by their deciding elements; traces stay small."""
    found = trace_file.load(whole.folder / "traces" / f"{NAME}.torch.float64")
    start = Key("parameters", "start", "linear1.weight")
    assert found.shapes[start] == (1000, 100)
    assert found.arrays[start].size < 1_000


def test_only_the_examples_that_are_asked_for(whole):
    found = again(whole.folder, names=["cross_entropy"])
    assert [example.name for example in found.examples] == ["cross_entropy"]
    assert found.run == whole.found.run


def test_nothing_is_written(copied):
    def contents() -> dict[Path, bytes]:
        return {p: p.read_bytes() for p in copied.rglob("*") if p.is_file()}

    before = contents()
    again(copied)
    assert contents() == before


# ------------------------------------------------------------------- what was touched

KEYS = [
    # a key of the trace, and the phase that must fail
    (Key("parameters", "start", "linear2.bias"), "parameters"),
    (Key("outputs", "predict", "", 0), "outputs"),
    (Key("loss", "loss", "", 0), "loss"),
    (Key("gradients", "gradient", "linear1.weight", 0), "gradients"),
    (Key("state", "first_moment", "linear2.weight", 0), "state"),
    (Key("update", "update", "linear1.bias", 2), "update"),
    (Key("trajectory", "loss"), "trajectory"),
    (Key("predictions", "predict"), "predictions"),
]


@pytest.mark.parametrize(("key", "phase"), KEYS, ids=[phase for _, phase in KEYS])
@pytest.mark.parametrize("framework", ["jax", "torch"])
def test_numbers_that_were_changed_fail_where_they_are(copied, framework, key, phase):
    path = side(copied, framework)
    arrays = dict(trace_file.load(path).arrays)
    arrays[key] = np.asarray(arrays[key] * (1 + 1e-9))
    rewrite(path, arrays=arrays)
    (example,) = again(copied).examples
    assert example.verdict == "semantic"
    assert {(row.phase, row.leaf) for row in failing(example)} == {(phase, key.leaf)}


@pytest.mark.parametrize(("key", "phase"), KEYS, ids=[phase for _, phase in KEYS])
@pytest.mark.parametrize("framework", ["jax", "torch"])
def test_a_number_that_is_gone_fails(copied, framework, key, phase):
    path = side(copied, framework)
    arrays = {k: v for k, v in trace_file.load(path).arrays.items() if k != key}
    rewrite(path, arrays=arrays)
    (example,) = again(copied).examples
    assert example.verdict in ("semantic", "crashed")
    assert any(key.leaf == row.leaf or not row.leaf for row in failing(example))


def test_a_number_that_is_not_finite_fails(copied):
    key, path = KEYS[1][0], side(copied)
    arrays = dict(trace_file.load(path).arrays)
    arrays[key] = arrays[key].copy()
    arrays[key].flat[5] = np.nan
    rewrite(path, arrays=arrays)
    (example,) = again(copied).examples
    failure = first_failure(example.checks)
    assert (failure.phase, failure.verdict) == ("outputs", "semantic")


def test_other_data_than_the_specs_fails(copied):
    path = side(copied)
    facts = trace_file.load(path).facts
    told = dict.fromkeys(facts["received"], "0" * 32)
    rewrite(path, facts=facts | {"received": told})
    (example,) = again(copied).examples
    failure = first_failure(example.checks)
    assert (failure.phase, failure.quantity) == ("data", "received by torch")


def refusal(at: Path) -> str:
    """Why the traces are not compared at all."""
    try:
        (example,) = again(at).examples
    except NotARun as error:
        return str(error)
    return example.checks[0].why if example.verdict == "crashed" else ""


ELSEWHERE = pytest.mark.parametrize(
    "change", [{"run": "another"}, {"seed": 7}, {"example": "line_linear"}], ids=str
)


@ELSEWHERE
@pytest.mark.parametrize(("framework", "precision"), SIDES)
def test_a_trace_of_something_else_is_not_compared(
    copied, framework, precision, change
):
    rewrite(side(copied, framework, precision), **change)
    assert next(iter(change)) in refusal(copied)


@ELSEWHERE
def test_traces_that_fit_each_other_must_fit_the_run_too(copied, change):
    """Else traces of another day would be judged under this day's name."""
    for framework, precision in SIDES:
        rewrite(side(copied, framework, precision), **change)
    assert next(iter(change)) in refusal(copied)


def test_a_side_that_lost_precision_is_named(copied):
    """A float32 run that is 1 % off: the same in meaning, and much worse."""
    path = side(copied, precision="float32")
    arrays = dict(trace_file.load(path).arrays)
    key = Key("gradients", "gradient", "linear1.weight", 0)
    arrays[key] = arrays[key] * np.float32(1.01)
    rewrite(path, arrays=arrays)
    (example,) = again(copied).examples
    assert example.verdict == "precision"
    (row,) = [row for row in example.checks if row.verdict == "precision"]
    assert row.why.startswith("PyTorch is ")


# ------------------------------------------------------------------- what is not there


def remove(*endings: str):
    """Deletes these traces of the example."""

    def damage(at: Path) -> None:
        for path in (at / "traces").glob("*"):
            if path.name.endswith(endings):
                path.unlink()

    return damage


def cut(pattern: str):
    """Cuts a file in half."""

    def damage(at: Path) -> None:
        (path,) = at.rglob(pattern)
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])

    return damage


def written(text: str, name: str = "run.json"):
    """Puts something else into a file."""
    return lambda at: (at / name).write_text(text)


def without(*keys: str):
    """Leaves something out of run.json."""

    def damage(at: Path) -> None:
        told = inner = json.loads((at / "run.json").read_text())
        for key in keys[:-1]:
            inner = inner[key]
        del inner[keys[-1]]
        (at / "run.json").write_text(json.dumps(told))

    return damage


DAMAGE = {
    "no run.json": (lambda at: (at / "run.json").unlink(), "is not there"),
    "a cut run.json": (cut("run.json"), "cut off"),
    "an empty run.json": (written(""), "no JSON"),
    "a list": (written("[]"), "no run of twinnets"),
    "another object": (written("{}"), "no run of twinnets"),
    "a newer schema": (
        written('{"schema": 2}'),
        "schema 2, this twinnets reads up to 1",
    ),
    "no settings": (without("environment", "settings"), "settings"),
    "no effort": (without("environment", "settings", "effort"), "settings"),
    "no traces": (remove(".json", ".npz"), f"no traces of {NAME}"),
    "no trace of a framework": (remove("jax.float64.json", "jax.float32.json"), "jax"),
    "no float64 trace": (remove("torch.float64.json"), "torch"),
    "no float32 trace": (remove("torch.float32.json"), "torch"),
    "a trace without numbers": (remove("jax.float32.npz"), "cannot be read"),
    "a cut trace": (cut("*.jax.float64.json"), "cannot be read"),
    "cut numbers": (cut("*.jax.float64.npz"), "cannot be read"),
    "a trace of nothing": (
        written("{}", f"traces/{NAME}.torch.float32.json"),
        "cannot be read",
    ),
    "no states": (lambda at: shutil.rmtree(at / "states"), "cannot be read"),
    "cut states": (cut(f"states/{NAME}.npz"), "cannot be read"),
}


@pytest.mark.parametrize("what", DAMAGE)
def test_what_is_no_run_is_said(copied, what):
    """In one sentence, and never a pass."""
    damage, says = DAMAGE[what]
    damage(copied)
    with pytest.raises(NotARun, match=says) as told:
        again(copied)
    assert "\n" not in str(told.value)


def test_an_example_that_crashed_has_no_traces_and_stays_crashed(whole, tmp_path):
    (first,) = (e for e in whole.found.examples if e.name == NAME)
    crashed = replace(first, verdict="crashed")
    run = replace(whole.found, examples=[crashed])
    result.write(run, tmp_path / "run.json")
    assert [e.verdict for e in again(tmp_path).examples] == ["crashed"]


# -------------------------------------------------------------------------- the folder


def test_an_earlier_run_is_cleared_away(copied):
    assert open_folder(copied) == copied
    assert list(copied.iterdir()) == []


def test_what_is_no_run_is_left_alone(tmp_path):
    """A folder without run.json is somebody's: nothing in it is deleted."""
    mine = tmp_path / "traces" / "mine.txt"
    mine.parent.mkdir()
    mine.write_text("mine")
    open_folder(tmp_path)
    assert mine.read_text() == "mine"


@pytest.mark.parametrize("where", ["file", "file/below"])
def test_a_folder_that_cannot_be_is_said(tmp_path, where):
    (tmp_path / "file").write_text("a regular file")
    with pytest.raises(NotWritable, match=f"cannot write to .*{where}"):
        open_folder(tmp_path / where)


def test_settings_are_told_and_read_back(whole):
    settings = folder.settings_of(whole.found)
    assert folder.told(settings) == whole.found.environment["settings"]
    assert (settings.seed, settings.run) == (0, whole.found.run)
