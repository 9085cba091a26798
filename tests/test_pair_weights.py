"""Which weight is which: names, types, order, shapes, wishes; and what is refused."""

from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from compare.pair.weights.find import find
from compare.pair.weights.linked import Unmapped
from compare.pair.weights.map import WeightMap
from compare.pair.weights.parts import Leaf
from compare.pair.weights.proof import prove
from torchnets.side import runtime as torch_side

Tree = Mapping[str, tuple[int, ...]]


def mapped(model: nn.Module, tree: Tree, **wishes: Any) -> WeightMap:
    """The map of a PyTorch model and a tree of arrays by path."""
    subject = torch_side.open_model(model)
    leaves = [
        Leaf(path, shape, "float32", "parameter", "", "", path.split("/")[-1])
        for path, shape in tree.items()
    ]
    mine, modules = torch_side.leaves(subject), torch_side.modules(subject)
    return find(mine, modules, leaves, [], **wishes)


def partners(found: WeightMap) -> dict[str, str]:
    return {row["torch"]: row["jax"] for row in found.table()}


def mlp(*sizes: int) -> nn.Sequential:
    """Linears with functions in between."""
    layers: list[nn.Module] = []
    for before, after in pairwise(sizes):
        layers += [nn.Linear(before, after), nn.ReLU()]
    return nn.Sequential(*layers)


def dense(*sizes: int, layer: str, weight: str = "kernel", bias: str = "bias") -> Tree:
    tree = {}
    for i, pair in enumerate(pairwise(sizes)):
        tree[f"{layer.format(i)}{weight.format(i)}"] = pair
        tree[f"{layer.format(i)}{bias.format(i)}"] = pair[1:]
    return tree


SQUARE, ODD = (4, 4, 4, 4), (3, 5, 4, 2)
TREES: dict[str, tuple[tuple[int, ...], Tree]] = {
    "a list of layers": (SQUARE, dense(*SQUARE, layer="layers/{}/")),
    "Linen's Sequential": (SQUARE, dense(*SQUARE, layer="layers_{}/")),
    "Linen's own names": (SQUARE, dense(*SQUARE, layer="Dense_{}/")),
    "other names": (ODD, dense(*ODD, layer="part{}/")),
    "pairs in a list": (SQUARE, dense(*SQUARE, layer="{}/", weight="0", bias="1")),
    "pairs in a list by shape": (ODD, dense(*ODD, layer="{}/", weight="0", bias="1")),
    "w and b": (SQUARE, dense(*SQUARE, layer="layer{}/", weight="w", bias="b")),
    "w0, b0, w1": (SQUARE, dense(*SQUARE, layer="", weight="w{}", bias="b{}")),
    "Haiku": (SQUARE, dense(*SQUARE, layer="mlp/~/linear_{}/", weight="w", bias="b")),
}


@pytest.mark.parametrize("name", TREES)
def test_layers_in_a_row_find_each_other(name: str) -> None:
    sizes, tree = TREES[name]
    found = mapped(mlp(*sizes), dict(sorted(tree.items())))
    names = list(tree)
    assert partners(found) == {
        f"{2 * i}.{leaf}": names[2 * i + j]
        for i in range(3)
        for j, leaf in enumerate(("weight", "bias"))
    }
    assert prove(found, _state(found)) == []


def _state(found: WeightMap) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(2)
    shapes = found.torch_shapes.items()
    return {path: rng.standard_normal(shape) for path, shape in shapes}


def test_the_tenth_layer_comes_after_the_ninth() -> None:
    sizes = (4,) * 12
    tree = dense(*sizes, layer="Dense_{}/")
    found = partners(mapped(mlp(*sizes), dict(sorted(tree.items()))))
    assert found["4.weight"] == "Dense_2/kernel"
    assert found["20.weight"] == "Dense_10/kernel"


class Gated(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.gate_proj, self.up_proj = nn.Linear(4, 6), nn.Linear(4, 6)
        self.down_proj = nn.Linear(6, 4)


def test_words_count_before_order() -> None:
    tree = {f"mlp/{name}/kernel": (4, 6) for name in ("up", "gate")}
    tree |= {f"mlp/{name}/bias": (6,) for name in ("up", "gate")}
    tree |= {"mlp/down/kernel": (6, 4), "mlp/down/bias": (4,)}
    found = partners(mapped(Gated(), tree))
    assert found["gate_proj.weight"] == "mlp/gate/kernel"
    assert found["up_proj.weight"] == "mlp/up/kernel"


def test_an_equinox_like_tree_keeps_pytorchs_layout() -> None:
    model = nn.Sequential(nn.Conv2d(2, 6, (3, 5), groups=2), nn.Linear(3, 4))
    tree = {
        "layers/0/weight": (6, 1, 3, 5),
        "layers/0/bias": (6, 1, 1),
        "layers/1/weight": (4, 3),
        "layers/1/bias": (4,),
    }
    found = mapped(model, tree)
    words = {row["jax"]: row["transform"] for row in found.table()}
    assert words["layers/0/weight"] == words["layers/1/weight"] == "as it is"
    assert words["layers/0/bias"] == "as (6, 1, 1)"
    assert found.open == () and prove(found, _state(found)) == []


def test_a_patch_embedding_may_be_a_linear_layer_in_jax() -> None:
    tree = {"patches/kernel": (3 * 2 * 4, 5), "patches/bias": (5,)}
    model = nn.ModuleDict({"patches": nn.Conv2d(4, 5, (3, 2))})
    found = mapped(model, tree)
    assert prove(found, _state(found)) == []


class Conv1D(nn.Module):
    """transformers' Linear of GPT-2, whose weight is (in, out)."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(nn.Linear(4, 4).weight.detach())
        self.bias = nn.Parameter(nn.Linear(4, 4).bias.detach())


def test_the_conv1d_of_transformers_is_not_transposed() -> None:
    tree = {"fc/kernel": (4, 4), "fc/bias": (4,)}
    found = mapped(nn.ModuleDict({"fc": Conv1D()}), tree)
    assert {row["transform"] for row in found.table()} == {"as it is"}
    assert [choice.torch for choice in found.open] == ["fc.weight"]


class Tied(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding, self.head = nn.Embedding(7, 4), nn.Linear(4, 7, bias=False)
        self.head.weight = self.embedding.weight


def test_a_tied_weight_is_mapped_once() -> None:
    found = mapped(Tied(), {"embed/embedding": (7, 4)})
    assert partners(found) == {"embedding.weight": "embed/embedding"}


def test_weights_tied_on_one_side_alone_are_refused() -> None:
    with pytest.raises(Unmapped, match=r"head/kernel \(4, 7\).*has no partner"):
        mapped(Tied(), {"embedding/embedding": (7, 4), "head/kernel": (4, 7)})


class Masked(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(3, 2)
        self.register_buffer("table", torch.arange(6.0))


def test_a_constant_buffer_without_a_partner_stays() -> None:
    tree = {"fc/kernel": (3, 2), "fc/bias": (2,)}
    found = mapped(Masked(), tree)
    state = _state(found)
    assert found.kept_torch == ("table",) and "table" in "".join(found.notes)
    assert "table" not in found.to_torch(found.to_jax(state))
    assert prove(found, state) == []


def test_running_statistics_without_a_partner_are_refused() -> None:
    with pytest.raises(Unmapped, match=r"running_mean"):
        mapped(
            nn.ModuleDict({"n": nn.BatchNorm1d(3)}), {"n/scale": (3,), "n/bias": (3,)}
        )


TWINS = {
    f"{name}/{leaf}": (4, 4)[: 2 - i]
    for name in ("one", "two")
    for i, leaf in enumerate(("kernel", "bias"))
}


def test_what_could_be_either_is_refused_with_its_candidates() -> None:
    with pytest.raises(Unmapped) as caught:
        mapped(mlp(4, 4, 4), TWINS)
    text = str(caught.value)
    assert "PyTorch: 0.weight (4, 4)" in text and "could be any of" in text
    assert "one/kernel (4, 4)" in text and "two/kernel (4, 4)" in text
    assert "rename=" in text and "no overlap" not in text


@pytest.mark.parametrize(
    "rename",
    [
        {"0": "two"},
        {"0": "two", "2": "one"},
        {"0.weight": "two/kernel", "0.bias": "two/bias"},
        {"0.*": "two/*"},
    ],
)
def test_a_rename_settles_it(rename: dict[str, str]) -> None:
    found = mapped(mlp(4, 4, 4), TWINS, rename=rename)
    assert partners(found)["0.weight"] == "two/kernel"
    assert partners(found)["2.bias"] == "one/bias"
    assert prove(found, _state(found)) == []


class Stack(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.h = nn.ModuleList(
            [nn.ModuleDict({"a": nn.Linear(4, 4)}) for _ in range(3)]
        )


def test_a_rename_with_stars() -> None:
    tree = {
        f"stack_{i}/z/{n}": s
        for i in (2, 0, 1)
        for n, s in (("kernel", (4, 4)), ("bias", (4,)))
    }
    found = mapped(Stack(), tree, rename={"h.*.a": "stack_*/z"})
    assert partners(found)["h.2.a.weight"] == "stack_2/z/kernel"


def test_a_leaf_that_has_no_partner_by_wish() -> None:
    tree = dense(4, 3, layer="0/")
    found = mapped(mlp(4, 3, 5), tree, rename={"2": None})
    assert found.kept_torch == ("2.weight", "2.bias")


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "a rename that meets nothing": ({"rename": {"3": "one"}}, "'3' meets no"),
    "one that leads nowhere": ({"rename": {"0": "three"}}, "0.weight"),
    "more stars than there are": ({"rename": {"0": "*/x"}}, "more \\*"),
    "None that meets nothing": ({"rename": {"nine": None}}, "meets no leaf"),
    "a transform that meets nothing": ({"transform": {"q": np.copy}}, "meets no leaf"),
    "one that computes": (
        {"rename": {"0": "one"}, "transform": {"0.weight": lambda x: x + 1}},
        "must only rearrange",
    ),
    "one that makes another shape": (
        {"rename": {"0": "one"}, "transform": {"0.weight": np.ravel}},
        r"makes \(16,\)",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_wishes_that_cannot_be(name: str) -> None:
    wishes, message = REFUSED[name]
    with pytest.raises(ValueError, match=message):
        mapped(mlp(4, 4, 4), TWINS, **wishes)


@pytest.mark.parametrize("path", ["0.weight", "one/kernel"])
def test_a_transform_replaces_the_arrangement(path: str) -> None:
    turned = mapped(
        mlp(4, 4, 4),
        TWINS,
        rename={"0": "one"},
        transform={path: lambda x: x.T[::-1]},
    )
    state = _state(turned)
    got = turned.to_jax(state)["one/kernel"]
    np.testing.assert_array_equal(got, state["0.weight"].T[::-1])
    assert prove(turned, state) == []


def test_a_shape_that_cannot_be_mapped_is_named_with_what_was_tried() -> None:
    with pytest.raises(Unmapped) as caught:
        mapped(mlp(4, 3), {"0/kernel": (4, 5), "0/bias": (3,)})
    (problem, *_) = [line for line in caught.value.problems if "PyTorch" in line]
    assert "0.weight (3, 4) of Linear" in problem and "0/kernel (4, 5)" in problem
    assert "transposed" in problem


def test_a_missing_bias_is_named() -> None:
    with pytest.raises(
        Unmapped, match=r"PyTorch: 0.bias \(3,\) of Linear has no partner"
    ):
        mapped(mlp(4, 3), {"0/kernel": (4, 3)})


@pytest.mark.parametrize("tree", [{}, {"a": (17,), "b": (2, 19)}])
def test_no_overlap(tree: Tree) -> None:
    with pytest.raises(Unmapped, match="no overlap of parameters"):
        mapped(mlp(4, 3), tree)


def test_two_models_without_weights_have_an_empty_map() -> None:
    assert mapped(nn.ReLU(), {}).entries == ()


def test_nothing_is_copied_that_need_not_be() -> None:
    found = mapped(mlp(4, 3), dense(4, 3, layer="0/"))
    state = _state(found)
    there = found.to_jax(state)
    back = found.to_torch(there)
    assert all(np.shares_memory(back[path], state[path]) for path in state)


def test_a_state_that_lacks_a_leaf_is_refused() -> None:
    found = mapped(mlp(4, 3), dense(4, 3, layer="0/"))
    with pytest.raises(KeyError, match=r"0\.bias"):
        found.to_jax({"0.weight": np.zeros((3, 4))})
    with pytest.raises(KeyError, match="0/kernel"):
        found.to_torch({"0/bias": np.zeros(3)})


def test_values_of_some_leaves_have_their_labels() -> None:
    found = mapped(mlp(4, 3), dense(4, 3, layer="0/"))
    value = np.arange(12.0).reshape(3, 4)
    laid = found.canonical("torch", {"0.weight": value})
    np.testing.assert_array_equal(laid["0.weight"], value.T)
    same = found.canonical("jax", {"0/kernel": value.T})
    np.testing.assert_array_equal(same["0.weight"], value.T)
    with pytest.raises(KeyError, match="no leaf nine"):
        found.canonical("torch", {"nine": value})
    with pytest.raises(ValueError, match="side"):
        found.canonical("numpy", {})


def test_the_proof_sees_what_is_wrong() -> None:
    found = mapped(mlp(4, 3), dense(4, 3, layer="0/"))
    state, (first, *rest) = _state(found), found.entries
    lost = replace(found, entries=tuple(rest))
    assert any(
        "12 of 12 elements are not mapped" in line for line in prove(lost, state)
    )
    twice = replace(found, entries=(first, *found.entries))
    assert any("12 more than once" in line for line in prove(twice, state))
    unmoved = replace(found, entries=(replace(first, moves=()), *rest))
    assert any("JAX has (4, 3)" in line for line in prove(unmoved, state))
