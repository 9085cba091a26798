"""Calls of torch functions: one name, named arguments, made in another way."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from torchnets.side.calls import Rewriting, Watching, make

X = torch.linspace(-1, 1, 2 * 6 * 8).reshape(2, 6, 8)

ONE_NAME: list[tuple[Callable[[Tensor], object], str, dict[str, object]]] = [
    (functional.relu, "relu", {}),
    (torch.relu, "relu", {}),
    (Tensor.relu, "relu", {}),
    (lambda x: x.clone().relu_(), "relu", {}),
    (nn.GELU(), "gelu", {"approximate": "none"}),
    (lambda x: x.softmax(-1), "softmax", {"dim": -1}),
    (lambda x: torch.softmax(x, dim=1), "softmax", {"dim": 1}),
    (nn.Softmax(1), "softmax", {"dim": 1}),
    (nn.LayerNorm(8), "layer_norm", {"eps": 1e-5, "normalized_shape": (8,)}),
    (nn.BatchNorm1d(6), "batch_norm", {"momentum": 0.1, "training": True}),
    (lambda x: x + 1, "add", {"other": 1, "alpha": 1}),
    (lambda x: 1 + x, "add", {"other": 1}),
    (lambda x: 3 - x, "sub", {"input": 3}),
    (lambda x: 3 / x, "div", {"input": 3}),
    (lambda x: 2**x, "pow", {"input": 2}),
    (lambda x: x.var(1), "var", {"dim": 1, "correction": 1}),
    (lambda x: x.var(1, unbiased=False), "var", {"correction": 0}),
    (lambda x: x.std(1, False, True), "std", {"correction": 0, "keepdim": True}),
    (lambda x: x.std(False), "std", {"correction": 0, "dim": None}),
    (lambda x: x.mean(axis=1), "mean", {"dim": 1}),
    (lambda x: x.view(2, -1), "view", {"shape": (2, -1)}),
    (lambda x: x.reshape((2, 48)), "reshape", {"shape": (2, 48)}),
    (lambda x: x.permute(0, 2, 1), "permute", {"dims": (0, 2, 1)}),
    (lambda x: x @ x.mT, "matmul", {}),
    (lambda x: torch.bmm(x, x.mT), "matmul", {}),
    (lambda x: x[:, 0], "getitem", {"index": (slice(None), 0)}),
    (nn.LSTM(8, 4), "lstm", {"num_layers": 1, "batch_first": False}),
    (nn.GRU(8, 4), "gru", {"bidirectional": False}),
    (nn.AvgPool1d(2), "avg_pool1d", {"count_include_pad": True}),
    (nn.Conv1d(6, 4, 3), "conv1d", {"stride": (1,), "padding": (0,)}),
    (
        lambda x: functional.scaled_dot_product_attention(x, x, x, is_causal=True),
        "scaled_dot_product_attention",
        {"is_causal": True, "scale": None, "dropout_p": 0.0, "attn_mask": None},
    ),
]


@pytest.mark.parametrize(("call", "name", "arguments"), ONE_NAME)
def test_one_name(call, name: str, arguments: dict[str, object]) -> None:
    """However it is called, it is one call, and making it again is the same."""
    torch.manual_seed(0)
    with Watching() as watch:
        made = call(X)
    offered = [given for own, given in watch.calls if own == name]
    assert len(offered) == 1
    assert {key: offered[0][key] for key in arguments} == arguments
    with Rewriting(lambda name, arguments: (name, arguments)):
        again = call(X)
    pair = [one if isinstance(one, Tensor) else one[0] for one in (made, again)]
    assert torch.equal(*pair)


def test_inner_calls_are_not_offered() -> None:
    """An attention as a whole is one call."""
    layer = nn.MultiheadAttention(8, 2)
    with Watching() as watch:
        layer(X, X, X)
    assert [name for name, _ in watch.calls] == ["multi_head_attention_forward"]


def test_gradients_flow_through_what_is_made() -> None:
    """d tanh(x) in the place of d relu(x)."""
    leaf = X.clone().requires_grad_()

    def rewrite(name: str, arguments: dict) -> tuple[str, dict] | None:
        return ("tanh", {"input": arguments["input"]}) if name == "relu" else None

    with Rewriting(rewrite):
        functional.relu(leaf).sum().backward()
    torch.testing.assert_close(leaf.grad, 1 - X.tanh() ** 2)


def test_nothing_is_left() -> None:
    """After it is left, or an error inside, calls are made as they are."""
    with pytest.raises(ZeroDivisionError), Rewriting(lambda *call: 1 / 0):
        torch.relu(X)
    assert torch.equal(torch.relu(X), X.clamp(min=0))


def test_unknown() -> None:
    with pytest.raises(ValueError, match="no torch function is known as 'no_such'"):
        make("no_such", {"input": X})
    with pytest.raises(TypeError, match="slope"):
        make("relu", {"input": X, "slope": 1.0})


def test_biased_running_variance() -> None:
    """0.9 · 1 + 0.1 · Σ(x − x̄)²/n, where PyTorch divides by n − 1."""
    mean, variance = torch.zeros(6), torch.ones(6)
    make(
        "batch_norm_biased",
        {"input": X, "running_mean": mean, "running_var": variance, "training": True},
    )
    expected = 0.9 + 0.1 * X.var((0, 2), correction=0)
    torch.testing.assert_close(variance, expected)
