"""The PyTorch side of a pair with models that are built in less common ways."""

from collections import OrderedDict
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations, rnn
from torch.utils.checkpoint import checkpoint

from torchnets.side import runtime
from torchnets.side.parts import Pull
from torchnets.side.trees import flatten, replaced


class Rotary(nn.Module):
    """A complex buffer."""

    def __init__(self):
        super().__init__()
        self.lin = nn.Linear(4, 4)
        self.register_buffer("turn", torch.polar(torch.ones(2), torch.arange(2.0) + 1))

    def forward(self, x):
        pairs = torch.view_as_complex(self.lin(x).view(-1, 2, 2))
        return torch.view_as_real(pairs * self.turn)


class Slope(nn.Module):
    """Takes a gradient itself, in its forward."""

    def __init__(self):
        super().__init__()
        self.lin = nn.Linear(4, 1)

    def forward(self, x):
        x = x.requires_grad_()
        y = torch.tanh(self.lin(x)).sum()
        return torch.autograd.grad(y, x, create_graph=True)[0]


class Packed(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(4, 3, 2, dropout=0.5, bidirectional=True)

    def forward(self, x):
        both = rnn.pack_padded_sequence(torch.stack([x, x], 1), [3, 2])
        return rnn.pad_packed_sequence(self.lstm(both)[0])[0]


class Again(nn.Module):
    """Its middle is computed a second time in the backward pass."""

    def __init__(self):
        super().__init__()
        self.lin, self.drop = nn.Linear(4, 4), nn.Dropout(0.5)

    def forward(self, x):
        return checkpoint(lambda h: self.drop(self.lin(h)), x, use_reentrant=False)


class Keeps(nn.Module):
    """A buffer that is not saved and changes at every call."""

    def __init__(self):
        super().__init__()
        self.lin = nn.Linear(4, 2)
        self.register_buffer("sum", torch.zeros(2), persistent=False)

    def forward(self, x):
        self.sum += self.lin(x).detach().sum(0)
        return self.lin(x) + self.sum


def normed():
    return parametrizations.weight_norm(nn.Linear(4, 3))


MODELS = {
    "rotary": Rotary,
    "slope": Slope,
    "packed": Packed,
    "checkpoint": Again,
    "keeps": Keeps,
    "gru": lambda: nn.GRU(4, 3, bidirectional=True),
    "cell": lambda: nn.LSTMCell(4, 3),
    "weight norm": normed,
    "spectral norm": lambda: parametrizations.spectral_norm(nn.Linear(4, 3)),
    "average": lambda: nn.BatchNorm1d(4, momentum=None),
    "decoder": lambda: Decoder(),
}


class Decoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.TransformerDecoderLayer(4, 2, 8, dropout=0.3, batch_first=True)

    def forward(self, x):
        mask = nn.Transformer.generate_square_subsequent_mask(len(x))
        return self.layer(x[None], x[None], tgt_mask=mask, tgt_is_causal=True)


def total(outputs):
    return sum(one.square().sum() for one in flatten(outputs).values())


@pytest.mark.parametrize("precision", ["float64", "float32"])
@pytest.mark.parametrize("name", MODELS)
def test_it_computes_in_the_runs_precision_and_gives_the_same_bits_again(
    name, precision
):
    arrays = {"0": np.random.default_rng(2).normal(size=(3, 4)).astype(precision)}
    common = {"train": True, "pull": Pull(total)}
    with runtime.session("float32"):
        subject = runtime.open_model(MODELS[name]())
    with runtime.session(precision):
        state = {k: v.astype(precision) for k, v in runtime.state(subject).items()}
        one, other = (
            runtime.evaluate(subject, state, arrays, **common) for _ in range(2)
        )
        calls = runtime.record(subject, state, arrays, **common)
    assert one.loss == other.loss
    assert {value.dtype for value in one.outputs.values()} == {np.dtype(precision)}
    assert one.parameters.keys() | one.buffers.keys() == state.keys()
    for path, value in one.parameters.items():
        np.testing.assert_array_equal(value, other.parameters[path])
    assert one.unused == ()
    outputs = list(one.outputs.values())
    for ours, theirs in zip(calls[-1].outputs, outputs, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_a_recurrent_layer_is_its_formula():
    """LSTM of PyTorch's documentation: gates i, f, g, o."""

    def sigmoid(x):
        return 1 / (1 + np.exp(-x))

    subject = runtime.open_model(nn.LSTM(4, 3))
    rows = np.random.default_rng(3).normal(size=(5, 2, 4))
    with runtime.session("float64"):
        state = {k: v.astype(np.float64) for k, v in runtime.state(subject).items()}
        found = runtime.evaluate(subject, state, {"0": rows}, train=True, pull=Pull())
    h = c = np.zeros((2, 3))
    for row in rows:
        gates = row @ state["weight_ih_l0"].T + state["bias_ih_l0"]
        gates = gates + h @ state["weight_hh_l0"].T + state["bias_hh_l0"]
        i, f, g, o = np.split(gates, 4, 1)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
    np.testing.assert_allclose(found.outputs["1.0"][0], h, rtol=1e-13)


def test_dropout_is_off_in_what_is_computed_again_too():
    """∂ Σ y²/∂W = 2 yᵀ x for y = x Wᵀ + b."""
    subject = runtime.open_model(Again())
    arrays = {"0": np.random.default_rng(4).normal(size=(6, 4))}
    with runtime.session("float64"):
        state = {k: v.astype(np.float64) for k, v in runtime.state(subject).items()}
        found = runtime.evaluate(subject, state, arrays, train=True, pull=Pull(total))
    outputs = arrays["0"] @ state["lin.weight"].T + state["lin.bias"]
    np.testing.assert_allclose(
        found.parameters["lin.weight"], 2 * outputs.T @ arrays["0"], rtol=1e-13
    )


def test_masks_that_are_needed_again_in_the_backward_pass_are_refused():
    subject = runtime.open_model(Again())
    pull = Pull(total, draw=lambda number, shape: np.full(shape, number / 4))
    arrays = {"0": np.ones((3, 4), np.float32)}
    with pytest.raises(RuntimeError, match="switch checkpointing off, or dropout"):
        state = runtime.state(subject)
        runtime.evaluate(subject, state, arrays, train=True, pull=pull)


def test_a_layers_type_stays_under_a_parametrization():
    found = runtime.modules(runtime.open_model(normed()))
    assert found[0].type == "Linear"


# -------------------------------------------------------------------- nested outputs


@dataclass
class ModelOutput(OrderedDict):
    """As Hugging Face's: a dataclass that is a dict of what is not None."""

    logits: Any = None
    loss: Any = None
    hidden: Any = None

    def __post_init__(self):
        for one in fields(self):
            if getattr(self, one.name) is not None:
                self[one.name] = getattr(self, one.name)


def test_a_dataclass_that_is_a_dict_is_named_by_field_and_put_back_whole():
    output = ModelOutput(torch.ones(2), hidden=(torch.zeros(1), torch.arange(2)))
    assert list(flatten(output)) == ["logits", "hidden.0", "hidden.1"]
    made = replaced(output, lambda tensor: tensor + 1)
    assert type(made) is ModelOutput
    assert made.loss is None
    for value in (made.logits, made["logits"]):
        torch.testing.assert_close(value, torch.full((2,), 2.0), rtol=0, atol=0)
    assert made["hidden"][0].item() == made.hidden[0].item() == 1
    assert output.logits.tolist() == [1, 1]
    assert replaced(output, lambda tensor: tensor) is output


@pytest.mark.parametrize(
    "value",
    [
        torch.ones(3, 2).max(0),
        [torch.ones(2), {"a": (torch.ones(1),)}],
        rnn.pack_padded_sequence(torch.ones(3, 2, 1), [3, 2]),
        OrderedDict(b=torch.ones(1), a=None),
    ],
    ids=["return type", "list", "packed", "dict"],
)
def test_a_structure_put_back_has_its_type_and_new_numbers(value):
    made = replaced(value, lambda tensor: tensor * 3)
    assert type(made) is type(value)
    before, after = flatten(value), flatten(made)
    assert before.keys() == after.keys()
    for name, old in before.items():
        factor = 3 if old.is_floating_point() else 1
        torch.testing.assert_close(after[name], old * factor, rtol=0, atol=0)
