"""Measuring a training and checking it, with NumPy in the place of both frameworks."""

import sys
from dataclasses import replace

import numpy as np
import numpy_runtime
import pytest
from numpy_runtime import LEAVES, twin

from compare.check_training import check_training
from compare.initial import Normal
from compare.measure import digest
from compare.measure_maps import checkpoints, maps
from compare.measure_training import constants, defaults, trajectory
from compare.result import first_failure, verdict
from compare.spec import Batches, Probe, Training, Variant, prepare
from compare.task import Effort, Task
from compare.trace import Key, by_side, merge

RUNTIME = sys.modules["numpy_runtime"]
SIDES = [(f, p) for f in ("jax", "torch") for p in ("float64", "float32")]
STEPS, SHORT, SEED, POINTS = 9, 6, 5, 7


def batches(rng, data) -> Batches:
    return Batches({"y": data["y"]}, {"x": rng.standard_normal((STEPS, POINTS, 2))})


def probes(rng, prepared) -> tuple[Probe, ...]:
    batch = {"x": rng.standard_normal((3, 2)), "y": np.ones((3, 4))}
    return (Probe("ones", {"w": np.ones((2, 4)), "b": np.ones(4)}, batch),)


SPEC = Training(
    teaches="nothing",
    sizes={"inputs": 2},
    hyperparameters={"learning_rate": 0.1, "momentum": 0.5, "nesterov": False},
    parameters={"w": Normal((2, 4)), "b": Normal((4,))},
    steps=STEPS,
    float64_steps=SHORT,
    data=lambda rng: {"x": rng.standard_normal((5, 2)), "y": rng.random((POINTS, 4))},
    batches=batches,
    work=lambda batch: 0.0,
    prediction_inputs=lambda data: {"data": {"x": data["x"]}},
    metric_name="largest",
    metric=lambda predictions, data: predictions["data"].max(),
    probes=probes,
)


def task(framework="jax", precision="float64", *, copies=3, **changes) -> Task:
    made = Task("trajectory", "line", framework, precision, SEED, "run 1")
    return replace(made, effort=Effort(copies=copies, checkpoints=3), **changes)


def ran(precision="float64", spec=SPEC, **options):
    return trajectory(task(precision=precision, **options), RUNTIME, twin(), spec)


def mapped(precision="float64", spec=SPEC, **options):
    states = ran("float32", spec)[1]
    made = task(precision=precision, kind="maps", states=states, **options)
    return maps(made, RUNTIME, twin(), spec)


def measured(spec=SPEC, **faults):
    """All four traces; `faults` are PyTorch's constants."""
    states, traces = ran("float32", spec)[1], []
    for framework, precision in SIDES:
        own = twin(**faults) if framework == "torch" else twin()
        base = task(framework, precision)
        run, _ = trajectory(base, RUNTIME, own, spec)
        step = replace(base, kind="maps", states=states)
        traces.append(merge([run, maps(step, RUNTIME, own, spec)]))
    return by_side(traces), states


def first(spec=SPEC, **faults):
    traces, states = measured(spec, **faults)
    return first_failure(check_training(spec, traces, states, task())[0])


# ------------------------------------------------------------------------ whole runs


def test_the_float64_run_is_shorter_and_the_float32_run_is_whole():
    wide, narrow = ran()[0], ran("float32")[0]
    assert wide.arrays[Key("trajectory", "loss")].shape == (SHORT,)
    assert Key("trajectory", "whole run") not in wide.arrays
    assert narrow.arrays[Key("trajectory", "loss")].shape == (SHORT,)
    assert narrow.arrays[Key("trajectory", "whole run")].shape == (STEPS,)
    for leaf, shape in (("w", (2, 4)), ("b", (4,))):
        for trace in (wide, narrow):
            recorded = trace.arrays[Key("trajectory", "parameters", leaf)]
            assert recorded.shape == (SHORT, *shape)
            assert str(recorded.dtype) == trace.precision


def test_the_states_are_those_before_the_checkpoints_and_the_last():
    """Checkpoints 0, 2 and 8: 9^(i/2) is 1, 3, 9."""
    trace, states = ran("float32")
    assert [*states] == [0, 2, 8, STEPS]
    run = trace.arrays[Key("trajectory", "parameters", "w")]
    assert np.array_equal(states[2]["parameters/w"], run[1])
    assert np.all(states[0]["optimizer/momentum/w"] == 0)
    assert np.any(states[2]["optimizer/momentum/w"] != 0)


def test_the_start_is_what_the_twin_holds():
    for precision in ("float64", "float32"):
        start = ran(precision)[0].arrays[Key("parameters", "start", "w")]
        drawn = prepare(SPEC, SEED).parameters["w"].astype(precision)
        assert np.array_equal(start, drawn)


def test_what_was_received_is_hashed():
    received = ran()[0].facts["received"]
    batches = prepare(SPEC, SEED).batches
    assert received == {
        "run y": digest(batches.shared["y"]),
        "run x": digest(batches.stacked["x"][:SHORT]),
    }


def test_the_metric_is_that_of_the_final_state():
    trace, states = ran("float32")
    x = prepare(SPEC, SEED).data["x"].astype(np.float32)
    end = states[STEPS]
    outputs = x @ end["parameters/w"] + end["parameters/b"]
    assert trace.facts["metric"] == {"largest": float(outputs.max())}
    assert "metric" not in ran()[0].facts


def test_copies_of_the_run_drift_in_float64_only():
    wide, narrow = ran()[0], ran("float32")[0]
    loss = Key("trajectory", "loss")
    assert wide.sensitivity[loss].shape == narrow.sensitivity[loss].shape == (SHORT,)
    assert np.all(wide.sensitivity[loss] > 0)
    assert np.all(narrow.sensitivity[loss] == 0)


def test_leaves_that_are_not_small_are_kept_where_the_run_stops(monkeypatch):
    """In float64: before steps 2 and 8 there is a step 1, and the last one is 5."""
    monkeypatch.setattr("compare.measure_training.SMALL", 4)
    for precision in ("float64", "float32"):
        trace = ran(precision)[0]
        steps = [
            k.step for k in trace.arrays if k[:3] == ("trajectory", "parameters", "w")
        ]
        assert steps == ([1, 5] if precision == "float64" else [1])
        assert Key("trajectory", "parameters", "b") in trace.arrays
        assert trace.sensitivity[Key("trajectory", "parameters", "w", 1)].shape == ()


# ------------------------------------------------------------------- one-step maps


def test_defaults_are_told_and_only_numbers_are_constants():
    assert defaults(twin()) == {
        "build": {"inputs": 2},
        "build_optimizer": {"learning_rate": 0.1, "momentum": 0.5, "nesterov": False},
        "train_step": {},
    }
    assert constants(twin()) == {"learning_rate": 0.1, "momentum": 0.5}


@pytest.mark.parametrize("precision", ["float64", "float32"])
def test_a_step_is_measured_part_by_part(precision):
    """θ′ = θ − 0.1 (m / 2 + g) from the state before step 2."""
    trace, state = mapped(precision), ran("float32")[1][2]
    found = {leaf: {} for leaf in LEAVES}
    for phase, quantity in (("gradients", "gradient"), ("state", "momentum")):
        for leaf in LEAVES:
            found[leaf][phase] = trace.arrays[Key(phase, quantity, leaf, 2)]
    for leaf, parts in found.items():
        before = state[f"parameters/{leaf}"].astype(precision)
        half = state[f"optimizer/momentum/{leaf}"].astype(precision) * 0.5
        assert np.array_equal(parts["state"], half + parts["gradients"])
        key = Key("update", "update", leaf, 2)
        assert np.array_equal(
            trace.arrays[key], (before - 0.1 * parts["state"]) - before
        )
        assert trace.scale[key] == np.abs(before).max()
    assert trace.arrays[Key("loss", "loss", "", 2)].shape == ()
    assert trace.arrays[Key("outputs", "predict", "", 2)].shape == (POINTS, 4)
    assert trace.arrays[Key("predictions", "predict", "data")].shape == (5, 4)


def test_maps_start_at_every_checkpoint_and_probe():
    trace = mapped()
    steps = {key.step for key in trace.arrays if key.phase == "update"}
    assert steps == {0, 2, 8, "ones"}
    assert trace.arrays[Key("outputs", "predict", "", "ones")].shape == (3, 4)
    assert {f"step {step} x" for step in steps} <= trace.facts["received"].keys()
    assert trace.facts["unused"] == {"0": [], "2": [], "8": [], "ones": []}


def test_states_and_batches_of_maps_are_exact_in_both_precisions():
    states = ran("float32")[1]
    points = checkpoints(SPEC, prepare(SPEC, SEED), task(states=states))
    assert [*points] == [0, 2, 8, "ones"]
    for state, batch in points.values():
        for value in (*state.values(), *batch.values()):
            assert np.array_equal(value, value.astype(np.float32))


@pytest.mark.parametrize("precision", ["float64", "float32"])
def test_copies_of_a_step_move(precision):
    trace = mapped(precision)
    for key in trace.arrays:
        if key.phase != "update":  # which may be less than an ulp of the parameter
            assert 0 < trace.sensitivity[key] < 100 * np.finfo(precision).eps
    none = mapped(precision, copies=0)
    assert all(moved == 0 for moved in none.sensitivity.values())


def test_the_constants_are_moved_in_float32_only(monkeypatch):
    asked, states = {"float64": [], "float32": []}, ran("float32")[1]
    honest = numpy_runtime.one_step

    def one_step(twin, state, batch, *, constants=None, **options):
        asked[str(batch["x"].dtype)].append(constants)
        return honest(twin, state, batch, constants=constants, **options)

    monkeypatch.setattr(numpy_runtime, "one_step", one_step)
    for precision in asked:
        made = task(precision=precision, kind="maps", states=states)
        maps(made, RUNTIME, twin(), SPEC)
    assert asked["float64"] == [None] * len(asked["float64"])
    own, moved = constants(twin()), [c for c in asked["float32"] if c]
    assert own in moved
    factors = {c[n] / own[n] for c in moved if c != own for n in own}
    assert factors == {1 - 2.0**-24, 1 + 2.0**-24}


def test_a_variant_is_a_step_of_its_own_and_its_relation_is_jaxs():
    relation = lambda before, batch, jax: {n: v * 0 for n, v in jax.items()}  # noqa: E731
    spec = replace(SPEC, variants=(Variant("train_step_again", "why", relation),))
    due, own = (
        Key(p, "train_step_again", "parameters/w", 2) for p in ("update", "own")
    )
    plain = mapped().arrays[Key("update", "update", "w", 2)]
    start = ran("float32")[1][2]["parameters/w"]
    for framework in ("jax", "torch"):
        trace = mapped(spec=spec, framework=framework)
        # Twice the momentum is twice the update, but for an ulp of the parameter.
        apart = np.abs((trace.arrays[own] - start) - 2 * plain).max()
        assert apart <= 2 * 2.0**-52 * np.abs(start).max()
        assert np.all((trace.arrays[due] == 0) == (framework == "jax"))
        assert trace.sensitivity[due].shape == ()
    assert due not in mapped("float32", spec=spec).arrays


@pytest.mark.parametrize("precision", ["float64", "float32"])
def test_a_step_that_is_the_same_twice_is_not_told_of(precision):
    assert "not repeatable" not in mapped(precision).facts


@pytest.mark.parametrize("precision", ["float64", "float32"])
@pytest.mark.parametrize("copies", [0, 2])
def test_a_step_that_is_not_the_same_twice_is_told_of(precision, copies):
    """With noise in its gradients, at every checkpoint and probe."""
    states = ran("float32")[1]
    made = task(precision=precision, kind="maps", states=states, copies=copies)
    told = maps(made, RUNTIME, twin(jitter=1e-3), SPEC).facts["not repeatable"]
    assert [tuple(key) for key in told] == [
        (phase, quantity, leaf, step)
        for step in (0, 2, 8, "ones")
        for phase, quantity, leaves in (
            ("gradients", "gradient", ("w", "b")),
            ("state", "momentum", ("w", "b")),
            ("update", "update", ("w", "b")),
        )
        for leaf in leaves
    ]


# -------------------------------------------------------- measured and then checked


def test_two_honest_sides_are_the_same():
    traces, states = measured()
    rows, facts = check_training(SPEC, traces, states, task())
    assert verdict(rows) == "rounding"
    assert facts["horizon"] == SHORT


@pytest.mark.parametrize(
    ("fault", "phase"),
    [
        ({"slope": 2 * (1 + 1e-6)}, "gradients"),
        ({"momentum": 0.5 * (1 + 1e-9)}, "parameters"),
        ({"learning_rate": 0.1 * (1 + 1e-9)}, "parameters"),
    ],
)
def test_a_wrong_side_is_found_in_the_phase_of_its_fault(fault, phase):
    assert first(**fault).phase == phase


def test_noise_of_its_own_does_not_set_its_own_floor():
    """Copies of the step move as far as the noise does, and the floor with them."""
    traces, states = measured(jitter=1e-6)
    rows, _ = check_training(SPEC, traces, states, task())
    key = Key("gradients", "gradient", "w", 0)
    assert traces["torch", "float64"].sensitivity[key] > 1e-9
    row = first_failure(rows)
    assert row.phase == "gradients"
    assert row.why == "PyTorch gives other bits when run again"
    assert not [row for row in rows if row.why.startswith("JAX gives other bits")]


def test_a_wrong_constant_shows_in_the_numbers_too():
    """A relative 1e-9 in the learning rate: nothing before the update is off."""
    traces, states = measured(learning_rate=0.1 * (1 + 1e-9))
    rows, _ = check_training(SPEC, traces, states, task())
    failing = {row.phase for row in rows if row.verdict == "semantic"}
    assert {"parameters", "update", "trajectory"} <= failing
    assert not failing & {"data", "outputs", "loss", "gradients"}
