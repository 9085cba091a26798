"""The two runtimes, asked the same questions in their own workers."""

import inspect
from importlib import import_module

import numpy as np
import pytest
from in_worker import (
    aliasing,
    broken_states,
    different_counts,
    forgetful,
    many_and_one,
    narrow,
    round_trip,
    stepped_round_trip,
    whole_numbers,
)
from support import SIDES, TRAININGS

from compare import noise
from compare.fault import FRAMEWORKS, Edit
from compare.plant import PACKAGE
from compare.trace import same_bits

pytest_plugins = ("warm",)

BOTH = pytest.mark.parametrize("framework", FRAMEWORKS)
EVERY_SIDE = pytest.mark.parametrize(("framework", "precision"), SIDES)
EVERY_TRAINING = pytest.mark.parametrize("name", TRAININGS)
STEPS = 5


@pytest.fixture(scope="session")
def ask(workers):
    """Call a function of `in_worker` in the worker of a framework and precision."""

    def ask(function, framework, name, precision="float64", *more):
        at = workers._workers[framework, precision]
        return at.call(function, framework, name, precision, *more)

    return ask


# ------------------------------------------------------------------- load and dump

# Slots of the optimizer by example; each has one entry per parameter.
SLOTS = {
    "line_linear": set(),
    "two_layer_manual": set(),
    "two_layer_adam": {
        "optimizer/first_moment",
        "optimizer/second_moment",
        "optimizer/step",
    },
    "dynamic_net": {"optimizer/momentum"},
    "moons_mlp_accumulated": {"accumulated"},
}


@EVERY_SIDE
@EVERY_TRAINING
def test_what_is_loaded_is_dumped_bit_by_bit(ask, framework, precision, name):
    given, got = ask(round_trip, framework, name, precision)
    leaves = {leaf.split("/")[-1] for leaf in given if leaf.startswith("parameters/")}
    kinds = {"parameters", *SLOTS[name]}
    assert set(got) == {f"{kind}/{leaf}" for kind in kinds for leaf in leaves}
    for leaf, value in given.items():
        whole = leaf.startswith("optimizer/step/")
        assert value.dtype == (np.int64 if whole else np.dtype(precision))
        assert same_bits(got[leaf], value), leaf


@EVERY_SIDE
@EVERY_TRAINING
def test_the_state_after_a_step_is_loaded_whole(ask, framework, precision, name):
    after, again = ask(stepped_round_trip, framework, name, precision)
    assert after.keys() == again.keys()
    assert all(same_bits(after[leaf], again[leaf]) for leaf in after)
    # Not the zeros that a fresh optimizer has.
    assert all(
        np.any(value) for leaf, value in after.items() if "parameters/" not in leaf
    )


@EVERY_SIDE
@pytest.mark.parametrize("way", ["load", "dump", "from_numpy", "to_numpy"])
def test_every_way_copies(ask, framework, precision, way):
    assert ask(aliasing, framework, "two_layer_adam", precision)[way]


@BOTH
@EVERY_TRAINING
def test_a_broken_state_is_refused_with_the_leaf(ask, framework, name):
    """A leaf that is missing, one too many, and a wrong shape."""
    told = ask(broken_states, framework, name)
    silent = {
        what: said for what, said in told.items() if what.rpartition("/")[2] not in said
    }
    assert silent == {}


def test_jax_refuses_leaves_that_were_stepped_differently_often(ask):
    """Optax counts once for all leaves; to take one of the counts would be silent."""
    assert "optimizer/step/" in ask(different_counts, "jax", "two_layer_adam")


def test_pytorch_counts_for_each_leaf(ask):
    assert ask(different_counts, "torch", "two_layer_adam") == "nothing"


# --------------------------------------------------------------- the canonical layout


@EVERY_SIDE
def test_a_linear_layer_is_x_times_weight(ask, framework, precision):
    """Whole numbers, sizes 1000, 100, 10: equal bits whatever the order of the sums."""
    state, batch, outputs, gradients = ask(
        whole_numbers, framework, "two_layer_adam", precision
    )
    w1, b1, w2, b2 = (
        state[f"parameters/{leaf}"].astype(np.float64)
        for leaf in (
            "linear1.weight",
            "linear1.bias",
            "linear2.weight",
            "linear2.bias",
        )
    )
    x, y = (batch[key].astype(np.float64) for key in ("x", "y"))
    h = x @ w1 + b1
    u = np.maximum(h, 0)
    slope = 2 * (u @ w2 + b2 - y)
    hidden_slope = np.where(h > 0, slope @ w2.T, 0)
    due = {
        "linear1.weight": x.T @ hidden_slope,
        "linear1.bias": hidden_slope.sum(axis=0),
        "linear2.weight": u.T @ slope,
        "linear2.bias": slope.sum(axis=0),
    }
    largest = max(np.abs(value).max() for value in due.values())
    assert largest < 2**24, "no longer exact in float32"
    np.testing.assert_array_equal(outputs, u @ w2 + b2)
    for leaf, value in due.items():
        np.testing.assert_array_equal(gradients[leaf], value, err_msg=leaf)


# ------------------------------------------------------------------------ many steps


@BOTH
@EVERY_TRAINING
def test_a_run_is_its_steps_one_after_the_other(ask, framework, name):
    found = ask(many_and_one, framework, name, "float64", STEPS)
    assert found["losses"].shape == (STEPS,)
    assert sorted(found["states"]) == list(range(STEPS + 1))
    for step, single in enumerate(found["single"]):
        reached = found["states"][step + 1]
        assert single["after"].keys() == reached.keys()
        pairs = {
            leaf: (value, reached[leaf]) for leaf, value in single["after"].items()
        }
        pairs["loss"] = single["returned"], found["losses"][step]
        for leaf, (one, many) in pairs.items():
            _alike(np.asarray(one), np.asarray(many), framework, f"{leaf} at {step}")
        for leaf, rows in found["rows"].items():
            assert len(rows) == STEPS
            np.testing.assert_array_equal(rows[step], reached[f"parameters/{leaf}"])


def _alike(one: np.ndarray, many: np.ndarray, framework: str, what: str) -> None:
    """PyTorch runs the same calls; XLA compiles two programs, which round apart."""
    assert one.shape == many.shape, what
    if framework == "torch":
        np.testing.assert_array_equal(one, many, err_msg=what)
        return
    floor = noise.float64_floor((one, many), (None, None), sensitivity=np.zeros(()))
    apart = noise.largest_distance(one, many)
    assert apart <= noise.LIMIT * floor, what


@EVERY_SIDE
def test_nothing_depends_on_what_is_kept_from_before(ask, framework, precision):
    """A worker that has dropped its programs gives the same bits as before."""
    first, again = ask(forgetful, framework, "line_linear", precision)
    assert first.keys() == again.keys()
    assert all(same_bits(first[leaf], again[leaf]) for leaf in first)


# ----------------------------------------------------------------------- the verbs

VERBS = {
    "start": ["precision", "device"],
    "forget": [],
    "describe": [],
    "feed": ["subject", "arrays"],
    "prepare": ["twin", "device", "accumulates"],
    "load": ["subject", "state"],
    "dump": ["subject", "live"],
    "one_step": ["subject", "state", "batch", "function", "constants"],
    "predict": ["subject", "live", "inputs"],
    "many_steps": [
        *("subject", "live", "shared", "stacked"),
        *("steps", "stops", "record", "record_steps"),
    ],
    "low_precision": ["subject", "state", "batch"],
    "from_numpy": ["array", "device"],
    "to_numpy": 1,
    "is_array": 1,
    "dtype_name": 1,
}
"""What the harness calls, with the arguments; of some only how many there are."""


@BOTH
@pytest.mark.parametrize("verb", VERBS)
def test_both_runtimes_have_the_same_verbs(framework, verb):
    runtime = import_module(f"{PACKAGE[framework]}.runtime")
    parameters = inspect.signature(getattr(runtime, verb)).parameters
    due = VERBS[verb]
    # What a runtime takes beyond that has a default.
    needed = [p.name for p in parameters.values() if p.default is p.empty]
    if isinstance(due, int):
        assert len(needed) == due
    else:
        assert [name for name in parameters if name in due] == due
        assert set(needed) <= set(due)


# --------------------------------------------------------------- what is not float64


@BOTH
@EVERY_TRAINING
def test_nothing_computes_in_less_than_float64(ask, framework, name):
    found = ask(narrow, framework, name)
    assert found == {key: [] for key in ("outputs", "loss", "gradients", "update")}


PLANTED = [
    # side, edit, the phases it is in, what is named
    (
        "jax",
        Edit("self.linear1(x)", 'self.linear1(x).astype("float32").astype(x.dtype)'),
        {"outputs", "loss", "gradients", "update"},
        "convert_element_type in float32",
    ),
    (
        "torch",
        Edit("self.linear1(x)", "self.linear1(x).float().to(x.dtype)"),
        {"outputs", "loss", "gradients", "update"},
        "_to_copy.default in float32",
    ),
    (
        "jax",
        Edit(
            '    return optax.squared_error(model(batch["x"]), batch["y"]).sum()',
            '    errors = optax.squared_error(model(batch["x"]), batch["y"])\n'
            '    return errors.astype("float16").sum().astype("float64")',
        ),
        {"loss", "gradients", "update"},
        "in float16",
    ),
    (
        "torch",
        Edit(
            '    return F.mse_loss(model(batch["x"]), batch["y"], reduction="sum")',
            '    error = model(batch["x"]) - batch["y"]\n'
            "    return error.bfloat16().square().sum().double()",
        ),
        {"loss", "gradients", "update"},
        "in bfloat16",
    ),
]


@pytest.mark.parametrize(("framework", "edit", "phases", "named"), PLANTED)
def test_a_narrow_operation_is_named(ask, framework, edit, phases, named):
    found = ask(narrow, framework, "two_layer_adam", "float64", edit)
    told = {phase for phase, ops in found.items() if any(named in op for op in ops)}
    assert told == phases


def test_jax_names_the_line_of_the_twin(ask):
    edit = PLANTED[0][1]
    found = ask(narrow, "jax", "two_layer_adam", "float64", edit)
    assert any("(line " in op for op in found["outputs"])
