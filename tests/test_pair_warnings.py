"""What a comparison of a user's pair cannot see, it says."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from torch import Tensor, nn

from compare import compare_pair
from compare.pair import adequacy
from compare.trace import Key, Trace

ROWS = np.random.default_rng(5).standard_normal((4, 3))
IDS = np.random.default_rng(4).integers(0, 7, (4, 9))


class Words(nn.Module):
    """A table of words that was trained before, and a head; another is for later."""

    def __init__(self, *, freeze: bool = True) -> None:
        super().__init__()
        table = torch.arange(28.0).view(7, 4).sin()
        self.words = nn.Embedding.from_pretrained(table, freeze=freeze)
        self.head = nn.Linear(4, 3)
        self.later = nn.Linear(4, 2)

    def forward(self, ids: Tensor) -> Tensor:
        return self.head(self.words(ids))


def words(leaves: dict[str, dict[str, jax.Array]], ids: jax.Array) -> jax.Array:
    """Its port, which says nothing of what is trained."""
    head = leaves["head"]
    return leaves["words"]["embedding"][ids] @ head["kernel"] + head["bias"]


LEAVES = {
    "words": {"embedding": np.zeros((7, 4))},
    "head": {"kernel": np.zeros((4, 3)), "bias": np.zeros(3)},
    "later": {"kernel": np.zeros((4, 2)), "bias": np.zeros(2)},
}


def test_a_frozen_parameter_is_compared_and_told():
    report = compare_pair(Words(), (words, LEAVES), IDS)
    assert report.passed, str(report)
    gradients = {row.leaf for row in report.rows if row.phase == "gradients"}
    assert "words.weight" in gradients
    told = (
        "PyTorch: 1 frozen parameters (words.weight) are compared as if they were "
        "trained"
    )
    assert told in report.warnings
    report = compare_pair(Words(freeze=False), (words, LEAVES), IDS)
    assert not any("frozen" in one for one in report.warnings)


def test_what_these_inputs_do_not_reach_is_told_as_not_checked():
    report = compare_pair(Words(), (words, LEAVES), IDS)
    (told,) = [one for one in report.warnings if "reached" in one]
    assert told == (
        "not reached by these inputs, so not checked: later.weight, later.bias"
    )


class Positions(nn.Module):
    """A table of angles made in float32, saved or not."""

    def __init__(self, *, persistent: bool) -> None:
        super().__init__()
        self.head = nn.Linear(3, 2)
        self.register_buffer("pe", torch.arange(3.0).cos(), persistent=persistent)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(x + self.pe)


def positions(turn: float, *, table: bool = False):
    """Its port: the table is made in the precision of the run, or is a leaf too."""
    made = jnp.cos(jnp.arange(3.0))
    leaves = {"head": {"kernel": jnp.zeros((3, 2)), "bias": jnp.zeros(2)}}

    def call(leaves, x):
        head = leaves["head"]
        pe = leaves["pe"] if table else jnp.cos(jnp.arange(3, dtype=x.dtype) + turn)
        return (x + pe) @ head["kernel"] + head["bias"]

    return call, leaves | ({"pe": made} if table else {})


@pytest.mark.parametrize("persistent", [True, False])
def test_a_table_that_only_one_side_keeps_in_float32_is_told(persistent):
    model = Positions(persistent=persistent)
    report = compare_pair(model, positions(0.0), ROWS)
    assert report.verdict == "precision", str(report)
    told = [(one["side"], one["where"]) for one in report.example.facts["spots"]]
    assert told == [("torch", "buffer pe")]
    wrong = compare_pair(model, positions(1e-4), ROWS)
    assert not wrong.passed


class Made(nn.Linear):
    """Makes the table of angles in the precision of the run."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x + torch.arange(3, dtype=x.dtype).cos())


def test_a_table_that_only_jax_keeps_in_float32_is_told():
    model, port = Made(3, 2), positions(0.0, table=True)
    report = compare_pair(model, port, ROWS, rename={"pe": None})
    assert report.verdict == "precision", str(report)
    told = [(one["side"], one["where"]) for one in report.example.facts["spots"]]
    assert told == [("jax", "buffer pe")]


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"jax": [0.0], "torch": [0.0]}, True),
        ({"jax": [0.0], "torch": [1e-30]}, False),
        ({"jax": [np.nan], "torch": [0.0]}, False),
    ],
)
def test_a_leaf_is_reached_if_one_side_has_a_gradient_of_it_at_any_step(values, told):
    sides = {
        (side, precision): Trace("pair", side, precision, 0, "run")
        for side in values
        for precision in ("float64", "float32")
    }
    for (side, precision), trace in sides.items():
        late = values[side] if precision == "float64" else [1.0]
        for step, value in (("train", [0.0]), (1, late)):
            key = Key("gradients", "gradient", "bias", step)
            trace.arrays[key] = np.array(value)
    assert bool([*adequacy.of_gradients(sides)]) == told
