"""The PyTorch side of a pair, layer by layer: recorded, and given other inputs."""

import numpy as np
import pytest
import torch
from side_torch_models import MODELS, Perceptron, build, inputs
from torch import nn
from torch.nn import functional

from torchnets.side import runtime
from torchnets.side.parts import Pull

EVERY = pytest.mark.parametrize("name", MODELS)


def arranged(model: nn.Module):
    subject = runtime.open_model(model)
    state = {k: v.astype(np.float64) for k, v in runtime.state(subject).items()}
    return subject, state


def at(name: str):
    return *arranged(build(name)), inputs(name)


def waves(subject, state, arrays, *, train: bool) -> Pull:
    """Cotangents that differ from element to element."""
    found = runtime.evaluate(subject, state, arrays, train=train, pull=Pull())
    return Pull(
        cotangents={
            name: np.cos(np.arange(value.size)).reshape(value.shape)
            for name, value in found.outputs.items()
            if value.dtype == np.float64
        }
    )


def by_key(calls: list) -> dict:
    return {(call.path, call.number): call for call in calls}


def given(calls: list) -> dict:
    return {key: (call.inputs, call.outputs) for key, call in by_key(calls).items()}


# --------------------------------------------------------------------------- recorded


@pytest.mark.parametrize("train", [True, False], ids=["train", "eval"])
@EVERY
def test_hooks_change_no_bit_of_what_is_computed(name, train):
    """The root's outputs are the model's, and gradients of leaves follow from calls."""
    with runtime.session("float64"):
        subject, state, arrays = at(name)
        pull = waves(subject, state, arrays, train=train)
        common = {"train": train, "pull": pull}
        plain = runtime.evaluate(subject, state, arrays, **common)
        calls = runtime.record(subject, state, arrays, **common)
        again = runtime.evaluate(subject, state, arrays, **common)
    root = calls[-1]
    assert (root.path, root.number) == ("", 0)
    floats = [v for v in plain.outputs.values() if v.dtype == np.float64]
    for ours, theirs in zip(root.outputs, floats, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    for call in calls:
        assert len(call.cotangents) == len(call.outputs)
    for path, value in plain.parameters.items():
        np.testing.assert_array_equal(value, again.parameters[path])


@EVERY
def test_the_gradient_of_a_linear_layer_is_what_its_calls_say(name):
    """∂L/∂W = Σ over calls of cotangentᵀ · input, for every layer with a weight."""
    with runtime.session("float64"):
        subject, state, arrays = at(name)
        common = {"train": True, "pull": waves(subject, state, arrays, train=True)}
        plain = runtime.evaluate(subject, state, arrays, **common)
        calls = runtime.record(subject, state, arrays, **common)
    linear = [call for call in calls if call.type == "Linear"]
    sums: dict[str, np.ndarray] = {}
    for call in linear:
        path = f"{call.path}.weight".replace("out.weight", "embed.weight")
        rows = call.inputs[0].reshape(-1, call.inputs[0].shape[-1])
        pulled = call.cotangents[0].reshape(-1, call.cotangents[0].shape[-1])
        sums[path] = sums.get(path, 0) + pulled.T @ rows
    for path, value in sums.items():
        if path in plain.unused:
            continue
        np.testing.assert_allclose(
            value, plain.parameters[path], rtol=1e-12, atol=1e-13, err_msg=path
        )
    assert linear or name in {"recurrent", "attention"}


def test_calls_are_in_the_order_in_which_they_end_and_numbered():
    with runtime.session("float64"):
        calls = runtime.record(*at("twice"), train=True, pull=Pull())
    assert [(call.path, call.number, call.type) for call in calls] == [
        ("embed", 0, "Linear"),
        ("embed", 1, "Linear"),
        ("out", 0, "Linear"),
        ("", 0, "Twice"),
    ]
    assert [call.cotangents for call in calls] == [()] * 4


def test_what_is_changed_in_place_afterwards_is_recorded_as_it_was():
    """ReLU in place after a norm: the norm's outputs have negative numbers."""
    with runtime.session("float64"):
        subject, state, arrays = at("perceptron")
        pull = waves(subject, state, arrays, train=True)
        found = by_key(runtime.record(subject, state, arrays, train=True, pull=pull))
    norm, act = found["norm", 0], found["act", 0]
    assert (norm.outputs[0] < 0).any()
    np.testing.assert_array_equal(act.inputs[0], norm.outputs[0])
    np.testing.assert_array_equal(act.outputs[0], np.maximum(norm.outputs[0], 0))
    np.testing.assert_array_equal(
        norm.cotangents[0], act.cotangents[0] * (norm.outputs[0] > 0)
    )


def test_a_module_that_hands_on_its_input_has_a_cotangent_of_its_own():
    """h goes through `keep` and past it: only what went through is told of it."""

    class Both(nn.Module):
        def __init__(self):
            super().__init__()
            self.one, self.keep = nn.Linear(3, 3), nn.Identity()

        def forward(self, x):
            h = self.one(x)
            return 2 * self.keep(h) + 3 * h

    with runtime.session("float64"):
        pull = Pull(cotangents={"": np.ones((2, 3))})
        subject, state = arranged(Both())
        arrays = {"0": np.ones((2, 3))}
        found = by_key(runtime.record(subject, state, arrays, train=True, pull=pull))
    np.testing.assert_array_equal(found["keep", 0].cotangents[0], np.full((2, 3), 2))
    np.testing.assert_array_equal(found["one", 0].cotangents[0], np.full((2, 3), 5))


def test_an_output_that_a_layer_outside_uses_too_has_a_cotangent_for_each_call():
    """The model gives h, as its layer does: only the layer's is used by `last`."""

    class Both(nn.Module):
        def __init__(self):
            super().__init__()
            self.one, self.last = nn.Linear(3, 3), nn.Linear(3, 2)

        def forward(self, x):
            h = self.one(x)
            return h, self.last(h)

    ones = {"0": np.ones((2, 3)), "1": np.ones((2, 2))}
    with runtime.session("float64"):
        subject, state = arranged(Both())
        pull, arrays = Pull(cotangents=ones), {"0": np.ones((2, 3))}
        found = by_key(runtime.record(subject, state, arrays, train=True, pull=pull))
    np.testing.assert_array_equal(found["", 0].cotangents[0], ones["0"])
    np.testing.assert_array_equal(found["", 0].cotangents[1], ones["1"])
    np.testing.assert_allclose(
        found["one", 0].cotangents[0],
        ones["0"] + ones["1"] @ state["last.weight"],
        rtol=1e-15,
    )


def test_inputs_are_all_floats_in_order_and_what_nothing_depends_on_has_none():
    with runtime.session("float64"):
        pull = Pull(cotangents={"hidden": np.ones((2, 4, 4))})
        calls = runtime.record(*at("recurrent"), train=False, pull=pull)
        attention = runtime.record(*at("attention"), train=False, pull=Pull())
    lstm = calls[0]
    assert [one.shape for one in lstm.outputs] == [(2, 4, 4), (2, 2, 4), (2, 2, 4)]
    assert [one is None for one in lstm.cotangents] == [False, True, True]
    assert [one.shape for one in attention[0].inputs] == [(2, 4, 4)] * 3


@pytest.mark.parametrize("train", [True, False], ids=["train", "eval"])
def test_no_fused_path_hides_the_layers_of_an_encoder(train):
    with runtime.session("float32"):
        subject = runtime.open_model(build("encoder"))
        state, arrays = runtime.state(subject), inputs("encoder", "float32")
        with torch.no_grad():
            calls = runtime.record(subject, state, arrays, train=train, pull=Pull())
    assert sum(call.type == "LayerNorm" for call in calls) == 4
    assert sum(call.type == "MultiheadAttention" for call in calls) == 2


# ----------------------------------------------------------------------------- forced


@EVERY
def test_on_its_own_inputs_every_call_gives_its_own_outputs(name):
    """Given what it has recorded itself, a side makes the same bits again."""
    with runtime.session("float64"):
        subject, state, arrays = at(name)
        common = {"train": False, "pull": Pull()}
        calls = runtime.record(subject, state, arrays, **common)
        again = runtime.forced(subject, state, arrays, **common, given=given(calls))
    assert [call[:3] for call in again] == [call[:3] for call in calls]
    for ours, theirs in zip(again, calls, strict=True):
        for one, other in zip(
            ours.inputs + ours.outputs, theirs.inputs + theirs.outputs, strict=True
        ):
            np.testing.assert_array_equal(one, other)


class Planted(Perceptron):
    """Another eps than the perceptron's."""

    def __init__(self) -> None:
        super().__init__()
        self.norm.eps = 1e-2


def test_a_wrong_eps_shows_in_its_own_layer_alone():
    with runtime.session("float64"):
        subject, state, arrays = at("perceptron")
        common = {"train": False, "pull": Pull()}
        right = runtime.record(subject, state, arrays, **common)
        wrong, _ = arranged(Planted())
        free = by_key(runtime.record(wrong, state, arrays, **common))
        alone = by_key(
            runtime.forced(wrong, state, arrays, **common, given=given(right))
        )

    def differ(calls: dict) -> list[str]:
        return [
            call.path
            for call in right
            if np.abs(calls[call.path, 0].outputs[0] - call.outputs[0]).max() > 1e-12
        ]

    assert differ(free) == ["norm", "act", "last", ""]
    assert differ(alone) == ["norm"]


def test_arriving_inputs_are_recorded_and_given_ones_are_used():
    with runtime.session("float64"):
        subject, state, arrays = at("perceptron")
        rows = np.full((4, 6), 0.5)
        others = {
            ("act", 0): ((-rows,), (rows,)),
            ("last", 0): (None, (np.ones((4, 3)),)),
        }
        common = {"train": False, "pull": Pull(), "given": others}
        calls = by_key(runtime.forced(subject, state, arrays, **common))
    np.testing.assert_array_equal(
        calls["act", 0].inputs[0], calls["norm", 0].outputs[0]
    )
    np.testing.assert_array_equal(calls["act", 0].outputs[0], np.zeros((4, 6)))
    np.testing.assert_array_equal(calls["last", 0].inputs[0], rows)
    np.testing.assert_allclose(
        calls["last", 0].outputs[0], rows @ state["last.weight"].T, rtol=1e-15
    )
    np.testing.assert_array_equal(calls["", 0].outputs[0], np.ones((4, 3)))


@pytest.mark.parametrize(
    ("arrays", "says"),
    [
        ((None, (np.ones((4, 3)),) * 2), "given outputs of call 0 of last: expected"),
        (((np.ones((3, 6)),), (np.ones((4, 3)),)), r"given inputs .* \[\(3, 6\)\]"),
    ],
)
def test_arrays_that_do_not_fit_are_an_error_naming_the_call(arrays, says):
    with runtime.session("float64"), pytest.raises(ValueError, match=says):
        runtime.forced(
            *at("perceptron"), train=True, pull=Pull(), given={("last", 0): arrays}
        )


def test_a_rewritten_call_shows_in_forced_calls_too():
    def unscaled(name, arguments):
        return (name, arguments | {"eps": 1.0}) if name == "layer_norm" else None

    with runtime.session("float64"):
        subject, state, arrays = at("perceptron")
        common = {"train": False, "pull": Pull()}
        right = runtime.record(subject, state, arrays, **common)
        again = runtime.forced(
            subject, state, arrays, **common, given=given(right), rewrite=unscaled,
            scope="norm",
        )  # fmt: skip
    norm = by_key(again)["norm", 0]
    expected = functional.layer_norm(
        torch.tensor(norm.inputs[0]), (6,), torch.tensor(state["norm.weight"]),
        torch.tensor(state["norm.bias"]), 1.0,
    )  # fmt: skip
    np.testing.assert_array_equal(norm.outputs[0], expected)


def test_a_function_has_no_calls():
    subject = runtime.open_model(torch.tanh)
    arrays, pull = {"0": np.ones(3)}, Pull(cotangents={"": np.ones(3)})
    assert runtime.record(subject, {}, arrays, train=True, pull=pull) == []
