"""Trainings: data, parameters, one-step maps, on made-up traces."""

from dataclasses import replace

import numpy as np
import pytest
from training_traces import (
    LOSS,
    POINTS,
    SHAPES,
    SIDES,
    TASK,
    check,
    failing,
    honest,
    of,
    states,
    training,
)

from compare.check import Incomparable
from compare.check_steps import PER_RUN, PER_STEP
from compare.check_training import check_training
from compare.result import PHASES, first_failure, verdict
from compare.spec import Probe
from compare.trace import Key

WEIGHT = Key("gradients", "gradient", "w", 3)


def spoiled(key: Key, side=("torch", "float64"), *, at=(0,), by=1e-6):
    """Honest traces with one number changed by a factor."""
    traces = honest()
    changed = traces[side].arrays[key].copy()
    changed.reshape(-1)[list(at)] *= 1 + by
    traces[side].arrays[key] = changed
    return traces


def test_honest_traces_pass_in_every_phase_and_precision():
    rows, facts = check_training(training(), honest(), states(), TASK)
    # Float32 whole runs are only asked to stay finite: "rounding".
    assert {row.verdict for row in rows} == {"bitwise", "rounding"}
    assert {row.phase for row in rows} == {*PHASES} - {"oracle"}
    for precision in ("float64", "float32"):
        there = {row.phase for row in rows if row.precision == precision}
        assert there >= {*PER_STEP, "predictions"}
    assert facts["horizon"] == 4
    assert facts["metric"] == {"jax": {"none": 0.0}, "torch": {"none": 0.0}}


def test_every_quantity_has_one_row_for_each_precision():
    rows = check(honest())
    for key in honest()["jax", "float64"].arrays:
        if key.phase not in ("parameters", "trajectory"):
            for precision in ("float64", "float32"):
                assert of(rows, *key, precision).verdict == "bitwise"
    # Trajectories are judged in float64 only.
    for leaf in SHAPES:
        assert of(rows, "trajectory", "parameters", leaf).verdict == "bitwise"


# ------------------------------------------------------------------ data, parameters


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("name", ["run x", "run depth", "step 3 x", "step 0 depth"])
def test_other_data_than_the_spec_drew(side, name):
    traces = honest()
    traces[side].facts["received"][name] = "other bits"
    (row,) = failing(check(traces))
    assert (row.phase, row.quantity) == ("data", f"received by {side[0]}")
    assert row.precision == side[1]
    assert row.why == f"{side[0]} received other numbers than the spec drew: {name}"


def test_data_that_a_twin_did_not_tell_of():
    traces = honest()
    traces["jax", "float32"].facts["received"] = {}
    (row,) = failing(check(traces))
    assert row.why.endswith("drew: run x, run depth, step 0 x and 3 more")


START = Key("parameters", "start", "b")  # 0.0, -0.7, 2.0


@pytest.mark.parametrize("side", SIDES)
def test_starting_parameters_are_compared_bit_by_bit(side):
    traces = honest()
    changed = traces[side].arrays[START].copy()
    changed[1] = np.nextafter(changed[1], changed.dtype.type(0))
    traces[side].arrays[START] = changed
    row = first_failure(check(traces))
    assert (row.phase, row.leaf, row.precision) == ("parameters", "b", side[1])
    assert row.quantity == f"start of {side[0]}"
    # An ulp of 0.7 is 2⁻⁵³ or 2⁻²⁴.
    apart = {"float64": "1.11e-16", "float32": "5.96e-08"}[side[1]]
    assert row.why == f"{side[0]} holds numbers up to {apart} away"


def test_a_zero_of_the_other_sign_is_another_start():
    """The spec's is 0.0; −0.0 has other bits, and 1/x another sign."""
    traces = honest()
    traces["jax", "float64"].arrays[START] = np.array([-0.0, -0.7, 2.0])
    (row,) = failing(check(traces))
    assert (row.phase, row.leaf) == ("parameters", "b")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (START, None),
        (START, np.array([[0.0, -0.7, 2.0]])),
        (Key("parameters", "start", "extra"), np.ones(2)),
    ],
    ids=["missing", "shape", "extra"],
)
def test_leaves_that_twin_and_spec_do_not_both_have(key, value):
    traces = honest()
    if value is None:
        del traces["torch", "float64"].arrays[key]
    else:
        traces["torch", "float64"].arrays[key] = value
    row = first_failure(check(traces))
    assert (row.phase, row.leaf) == ("parameters", key.leaf)
    assert row.why == "torch and the spec do not both have this leaf"


def test_a_thinned_leaf_is_compared_with_the_same_places_of_the_spec():
    places, traces = np.array([0, 2, 5]), honest()
    key = Key("parameters", "start", "w")
    for trace in traces.values():
        trace.arrays[key] = trace.arrays[key].ravel()[places]
        trace.places[key], trace.shapes[key] = places, (2, 3)
    assert not failing(check(traces))
    traces["jax", "float64"].arrays[key] = traces["jax", "float64"].arrays[key][::-1]
    assert first_failure(check(traces)).leaf == "w"


def test_what_thinning_left_out_is_known_by_its_hash():
    """Wrong in the same way on both sides, at a place that was not kept."""
    traces = honest()
    for trace in traces.values():
        trace.facts["start"]["w"] = "the hash of other numbers"
    row = first_failure(check(traces))
    assert (row.phase, row.leaf) == ("parameters", "w")


@pytest.mark.parametrize("side", ["jax", "torch"])
@pytest.mark.parametrize(
    ("function", "name", "value", "kind", "said"),
    [
        (
            "build_optimizer",
            "learning_rate",
            0.1 * (1 + 1e-9),
            "hyperparameters",
            "0.1",
        ),
        ("build_optimizer", "momentum", None, "hyperparameters", "0.9"),
        ("build_optimizer", "nesterov", True, "hyperparameters", "None"),
        ("train_step", "decay", 0.5, "hyperparameters", "None"),
        ("build", "inputs", 3, "sizes", "2"),
        ("build", "inputs", "2", "sizes", "2"),
    ],
)
def test_defaults_that_are_not_the_specs(side, function, name, value, kind, said):
    traces = honest()
    defaults = traces[side, "float64"].facts["defaults"][function]
    if value is None:
        del defaults[name]
    else:
        defaults[name] = value
    (row,) = failing(check(traces))
    assert (row.phase, row.quantity) == ("parameters", f"{kind} of {side}")
    assert row.leaf == name
    assert row.why == f"twin ({side}) has {value!r}, spec has {said}"


def test_the_error_of_a_hyperparameter_is_told():
    traces = honest()
    traces["jax", "float64"].facts["defaults"]["build"]["inputs"] = 5
    assert failing(check(traces))[0].error == 3


# ------------------------------------------------------------------- one-step maps


MAPS = [k for k in honest()["jax", "float64"].arrays if k.step in POINTS]


@pytest.mark.parametrize("side", ["jax", "torch"])
@pytest.mark.parametrize("key", [*MAPS, Key("predictions", "predict")])
def test_a_number_that_differs_is_found_where_it_is(key, side):
    """A relative 1e-6 in one element, and nothing else is called wrong."""
    rows = check(spoiled(key, (side, "float64")))
    (row,) = failing(rows)
    assert (row.phase, row.quantity, row.leaf, row.step) == tuple(key)
    assert row.index == [0] * np.ndim(honest()["jax", "float64"].arrays[key])
    assert row.score > 32
    assert verdict(rows) == "semantic"


@pytest.mark.parametrize("side", ["jax", "torch"])
@pytest.mark.parametrize("key", MAPS)
def test_a_float32_run_that_is_worse_names_its_side(key, side):
    rows = check(spoiled(key, (side, "float32"), by=1e-3))
    found = of(rows, *key, "float32")
    assert found.verdict == "precision"
    assert found.why.startswith({"jax": "JAX", "torch": "PyTorch"}[side])
    assert not failing(rows)


@pytest.mark.parametrize("side", ["jax", "torch"])
@pytest.mark.parametrize("key", [*MAPS, Key("trajectory", "parameters", "b")])
def test_a_quantity_that_one_side_lacks(key, side):
    traces = honest()
    del traces[side, "float64"].arrays[key]
    (row,) = failing(check(traces))
    assert (row.phase, row.quantity, row.leaf, row.step) == tuple(key)
    assert row.why.startswith(f"{side} has no {key.phase} {key.quantity}")


def test_shapes_that_differ_are_told():
    traces = honest()
    traces["jax", "float64"].arrays[WEIGHT] = np.ones((3, 2))
    (row,) = failing(check(traces))
    assert row.why.endswith("has shape (3, 2) in JAX and (2, 3) in PyTorch")


def test_the_size_of_the_parameter_bounds_what_an_update_can_tell():
    """An update that is 1e-6 off is rounding where the parameter is 10⁹ as large."""
    key = Key("update", "update", "w", 0)
    traces = spoiled(key)
    assert of(check(traces), *key).verdict == "semantic"
    traces["jax", "float64"].scale[key] = 1e9
    assert of(check(traces), *key).verdict == "rounding"


@pytest.mark.parametrize("phase", [*PER_STEP, *PER_RUN])
def test_a_phase_that_both_sides_lack_proves_nothing(phase):
    traces = honest()
    for trace in traces.values():
        for key in [k for k in trace.arrays if k.phase == phase and k != LOSS]:
            del trace.arrays[key]
    rows = check(traces)
    if phase == "trajectory":  # its loss is always there
        assert not failing(rows)
        return
    steps = POINTS if phase in PER_STEP else [None]
    assert [(row.phase, row.step, row.why) for row in failing(rows)] == [
        (phase, step, "nothing was compared") for step in steps
    ]


@pytest.mark.parametrize("step", POINTS)
@pytest.mark.parametrize("phase", PER_STEP)
def test_a_checkpoint_that_both_sides_lack_proves_nothing(phase, step):
    """That the other checkpoint was compared does not hide it."""
    traces = honest()
    for trace in traces.values():
        for key in [k for k in trace.arrays if (k.phase, k.step) == (phase, step)]:
            del trace.arrays[key]
    (row,) = failing(check(traces))
    assert (row.phase, row.step, row.why) == (phase, step, "nothing was compared")


def test_a_probe_that_no_trace_holds_proves_nothing():
    probe = Probe("corner", {"w": np.ones((2, 3))}, {"x": np.ones((5, 2))})
    spec = training(probes=lambda rng, prepared: (probe,))
    rows = failing(check(honest(spec), spec))
    assert [(row.phase, row.step, row.why) for row in rows] == [
        (phase, "corner", "nothing was compared") for phase in PER_STEP
    ]
    assert not failing(check(honest()))


# ------------------------------------------------------------------ float32, finite


@pytest.mark.parametrize("side", ["jax", "torch"])
@pytest.mark.parametrize("key", [*MAPS, Key("predictions", "predict")])
def test_a_quantity_that_a_float32_run_lacks(key, side):
    traces = honest()
    del traces[side, "float32"].arrays[key]
    (row,) = failing(check(traces))
    assert (row.phase, row.quantity, row.leaf, row.step) == tuple(key)
    assert row.precision == "float32"
    assert row.why.startswith("shapes in float32 are ") and "None" in row.why


@pytest.mark.parametrize("lacking", [["jax"], ["torch"], ["jax", "torch"]])
@pytest.mark.parametrize("key", MAPS)
def test_a_quantity_of_the_float32_runs_alone(key, lacking):
    traces = honest()
    for side in lacking:
        del traces[side, "float64"].arrays[key]
    rows = failing(check(traces))
    found = [row for row in rows if row.quantity != "rows"]
    assert [(r.phase, r.quantity, r.leaf, r.step) for r in found] == [tuple(key)]
    assert found[0].why.startswith(f"{lacking[0]} has no {key.phase} {key.quantity}")


def test_shapes_that_differ_in_float32_are_told():
    traces = honest()
    for side in ("jax", "torch"):  # in the same way
        traces[side, "float32"].arrays[WEIGHT] = np.ones((3, 2), np.float32)
    (row,) = failing(check(traces))
    assert (row.phase, row.precision) == ("gradients", "float32")
    assert row.why == "shapes in float32 are [(3, 2), (3, 2)], in float64 (2, 3)"


def test_a_float32_run_that_is_half_as_much_again_fails():
    rows = check(spoiled(WEIGHT, ("torch", "float32"), by=0.5))
    (row,) = failing(rows)
    assert (row.phase, row.precision) == ("gradients", "float32")
    assert row.why.endswith("more than bfloat16 could explain")


@pytest.mark.parametrize("number", [np.nan, np.inf])
@pytest.mark.parametrize("precision", ["float64", "float32"])
@pytest.mark.parametrize("key", [*MAPS, Key("predictions", "predict")])
def test_two_runs_that_are_lost_alike_prove_nothing(key, precision, number):
    traces = honest()
    for side in ("jax", "torch"):
        lost = traces[side, precision].arrays[key].copy()
        lost.reshape(-1)[0] = number
        traces[side, precision].arrays[key] = lost
    told = [r for r in failing(check(traces)) if r.precision == precision]
    assert [(r.phase, r.quantity, r.leaf, r.step) for r in told] == [tuple(key)]
    assert told[0].why == "neither framework is finite"


@pytest.mark.parametrize("key", [LOSS, Key("trajectory", "parameters", "w")])
def test_two_runs_that_are_lost_alike_on_their_way_prove_nothing(key):
    traces = honest()
    for side in ("jax", "torch"):
        lost = traces[side, "float64"].arrays[key].copy()
        lost[2] = np.nan
        traces[side, "float64"].arrays[key] = lost
    told = [(r.phase, r.quantity, r.why) for r in failing(check(traces))]
    assert told == [("trajectory", key.quantity, "neither framework is finite")]


# ------------------------------------------------------------------- the same twice


@pytest.mark.parametrize("side", SIDES)
def test_a_run_that_is_not_the_same_twice_fails(side):
    """Though all its numbers agree: it would set its own floor."""
    traces = honest()
    traces[side].facts["not repeatable"] = [list(WEIGHT)]
    (row,) = failing(check(traces))
    assert (row.phase, row.quantity, row.leaf, row.step) == tuple(WEIGHT)
    name = {"jax": "JAX", "torch": "PyTorch"}[side[0]]
    assert row.why == f"{name} gives other bits when run again"
    assert row.precision == side[1]


# --------------------------------------------------------------- what may be absent


@pytest.mark.parametrize("field", ["run", "seed"])
def test_traces_of_different_runs_are_refused(field):
    traces = honest()
    other = replace(traces["jax", "float32"], **{field: {"run": "x", "seed": 1}[field]})
    with pytest.raises(Incomparable, match=f"jax float32 trace has {field} "):
        check(traces | {("jax", "float32"): other})


@pytest.mark.parametrize("precision", ["float64", "float32"])
@pytest.mark.parametrize("side", ["jax", "torch"])
def test_one_precision_alone_is_refused(side, precision):
    traces = honest()
    del traces[side, precision]
    with pytest.raises(Incomparable, match=f"there is no {side} {precision} trace"):
        check(traces)


def test_one_framework_alone_is_checked_against_its_spec_only():
    traces = {side: t for side, t in honest().items() if side[0] == "torch"}
    rows = check(traces)
    assert {row.phase for row in rows} == {"data", "parameters"}
    assert not failing(rows)
    traces["torch", "float64"].facts["defaults"]["build"]["inputs"] = 3
    assert failing(check(traces))
