"""Trainings: runs and their horizon, low precision, signs of life."""

import numpy as np
import pytest
from training_traces import (
    LOSS,
    SHAPES,
    SIDES,
    STEPS,
    TASK,
    check,
    failing,
    honest,
    of,
    states,
    training,
    with_horizon,
)

from compare.check_training import check_training
from compare.result import verdict
from compare.trace import Key

RUN = Key("trajectory", "parameters", "w")
LATE = Key("trajectory", "parameters", "large", 2)


def changed(traces, key, side=("torch", "float64"), **rows):
    """The same traces with `row` of a leaf multiplied by `by`."""
    value = traces[side].arrays[key].copy()
    value[rows["row"]] *= rows.get("by", 1 + 1e-6)
    traces[side].arrays[key] = value
    return traces


# --------------------------------------------------------------------- trajectories


@pytest.mark.parametrize("key", [LOSS, RUN])
def test_the_first_step_that_differs_is_named(key):
    traces = changed(changed(honest(), key, row=1), key, row=3, by=100)
    (row,) = failing(check(traces))
    assert (row.phase, row.quantity, row.leaf) == key[:3]
    assert row.step == 1


@pytest.mark.parametrize(("row", "fails"), [(0, True), (1, True), (2, False)])
def test_steps_past_the_horizon_are_not_judged(row, fails):
    traces = changed(with_horizon(2), RUN, row=row)
    rows, facts = check_training(training(), traces, states(), TASK)
    assert facts["horizon"] == 2
    assert bool(failing(rows)) == fails


@pytest.mark.parametrize("side", ["jax", "torch"])
def test_the_horizon_is_where_the_floor_of_either_side_is_high(side):
    traces, drifted = honest(), np.zeros(STEPS)
    value = traces["jax", "float64"].arrays[LOSS]
    for part, expected in ((0.9e-3, 4), (1.1e-3, 3)):
        drifted[3] = part * value[3]
        traces[side, "float64"].sensitivity[LOSS] = drifted
        facts = check_training(training(), traces, states(), TASK)[1]
        assert facts["horizon"] == expected


@pytest.mark.parametrize(("horizon", "fails"), [(3, True), (2, False)])
def test_a_large_leaf_at_a_step_is_judged_before_the_horizon(horizon, fails):
    """`large` is what it was after step 2."""
    traces = with_horizon(horizon)
    for trace in traces.values():
        trace.arrays[LATE] = np.ones(1_001)
        trace.sensitivity[LATE] = np.zeros(())
    rows = check(changed(traces, LATE, row=500))
    assert [(r.step, r.index) for r in failing(rows)] == [(2, [500])] * fails


@pytest.mark.parametrize("oracle", [False, True])
def test_a_horizon_at_the_first_step_proves_nothing(oracle):
    loss = honest()["jax", "float64"].arrays[LOSS]
    spec = training(oracle=(lambda prepared, steps: {"loss": loss}) if oracle else None)
    rows = check(with_horizon(0), spec)
    assert ("trajectory", "nothing was compared") in {
        (row.phase, row.why) for row in failing(rows)
    }


@pytest.mark.parametrize("key", [LOSS, Key("trajectory", "whole run")])
@pytest.mark.parametrize("number", [np.nan, np.inf])
def test_a_float32_run_must_stay_finite(key, number):
    traces = honest()
    trace = traces["torch", "float32"]
    trace.arrays[key] = np.where(np.arange(9) < 6, np.float32(1), np.float32(number))
    (row,) = failing(check(traces))
    assert (row.phase, row.quantity) == ("trajectory", "finite in torch")
    assert (row.precision, row.step) == ("float32", 6)
    assert row.why == f"torch's loss is {number}"


def test_a_finite_float32_run_tells_its_length():
    traces = honest()
    whole = Key("trajectory", "whole run")
    traces["jax", "float32"].arrays[whole] = np.ones(9, np.float32)
    rows = check(traces)
    assert of(rows, "trajectory", "finite in jax", precision="float32").step == 8
    assert of(rows, "trajectory", "finite in torch", precision="float32").step == 3


# --------------------------------------------------- low precision in a float64 run

MEASURED = {key.phase for key in honest()["jax", "float64"].arrays} - {"parameters"}


def off(traces, phases, *, by=1 + 2.0**-24):
    """The same traces with PyTorch's float64 off by a factor in some phases."""
    trace = traces["torch", "float64"]
    for key in [key for key in trace.arrays if key.phase in phases]:
        trace.arrays[key] = np.asarray(trace.arrays[key] * by)
    return traces


@pytest.mark.parametrize(
    ("low", "touched"),
    [
        (
            "outputs",
            {"outputs", "loss", "gradients", "state", "update", "trajectory"}
            | {"predictions"},
        ),
        ("loss", {"loss", "gradients", "state", "update", "trajectory"}),
        ("gradients", {"gradients", "state", "update", "trajectory"}),
        ("update", {"state", "update", "trajectory"}),
    ],
)
def test_what_depends_on_a_low_operation_is_judged_by_float32(low, touched):
    """PyTorch is off by half an ulp of float32 in all that it computed."""
    traces = off(honest(), MEASURED)
    traces["torch", "float64"].facts["low"] = {low: ["softmax in float32"]}
    rows = [row for row in check(traces) if row.precision == "float64"]
    found = {row.phase for row in rows if row.verdict == "precision"}
    assert found == touched
    whys = {row.why for row in rows if row.verdict == "precision"}
    assert whys == {"torch: softmax in float32: what float32 cannot show is not seen"}
    # What does not depend on it fails at the float64 floor.
    assert {row.phase for row in failing(rows)} == MEASURED - touched
    only = off(honest(), touched)
    only["torch", "float64"].facts["low"] = {low: ["softmax in float32"]}
    assert verdict(check(only)) == "precision"


def test_what_agrees_in_spite_of_a_low_operation_is_judged_as_usual():
    traces = honest()
    spoil = off(honest(), MEASURED, by=1 + 2.0**-50)
    for held in (traces, spoil):
        held["torch", "float64"].facts["low"] = {"outputs": ["softmax in float32"]}
    assert {row.verdict for row in check(traces)} == {"bitwise", "rounding"}
    found = of(check(traces), "outputs", "predict", step=0)
    assert (found.verdict, found.why) == ("bitwise", "")
    found = of(check(spoil), "outputs", "predict", step=0)
    assert (found.verdict, found.why) == ("rounding", "")
    assert verdict(check(spoil)) == "rounding"


def test_both_sides_low_operations_are_named():
    traces = off(honest(), {"loss"})
    traces["torch", "float64"].facts["low"] = {"loss": ["sum"], "outputs": ["exp"]}
    traces["jax", "float64"].facts["low"] = {"loss": ["sum"]}
    found = of(check(traces), "loss", "loss", step=0)
    assert found.why == (
        "jax: sum; torch: exp; torch: sum: what float32 cannot show is not seen"
    )


def test_a_difference_beyond_float32_fails_all_the_same():
    traces, key = honest(), Key("outputs", "predict", "", 0)
    for precision in ("float64", "float32"):
        changed(traces, key, ("torch", precision), row=0, by=1 + 1e-3)
    traces["jax", "float64"].facts["low"] = {"outputs": ["exp"]}
    (row,) = failing(check(traces))
    assert (row.phase, row.step) == ("outputs", 0)


# --------------------------------------------------------------------- signs of life


@pytest.mark.parametrize("side", ["jax", "torch"])
def test_a_loss_that_never_moves(side):
    traces = honest()
    traces[side, "float64"].arrays[LOSS] = np.full(STEPS, 1.5)
    rows = [row for row in failing(check(traces)) if "moves" in row.quantity]
    assert [(r.phase, r.quantity, r.why) for r in rows] == [
        (
            "trajectory",
            f"loss of {side} moves",
            "is the same at every step: nothing is proved",
        )
    ]


@pytest.mark.parametrize(
    ("phase", "quantity"), [("gradients", "gradient"), ("update", "update")]
)
@pytest.mark.parametrize("still", [frozenset(), frozenset({"w"})])
def test_zeros_at_every_checkpoint_prove_nothing(phase, quantity, still):
    """But for updates that must be zero; a gradient must never be."""
    traces = honest()
    for side in SIDES:
        for step in (0, 3):
            key = Key(phase, quantity, "w", step)
            traces[side].arrays[key] = traces[side].arrays[key] * 0
    rows = failing(check(traces, training(still=still)))
    allowed = still and phase == "update"
    found = [(r.phase, r.quantity, r.leaf, r.why) for r in rows if r.phase == phase]
    assert found == [
        (
            phase,
            f"{quantity} of {side} moves",
            "w",
            "is always zero: nothing is proved",
        )
        for side in ("jax", "torch")
        if not allowed
    ]


def test_what_must_stand_still_and_moves_fails():
    rows = failing(check(honest(), training(still=frozenset({"w"}))))
    assert [(r.phase, r.quantity, r.leaf, r.why) for r in rows] == [
        ("update", f"update of {side} stands still", "w", "moves, and must stand still")
        for side in ("jax", "torch")
    ]


def standing_still():
    """Traces of a training in which no parameter and no loss moves."""
    traces = honest()
    for trace in traces.values():
        for key in [key for key in trace.arrays if key.phase == "update"]:
            trace.arrays[key] = trace.arrays[key] * 0
        trace.arrays[LOSS] = np.full_like(trace.arrays[LOSS], 1.5)
    return traces


STILL = training(still=frozenset(SHAPES))


def test_a_run_that_stands_still_as_it_must_says_so():
    rows = [r for r in check(standing_still(), STILL) if "still" in r.quantity]
    assert {row.verdict for row in rows} == {"bitwise"}
    told = {(r.phase, r.quantity, r.leaf, r.precision) for r in rows}
    assert told == {
        ("update", f"update of {side} stands still", leaf, "float64")
        for side in ("jax", "torch")
        for leaf in SHAPES
    } | {("trajectory", f"loss of {s} stands still", "", p) for s, p in SIDES}


@pytest.mark.parametrize("side", SIDES)
def test_one_other_bit_in_a_loss_that_must_stand_still(side):
    traces = standing_still()
    losses = traces[side].arrays[LOSS]
    losses[2] = np.nextafter(losses[2], losses.dtype.type(2))
    (row,) = [r for r in failing(check(traces, STILL)) if "still" in r.quantity]
    assert (row.quantity, row.precision) == (f"loss of {side[0]} stands still", side[1])


@pytest.mark.parametrize("leaf", SHAPES)
def test_zeros_at_one_checkpoint_are_life_enough(leaf):
    traces = honest()
    for side in SIDES:
        for key in (
            Key("gradients", "gradient", leaf, 0),
            Key("update", "update", leaf, 3),
        ):
            traces[side].arrays[key] = traces[side].arrays[key] * 0
    assert not failing(check(traces))
