"""What a mode that is timed has computed, judged by the floors of a run that passed."""

from dataclasses import replace

import numpy as np
import pytest
from training_traces import LOSS, POINTS, SHAPES, STEPS, honest, with_horizon

from compare.fault import FRAMEWORKS, NAMES
from compare.prove import explained, holds, prove
from compare.thin import thin
from compare.timing import Products
from compare.trace import Key, Trace, by_side

BOTH = pytest.mark.parametrize("framework", FRAMEWORKS)
PRODUCTS: tuple[Products, ...] = ("float32", "tf32", "bfloat16")
MADE = [("loss", "train_step"), ("update", "update"), ("state", "momentum")]
"""Phase and quantity of what a step makes."""
UPDATE = Key("update", "update", "w", 3)
FLOOR = 2.0**-21
"""Of a number that is 1, in float32: four ulps."""


def proof(sides, framework="jax") -> Trace:
    """What an honest mode gives: the same numbers as its framework in the run."""
    run = sides[framework, "float32"]
    arrays = {
        key: value.copy()
        for key, value in run.arrays.items()
        if key[:2] in MADE or key == LOSS
    }
    assert len(arrays) == len(POINTS) * (1 + 2 * len(SHAPES)) + 1
    return Trace(run.example, framework, "float32", run.seed, "", arrays)


def scaled(trace: Trace, key: Key, factor: float, at=...) -> Trace:
    """The same with a leaf, or a part of it, that is off by a factor."""
    value = trace.arrays[key].copy()
    value[at] *= factor
    return replace(trace, arrays={**trace.arrays, key: value})


# ------------------------------------------------------------------- what is honest


@BOTH
def test_the_same_numbers_hold(framework):
    sides = honest()
    row = prove(sides, proof(sides, framework))
    assert holds(row)
    assert row.score == 0


@BOTH
@pytest.mark.parametrize("key", [UPDATE, Key("state", "momentum", "b", 0)])
def test_up_to_ten_floors_hold(framework, key):
    """A float32 is known to a quarter of a floor."""
    sides = honest()
    found = proof(sides, framework)
    size = float(np.abs(found.arrays[key]).max())
    largest = found.arrays[key] == found.arrays[key].max()
    for floors, expected in ((9, True), (11, False)):
        off = scaled(found, key, 1 + floors * FLOOR, at=largest)
        row = prove(sides, off)
        assert holds(row) == expected
        assert row.error == pytest.approx(floors * FLOOR * size, rel=0.1)
        assert row.score == pytest.approx(floors, rel=0.1)
        assert (row.phase, row.leaf, row.step) == (key.phase, key.leaf, key.step)


def test_copies_that_moved_widen_the_floor():
    sides = honest()
    off = scaled(proof(sides), UPDATE, 1 + 1e-3)
    assert not holds(prove(sides, off))
    sides["torch", "float32"].sensitivity[UPDATE] = np.asarray(1e-3)
    assert holds(prove(sides, off))


# ------------------------------------------------------------------ what is planted


@BOTH
@pytest.mark.parametrize(
    ("key", "factor", "at"),
    [
        (UPDATE, 1 + 1e-3, ...),
        (UPDATE, 1 + 1e-3, (1, 2)),
        (Key("update", "update", "b", 0), np.nan, 1),
        (Key("state", "momentum", "w", 0), 1.1, ...),
        (Key("loss", "train_step", "", 3), 1 - 1e-4, ...),
    ],
)
def test_what_is_off_is_named(framework, key, factor, at):
    sides = honest()
    row = prove(sides, scaled(proof(sides, framework), key, factor, at))
    assert not holds(row)
    assert (row.phase, row.quantity, row.leaf, row.step) == key
    where = " ".join(filter(None, key[:3]))
    assert explained(row).startswith(f"{where} at step {key.step}: {NAMES[framework]}")


@BOTH
def test_a_loss_of_the_run_that_is_off_is_named(framework):
    """Every step by itself is as it was: a mode that takes other steps in a row."""
    sides = honest()
    found = proof(sides, framework)
    row = prove(sides, scaled(found, LOSS, 1 + 1e-4, at=2))
    assert not holds(row)
    assert row.step == 2
    assert explained(row).startswith(f"trajectory loss at step 2: {NAMES[framework]}")
    assert repr(float(found.arrays[LOSS][2] * np.float32(1 + 1e-4)))[:6] in row.why


def test_losses_that_are_not_finite_do_not_hold():
    sides = honest()
    assert not holds(prove(sides, scaled(proof(sides), LOSS, np.nan, at=3)))


@BOTH
@pytest.mark.parametrize(
    "key",
    [
        UPDATE,
        Key("state", "momentum", "b", 0),
        Key("loss", "train_step", "", 0),
    ],
)
def test_a_leaf_that_is_missing_is_named(framework, key):
    sides = honest()
    found = proof(sides, framework)
    del found.arrays[key]
    row = prove(sides, found)
    assert not holds(row)
    assert (row.phase, row.quantity, row.leaf, row.step) == key


def test_what_only_the_run_was_asked_is_not_missed():
    """Gradients, outputs and whole runs are of no mode, nor are steps left out."""
    sides = honest()
    found = proof(sides)
    left = {key: v for key, v in found.arrays.items() if key.step != 3}
    assert holds(prove(sides, replace(found, arrays=left)))


def test_a_leaf_of_another_shape_does_not_hold():
    sides = honest()
    found = proof(sides)
    found.arrays[UPDATE] = found.arrays[UPDATE].T
    row = prove(sides, found)
    assert not holds(row)
    assert "shapes" in row.why


@pytest.mark.parametrize("kept", ["maps", "losses", "nothing"])
def test_nothing_to_compare_is_an_error(kept):
    sides = honest()
    arrays = {
        key: value
        for key, value in proof(sides).arrays.items()
        if kept != "nothing" and (key == LOSS) == (kept == "losses")
    }
    with pytest.raises(ValueError, match="expected one-step maps and losses"):
        prove(sides, replace(proof(sides), arrays=arrays))


# ----------------------------------------------------------------------- the horizon


@pytest.mark.parametrize("horizon", range(1, STEPS))
@pytest.mark.parametrize("off", range(STEPS))
def test_losses_past_the_float32_horizon_are_not_judged(horizon, off):
    """There the copies are 1 % of the loss apart, in float64: 2²² times, in float32."""
    sides = with_horizon(horizon)
    row = prove(sides, scaled(proof(sides), LOSS, 2.0**40, at=off))
    assert holds(row) == (off >= horizon)


@pytest.mark.parametrize("off", [2, 3])
def test_losses_past_the_float32_horizon_must_stay_finite(off):
    sides = with_horizon(2)
    row = prove(sides, scaled(proof(sides), LOSS, np.nan, at=off))
    assert not holds(row)
    assert f"is lost at step {off}" in row.why


def test_copies_that_drift_in_float64_are_2_29_further_apart_in_float32():
    """2⁻⁴⁰ of the loss in float64 is 2⁻¹¹ in float32, of which ten are rounding."""
    sides = honest()
    wide = sides["jax", "float64"]
    found = proof(sides)
    wide.sensitivity[LOSS] = 2.0**-40 * np.abs(wide.arrays[LOSS])
    assert holds(prove(sides, scaled(found, LOSS, 1 + 9 * 2.0**-11, at=1)))
    assert not holds(prove(sides, scaled(found, LOSS, 1 + 11 * 2.0**-11, at=1)))


def test_a_horizon_at_the_first_step_proves_nothing():
    sides = with_horizon(0)
    row = prove(sides, proof(sides))
    assert not holds(row)
    assert "first loss" in row.why


def test_a_proof_of_more_steps_than_the_run_is_judged_as_far_as_that():
    sides = honest()
    found = proof(sides)
    found.arrays[LOSS] = np.append(found.arrays[LOSS], np.float32(1e9))
    assert holds(prove(sides, found))


# --------------------------------------------------------------------- rounded factors


@pytest.mark.parametrize("products", PRODUCTS)
@pytest.mark.parametrize(
    ("factor", "verdict", "accepted"),
    [
        (1.0, "bitwise", {"float32", "tf32", "bfloat16"}),
        (1 + 2.0**-20, "rounding", {"float32", "tf32", "bfloat16"}),
        (1 + 1e-3, "precision", {"tf32", "bfloat16"}),
        (1.5, "semantic", set()),
    ],
)
def test_precision_passes_only_for_rounded_factors(products, factor, verdict, accepted):
    """float32 over bfloat16 is 2¹⁶, and half of the value is 2²⁰ floors."""
    sides = honest()
    key = Key("state", "momentum", "w", 0)
    row = prove(sides, scaled(proof(sides), key, factor), products=products)
    assert row.verdict == verdict
    assert holds(row, products=products) == (products in accepted)


@BOTH
def test_of_rounded_factors_losses_must_be_finite_and_no_more(framework):
    """With tf32 1e-3 of all numbers is accepted, and is what fails in float32."""
    sides = honest()
    found = scaled(proof(sides, framework), UPDATE, 1 + 1e-3)
    found = scaled(found, LOSS, 1 + 1e-4, at=3)
    assert holds(prove(sides, found, products="tf32"), products="tf32")
    assert not holds(prove(sides, found))
    lost = scaled(found, LOSS, np.nan, at=3)
    row = prove(sides, lost, products="tf32")
    assert (row.phase, row.verdict) == ("trajectory", "semantic")


# -------------------------------------------------------------------- thinned traces


@BOTH
@pytest.mark.parametrize("key", [UPDATE, Key("loss", "train_step", "", 0), LOSS])
@pytest.mark.parametrize("factor", [1.0, 1 + 1e-3, 1.5])
def test_thinned_traces_give_the_same_verdict(framework, key, factor):
    sides = honest()
    thinned = by_side(thin([*sides.values()], at_most=2, keep=2))
    assert thinned["jax", "float32"].arrays[UPDATE].size < 6
    found = scaled(proof(sides, framework), key, factor)
    whole, row = prove(sides, found), prove(thinned, found)
    assert holds(row) == holds(whole) == (factor == 1)
    assert row == whole
