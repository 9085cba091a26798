"""What shapes leave open is settled by what the models do."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from compare.pair.weights.find import find
from compare.pair.weights.layers import Option
from compare.pair.weights.map import WeightMap
from compare.pair.weights.moves import Transposed
from compare.pair.weights.parts import Leaf, Module
from compare.pair.weights.probe import settle

State = dict[str, np.ndarray]
SIZE = 4


def net(layers: int, *, jax_type: str = "", name: str = "w") -> WeightMap:
    """Square layers, Linears on one side and arrays of a dict on the other."""
    shapes = {"weight": (SIZE, SIZE), "bias": (SIZE,)}
    torch = [
        Leaf(f"fc{i}.{n}", s, "float64", "parameter", f"fc{i}", "Linear", n)
        for i in range(layers)
        for n, s in shapes.items()
    ]
    own = {name: (SIZE, SIZE), "bias": (SIZE,)}
    jax = [
        Leaf(f"fc{i}/{n}", s, "float64", "parameter", f"fc{i}", jax_type, n)
        for i in range(layers)
        for n, s in own.items()
    ]
    return find(torch, [Module("", "Net")], jax, [])


def states(layers: int) -> State:
    rng = np.random.default_rng(7)
    return {
        path: rng.standard_normal(shape)
        for i in range(layers)
        for path, shape in {
            f"fc{i}.weight": (SIZE, SIZE),
            f"fc{i}.bias": (SIZE,),
        }.items()
    }


X = np.random.default_rng(1).standard_normal((3, SIZE))


def torch_outputs(state: State) -> State:
    x = X
    for i in range(len(state) // 2):
        x = np.tanh(x @ state[f"fc{i}.weight"].T + state[f"fc{i}.bias"])
    return {"": x}


def jax_outputs(
    kept: Callable[[int], bool], *, name: str = "w", factor: float = 1.0
) -> Callable[[State], State]:
    """A model whose layers keep PyTorch's layout where `kept` says so."""

    def outputs(state: State) -> State:
        x = X
        for i in range(len(state) // 2):
            weight = state[f"fc{i}/{name}"]
            x = np.tanh(x @ (weight.T if kept(i) else weight) + state[f"fc{i}/bias"])
        return {"": factor * x}

    return outputs


KEPT: dict[str, Callable[[int], bool]] = {
    "none": lambda i: False,
    "all": lambda i: True,
    "every other": lambda i: i % 2 == 0,
}


# Up to six layers all ways are tried, beyond that one convention for all.
@pytest.mark.parametrize(
    "name, layers",
    [("every other", 3), ("every other", 6)]
    + [(name, layers) for name in ("none", "all") for layers in (1, 3, 7, 14)],
)
def test_square_kernels_are_settled_by_probing(name: str, layers: int) -> None:
    weights, state = net(layers), states(layers)
    assert len(weights.open) == layers
    settled, said = settle(weights, state, torch_outputs, jax_outputs(KEPT[name]))
    assert settled.open == () and len(said) == layers
    assert all("settled by a probe" in line and "not" not in line for line in said)
    wanted = ["as it is" if KEPT[name](i) else "transposed" for i in range(layers)]
    found = {row["torch"]: row["transform"] for row in settled.table()}
    assert [found[f"fc{i}.weight"] for i in range(layers)] == wanted
    np.testing.assert_allclose(
        jax_outputs(KEPT[name])(settled.to_jax(state))[""],
        torch_outputs(state)[""],
        rtol=0,
        atol=1e-13,
    )


def test_a_model_that_differs_elsewhere_leaves_its_squares_unsettled() -> None:
    outputs = jax_outputs(KEPT["none"], factor=1.5)
    settled, said = settle(net(2), states(2), torch_outputs, outputs)
    assert ["not settled by a probe" in line for line in said] == [True, True]
    assert {r["transform"] for r in settled.table() if "weight" in r["torch"]} == {
        "transposed"
    }


@pytest.mark.parametrize("fails", ["NaN", "another shape", "nothing"])
def test_outputs_that_cannot_be_compared_settle_nothing(fails: str) -> None:
    def outputs(state: State) -> State:
        found = jax_outputs(KEPT["none"])(state)[""]
        odd = {"NaN": {"": found * np.nan}, "another shape": {"": found[:1]}}
        return odd.get(fails, {})

    _, said = settle(net(1), states(1), torch_outputs, outputs)
    assert "not settled" in said[0]


@pytest.mark.parametrize("type_name, name", [("Linear", "kernel"), ("Dense", "kernel")])
def test_layers_of_flax_leave_nothing_open(type_name: str, name: str) -> None:
    assert net(2, jax_type=type_name, name=name).open == ()
    assert net(2, jax_type="MyDense", name=name).open != ()


def test_a_choice_changes_one_entry() -> None:
    weights: Any = net(2)
    option = Option("transposed twice", (Transposed((1, 0)), Transposed((1, 0))))
    changed = weights.choose("fc1.weight", option)
    rows = {row["torch"]: row["transform"] for row in changed.table()}
    assert rows["fc1.weight"] == "transposed twice"
    assert rows["fc0.weight"] == "transposed"
