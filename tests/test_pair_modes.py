"""Train mode: where a side does not know it, has other masks, or keeps statistics."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import torch
from flax import linen, nnx
from torch import Tensor, nn

from compare import compare_pair

OPTIMIZERS = (lambda p: torch.optim.Adam(p, 0.01), optax.adam(0.01))
WIDTH = 4
ROWS = np.random.default_rng(20).standard_normal((5, WIDTH))


@pytest.fixture(autouse=True)
def seeded():
    """PyTorch's layers draw their weights."""
    torch.manual_seed(0)


def values(model: nn.Module) -> dict[str, Any]:
    """Its parameters and buffers as a pytree, nested by layer."""
    tree: dict[str, Any] = {}
    for path, value in model.state_dict().items():
        layer, _, name = path.rpartition(".")
        if value.is_floating_point():
            tree.setdefault(layer, {})[name] = jnp.asarray(value.numpy())
    return tree


class Normed(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(WIDTH, 3)
        self.bn = nn.BatchNorm1d(3)

    def forward(self, x: Tensor) -> Tensor:
        return self.bn(self.linear(x))


def normed(params: Any, x: jax.Array, train: bool = False) -> jax.Array:
    """What `Normed` computes; its statistics stay as they are."""
    h = x @ params["linear"]["weight"].T + params["linear"]["bias"]
    bn = params["bn"]
    mean, variance = bn["running_mean"], bn["running_var"]
    if train:
        mean, variance = h.mean(0), h.var(0)
    normal = (h - mean) / jnp.sqrt(variance + 1e-5)
    return normal * bn["weight"] + bn["bias"]


class Dropped(nn.Module):
    """A linear layer and dropout, `count` times."""

    def __init__(self, count: int = 1, rate: float = 0.5) -> None:
        super().__init__()
        self.linear = nn.Linear(WIDTH, 3)
        self.dropout = nn.Dropout(rate)
        self.count = count

    def forward(self, x: Tensor) -> Tensor:
        h = self.linear(x)
        for _ in range(self.count):
            h = self.dropout(h)
        return h


class NnxDropped(nnx.Module):
    def __init__(self, rngs: nnx.Rngs) -> None:
        self.linear = nnx.Linear(WIDTH, 3, rngs=rngs)
        self.dropout = nnx.Dropout(0.5, rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        return self.dropout(self.linear(x))


def linear(params: Any, x: jax.Array) -> jax.Array:
    return x @ params["linear"]["weight"].T + params["linear"]["bias"]


def buffers(report: Any) -> list[str]:
    """Of which buffers there is a row."""
    return [row.leaf for row in report.example.checks if row.quantity == "buffer"]


@pytest.mark.parametrize("optimizers", [None, OPTIMIZERS], ids=["alone", "adam"])
def test_statistics_of_a_plain_function_are_no_parameters(optimizers):
    model = Normed()
    pair = model, (normed, values(model)), ROWS
    report = compare_pair(*pair, optimizers=optimizers, steps=2)
    assert report.passed, str(report)
    assert report.example.facts["mode"] == ["eval", "train"]
    assert buffers(report) == []
    for name in ("mean", "var"):
        said = f"JAX's function does not return what `bn/running_{name}` becomes"
        assert sum(one.startswith(said) for one in report.warnings) == 1


def test_statistics_of_a_plain_function_move_where_dropout_is_off():
    def function(params, x, deterministic=True):
        return normed(params, x, train=not deterministic)

    model = Normed()
    report = compare_pair(model, (function, values(model)), ROWS, dropout="off")
    assert report.passed, str(report)
    assert report.example.facts["mode"] == ["eval", "train"]


@pytest.mark.parametrize("optimizers", [None, OPTIMIZERS], ids=["alone", "adam"])
@pytest.mark.parametrize("kind", ["dropout", "statistics"])
def test_a_function_that_knows_no_mode_is_compared_in_eval_mode(kind, optimizers):
    model = Dropped() if kind == "dropout" else Normed()
    function = linear if kind == "dropout" else lambda p, x: normed(p, x)
    pair = model, (function, values(model)), ROWS
    report = compare_pair(*pair, optimizers=optimizers, steps=2)
    assert report.passed, str(report)
    assert report.example.facts["mode"] == ["eval"]
    assert sum("not told whether it trains" in one for one in report.warnings) == 1
    stepped = {row.step for row in report.example.checks if row.phase == "update"}
    assert stepped == ({0, 1} if optimizers else set())


class Skips(Dropped):
    """In training a layer is left out now and then, by numbers of its own."""

    def forward(self, x):
        if self.training and torch.rand([]) < 0.5:
            return x
        return super().forward(x)


def test_a_model_that_draws_numbers_in_training_is_compared_in_eval_mode():
    model = Skips()
    report = compare_pair(model, (linear, values(model)), ROWS)
    assert report.passed, str(report)
    assert report.example.facts["mode"] == ["eval"]

    def knows(params, x, train=False):
        return linear(params, x)

    report = compare_pair(model, (knows, values(model)), ROWS)
    assert report.verdict == "crashed"
    assert "it draws random numbers (rand)" in str(report)


def test_dropout_of_rate_zero_needs_no_mode():
    model = Dropped(rate=0.0)
    report = compare_pair(model, (linear, values(model)), ROWS)
    assert report.passed, str(report)
    assert report.example.facts["mode"] == ["train"]


@pytest.mark.parametrize("fixed", [True, False])
def test_linen_without_a_mode_argument_knows_none_but_what_is_set(fixed):
    from jaxnets.side import runtime

    class Fixed(linen.Module):
        @linen.compact
        def __call__(self, x: jax.Array) -> jax.Array:
            return linen.Dropout(0.5, deterministic=fixed)(x)

    module = Fixed()
    x = ROWS.astype(np.float32)
    subject = runtime.open_model((module, {"params": {}}))
    assert runtime.modal(runtime.meet(subject, {"0": x})) is not fixed


@pytest.mark.parametrize("framework", ["jax", "torch"])
def test_functions_know_the_mode_by_their_arguments(framework):
    if framework == "jax":
        from jaxnets.side import runtime
    else:
        from torchnets.side import runtime

    def told(x, deterministic=True):
        return x

    def untold(x, rate=0.5):
        return x

    assert runtime.modal(runtime.open_model(told))
    assert not runtime.modal(runtime.open_model(untold))


@pytest.mark.parametrize(("count", "told"), [(1, []), (2, ["2 times", "once"])])
def test_masks_that_cannot_be_the_same_are_told(count, told):
    report = compare_pair(Dropped(count), NnxDropped(nnx.Rngs(0)), ROWS)
    said = [one for one in report.warnings if "drops out" in one]
    assert report.passed is not bool(told)
    assert len(said) == bool(told)
    for words in told:
        assert f"{words} with shapes ({len(ROWS)}, 3)" in said[0]


@pytest.mark.parametrize("rate", [0.0, 0.5])
def test_dropout_inside_of_fused_layers_is_told_to_be_off(rate):
    class Attends(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.heads = nn.MultiheadAttention(4, 2, rate, batch_first=True)

        def forward(self, x: Tensor) -> Tensor:
            return self.heads(x, x, x)[0]

    class NnxAttends(nnx.Module):
        def __init__(self, rngs: nnx.Rngs) -> None:
            self.heads = nnx.MultiHeadAttention(
                2, 4, dropout_rate=rate, decode=False, rngs=rngs
            )

        def __call__(self, x: jax.Array) -> jax.Array:
            return self.heads(x)

    x = np.random.default_rng(1).normal(size=(3, 9, 4))
    report = compare_pair(Attends(), NnxAttends(nnx.Rngs(0)), x)
    assert report.passed, str(report)
    said = [one for one in report.warnings if "dropout inside" in one]
    sides = [f"{side}: dropout inside of `heads` is off" for side in ("JAX", "PyTorch")]
    assert [one.partition(" while")[0] for one in said] == (sides if rate else [])
