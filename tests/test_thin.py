"""Thinned traces say what the whole ones say."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from compare.check import judge, judge_float32, pair
from compare.thin import thin
from compare.trace import Key, Trace, by_side, same_bits

LOSS = Key("trajectory", "loss")
WEIGHT = Key("gradients", "gradient", "linear.weight", 3)


def trace(framework="jax", precision="float64", **values) -> Trace:
    return Trace("line", framework, precision, 7, "run 1", **values)


def holding(array, framework="jax") -> Trace:
    return trace(framework, arrays={WEIGHT: array}, sensitivity={WEIGHT: np.zeros(())})


SIDES = [(f, p) for f in ("jax", "torch") for p in ("float64", "float32")]
SHAPE = (3, 47)


place = st.integers(0, SHAPE[0] * SHAPE[1] - 1)
special = st.sampled_from([np.nan, np.inf, -np.inf, 0.0, -0.0, 7.0, 1e300])
shift = st.sampled_from([1 + 1e-15, 1 + 1e-13, 1 + 1e-6, 1.5])
some = st.sets(st.sampled_from(SIDES), min_size=1)
change = st.one_of(
    st.tuples(some, place, shift, st.just(1)),  # a factor
    st.tuples(some, place, special, st.just(1)),  # a number
    st.tuples(some, place, st.just(np.nan), st.integers(2, 9)),  # a run of NaN
)


def four_sides(seed, rounded, changes, sensitivity, scale) -> list[Trace]:
    """One leaf in all four traces, with odd places among honest rounding."""
    rng = np.random.default_rng(seed)
    value = rng.standard_normal(SHAPE)
    sides = {side: value.astype(side[1]) for side in SIDES}
    if rounded:
        sides["torch", "float64"] *= 1 + rng.integers(-1, 2, SHAPE) * 2.0**-52
    for where, begin, number, length in changes:
        for side in where:
            _change(sides[side].reshape(-1)[begin : begin + length], number)
    return [
        trace(
            *side,
            arrays={WEIGHT: array},
            sensitivity={WEIGHT: np.asarray(sensitivity)},
            scale={WEIGHT: scale},
        )
        for side, array in sides.items()
    ]


def _change(part: np.ndarray, number: float) -> None:
    with np.errstate(over="ignore"):  # 1e300 is inf in float32
        part[:] = part * number if 1 < number < 2 else number


def rows(traces):
    sides = by_side(traces)
    return [judge(pair(sides, WEIGHT)), judge_float32(sides, WEIGHT)]


@settings(max_examples=300)
@given(
    seed=st.integers(0, 2**32 - 1),
    rounded=st.booleans(),
    changes=st.lists(change, max_size=8),
    sensitivity=st.sampled_from([0.0, 1e-15, 1e-12, 1e-2]),
    scale=st.sampled_from([0.0, 100.0]),
)
def test_a_check_of_thinned_traces_gives_the_same_rows(**drawn):
    traces = four_sides(**drawn)
    thinned = thin(traces, at_most=50, keep=2)
    assert all(t.arrays[WEIGHT].size < traces[0].arrays[WEIGHT].size for t in thinned)
    # As text, since NaN is not equal to itself.
    assert repr(rows(thinned)) == repr(rows(traces))


def test_one_sided_nan_behind_many_shared_ones_is_kept():
    """Only so many non-finite places are kept: those that differ come first."""
    jax = np.ones(5_000)
    jax[:300] = np.nan
    torch = jax * (1 + 2.0**-52)
    torch[4_321] = np.nan
    traces = [holding(jax, "jax"), holding(torch, "torch")]
    whole, cut_down = (judge(pair(by_side(t), WEIGHT)) for t in (traces, thin(traces)))
    assert whole.verdict == "semantic"
    assert repr(cut_down) == repr(whole)


def test_bits_that_differ_where_numbers_do_not_are_kept():
    """−0.0 is not bitwise 0.0, wherever it is."""
    jax, torch = np.zeros(5_000), np.zeros(5_000)
    torch[4_321] = -0.0
    traces = thin([holding(jax, "jax"), holding(torch, "torch")])
    assert judge(pair(by_side(traces), WEIGHT)).verdict == "rounding"


def test_thinning_keeps_whole_shape_and_places():
    value = np.random.default_rng(0).standard_normal((40, 30))
    other = value.copy()
    other[31, 7] += 1e-3
    jax, torch = thin([holding(value, "jax"), holding(other, "torch")])
    places = jax.places[WEIGHT]
    assert jax.shapes[WEIGHT] == torch.shapes[WEIGHT] == (40, 30)
    assert same_bits(jax.arrays[WEIGHT], value.ravel()[places])
    assert same_bits(torch.arrays[WEIGHT], other.ravel()[torch.places[WEIGHT]])
    assert 31 * 30 + 7 in places
    assert int(np.argmax(np.abs(value))) in places
    assert 256 <= len(places) <= 256 + 4


def test_small_leaves_are_kept_whole():
    value = np.ones((25, 40))
    (found,) = thin([holding(value)])
    assert found.arrays[WEIGHT] is value
    assert not found.places
    assert not found.shapes


def test_predictions_are_kept_whole():
    """They are drawn: a surface has no use for 261 of its 10,000 points."""
    value = np.linspace(0, 1, 10_000)[:, np.newaxis]
    plane = Key("predictions", "predict", "plane")
    (found,) = thin([trace(arrays={plane: value, WEIGHT: value})])
    assert found.arrays[plane] is value
    assert list(found.places) == list(found.shapes) == [WEIGHT]


def test_leaves_judged_row_by_row_are_kept_whole():
    """A row could not be told from another one in a thinned leaf."""
    value = np.ones((50, 30))
    (found,) = thin([trace(arrays={LOSS: value}, sensitivity={LOSS: np.zeros(50)})])
    assert found.arrays[LOSS] is value


def test_leaves_of_different_shapes_are_kept_whole():
    traces = [holding(np.ones((40, 30)), "jax"), holding(np.ones((30, 40)), "torch")]
    assert [t.arrays[WEIGHT].shape for t in thin(traces)] == [(40, 30), (30, 40)]


def test_a_leaf_that_one_side_lacks_is_thinned_on_the_other():
    jax, torch = thin([holding(np.ones((40, 30)), "jax"), trace("torch")])
    assert jax.arrays[WEIGHT].size == 256
    assert not torch.arrays
    assert not torch.places


def test_thinning_leaves_the_traces_alone():
    whole = holding(np.ones((40, 30)))
    thin([whole])
    assert whole.arrays[WEIGHT].shape == (40, 30)
    assert not whole.places
