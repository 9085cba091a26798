"""Where a user's own pair differs, why, and how it is told."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import torch
from flax import nnx
from pair_models import (
    ROWS,
    WISHED,
    Blocks,
    NnxBlocks,
    NnxPerceptron,
    Perceptron,
    drawn,
    failing,
    linears,
    named,
    normed,
    plus,
    seeded,
)
from support import python, twinnets
from torch import Tensor, nn

from compare import compare_pair, result
from compare.noise import LIMIT
from compare.pair import entry


@pytest.fixture(scope="module")
def mistakes() -> Any:
    """A norm with Flax's own eps, and a GELU by tanh behind it."""
    return compare_pair(seeded(Perceptron), NnxPerceptron(1e-6, nnx.gelu), ROWS)


def test_two_mistakes_in_two_layers_are_both_named(mistakes):
    assert named(mistakes) == [("norm", "eps of a norm"), ("", "GELU")]
    first, second = mistakes.causes
    assert "eps 1e-06 (it has 1e-05)" in first["says"]
    assert "gelu is the tanh approximation (it is exact)" in second["says"]
    for cause in mistakes.causes:
        assert cause["after"] <= 32 < cause["before"]
    blamed = mistakes.example.facts["blamed"]
    assert (blamed["layer"], blamed["jax"]) == ("norm", "norm")
    verdicts = {row["torch"]: row["verdict"] for row in mistakes.layers}
    assert verdicts["one"] == "rounding"
    assert verdicts["norm"] == "semantic"


def test_everything_that_fails_is_listed_once_and_the_worst_first(mistakes):
    told = mistakes.failures
    scores = [row.score for row in told]
    assert scores == sorted(scores, reverse=True)
    # All but the gradient of the last bias, which is that of the output.
    assert failing(mistakes) == {
        ("outputs", ""),
        ("loss", ""),
        ("gradients", "0"),
        ("gradients", "one.weight"),
        ("gradients", "one.bias"),
        ("gradients", "norm.weight"),
        ("gradients", "norm.bias"),
        ("gradients", "two.weight"),
    }
    assert len(told) == 8


def test_the_report_is_a_short_text_that_begins_with_where_and_why(mistakes):
    lines = str(mistakes).splitlines()
    assert lines[0].startswith("pair: semantic, 8 of ")
    assert lines[1] == "the first to differ is `norm`: the layer itself"
    assert lines[2].startswith("likely cause: norm: matches if PyTorch's layer_norm")
    assert lines[3].startswith("likely cause: matches if PyTorch's gelu")
    assert lines[5].split()[:3] == ["phase", "quantity", "leaf"]
    assert len(lines) == 4 + 2 + 8 + len(mistakes.example.facts["notes"])
    assert max(map(len, lines[4:-1])) <= 100


def test_it_is_kept_as_a_run_that_the_report_command_shows(mistakes, tmp_path):
    mistakes.write(tmp_path)
    run = result.read(tmp_path / "run.json")
    assert run.examples == [mistakes.example]
    assert run.seed == mistakes.seed
    page = tmp_path / "report.md"
    done = twinnets("report", str(tmp_path), "--markdown", str(page))
    assert done.returncode == 0, done.stderr
    assert "eps 1e-06 (it has 1e-05)" in page.read_text(encoding="utf-8")


def test_the_smallest_layer_that_differs_runs_on_its_own(mistakes, tmp_path):
    mistakes.write_repro(tmp_path / "repro.py")
    done = python(str(tmp_path / "repro.py"))
    assert (done.returncode, done.stderr) == (1, "")
    assert "they differ" in done.stdout
    assert "LayerNorm" in (tmp_path / "repro.py").read_text(encoding="utf-8")


def test_without_a_layer_that_differs_there_is_no_repro(tmp_path):
    with pytest.raises(ValueError, match="write_repro: expected a pair with a layer"):
        linears().write_repro(tmp_path / "repro.py")
    assert not any(tmp_path.iterdir())


# ---------------------------------------------------------------------- further places


def test_a_block_that_is_called_twice_is_one_place():
    report = compare_pair(seeded(Blocks), NnxBlocks(1e-4), ROWS)
    assert named(report) == [("block.norm", "eps of a norm")]
    assert "in all its 2 calls" in report.causes[0]["says"]
    calls = [(row["torch"], row["call"]) for row in report.layers]
    assert ("block.norm", 0) in calls
    assert ("block.norm", 1) in calls


def test_another_activation_between_layers():
    report = compare_pair(seeded(Perceptron), NnxPerceptron(1e-5, nnx.relu), ROWS)
    assert named(report) == [("", "activation")]
    where = report.example.facts["blamed"]["where"]
    assert where == "what it does before `two`"
    assert "relu in the place of gelu" in str(report)


class Branches(nn.Module):
    """A layer beside a shortcut."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.side = nn.Linear(3, 5), nn.Linear(5, 5)
        self.last = nn.Linear(5, 2)

    def forward(self, x: Tensor) -> Tensor:
        h = self.first(x)
        return self.last(h + torch.tanh(self.side(h)))


class NnxBranches(nnx.Module):
    """Its port, through whose layer no gradient flows."""

    def __init__(self) -> None:
        rngs = nnx.Rngs(0)
        self.first, self.side = (nnx.Linear(n, 5, rngs=rngs) for n in (3, 5))
        self.last = nnx.Linear(5, 2, rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        h = self.first(x)
        return self.last(h + jax.lax.stop_gradient(jnp.tanh(self.side(h))))


def test_a_gradient_that_is_cut_off_is_a_fault_of_the_backward_pass():
    report = compare_pair(seeded(Branches), NnxBranches(), ROWS)
    assert {row.phase for row in report.failures} == {"gradients"}
    where = report.example.facts["blamed"]["where"]
    assert where == "the backward pass of what it does behind `side`"
    assert [name for _, name in named(report)] == ["no gradient"]
    cotangents = {one["torch"]: one for one in report.layers}
    assert cotangents["side"]["gradient_score"] > LIMIT
    assert cotangents["side"]["verdict"] == "semantic"
    assert cotangents["last"]["gradient_score"] <= LIMIT
    assert cotangents["last"]["own_score"] is None


class Gate(nn.Module):
    """A layer with code of its own behind a norm."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(5, 5)

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.sigmoid(self.linear(x))


class Gated(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.norm = nn.Linear(3, 5), nn.LayerNorm(5)
        self.gate, self.last = Gate(), nn.Linear(5, 2)

    def forward(self, x: Tensor) -> Tensor:
        h = self.first(x)
        return self.last(h + self.gate(self.norm(h)))


class NnxGate(nnx.Module):
    """No gradient flows through what is gated."""

    def __init__(self, rngs: nnx.Rngs) -> None:
        self.linear = nnx.Linear(5, 5, rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        return jax.lax.stop_gradient(x) * nnx.sigmoid(self.linear(x))


class NnxGated(nnx.Module):
    def __init__(self) -> None:
        rngs = nnx.Rngs(0)
        self.first = nnx.Linear(3, 5, rngs=rngs)
        self.norm = nnx.LayerNorm(5, epsilon=1e-5, rngs=rngs)
        self.gate, self.last = NnxGate(rngs), nnx.Linear(5, 2, rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        h = self.first(x)
        return self.last(h + self.gate(self.norm(h)))


def test_the_layer_whose_own_code_has_another_backward_pass():
    report = compare_pair(seeded(Gated), NnxGated(), ROWS)
    assert {row.phase for row in report.failures} == {"gradients"}
    blamed = report.example.facts["blamed"]
    assert (blamed["layer"], blamed["jax"]) == ("gate", "gate")
    assert blamed["where"] == "its backward pass, to what `norm` gives"


class Words(nn.Module):
    """Row 0 of the embedding stands for padding, and is not trained."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(7, 4, padding_idx=0)
        self.head = nn.Linear(4, 3)

    def forward(self, ids: Tensor) -> Tensor:
        return self.head(self.words(ids))


class NnxWords(nnx.Module):
    """All in float32, in the float64 run too."""

    def __init__(self) -> None:
        rngs = nnx.Rngs(0)
        self.words = nnx.Embed(7, 4, dtype=jnp.float32, rngs=rngs)
        self.head = nnx.Linear(4, 3, dtype=jnp.float32, rngs=rngs)

    def __call__(self, ids: jax.Array) -> jax.Array:
        return self.head(self.words(ids))


def test_what_float32_explains_is_not_where_the_backward_pass_goes_wrong():
    ids = np.array([[0, 3, 5], [6, 0, 2]])
    report = compare_pair(seeded(Words), NnxWords(), ids)
    assert {row.leaf for row in report.failures} == {"words.weight"}
    assert named(report) == [("words", "padding index")]
    verdicts = {one["torch"]: one["verdict"] for one in report.layers}
    assert verdicts["words"] == "precision"
    assert "semantic" not in verdicts.values()


def test_a_search_that_fails_takes_no_row_along(monkeypatch):
    def fails(*_: Any) -> Any:
        raise KeyError("layer")

    pair = seeded(Branches), NnxBranches(), ROWS
    whole = compare_pair(*pair)
    for name in ("hidden", "causes"):
        monkeypatch.setattr(entry, name, fails)
    report = compare_pair(*pair)
    assert report.rows == whole.rows
    assert [said.split(":")[0] for said in report.warnings[-2:]] == [
        "layers could not be judged each alone",
        "where and why could not be found out",
    ]
    assert report.causes == report.layers == []


def squared(reduce: Any) -> Any:
    return lambda outputs, wished: reduce((outputs - wished) ** 2)


def test_a_sum_for_a_mean_is_a_fault_of_the_loss():
    losses = (squared(torch.mean), squared(jnp.sum))
    report = linears(loss=losses, targets=(WISHED,))
    assert report.example.facts["blamed"]["layer"] == "the loss"
    assert named(report) == [("the loss", "factor")]
    # As many as the outputs: 4 rows of 2.
    assert "multiplied by 8" in str(report)
    assert ("outputs", "") not in failing(report)
    assert {("loss", ""), ("gradients", "layer.weight")} <= failing(report)


def test_a_fault_of_an_optimizer_shows_in_its_steps_alone():
    adams = (lambda p: torch.optim.Adam(p, 1e-3), optax.adam(1e-3, eps=1e-3))
    report = linears(optimizers=adams, steps=2)
    assert report.example.facts["blamed"]["layer"] == "the optimizer"
    assert named(report) == [("the optimizer", "eps of the optimizer")]
    assert {row.phase for row in report.failures} == {"update"}
    wrong = [row for row in report.example.checks if row.verdict == "semantic"]
    quantities = {row.quantity for row in wrong if row.phase == "state"}
    assert quantities == {"parameter"}  # which the failures do not tell again


# --------------------------------------------------------------------- batch statistics


def test_running_statistics_that_move_otherwise():
    report = normed(dropout="off", momentum=0.1)
    leaves = {"norm.running_mean", "norm.running_var"}
    assert failing(report) == {("state", leaf) for leaf in leaves}
    assert named(report) == [("norm", "momentum")]
    assert report.example.facts["blamed"]["where"] == "its running statistics"


def test_a_gradient_that_vanishes_is_no_fault_unless_it_should_not_be_there():
    honest = normed(dropout="off", rate=0.6)
    assert honest.passed, str(honest)
    (row,) = [
        row
        for row in honest.example.checks
        if (row.leaf, row.step, row.phase) == ("one.bias", "train", "gradients")
        and row.precision == "float64"
    ]
    # Zero in exact arithmetic: batch norm takes the bias away again.
    assert row.verdict == "rounding"
    wrong = normed(dropout="off", add=plus)
    assert failing(wrong) == {("gradients", "one.bias")}
    steps = {
        row.step
        for row in wrong.example.checks
        if row.leaf == "one.bias" and row.verdict == "semantic"
    }
    assert steps == {"eval", "train"}


def test_a_function_whose_layers_cannot_be_told_apart_has_a_cause_all_the_same():
    kernel = drawn(3, 5)

    def model(x: Tensor) -> Tensor:
        return nn.functional.gelu(x @ torch.from_numpy(kernel).to(x)).sum(1)

    def port(x: jax.Array) -> jax.Array:
        return nnx.gelu(x @ kernel).sum(1)

    report = compare_pair(model, port, ROWS)
    assert [name for _, name in named(report)] == ["GELU"]
    assert "its outputs; no layer is on both sides" in str(report)
