"""The PyTorch side of a pair: what is opened, what it is made of, what is refused."""

import random
import warnings

import numpy as np
import pytest
import torch
from side_torch_models import MODELS, Frozen, Perceptron, build, inputs
from torch import nn
from torch.utils import deterministic

from torchnets.side import runtime
from torchnets.side.parts import Pull


class Flax:
    """Looks like a model of another world."""

    __module__ = "flax.nnx.module"


class Rounder(nn.Linear):
    """A layer of one's own, made from one of torch's."""


def leaf(model: nn.Module, path: str):
    found = {one.path: one for one in runtime.leaves(runtime.open_model(model))}
    return found[path]


def held(model: nn.Module, *, own_function: bool = False):
    return lambda x: model(x)


# ----------------------------------------------------------------- what it is made of


def test_leaves_are_in_the_order_of_definition_with_buffers_and_counters():
    found = runtime.leaves(runtime.open_model(build("residual")))
    assert [(one.path, one.kind) for one in found] == [
        ("stem.weight", "parameter"),
        ("norm.weight", "parameter"),
        ("norm.bias", "parameter"),
        ("norm.running_mean", "buffer"),
        ("norm.running_var", "buffer"),
        ("norm.num_batches_tracked", "counter"),
        ("block.weight", "parameter"),
        ("block.bias", "parameter"),
        ("head.weight", "parameter"),
        ("head.bias", "parameter"),
    ]
    assert found[0] == (
        "stem.weight", (4, 3, 3, 3), "float32", "parameter", "stem", "Conv2d", "weight",
    )  # fmt: skip


@pytest.mark.parametrize("name", MODELS)
def test_a_state_holds_what_is_no_counter(name):
    subject = runtime.open_model(build(name))
    expected = {one.path for one in runtime.leaves(subject) if one.kind != "counter"}
    assert runtime.state(subject).keys() == expected
    assert expected


def test_a_shared_parameter_is_one_leaf():
    paths = [one.path for one in runtime.leaves(runtime.open_model(build("twice")))]
    assert paths == ["embed.weight", "out.bias"]


def test_a_subclass_of_a_layer_has_the_layers_type_and_other_classes_their_own():
    model = nn.Sequential(Rounder(2, 2), Perceptron())
    subject = runtime.open_model(model)
    types = {one.path: one.type for one in runtime.modules(subject)}
    assert [types[path] for path in ("", "0", "1", "1.norm")] == [
        "Sequential", "Linear", "Perceptron", "LayerNorm",
    ]  # fmt: skip
    assert leaf(model, "0.weight").layer_type == "Linear"


def test_settings_are_the_plain_attributes():
    subject = runtime.open_model(build("encoder"))
    found = {one.path: one.settings for one in runtime.modules(subject)}
    assert found["layers.layers.0.norm1"] == {
        "normalized_shape": (4,), "eps": 1e-5, "elementwise_affine": True,
    }  # fmt: skip
    assert found["layers.layers.1"]["activation"] == "relu"
    assert found["layers.layers.1.self_attn"]["num_heads"] == 2


def test_buffers_that_are_not_saved_or_no_numbers_are_counters():
    model = nn.Module()
    model.register_buffer("table", torch.ones(2), persistent=False)
    model.register_buffer("mask", torch.ones(2, dtype=torch.bool))
    model.register_buffer("mean", torch.ones(2))
    kinds = {one.name: one.kind for one in runtime.leaves(runtime.open_model(model))}
    assert kinds == {"table": "counter", "mask": "counter", "mean": "buffer"}


@pytest.mark.parametrize(
    ("dtype", "told", "given"),
    [
        (torch.float64, "float64", np.float64),
        (torch.float32, "float32", np.float32),
        (torch.bfloat16, "bfloat16", np.float32),
        (torch.float16, "float16", np.float32),
    ],
)
def test_a_model_keeps_its_values_and_tells_its_precision(dtype, told, given):
    model = build("perceptron", dtype)
    subject = runtime.open_model(model)
    state = runtime.state(subject)
    assert {one.dtype for one in runtime.leaves(subject)} == {told}
    assert {value.dtype for value in state.values()} == {np.dtype(given)}
    theirs = model.first.weight.detach().double()
    np.testing.assert_array_equal(state["first.weight"], theirs)


def test_a_function_has_no_leaves_and_no_modules():
    subject = runtime.open_model(torch.tanh)
    assert (runtime.leaves(subject), runtime.modules(subject)) == ([], [])
    assert runtime.state(subject) == {}


# ------------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("model", "says"),
    [
        (Perceptron, r"got the class Perceptron; hand over an instance, Perceptron\("),
        (Flax(), "Flax is a JAX model, on the side of PyTorch"),
        (3, "expected an nn.Module or a function of tensors, got int"),
        (torch.compile(nn.Linear(2, 2), backend="eager"), "_orig_mod"),
        (nn.DataParallel(nn.Linear(2, 2)), r"hand over the nn.Module inside"),
        (nn.LazyLinear(3), "weight has no shape yet; run the model once"),
        (nn.Linear(2, 2, device="meta"), "weight is on the meta device"),
        (nn.ParameterList([torch.ones(2, dtype=torch.complex64)]), "complex64"),
        (held(nn.Linear(2, 2)), "uses the module 'model'"),
        (nn.Linear(2, 2).forward, "uses the module 'Linear'"),
    ],
    ids=lambda value: None if isinstance(value, str) else type(value).__name__,
)
def test_what_is_refused_is_told_what_to_hand_over(model, says):
    with pytest.raises(TypeError, match=says):
        runtime.open_model(model)


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
def test_torchscript_is_refused():
    scripted = torch.jit.trace(nn.Linear(2, 2), torch.ones(1, 2))
    with pytest.raises(TypeError, match="TorchScript"):
        runtime.open_model(scripted)


@pytest.mark.parametrize(
    ("change", "error", "says"),
    [
        (lambda s: s.pop("last.weight"), KeyError, "last.weight"),
        (lambda s: s.update(more=np.ones(2)), KeyError, "more"),
        (lambda s: s.update({"norm.bias": np.ones(2)}), ValueError, r"\(6,\), got"),
    ],
)
def test_a_state_that_does_not_fit_is_an_error_naming_the_leaf(change, error, says):
    subject = runtime.open_model(build("perceptron"))
    state = runtime.state(subject)
    change(state)
    with pytest.raises(error, match=says):
        runtime.evaluate(
            subject, state, inputs("perceptron", "float32"), train=False, pull=Pull()
        )


# ------------------------------------------------ the caller's world, as it was before


class Bursts(Perceptron):
    def forward(self, x):
        self.norm(self.first(x))
        raise ArithmeticError("on purpose")


def world() -> dict:
    """All that numbers depend on, but for what the tests' type checks draw from."""
    products = torch.backends.mkldnn.matmul, torch.backends.cuda.matmul
    return {
        "dtype": torch.get_default_dtype(),
        "gradients": torch.is_grad_enabled(),
        "anomalies": torch.is_anomaly_enabled(),
        "autocast": torch.is_autocast_enabled("cpu"),
        "products": [product.fp32_precision for product in products],
        "precision": torch.get_float32_matmul_precision(),
        "fused": torch.backends.mha.get_fastpath_enabled(),
        "TF32": torch.backends.cudnn.allow_tf32,
        "repeats": torch.get_deterministic_debug_mode(),
        "fills": deterministic.fill_uninitialized_memory,
        "silent": list(warnings.filters),
        "torch's": torch.rand(2).tolist(),
        "NumPy's": np.random.rand(),  # noqa: NPY002
    }


def seeded():
    """Random numbers from one state on, now and when it is called."""

    def start() -> None:
        torch.manual_seed(3)
        np.random.seed(3)  # noqa: NPY002
        random.seed(3)

    start()
    return start


def model_of(model: nn.Module) -> list:
    return [
        [
            (name, one.detach().clone().tolist(), one.dtype, one.requires_grad)
            for name, one in model.named_parameters()
        ],
        [one.grad.tolist() for one in model.parameters() if one.grad is not None],
        [(name, one.tolist()) for name, one in model.named_buffers()],
        [(one.training, sorted(vars(one))) for one in model.modules()],
        [
            (len(one._forward_hooks), len(one._forward_pre_hooks))
            for one in model.modules()
        ],
    ]


def everything(model: nn.Module, precision: str, arrays: dict) -> None:
    """Every verb that runs the model."""
    subject = runtime.open_model(model)
    pull = Pull(loss=lambda outputs: outputs.square().sum())
    with runtime.session(precision):
        assert torch.get_default_dtype() == getattr(torch, precision)
        assert torch.is_grad_enabled()
        state = {k: v.astype(precision) for k, v in runtime.state(subject).items()}
        common = {"train": True, "pull": pull}
        runtime.evaluate(subject, state, arrays, **common)
        calls = runtime.record(subject, state, arrays, **common)
        given = {(call.path, call.number): (None, call.outputs) for call in calls}
        runtime.forced(subject, state, arrays, **common, given=given)
        runtime.watched(subject, state, arrays, **common)
        runtime.low_precision(subject, state, arrays, **common)


@pytest.mark.parametrize("precision", ["float32", "float64"])
@pytest.mark.parametrize("kind", [Perceptron, Frozen, Bursts])
def test_the_callers_model_and_world_are_found_as_they_were_left(kind, precision):
    model = kind().eval()
    model.first = getattr(model, "first", nn.Linear(2, 2)).train()
    model.register_forward_hook(lambda module, given, made: made)
    for parameter in model.parameters():
        parameter.grad = torch.ones_like(parameter)
    arrays = {"0": np.ones((4, 3 if kind is Frozen else 5), precision)}
    torch.set_float32_matmul_precision("medium")
    torch.set_deterministic_debug_mode("error")
    try:
        with torch.no_grad(), torch.autocast("cpu"):
            start = seeded()
            before = world(), model_of(model)
            start()
            try:
                everything(model, precision, arrays)
            except ArithmeticError:
                assert kind is Bursts
            else:
                assert kind is not Bursts
            assert (world(), model_of(model)) == before
    finally:
        torch.set_float32_matmul_precision("highest")
        torch.set_deterministic_debug_mode("default")


@pytest.mark.parametrize("verb", ["evaluate", "record", "low_precision", "watched"])
def test_a_copy_that_burst_has_no_hooks_left(verb):
    subject = runtime.open_model(Bursts())
    arrays, state = inputs("perceptron", "float32"), runtime.state(subject)
    before = model_of(subject.module)
    with pytest.raises(ArithmeticError, match="on purpose"):
        getattr(runtime, verb)(subject, state, arrays, train=True, pull=Pull())
    assert model_of(subject.module) == before


def test_a_session_ends_after_an_error():
    start = seeded()
    before = world(), random.random()
    start()
    with pytest.raises(ZeroDivisionError), runtime.session("float64"):
        torch.rand(3), np.random.rand(), random.random()  # noqa: NPY002
        raise ZeroDivisionError
    assert (world(), random.random()) == before


def test_describe_tells_the_version():
    assert runtime.describe() == {"version": torch.__version__, "device": "cpu"}
