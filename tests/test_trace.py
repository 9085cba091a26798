"""Traces: saved and read again with every bit, and merged."""

import json
from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from compare.trace import Key, Trace, by_side, merge, same_bits
from compare.trace_file import load, save

LOSS = Key("trajectory", "loss")
WEIGHT = Key("gradients", "gradient", "linear.weight", 3)


def trace(framework="jax", precision="float64", **values) -> Trace:
    return Trace("line", framework, precision, 7, "run 1", **values)


def holding(array, framework="jax", precision="float64", key=WEIGHT) -> Trace:
    return trace(
        framework, precision, arrays={key: array}, sensitivity={key: np.zeros(())}
    )


def assert_equal(left: Trace, right: Trace) -> None:
    """Field by field, arrays by their bits, keys in the same order."""
    for field in fields(Trace):
        mine, theirs = getattr(left, field.name), getattr(right, field.name)
        if field.name in ("arrays", "sensitivity", "places"):
            assert [*mine] == [*theirs]
            assert all(same_bits(mine[key], theirs[key]) for key in mine)
        else:
            assert mine == theirs


# ----------------------------------------------------------------- saved and read

names = st.text(max_size=8)
steps = st.none() | st.integers(0, 10**6) | names
keys = st.builds(Key, names, names, names, steps)
numbers = hnp.arrays(
    st.sampled_from([np.float64, np.float32, np.int32, np.int64, np.bool_]),
    hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4),
)
facts = st.dictionaries(
    names, st.none() | st.booleans() | names | st.lists(names, max_size=2), max_size=3
)


@given(
    arrays=st.dictionaries(keys, numbers, max_size=3),
    sensitivity=st.dictionaries(keys, numbers, max_size=2),
    places=st.dictionaries(keys, numbers, max_size=2),
    scale=st.dictionaries(keys, st.floats(0, 1e300), max_size=2),
    shapes=st.dictionaries(
        keys, st.lists(st.integers(0, 9), max_size=3).map(tuple), max_size=2
    ),
    facts=facts,
    seed=st.integers(0, 2**70),
)
def test_a_saved_trace_is_read_again_with_every_bit(tmp_path_factory, seed, **parts):
    path = tmp_path_factory.mktemp("trace") / "line.jax.float64"
    whole = Trace("line", "jax", "float64", seed, "run 1", **parts)
    save(whole, path)
    assert_equal(load(path), whole)


def test_a_trace_is_two_files_without_pickle(tmp_path):
    """The dots of an example's name are not taken for a suffix."""
    save(holding(np.ones(3)), tmp_path / "new folder" / "a.b.jax.float64")
    written = sorted(path.name for path in (tmp_path / "new folder").iterdir())
    assert written == ["a.b.jax.float64.json", "a.b.jax.float64.npz"]
    about = json.loads((tmp_path / "new folder" / written[0]).read_text())
    key = ["gradients", "gradient", "linear.weight", 3]
    assert about["arrays"] == [[key, "<f8", 0, [3]]]
    with np.load(tmp_path / "new folder" / written[1], allow_pickle=False) as numbers:
        assert numbers["<f8"][:3].tolist() == [1, 1, 1]


def test_objects_are_never_unpickled(tmp_path):
    path = tmp_path / "a"
    save(holding(np.ones(3)), path)
    np.savez(tmp_path / "a.npz", **{"<f8": np.array([{}], object)})
    with pytest.raises(ValueError, match="allow_pickle=False"):
        load(path)


def cut(part: float):
    return lambda content: content[: int(len(content) * part)]


@pytest.mark.parametrize("suffix", ["npz", "json"])
@pytest.mark.parametrize(
    "damage",
    [
        cut(0),
        cut(0.05),
        cut(0.5),
        cut(0.99),
        lambda content: b"no trace at all",
        lambda content: b"[]",
        lambda content: b"{}",
        lambda content: content.replace(b"\x00", b"\x01"),
    ],
    ids=["empty", "a bit", "half", "almost all", "text", "list", "object", "garbled"],
)
def test_a_damaged_file_is_an_error_that_callers_expect(tmp_path, suffix, damage):
    path = tmp_path / "a"
    save(holding(np.arange(50.0)), path)
    file = tmp_path / f"a.{suffix}"
    whole = file.read_bytes()
    damaged = damage(whole)
    file.write_bytes(damaged)
    if damaged == whole:
        assert suffix == "json"  # there is no zero byte in it
        return
    with pytest.raises((OSError, ValueError)):
        load(path)


@pytest.mark.parametrize("suffix", ["npz", "json"])
def test_a_missing_file_is_an_error_that_callers_expect(tmp_path, suffix):
    save(holding(np.ones(3)), tmp_path / "a")
    (tmp_path / f"a.{suffix}").unlink()
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "a")


# ------------------------------------------------------------------------- merged


def test_merging_joins_what_two_tasks_found():
    run = trace(
        arrays={LOSS: np.ones(4)},
        sensitivity={LOSS: np.zeros(4)},
        facts={
            "received": {"run x": "a"},
            "copies not finite": ["p"],
            "peak memory": 1,
        },
    )
    maps = trace(
        arrays={WEIGHT: np.ones((2, 3))},
        sensitivity={WEIGHT: np.zeros(())},
        scale={WEIGHT: 5.0},
        facts={"received": {"step 0 x": "b"}, "copies not finite": ["q"], "low": {}},
    )
    both = merge([run, maps])
    assert [*both.arrays] == [*both.sensitivity] == [LOSS, WEIGHT]
    assert both.scale == {WEIGHT: 5.0}
    assert both.facts == {
        "received": {"run x": "a", "step 0 x": "b"},
        "copies not finite": ["p", "q"],
        "peak memory": 1,
        "low": {},
    }
    assert (both.example, both.framework, both.precision) == ("line", "jax", "float64")
    assert (both.seed, both.run) == (7, "run 1")


def test_merging_leaves_its_parts_alone():
    run, maps = trace(facts={"a": {"x": 1}}), trace(facts={"a": {"y": 2}})
    merge([run, maps])
    assert (run.facts, maps.facts) == ({"a": {"x": 1}}, {"a": {"y": 2}})


def test_traces_are_found_by_side():
    traces = [trace("jax", "float32"), trace("torch", "float64")]
    found = by_side(traces)
    assert found["jax", "float32"] is traces[0]
    assert found["torch", "float64"] is traces[1]


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [
        (np.zeros(2), np.zeros(2), True),
        (np.zeros(2), np.array([0.0, -0.0]), False),
        (np.zeros(2), np.zeros((2, 1)), False),
        (np.zeros(2), np.zeros(2, np.int64), False),
        (np.array([np.nan]), np.array([np.nan]), True),
        (np.array([np.nan]), -np.array([np.nan]), False),
        (np.arange(6.0).reshape(2, 3), np.arange(6.0).reshape(3, 2).T, False),
        (np.arange(6.0).reshape(2, 3), np.arange(6.0).reshape(2, 3), True),
        (np.arange(8.0)[::2], np.array([0.0, 2.0, 4.0, 6.0]), True),
    ],
)
def test_same_bits(left, right, same):
    assert same_bits(left, right) is same
