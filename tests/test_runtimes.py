"""The two runtimes, asked the same questions in their own workers."""

import inspect
from importlib import import_module

import numpy as np
import pytest
from flax import nnx
from in_worker import (
    STEPS,
    aliasing,
    different_counts,
    examine,
    forgetful,
    narrow,
    whole_numbers,
)
from support import SIDES, SPECS, TRAININGS, recorded
from torch import nn

from compare import noise
from compare.fault import FRAMEWORKS, Edit
from compare.plant import PACKAGE
from compare.trace import same_bits
from jaxnets import layout as jax_layout
from torchnets import layout as torch_layout

pytest_plugins = ("warm",)

BOTH = pytest.mark.parametrize("framework", FRAMEWORKS)
EVERY_SIDE = pytest.mark.parametrize(("framework", "precision"), SIDES)
EVERY_TRAINING = pytest.mark.parametrize("name", TRAININGS)
EVERY_PRECISION = pytest.mark.parametrize("precision", noise.PRECISIONS)


@pytest.fixture(scope="session")
def seen(workers):
    """What there is to say of a training; all workers are asked at once."""
    asked = {
        (framework, name, precision): workers._ask(
            framework, precision, examine, framework, name, precision
        )
        for name in TRAININGS
        for framework, precision in SIDES
    }
    return lambda *side: asked[side].result()


# ------------------------------------------------------------------- load and dump

# Slots of the optimizer by example; each has one entry per parameter.
SLOTS = {name: set() for name in TRAININGS} | {
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
def test_what_is_loaded_is_dumped_bit_by_bit(seen, framework, precision, name):
    """Every leaf of the spec, and of the optimizer for each of them."""
    found = seen(framework, name, precision)["round trip"]
    kinds, leaves = {"parameters", *SLOTS[name]}, SPECS[name].parameters
    assert set(found) == {f"{kind}/{leaf}" for kind in kinds for leaf in leaves}
    for leaf, (kind, same) in found.items():
        assert kind == ("int64" if leaf.startswith("optimizer/step/") else precision)
        assert same, leaf


@EVERY_SIDE
@EVERY_TRAINING
def test_the_state_after_a_step_is_loaded_whole(seen, framework, precision, name):
    for leaf, (zeros, same) in seen(framework, name, precision)["after a step"].items():
        assert same, leaf
        # A fresh optimizer would have zeros.
        assert not zeros or leaf.startswith("parameters/"), leaf


@EVERY_SIDE
@pytest.mark.parametrize("way", ["load", "dump", "from_numpy", "to_numpy"])
def test_every_way_copies(ask, framework, precision, way):
    assert ask(aliasing, framework, "two_layer_adam", precision)[way]


@BOTH
@EVERY_TRAINING
def test_a_broken_state_is_refused_with_the_leaf(seen, framework, name):
    """A leaf that is missing, one too many, and a wrong shape."""
    told = seen(framework, name, "float64")["broken"]
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


class JaxList(nnx.Module):
    """Layers in a list that is an attribute, which is part of their names."""

    def __init__(self, *layers):
        self.layers = nnx.List(layers)


class TorchList(nn.Module):
    """The same."""

    def __init__(self, *layers):
        super().__init__()
        self.layers = nn.ModuleList(layers)


def jax_layers() -> list:
    first, last = (nnx.Linear(*sizes, rngs=nnx.Rngs(0)) for sizes in ((3, 2), (2, 1)))
    return [first, nnx.relu, last]


def torch_layers() -> list:
    return [nn.Linear(3, 2), nn.ReLU(), nn.Linear(2, 1)]


LEAVES = {
    "jax": lambda model: [p.name for p in jax_layout.leaves(model).values()],
    "torch": lambda model: [*torch_layout.leaves(model)],
}
PARTS = {
    "jax": (nnx.Sequential, JaxList, jax_layers),
    "torch": (nn.Sequential, TorchList, torch_layers),
}
TOGETHER = {
    # how the parts are put together, and the names of both layers
    "in a row": (
        lambda row, listed, layers: row(*layers()),
        ("0", "2"),
    ),
    "in a row in a row": (
        lambda row, listed, layers: row(layers()[1], row(*layers())),
        ("1.0", "1.2"),
    ),
    "in a list": (
        lambda row, listed, layers: listed(*layers()[::2]),
        ("layers.0", "layers.1"),
    ),
    "in a row in a list": (
        lambda row, listed, layers: listed(row(*layers())),
        ("layers.0.0", "layers.0.2"),
    ),
}


@BOTH
@pytest.mark.parametrize("how", TOGETHER)
def test_layers_are_named_by_where_they_are(framework, how):
    """As PyTorch does, which does not name the list in which a row keeps its layers."""
    put_together, layers = TOGETHER[how]
    names = LEAVES[framework](put_together(*PARTS[framework]))
    due = [f"{layer}.{part}" for layer in layers for part in ("weight", "bias")]
    assert sorted(names) == sorted(due)


UNKNOWN = {
    "jax": lambda: nnx.Conv(1, 1, (1,), rngs=nnx.Rngs(0)),
    "torch": lambda: nn.Conv1d(1, 1, 1),
}


@BOTH
def test_a_layer_without_a_known_layout_is_refused(framework):
    with pytest.raises(
        TypeError, match=r"no canonical layout is known for Conv.*LAYERS"
    ):
        LEAVES[framework](UNKNOWN[framework]())


# ------------------------------------------------------------------------ many steps


@BOTH
@EVERY_TRAINING
def test_a_run_is_its_steps_one_after_the_other(seen, framework, name):
    """PyTorch runs the same calls; XLA compiles two programs, which round apart."""
    found = seen(framework, name, "float64")["run"]
    assert found["losses"] == (STEPS,)
    assert found["stops"] == list(range(STEPS + 1))
    assert {step for step, _ in found["single"]} == set(range(STEPS))
    for what, (same, apart, floor) in found["single"].items():
        assert same or (framework == "jax" and apart <= noise.LIMIT * floor), what


@BOTH
@EVERY_TRAINING
def test_what_is_kept_of_every_step_is_in_the_states(seen, framework, name):
    kept = seen(framework, name, "float64")["run"]["rows"]
    assert kept == {leaf: [True] * STEPS for leaf in recorded(name)}


@EVERY_SIDE
def test_nothing_depends_on_what_is_kept_from_before(ask, framework, precision):
    """A worker that has dropped its programs gives the same bits as before."""
    first, again = ask(forgetful, framework, "line_linear", precision)
    assert first.keys() == again.keys()
    assert all(same_bits(first[leaf], again[leaf]) for leaf in first)


# ----------------------------------------------------------------------- the verbs

VERBS = {
    "start": ["precision", "device"],
    "on_compile": ["heard"],
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
    "operations": ["subject", "state", "batch"],
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
def test_nothing_computes_in_less_than_float64(seen, framework, name):
    found = seen(framework, name, "float64")["narrow"]
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
