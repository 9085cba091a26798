"""Measuring: casting, hashing, copies, collecting."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from compare.measure import Collector, cast, cast_one, digest, moved
from compare.noise import PRECISIONS
from compare.task import Task
from compare.trace import Key

KEY, OTHER = Key("outputs", "predict", "", 0), Key("loss", "loss", "", 0)


def task(precision="float64", framework="jax", seed=7) -> Task:
    return Task("maps", "line", framework, precision, seed, "run 1")


# ------------------------------------------------------------------ casting, hashing


@pytest.mark.parametrize("precision", PRECISIONS)
def test_only_floats_are_cast(precision):
    given = {
        "x": np.ones((2, 3)),
        "y": np.ones(2, np.float32),
        "n": np.arange(3, dtype=np.int32),
        "m": np.array([True]),
    }
    found = {name: str(value.dtype) for name, value in cast(given, precision).items()}
    assert found == {"x": precision, "y": precision, "n": "int32", "m": "bool"}
    assert given["x"].dtype == np.float64


@pytest.mark.parametrize(
    ("value", "dtype"), [(0.1, "float32"), (3, "int64"), (True, "bool")]
)
def test_numbers_of_python_are_cast_too(value, dtype):
    found = cast_one(value, "float32")
    assert (found.shape, str(found.dtype)) == ((), dtype)


def test_casting_to_float64_and_back_keeps_every_bit():
    value = np.random.default_rng(0).standard_normal(50).astype(np.float32)
    wide = cast_one(value, "float64")
    assert cast_one(wide, "float32").tobytes() == value.tobytes()


SAME = [
    (np.arange(3, dtype=np.int32), np.arange(3)),
    (np.arange(3, dtype=np.uint8), np.arange(3)),
    (np.arange(6.0).reshape(2, 3).T, np.array([[0.0, 3.0], [1.0, 4.0], [2.0, 5.0]])),
]
OTHERS = [
    (np.zeros(3), np.zeros((3, 1))),
    (np.zeros(3), np.zeros(3, np.float32)),
    (np.zeros(1), np.array([-0.0])),
    (np.zeros(3), np.zeros(3, np.int64)),
    (np.array([True, False]), np.array([1, 0])),
    (np.arange(6.0), np.arange(6.0)[::-1]),
    (np.array([1.0]), np.array([1 + 2.0**-52])),
    (np.zeros(0), np.zeros((0, 2))),
]


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [(*pair, True) for pair in SAME] + [(*pair, False) for pair in OTHERS],
)
def test_a_hash_is_of_shape_kind_and_bits(left, right, same):
    assert (digest(left) == digest(right)) is same


arrays = hnp.arrays(
    st.sampled_from([np.float64, np.int64, np.bool_]),
    hnp.array_shapes(min_dims=1, max_dims=3, max_side=3),
)


@given(arrays, st.data())
def test_a_hash_tells_one_bit(value, data):
    changed = value.copy()
    flat = changed.reshape(-1).view(np.uint8)
    place = data.draw(st.integers(0, flat.size - 1))
    flat[place] ^= 1
    assert digest(changed) != digest(value)
    flat[place] ^= 1
    assert digest(changed) == digest(value)


def test_a_hash_is_the_same_in_every_process():
    """BLAKE2b of "<f8(2,)" and sixteen bytes, computed once by hand."""
    import hashlib

    bits = bytes.fromhex("000000000000f03f0000000000000040")  # 1.0, 2.0
    expected = hashlib.blake2b(b"<f8(2,)" + bits, digest_size=16).hexdigest()
    assert digest(np.array([1.0, 2.0])) == expected


# ----------------------------------------------------------------------- copies

GIVEN = {"x": np.ones((3, 20)), "y": np.ones(4), "n": np.arange(3)}


def same(left, right) -> bool:
    return all(left[name].tobytes() == right[name].tobytes() for name in GIVEN)


def test_a_copy_is_the_same_in_both_frameworks():
    assert same(moved(GIVEN, task(), 0), moved(GIVEN, task(framework="torch"), 0))


@pytest.mark.parametrize(
    ("other", "copy"), [(task(), 1), (task(seed=8), 0)], ids=["copy", "seed"]
)
def test_copies_and_seeds_have_signs_of_their_own(other, copy):
    assert not same(moved(GIVEN, task(), 0), moved(GIVEN, other, copy))


@pytest.mark.parametrize("precision", PRECISIONS)
def test_a_copy_moves_by_an_ulp_of_the_runs_precision(precision):
    given = cast(GIVEN, precision)
    copy = moved(given, task(precision), 0, discrete=frozenset({"y"}))
    ulp = float(np.finfo(precision).eps)
    assert set(copy["x"].ravel().tolist()) == {1 - ulp, 1 + ulp}
    assert copy["y"].tolist() == [1, 1, 1, 1]
    assert copy["n"].tolist() == [0, 1, 2]


# -------------------------------------------------------------------- collecting


def test_a_trace_knows_its_task():
    trace = Collector(task("float32", "torch")).finish()
    assert (trace.example, trace.framework, trace.precision) == (
        "line",
        "torch",
        "float32",
    )
    assert (trace.seed, trace.run) == (7, "run 1")


def test_the_sensitivity_is_the_farthest_that_any_copy_moved():
    out = Collector(task())
    base = {KEY: np.array([[1.0, 2.0], [3.0, 4.0]]), OTHER: np.array(1.0)}
    out.put(base)
    assert out.trace.sensitivity[KEY].shape == ()
    for change in (0.25, 0.5, 0.125):
        copy = {KEY: base[KEY] + [[0, change], [0, -change / 2]], OTHER: base[OTHER]}
        out.compare(copy, base)
    assert out.trace.sensitivity[KEY] == 0.5
    assert out.trace.sensitivity[OTHER] == 0
    assert np.array_equal(out.trace.arrays[KEY], base[KEY])


def test_rows_have_sensitivities_of_their_own():
    out, base = Collector(task()), {KEY: np.zeros((3, 2, 2))}
    out.put(base, rows=True)
    first, second = base[KEY].copy(), base[KEY].copy()
    first[0, 1, 1], first[2, 0, 0], second[2, 0, 1] = 4.0, 1.0, -2.0
    out.compare({KEY: first}, base)
    out.compare({KEY: second}, base)
    assert out.trace.sensitivity[KEY].tolist() == [4, 0, 2]


def test_a_row_of_numbers_has_one_distance_each():
    out, base = Collector(task()), {KEY: np.zeros(3)}
    out.put(base, rows=True)
    out.compare({KEY: np.array([0.0, -1.0, 2.0])}, base)
    assert out.trace.sensitivity[KEY].tolist() == [0, 1, 2]


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_copy_that_is_not_finite_is_left_out_and_told_of(bad):
    out = Collector(task())
    base = {KEY: np.ones(2), OTHER: np.array(1.0)}
    out.put(base)
    out.compare({KEY: np.array([bad, 9.0]), OTHER: np.array(1.5)}, base)
    out.compare({KEY: np.array([1.25, 1.0]), OTHER: np.array(1.0)}, base)
    assert out.trace.sensitivity[KEY] == 0.25
    assert out.trace.sensitivity[OTHER] == 0.5
    assert out.trace.facts["copies not finite"] == ["outputs predict  0"]


def test_what_is_not_finite_in_run_and_copy_alike_counts():
    """Infinity beside numbers: these still tell how far the copy moved."""
    out, base = Collector(task()), {KEY: np.array([np.inf, np.nan, 1.0])}
    out.put(base)
    out.compare({KEY: np.array([np.inf, np.nan, 1.5])}, base)
    assert out.trace.sensitivity[KEY] == 0.5
    assert "copies not finite" not in out.trace.facts


def test_values_without_elements_do_not_move():
    out, base = Collector(task()), {KEY: np.zeros((3, 0)), OTHER: np.zeros((0, 2))}
    out.put({KEY: base[KEY]}, rows=True)
    out.put({OTHER: base[OTHER]})
    out.compare(base, base)
    assert out.trace.sensitivity[KEY].tolist() == [0, 0, 0]
    assert out.trace.sensitivity[OTHER] == 0


def test_the_same_run_twice_leaves_no_word():
    out, values = (
        Collector(task()),
        {KEY: np.array([1.0, np.nan]), OTHER: np.array(0.0)},
    )
    out.put(values)
    out.repeat({key: value.copy() for key, value in values.items()})
    assert "not repeatable" not in out.trace.facts


@pytest.mark.parametrize(
    "again",
    [
        np.array([1.0 + 2.0**-52, 0.0]),
        np.array([1.0, -0.0]),
        np.array([1.0, 0.0], np.float32),
        np.array([[1.0, 0.0]]),
        np.array([1.0, np.nan]),
    ],
    ids=["an ulp", "sign of zero", "type", "shape", "nan"],
)
def test_other_bits_when_run_again_are_told_of_by_key(again):
    out = Collector(task())
    out.put({KEY: np.array([1.0, 0.0]), OTHER: np.array(1.0)})
    for _ in range(2):  # at two points: both are listed
        out.repeat({KEY: again, OTHER: np.array(1.0)})
    assert out.finish().facts["not repeatable"] == [["outputs", "predict", "", 0]] * 2
    json.dumps(out.trace.facts)
    assert out.trace.arrays[KEY].tolist() == [1.0, 0.0]
    assert out.trace.sensitivity[KEY] == 0


def test_facts_that_are_mappings_are_joined_and_others_replaced():
    out = Collector(task())
    for number in (1, 2):
        out.fact("received", {f"step {number}": "a"})
        out.fact("low", number)
    facts = out.finish().facts
    assert facts["received"] == {"step 1": "a", "step 2": "a"}
    assert facts["low"] == 2


def test_the_peak_memory_is_in_bytes():
    """A process with NumPy needs more than 10 MB, and no machine has a petabyte."""
    facts = Collector(task()).finish().facts
    assert 10e6 < facts["peak memory"] < 1e15
    json.dumps(facts)
