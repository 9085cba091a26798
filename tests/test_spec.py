"""Specs: batches of a step, streams, and what a run draws from its seed."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compare import registry
from compare.initial import Given, Normal, Uniform
from compare.spec import Batches, Training, full_batch, prepare, stream


def training(**changes) -> Training:
    given = {
        "teaches": "nothing",
        "sizes": {},
        "hyperparameters": {},
        "parameters": {"w": Normal((3,)), "b": Uniform((2,), 0.5)},
        "steps": 3,
        "data": lambda rng: {"x": rng.standard_normal((4, 2))},
        "batches": full_batch,
        "work": lambda batch: 0.0,
        "prediction_inputs": lambda data: {"": data},
        "metric_name": "none",
        "metric": lambda predictions, data: 0.0,
    }
    return Training(**given | changes)


def test_a_step_gets_what_is_shared_and_its_row_of_what_is_stacked():
    batches = Batches(
        shared={"x": np.ones((4, 2))},
        stacked={"depth": np.array([3, 1, 2]), "y": np.arange(6).reshape(3, 2)},
    )
    batch = batches.at(1)
    assert [*batch] == ["x", "depth", "y"]
    assert batch["x"].shape == (4, 2)
    assert batch["depth"].shape == ()
    assert int(batch["depth"]) == 1
    assert batch["y"].tolist() == [2, 3]


def test_a_full_batch_is_all_of_the_data_at_every_step():
    data = {"x": np.arange(3.0)}
    batches = full_batch(np.random.default_rng(0), data)
    assert batches.at(0)["x"] is batches.at(99)["x"] is data["x"]
    assert not batches.stacked


seeds = st.integers(0, 2**32 - 1)
purposes = st.text(st.characters(min_codepoint=1, codec="utf-8"), max_size=12)


@given(seeds, purposes, seeds, purposes)
def test_streams_are_distinct_and_repeatable(seed, purpose, other_seed, other):
    first, again = (stream(seed, purpose).integers(2**63, size=4) for _ in range(2))
    assert np.array_equal(first, again)
    second = stream(other_seed, other).integers(2**63, size=4)
    same = (seed, purpose) == (other_seed, other)
    assert np.array_equal(first, second) == same


def test_purposes_are_told_by_all_their_letters():
    drawn = {stream(0, p).integers(2**63) for p in ("ab", "ba", "aab", "a b", "a")}
    assert len(drawn) == 5


def test_what_is_drawn_for_one_purpose_does_not_move_another():
    """More data leave parameters and batches as they were."""
    few = prepare(training(batches=_drawn), 5)
    many = prepare(
        training(data=lambda rng: {"x": rng.standard_normal((9, 2))}, batches=_drawn), 5
    )
    assert few.data["x"].shape != many.data["x"].shape
    assert np.array_equal(few.parameters["w"], many.parameters["w"])
    assert np.array_equal(few.batches.stacked["n"], many.batches.stacked["n"])
    assert not np.isin(few.parameters["w"], few.data["x"]).any()


def _drawn(rng, data):
    return Batches(shared=data, stacked={"n": rng.integers(1000, size=3)})


def test_a_seed_gives_one_run():
    first, same, other = (prepare(training(), seed) for seed in (1, 1, 2))
    for mine, theirs, equal in ((first, same, True), (first, other, False)):
        assert np.array_equal(mine.data["x"], theirs.data["x"]) is equal
        assert np.array_equal(mine.parameters["b"], theirs.parameters["b"]) is equal


def test_batches_are_made_from_the_data():
    prepared = prepare(training(), 0)
    assert prepared.batches.shared["x"] is prepared.data["x"]


TRAININGS = [n for n in registry.names() if isinstance(registry.load(n), Training)]


@pytest.mark.parametrize("name", TRAININGS)
def test_what_is_drawn_depends_on_the_seed_alone(name):
    """Workers get what was drawn once; `--from` draws it anew."""
    first, again, other = (prepare(registry.load(name), seed) for seed in (5, 5, 6))
    alike = [bits(one) == bits(first) for one in (again, other)]
    assert alike == [True, name in ("line_manual", "line_sgd")]


def bits(prepared) -> dict[str, bytes]:
    """Everything that was drawn."""
    batches = prepared.batches
    parts = (prepared.data, prepared.parameters, batches.shared, batches.stacked)
    return {
        f"{number} {name}": value.tobytes()
        for number, part in enumerate(parts)
        for name, value in part.items()
    }


@pytest.mark.parametrize("name", TRAININGS)
def test_every_training_spec_is_drawn_in_float64_for_all_its_steps(name):
    """Data and parameters with all their digits, not ones rounded to float32."""
    spec = registry.load(name)
    prepared = prepare(spec, 0)
    for step in (0, spec.steps - 1):
        assert prepared.batches.at(step)
    assert all(len(v) == spec.steps for v in prepared.batches.stacked.values())
    for path, start in spec.parameters.items():
        value = prepared.parameters[path]
        assert value.shape == start.shape
        if not isinstance(start, Given):  # θ = (1, 1) is the notebook's
            assert np.any(value != value.astype(np.float32))
            assert not np.any(value == 1)
    continuous = {
        name: value
        for name, value in (prepared.batches.shared | prepared.batches.stacked).items()
        if value.dtype.kind == "f" and name not in spec.discrete
    }
    assert continuous
    for value in continuous.values():
        assert value.dtype == np.float64
        assert np.any(value != value.astype(np.float32))
    assert spec.discrete <= prepared.batches.at(0).keys()
    assert spec.still <= spec.parameters.keys()
    assert all(step < spec.steps for step in spec.checkpoints)
