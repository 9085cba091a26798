"""The PyTorch side of a pair: outputs, loss, gradients, dropout, rewritten calls."""

import numpy as np
import pytest
import torch
from side_torch_models import MODELS, Nested, build, inputs
from torch import nn
from torch.nn import functional

from torchnets.side import runtime
from torchnets.side.parts import Pull

BOTH = pytest.mark.parametrize("precision", ["float64", "float32"])
EVERY = pytest.mark.parametrize("name", MODELS)
OFF = {nn.Dropout: "p", nn.Dropout1d: "p", nn.LSTM: "dropout"}


def at(name: str, precision: str = "float64"):
    subject = runtime.open_model(build(name))
    state = {k: v.astype(precision) for k, v in runtime.state(subject).items()}
    return subject, state, inputs(name, precision)


def total(outputs) -> torch.Tensor:
    return sum(one.square().sum() for one in tensors(outputs))


def tensors(value) -> list:
    if isinstance(value, torch.Tensor):
        return [value] if value.is_floating_point() else []
    entries = value.values() if isinstance(value, dict) else value
    entries = vars(value).values() if hasattr(value, "logits") else entries
    return [one for entry in entries or () for one in tensors(entry)]


def without_dropout(name: str, precision: str) -> nn.Module:
    """The user's own model, with every rate at 0."""
    model = build(name).to(getattr(torch, precision))
    for module in model.modules():
        if type(module) in OFF:
            setattr(module, OFF[type(module)], 0.0)
        if isinstance(module, nn.MultiheadAttention):
            module.dropout = 0.0
    return model


def directly(name: str, precision: str, train: bool):
    """Outputs, loss, gradients and buffers as one takes them oneself."""
    model = without_dropout(name, precision).train(train).requires_grad_(True)
    fed = {k: torch.tensor(v) for k, v in inputs(name, precision).items()}
    leaves = {k: v for k, v in fed.items() if v.is_floating_point()}
    for one in leaves.values():
        one.requires_grad_()
    own = {k: v.clone() for k, v in fed.items()}
    named = {k: own.pop(k) for k in list(own) if not k.isdigit()}
    if name == "noisy":
        outputs = model.one(*own.values())
    else:
        outputs = model(*own.values(), **named)
    loss = total(outputs)
    loss.backward()
    zero = {k: torch.zeros_like(v) for k, v in model.named_parameters()}
    gradients = {
        k: zero[k] if v.grad is None else v.grad for k, v in model.named_parameters()
    }
    grads = {k: v.grad for k, v in leaves.items()}
    return outputs, loss, gradients, grads, dict(model.named_buffers())


@pytest.mark.parametrize("train", [True, False], ids=["train", "eval"])
@BOTH
@EVERY
def test_everything_is_as_one_takes_it_oneself(name, precision, train):
    """The same bits: the same operations on the same numbers."""
    outputs, loss, gradients, of_inputs, buffers = directly(name, precision, train)
    with runtime.session(precision):
        found = runtime.evaluate(*at(name, precision), train=train, pull=Pull(total))
    assert found.loss.dtype == np.dtype(precision)
    assert found.loss.shape == ()
    np.testing.assert_array_equal(found.loss, loss.detach())
    made = [v for v in found.outputs.values() if v.dtype != bool]
    for ours, theirs in zip(made, tensors(outputs), strict=True):
        np.testing.assert_array_equal(ours, theirs.detach())
    assert found.parameters.keys() == gradients.keys()
    for path, theirs in gradients.items():
        np.testing.assert_array_equal(found.parameters[path], theirs)
    assert found.inputs.keys() == of_inputs.keys()
    for path, theirs in of_inputs.items():
        np.testing.assert_array_equal(found.inputs[path], theirs)
    for path, ours in found.buffers.items():
        np.testing.assert_array_equal(ours, buffers[path])
    assert ("norm.running_mean" in found.buffers) == (name == "residual")


@EVERY
def test_the_same_numbers_give_the_same_bits_whatever_came_between(name):
    with runtime.session("float64"):
        subject, state, arrays = at(name)
        other = {k: v + 0.1 for k, v in state.items()}
        pull = Pull(total)
        first, _, again = (
            runtime.evaluate(subject, one, arrays, train=True, pull=pull)
            for one in (state, other, state)
        )
    for part in ("outputs", "parameters", "inputs", "buffers"):
        for path, value in getattr(first, part).items():
            np.testing.assert_array_equal(value, getattr(again, part)[path])


@EVERY
def test_the_arguments_stay_as_they_are(name):
    with runtime.session("float64"):
        subject, state, arrays = at(name)
        kept = {k: v.copy() for k, v in [*state.items(), *arrays.items()]}
        found = runtime.evaluate(subject, state, arrays, train=True, pull=Pull(total))
        for value in found.parameters.values():
            value += 1  # what comes out is the caller's own
        again = runtime.evaluate(subject, state, arrays, train=True, pull=Pull(total))
    for name_, value in [*state.items(), *arrays.items()]:
        np.testing.assert_array_equal(value, kept[name_])
    for path, value in found.parameters.items():
        np.testing.assert_array_equal(value - 1, again.parameters[path] + 1 - 1)


def test_idle_parameters_have_zeros_and_are_listed():
    with runtime.session("float64"):
        found = runtime.evaluate(*at("frozen"), train=True, pull=Pull(total))
    assert found.unused == ("idle",)
    assert not found.parameters["idle"].any()
    assert found.parameters["trained.weight"].all()


def test_frozen_parameters_have_the_gradients_of_trained_ones_and_are_told():
    """Whether a parameter is trained is the optimizer's business in JAX."""
    model = build("frozen")
    subject, state, arrays = at("frozen")
    with runtime.session("float64"):
        found = runtime.evaluate(subject, state, arrays, train=True, pull=Pull(total))
        unfrozen = runtime.open_model(model.requires_grad_(True))
        expected = runtime.evaluate(
            unfrozen, state, arrays, train=True, pull=Pull(total)
        )
    assert found.parameters["frozen.weight"].all()
    for path, value in expected.parameters.items():
        np.testing.assert_array_equal(found.parameters[path], value)
    assert runtime.frozen(subject) == ["frozen.weight", "frozen.bias"]
    assert runtime.frozen(unfrozen) == []


def test_outputs_are_named_by_field_key_and_position():
    with runtime.session("float64"):
        found = runtime.evaluate(*at("nested"), train=True, pull=Pull())
    assert list(found.outputs) == [
        "logits", "hidden.0.left", "hidden.0.right.a", "hidden.1.0",
    ]  # fmt: skip
    assert found.outputs["hidden.1.0"].dtype == bool
    assert (found.loss, found.parameters, found.inputs) == (None, {}, {})


def test_cotangents_are_pulled_back_through_the_outputs_named():
    with runtime.session("float64"):
        subject, state, arrays = at("nested")
        weight = np.array([[1.0, -2.0], [0.5, 3.0]])
        pull = Pull(cotangents={"logits": weight, "hidden.0.right.a": weight})
        found = runtime.evaluate(subject, state, arrays, train=True, pull=pull)
    pulled = 3 * weight * arrays["scale"]  # logits, and twice logits
    np.testing.assert_allclose(
        found.parameters["one.weight"], pulled.T @ arrays["0"], rtol=1e-15, atol=1e-15
    )
    assert found.loss == pytest.approx((3 * weight * found.outputs["logits"]).sum())


def test_targets_reach_the_loss_as_tensors():
    labels = np.array([0, 1])
    with runtime.session("float64"):
        found = runtime.evaluate(
            *at("residual"), train=False, pull=Pull(functional.cross_entropy, (labels,))
        )
    logits = found.outputs[""]
    log = logits - np.log(np.exp(logits).sum(1, keepdims=True))
    assert found.loss == pytest.approx(-log[[0, 1], labels].mean(), rel=1e-14)


@pytest.mark.parametrize(
    ("loss", "error", "says"),
    [
        (lambda outputs: 1.0, TypeError, "got float"),
        (lambda outputs: outputs.argmax(), TypeError, "got torch.int64"),
        (lambda outputs: outputs, ValueError, r"got the shape \(4, 3\); take its sum"),
    ],
)
def test_a_loss_that_is_not_one_number_is_an_error(loss, error, says):
    with runtime.session("float64"), pytest.raises(error, match=says):
        runtime.evaluate(*at("perceptron"), train=True, pull=Pull(loss))


def test_a_loss_that_depends_on_nothing_leaves_all_unused():
    with runtime.session("float64"):
        found = runtime.evaluate(
            *at("perceptron"), train=True, pull=Pull(lambda outputs: torch.ones(1))
        )
    assert found.unused == (*found.parameters, "0")
    assert found.loss == 1


class Odd(Nested):
    def forward(self, x, *, scale):
        return {"fine": x, "cache": object()}


def test_an_output_that_holds_no_array_is_an_error_naming_it():
    subject = runtime.open_model(Odd())
    arrays = inputs("nested", "float32")
    with pytest.raises(TypeError, match="output 'cache': expected a tensor"):
        state = runtime.state(subject)
        runtime.evaluate(subject, state, arrays, train=True, pull=Pull())


def test_a_function_is_told_its_mode_by_name():
    def function(x, *, training, deterministic):
        return x * 2 if training and not deterministic else x * 3

    subject = runtime.open_model(function)
    for train, factor in ((True, 2), (False, 3)):
        pull = Pull(lambda outputs: outputs.sum())
        found = runtime.evaluate(subject, {}, {"0": np.ones(2)}, train=train, pull=pull)
        np.testing.assert_array_equal(found.inputs["0"], [factor, factor])


# ---------------------------------------------------------------------------- dropout


def test_dropout_keeps_where_the_uniforms_say_and_counts_what_drops():
    """keep = u < 1 − p, scaled by 1/(1 − p); a rate of 0 does not count."""
    asked = []

    def uniforms(number, shape):
        asked.append((number, shape))
        return np.random.default_rng(number).uniform(size=shape)

    subject, state, arrays = at("noisy")
    with runtime.session("float64"):
        found = runtime.evaluate(
            subject, state, arrays, train=True, pull=Pull(total, draw=uniforms)
        )
    assert asked == [(0, (2, 5, 4)), (1, (2, 5, 1)), (2, (2, 5, 4))]
    expected = arrays["0"] @ state["one.weight"].T + state["one.bias"]
    for (number, shape), rate in zip(asked[:], (0.25, 0.5, 0.5), strict=True):
        keep = np.random.default_rng(number).uniform(size=shape) < 1 - rate
        expected = expected * keep / (1 - rate)
    np.testing.assert_allclose(found.outputs[""], expected, rtol=1e-14, atol=0)
    assert (found.outputs[""] == 0).mean() > 0.4


def test_dropout_is_off_in_eval_mode_and_in_fused_functions():
    def never(number, shape):
        raise AssertionError("asked for a mask")

    with runtime.session("float64"):
        for name in ("recurrent", "attention"):
            subject, state, arrays = at(name)
            pulls = Pull(), Pull(draw=never)
            one, other = (
                runtime.evaluate(subject, state, arrays, train=True, pull=pull)
                for pull in pulls
            )
            for path, value in one.outputs.items():
                np.testing.assert_array_equal(value, other.outputs[path])
        runtime.evaluate(*at("noisy"), train=False, pull=Pull(draw=never))


@pytest.mark.parametrize(
    "call",
    [
        lambda x: functional.dropout(x, 0.5, inplace=True),
        lambda x: torch.dropout(x, 0.5, True),
        lambda x: torch.dropout_(x, p=0.5, train=True),
        lambda x: nn.Dropout(0.5, inplace=True)(x),
    ],
)
def test_every_way_to_call_dropout_is_seen(call):
    drops = Pull(draw=lambda number, shape: np.linspace(0, 0.99, np.prod(shape)))
    subject = runtime.open_model(call)
    arrays = {"0": np.ones(4)}
    for pull, expected in ((Pull(), [1, 1, 1, 1]), (drops, [2, 2, 0, 0])):
        found = runtime.evaluate(subject, {}, arrays, train=True, pull=pull)
        np.testing.assert_array_equal(found.outputs[""], expected)


def test_dropout_of_everything_is_zeros():
    pull = Pull(draw=lambda number, shape: np.zeros(shape))
    subject = runtime.open_model(nn.Dropout(1.0))
    found = runtime.evaluate(subject, {}, {"0": np.ones(4)}, train=True, pull=pull)
    np.testing.assert_array_equal(found.outputs[""], np.zeros(4))


# -------------------------------------------------------------------- rewritten calls


def exact(name, arguments):
    """A layer norm with another eps."""
    return (name, arguments | {"eps": 1.0}) if name == "layer_norm" else None


@pytest.mark.parametrize(
    ("scope", "changes"), [(None, True), ("norm", True), ("last", False)]
)
def test_calls_are_rewritten_in_their_scope_alone(scope, changes):
    subject, state, arrays = at("perceptron")
    with runtime.session("float64"):
        common = {"train": False, "pull": Pull(total)}
        plain = runtime.evaluate(subject, state, arrays, **common)
        other = runtime.evaluate(
            subject, state, arrays, **common, rewrite=exact, scope=scope
        )
        again = runtime.evaluate(subject, state, arrays, **common)
    assert (plain.loss != other.loss) == changes
    assert plain.loss == again.loss


def test_watched_tells_the_calls_of_a_scope():
    subject, state, arrays = at("perceptron")
    with runtime.session("float64"):
        common = {"train": False, "pull": Pull()}
        calls = runtime.watched(subject, state, arrays, **common, scope="norm")
        whole = runtime.watched(subject, state, arrays, **common, scope=None)
    assert [name for name, _ in calls] == ["layer_norm"]
    assert calls[0][1]["eps"] == 1e-6
    assert [name for name, _ in whole] == ["linear", "layer_norm", "relu", "linear"]


def test_a_scope_that_is_not_there_is_an_error():
    with pytest.raises(KeyError, match="no module is called 'nowhere'"):
        runtime.watched(
            *at("perceptron", "float32"), train=True, pull=Pull(), scope="nowhere"
        )
