"""The same seed, another seed, and one framework alone."""

from dataclasses import replace

import msgspec
import pytest
from support import SIDES, SMALL, failing

from compare import folder, run, trace_file
from compare.fault import FRAMEWORKS, Edit
from compare.registry import load
from compare.run import Measured, Settings, check, judge, measure
from compare.trace import Key

pytest_plugins = ("warm",)


def test_a_spec_that_raises_is_a_crash_of_its_own(workers, monkeypatch):
    """The other examples are run all the same."""
    real = run.prepare

    def prepare(spec, seed):
        if spec is load("line_sgd"):
            raise ValueError("no data today")
        return real(spec, seed)

    monkeypatch.setattr(run, "prepare", prepare)
    settings = Settings(effort=SMALL, run=run.new_run())
    names = ["line_sgd", "cross_entropy"]
    found = {done.name: done for done in run.run(names, settings, workers)}
    assert found["cross_entropy"].verdict == "rounding"
    (row,) = found["line_sgd"].checks
    assert row.verdict == "crashed"
    assert row.why == "the spec raised ValueError: no data today"


def measured(whole, name: str, *sides: str) -> Measured:
    """What was measured of an example, on these sides only."""
    at = whole.folder / "traces"
    traces = [
        trace_file.load(at / f"{name}.{side}.{precision}")
        for side, precision in SIDES
        if side in sides
    ]
    return Measured(tuple(traces), folder._states(whole.folder, name))


@pytest.mark.parametrize("name", ["two_layer_manual", "cross_entropy"])
def test_the_same_seed_gives_the_same_rows(whole, workers, name):
    base = folder.settings_of(whole.found).task(name)
    again = check(measure(base, workers), base)[0]
    first = check(measured(whole, name, *FRAMEWORKS), base)[0]
    # As JSON: NaN is not equal to itself.
    assert msgspec.json.encode(again) == msgspec.json.encode(first)


def test_another_seed_gives_other_numbers(whole, workers):
    settings = replace(folder.settings_of(whole.found), seed=1)
    sides = [("torch", "float64"), ("torch", "float32")]
    other = measure(settings.task("two_layer_manual"), workers, sides=sides).traces
    first = measured(whole, "two_layer_manual", "torch").traces
    for left, right in zip(first, other, strict=True):
        told, others = left.facts["received"], right.facts["received"]
        assert told.keys() == others.keys()
        assert not set(told.values()) & set(others.values())
        start = Key("parameters", "start", "w2")
        assert not (left.arrays[start] == right.arrays[start]).any()


@pytest.mark.parametrize("absent", FRAMEWORKS)
@pytest.mark.parametrize("name", ["line_linear", "two_layer_adam", "cross_entropy"])
def test_one_framework_alone_is_skipped_but_its_oracle_is_judged(whole, name, absent):
    there = next(side for side in FRAMEWORKS if side != absent)
    base = folder.settings_of(whole.found).task(name)
    done = judge(measured(whole, name, there), base, seconds=0.0)
    assert done.verdict == "skipped"
    told = [row.why for row in done.checks if row.verdict == "skipped"]
    packages = {"jax": "jax flax optax grain", "torch": "torch"}[absent]
    assert told == [f"{absent} is not installed: pip install {packages}"]
    judged = {row.quantity for row in done.checks if row.phase == "oracle"}
    assert all(quantity.endswith(f" of {there}") for quantity in judged)
    assert bool(judged) == (name != "two_layer_adam")


@pytest.mark.parametrize(
    ("there", "edit"),
    [
        ("jax", Edit("optax.sgd(learning_rate)", "optax.sgd(learning_rate * 1.001)")),
        ("torch", Edit("lr=learning_rate)", "lr=learning_rate * 1.001)")),
    ],
)
def test_the_oracle_finds_a_fault_in_one_framework_alone(workers, there, edit):
    base = Settings(0, "cpu", SMALL, "r").task("line_linear")
    sides = [(there, precision) for precision in ("float64", "float32")]
    found = measure(base, workers, sides=sides, edits={there: edit})
    done = judge(found, base, seconds=0.0)
    assert done.verdict == "semantic"
    assert {row.phase for row in failing(done)} == {"oracle"}
