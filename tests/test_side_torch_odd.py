"""The PyTorch side of a pair with models that are built in less common ways."""

import copy

import numpy as np
import pytest
import torch
from side_torch_models import Perceptron
from torch import nn
from torch.nn.utils import parametrizations, rnn
from torch.utils.checkpoint import checkpoint

from torchnets.side import runtime
from torchnets.side.parts import Pull
from torchnets.side.trees import flatten


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


# ---------------------------------------------------------------------- the same bits


class Relative(nn.Module):
    """A table of biases that is looked at so often that threads add to it at once."""

    def __init__(self):
        super().__init__()
        self.bias = nn.Parameter(torch.randn(9, 16))
        self.register_buffer("place", torch.arange(60_000) % 9)

    def forward(self, x):
        return (self.bias[self.place] * x).sum(0)


def test_a_table_that_many_threads_add_to_has_the_same_gradient_each_time():
    threads = torch.get_num_threads()
    torch.set_num_threads(4)
    x = np.random.default_rng(2).normal(size=(60_000, 16)).astype(np.float32)
    pull = Pull(lambda outputs: outputs.square().sum())
    try:
        with runtime.session("float32"):
            subject = runtime.open_model(Relative())
            state = runtime.state(subject)
            first, *others = (
                runtime.evaluate(subject, state, {"0": x}, train=True, pull=pull)
                for _ in range(6)
            )
    finally:
        torch.set_num_threads(threads)
    for other in others:
        np.testing.assert_array_equal(
            other.parameters["bias"], first.parameters["bias"]
        )


def test_what_has_no_way_to_repeat_itself_does_not_warn():
    """Warnings are errors here; the caller never asked for the same bits."""

    def unpooled(x):
        pooled, places = nn.functional.max_pool1d(x, 2, return_indices=True)
        return nn.functional.max_unpool1d(pooled, places, 2)

    x = np.arange(8.0).reshape(1, 2, 4)
    with runtime.session("float64"):
        subject = runtime.open_model(unpooled)
        found = runtime.evaluate(subject, {}, {"0": x}, train=True, pull=Pull())
    assert found.outputs[""].sum() == 1 + 3 + 5 + 7


# --------------------------------------------------------------- what cannot be copied


def test_a_model_that_cannot_be_copied_as_it_is_can_be_opened():
    """A non-leaf tensor as an attribute, which `deepcopy` refuses."""
    model = Perceptron()
    model.kept = model.first.weight * 2
    with pytest.raises(RuntimeError, match="deepcopy"):
        copy.deepcopy(model)
    assert "first.weight" in runtime.state(runtime.open_model(model))


class Hoards(nn.Linear):
    """Keeps what it has made, as attention maps are kept for a look at them."""

    def __init__(self, kept):
        super().__init__(2, 2)
        self.seen = [kept]


@pytest.mark.parametrize(
    ("kept", "says"),
    [
        (torch.ones(2, requires_grad=True) * 2, r"Only Tensors created .*\.detach\(\)"),
        ((one for one in ()), r"Hoards cannot be copied: cannot pickle .*leave out"),
    ],
    ids=["tensor", "no data"],
)
def test_a_model_that_cannot_be_copied_is_told_why(kept, says):
    with pytest.raises(TypeError, match=f"the PyTorch model: .*{says}"):
        runtime.open_model(Hoards(kept))
