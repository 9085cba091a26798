"""Every relation of two arrays is found, and none where there is another cause."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compare import noise
from compare.pair.explain.arrays import FIRST
from compare.pair.explain.patterns import LAST
from compare.pair.explain.table import Evidence, explain

Change = Callable[[np.ndarray], np.ndarray]
VALUES = np.random.default_rng(0).standard_normal((5, 7, 9))
SQUARE = VALUES[0, :, :7]
ONE = np.array(0.37)
LONG = np.random.default_rng(1).standard_normal((40, 50))
ORDER = [3, 0, 1, 2, 4]


def evidence(jax: np.ndarray, torch: np.ndarray, phase: str = "outputs") -> Evidence:
    """The two arrays alone, four ulps as the floor."""
    jax, torch = np.asarray(jax), np.asarray(torch)
    floor = 4 * noise.ULP["float64"] * float(noise.largest(torch) + noise.largest(jax))
    before = float(noise.largest_distance(jax, torch)) / floor if floor else 0.0
    return Evidence(phase=phase, jax=jax, torch=torch, floor=floor, before=before)


def softmax(values: np.ndarray, axis: int) -> np.ndarray:
    made = np.exp(values - values.max(axis, keepdims=True))
    return made / made.sum(axis, keepdims=True)


def rounded(values: np.ndarray) -> np.ndarray:
    return values.astype(np.float32).astype(np.float64)


def bfloat16(values: np.ndarray) -> np.ndarray:
    """The nearest with 8 bits, of float32's."""
    bits = values.astype(np.float32).view(np.uint32) + np.uint32(0x8000)
    return (bits & np.uint32(0xFFFF0000)).view(np.float32).astype(np.float64)


def later(values: np.ndarray) -> np.ndarray:
    return np.concatenate([0.5 * values[:, :1], values[:, :-1]], 1)


CASES: list[tuple[str, np.ndarray, Change, str, str]] = [
    ("no gradient", VALUES, np.zeros_like, "gradients", "JAX's values are all 0"),
    ("no gradient", 0 * VALUES, lambda x: VALUES, "gradients", "PyTorch's values are"),
    ("no gradient", VALUES, np.zeros_like, "update", "not trained"),
    ("sign", VALUES, np.negative, "gradients", "the other sign"),
    ("sign", ONE, np.negative, "loss", "the other sign"),
    ("factor", ONE, lambda x: 2 * x, "loss", "multiplied by 2, as of a square"),
    ("factor", ONE, lambda x: x / 2, "loss", "multiplied by 1/2"),
    ("factor", ONE, lambda x: x * 384, "loss", "384: a sum in the place of a mean"),
    ("factor", VALUES, lambda x: x / 35, "gradients", "1/35, 35 of the elements"),
    ("factor", VALUES, lambda x: x * 9**0.5, "outputs", "multiplied by 3"),
    ("factor", VALUES, lambda x: x * 7**0.5, "outputs", "√7, a root as of a width"),
    ("factor", VALUES, lambda x: -3 * x, "outputs", "−3"),
    ("reversed axis", VALUES, lambda x: x[:, ::-1], "outputs", "axis 1"),
    ("exchanged axes", SQUARE, lambda x: x.T, "gradients", "axes 0 and 1"),
    (
        "shifted axis",
        VALUES,
        later,
        "outputs",
        "axis 1 of PyTorch's values is one later",
    ),
    (
        "layout of an axis",
        VALUES.reshape(5, 63),
        lambda x: VALUES.swapaxes(1, 2).reshape(5, 63),
        "outputs",
        "63 = 7 × 9",
    ),
    ("function of the other", VALUES, np.exp, "outputs", "JAX's values are the exp"),
    ("function of the other", np.exp(VALUES), np.log, "outputs", "the exp of JAX's"),
    ("softmax of the other", VALUES, lambda x: softmax(x, 1), "outputs", "axis 1"),
    ("order of an axis", VALUES, lambda x: x[ORDER], "outputs", "3, 0, 1, 2, 4"),
    ("any factor", VALUES, lambda x: 0.37 * x, "outputs", "multiplied by 0.37"),
    ("any factor", VALUES, lambda x: -10 * x, "update", "multiplied by -10"),
    ("offset", VALUES, lambda x: x + 0.37, "outputs", "0.37 is added"),
    ("offset of an axis", VALUES, lambda x: x + x[0, 0], "outputs", "axis 2"),
    ("rounding", LONG, rounded, "outputs", "float32"),
    ("rounding", LONG, bfloat16, "outputs", "bfloat16"),
]


@pytest.mark.parametrize(
    ("name", "torch", "change", "phase", "says"),
    CASES,
    ids=[f"{number}-{case[0]}" for number, case in enumerate(CASES)],
)
def test_relation(
    name: str, torch: np.ndarray, change: Change, phase: str, says: str
) -> None:
    """JAX's array is PyTorch's changed in one way, which is named."""
    cause = explain(evidence(change(torch), torch, phase))
    assert cause is not None
    assert (cause.name, says in cause.says) == (name, True), cause
    assert cause.after <= noise.LIMIT < cause.before


@given(st.integers(0, 2**32), st.sampled_from([(), (2,), (3, 4), (2, 3, 4), (4, 4)]))
def test_unrelated(seed: int, shape: tuple[int, ...]) -> None:
    """Two arrays drawn apart are not explained, nor equal ones."""
    rng = np.random.default_rng(seed)
    left, right = rng.standard_normal((2, *shape))
    assert explain(evidence(left, right)) is None
    assert explain(evidence(left, left)) is None


@given(st.integers(0, 2**32))
def test_small_changes_are_not_rounding(seed: int) -> None:
    """What goes along with the values, as another eps does, is no rounding."""
    values = np.random.default_rng(seed).standard_normal((20, 30))
    spread = values.var(1, keepdims=True)
    one, other = (values / np.sqrt(spread + eps) for eps in (1e-5, 2e-5))
    cause = explain(evidence(one, other))
    assert cause is None or cause.name != "rounding"


@given(st.integers(0, 2**32), st.sampled_from([0.0, 1e-6]))
def test_a_difference_in_a_few_rows_is_not_rounding(
    seed: int, elsewhere: float
) -> None:
    """Of bfloat16's size on the whole, and without a pattern, but not everywhere."""
    rng = np.random.default_rng(seed)
    values, apart = rng.standard_normal((2, 40, 30))
    apart[4:] *= elsewhere
    apart *= 2.0**-9 * np.sqrt(np.mean(values**2) / np.mean(apart**2))
    cause = explain(evidence(values + apart, values))
    assert cause is None or cause.name != "rounding"


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_not_a_number(bad: float) -> None:
    """NaN and infinity are not explained, and nothing fails."""
    spoiled = VALUES.copy()
    spoiled[0, 0, 0] = bad
    for pair in ((spoiled, VALUES), (VALUES, spoiled)):
        assert explain(evidence(*pair)) is None


def test_empty() -> None:
    empty = np.zeros((0, 3))
    given = Evidence(phase="outputs", jax=empty, torch=empty, floor=0.0, before=99.0)
    attempts = [one for entry in (*FIRST, *LAST) for one in entry.attempts(given)]
    assert all(attempt.says for attempt in attempts)
