"""What every layer of a JAX model takes and gives, and what it makes of others."""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

import flax
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn
from flax import nnx

from jaxnets.side.apply import apply
from jaxnets.side.nested import floats, replaced
from jaxnets.side.parts import Call, Pull
from jaxnets.side.runtime import evaluate, forced, open_model, record, session, state
from jaxnets.side.subject import Subject

SIZE = 4
INPUTS = np.random.default_rng(0).normal(size=(2, 3, SIZE))
WEIGHTS = np.random.default_rng(1).normal(size=(2, 3, SIZE))
PULL = Pull(cotangents={"": WEIGHTS})
Given = dict[tuple[str, int], tuple[tuple[np.ndarray, ...] | None, Any]]


class Block(nnx.Module):
    """A layer that is called twice, and a norm, of eps as given."""

    def __init__(self, rngs: nnx.Rngs, eps: float = 1e-6) -> None:
        self.twice = nnx.Linear(SIZE, SIZE, rngs=rngs)
        self.norm = nnx.LayerNorm(SIZE, epsilon=eps, rngs=rngs)

    def __call__(self, inputs: jax.Array) -> jax.Array:
        return self.norm(self.twice(jnp.tanh(self.twice(inputs))))


class Net(nnx.Module):
    """Two blocks and a head."""

    def __init__(self, rngs: nnx.Rngs, eps: float = 1e-6) -> None:
        self.blocks = nnx.List([Block(rngs), Block(rngs, eps)])
        self.head = nnx.Linear(SIZE, SIZE, rngs=rngs)

    def __call__(self, inputs: jax.Array) -> jax.Array:
        for block in self.blocks:
            inputs = inputs + block(inputs)
        return self.head(inputs)


class LinenBlock(nn.Module):
    """The same in Linen."""

    eps: float = 1e-6

    def setup(self) -> None:
        self.twice = nn.Dense(SIZE)
        self.norm = nn.LayerNorm(epsilon=self.eps)

    def __call__(self, inputs: jax.Array) -> jax.Array:
        return self.norm(self.twice(jnp.tanh(self.twice(inputs))))


class LinenNet(nn.Module):
    """The same in Linen."""

    eps: float = 1e-6

    @nn.compact
    def __call__(self, inputs: jax.Array) -> jax.Array:
        inputs = inputs + LinenBlock(name="blocks_0")(inputs)
        inputs = inputs + LinenBlock(self.eps, name="blocks_1")(inputs)
        return nn.Dense(SIZE, name="head")(inputs)


def flax_net(eps: float = 1e-6) -> Any:
    return Net(nnx.Rngs(0), eps)


def linen_net(eps: float = 1e-6) -> Any:
    return LinenNet(eps), LinenNet().init(jax.random.key(0), jnp.ones((1, 3, SIZE)))


BUILD = {"nnx": flax_net, "linen": linen_net}
BOTH = pytest.mark.parametrize("build", BUILD.values(), ids=BUILD)


def opened(model: Any) -> tuple[Subject, dict[str, np.ndarray]]:
    subject = open_model(model)
    return subject, {
        path: value.astype(np.float64) for path, value in state(subject).items()
    }


def recorded(model: Any, *, pull: Pull = PULL, **inputs: np.ndarray) -> list[Call]:
    subject, values = opened(model)
    with session("float64"):
        fed = inputs or {"0": INPUTS}
        return record(subject, values, fed, train=True, pull=pull)


def run(model: Any, given: Given, **inputs: np.ndarray) -> dict[Any, Call]:
    subject, values = opened(model)
    with session("float64"):
        fed = inputs or {"0": INPUTS}
        calls = forced(subject, values, fed, train=True, pull=Pull(), given=given)
    return {(call.path.replace("/", "_"), call.number): call for call in calls}


def everything(calls: list[Call]) -> Given:
    return {(call.path, call.number): (call.inputs, call.outputs) for call in calls}


@BOTH
def test_calls_in_the_order_in_which_they_end(build: Any) -> None:
    calls = recorded(build())
    block = [("twice", 0), ("twice", 1), ("norm", 0), ("", 0)]
    expected = [
        (f"blocks_{number}_{name}".rstrip("_"), times)
        for number in (0, 1)
        for name, times in block
    ]
    seen = [(call.path.replace("/", "_"), call.number) for call in calls]
    assert seen == [*expected, ("head", 0), ("", 0)]
    assert [call.type for call in calls[-2:]] == [
        "Linear" if build is flax_net else "Dense",
        "Net" if build is flax_net else "LinenNet",
    ]
    assert all(isinstance(x, np.ndarray) for call in calls for x in call.inputs)
    np.testing.assert_array_equal(calls[0].inputs[0], INPUTS)


@BOTH
def test_what_goes_in_and_out_is_what_is_computed(build: Any) -> None:
    subject, values = opened(build())
    calls = recorded(build())
    first, second = calls[0], calls[1]
    np.testing.assert_allclose(
        second.inputs[0], np.tanh(first.outputs[0]), rtol=0, atol=4e-16
    )
    with session("float64"):
        whole = evaluate(subject, values, {"0": INPUTS}, train=True, pull=PULL)
    np.testing.assert_allclose(
        calls[-1].outputs[0], whole.outputs[""], rtol=0, atol=4e-15
    )


@BOTH
def test_cotangents_are_gradients_by_what_is_added_to_an_output(build: Any) -> None:
    subject, values = opened(build())
    tap = np.random.default_rng(2).normal(size=INPUTS.shape)
    for call in recorded(build()):
        key = (call.path, call.number)

        def pulled(size: float, key: Any = key) -> float:
            seen: list[Any] = []

            def watch(path: str, kind: str, inner: Any, args: Any, kwargs: Any) -> Any:
                number = seen.count(path)
                seen.append(path)
                outputs = inner(*args, **kwargs)
                return outputs + size * tap if (path, number) == key else outputs

            leaves = {path: jnp.asarray(value) for path, value in values.items()}
            outputs, _ = apply(
                subject, leaves, {"0": jnp.asarray(INPUTS)}, train=True, watch=watch
            )
            return float((outputs * WEIGHTS).sum())

        with session("float64"):
            slope = (pulled(1e-5) - pulled(-1e-5)) / 2e-5
        # Central differences in float64: h² of the third derivative, and 1e-16 / h.
        assert slope == pytest.approx(
            (call.cotangents[0] * tap).sum(), rel=1e-7, abs=1e-8
        )


def test_cotangents_of_a_loss_and_of_what_it_does_not_use() -> None:
    class Two(nnx.Module):
        def __init__(self) -> None:
            self.used = nnx.Linear(SIZE, SIZE, rngs=nnx.Rngs(0))
            self.unused = nnx.Linear(SIZE, SIZE, rngs=nnx.Rngs(0))

        def __call__(self, inputs: jax.Array) -> Any:
            return {"loss": self.used(inputs), "other": self.unused(inputs)}

    pull = Pull(
        lambda outputs, target: ((outputs["loss"] - target) ** 2).sum(), (INPUTS,)
    )
    used, unused, root = recorded(Two(), pull=pull)
    np.testing.assert_array_equal(used.cotangents[0], 2 * (used.outputs[0] - INPUTS))
    assert not unused.cotangents[0].any()
    assert len(root.outputs) == len(root.cotangents) == 2


@BOTH
def test_no_scalar_no_cotangents(build: Any) -> None:
    calls = recorded(build(), pull=Pull())
    asked = recorded(build())
    assert all(call.cotangents == () for call in calls)
    for call, other in zip(calls, asked, strict=True):
        np.testing.assert_array_equal(call.outputs[0], other.outputs[0])


class Attends(nnx.Module):
    """Floats by position and by name, integers, a mask; a tuple with a dict."""

    def __init__(self) -> None:
        self.inner = Mixes()

    def __call__(self, inputs: jax.Array, mask: jax.Array, ids: jax.Array) -> Any:
        return self.inner(inputs, mask, late=inputs * 3, ids=ids, early=2 * inputs)


class Mixes(nnx.Module):
    def __call__(
        self, inputs: Any, mask: Any, *, early: Any, late: Any, ids: Any
    ) -> Any:
        kept = jnp.where(mask, inputs, 0)
        return kept, {"z": early, "ids": ids, "a": (late, None)}


def test_only_floating_point_arrays_are_seen_in_the_order_of_writing() -> None:
    others = {"mask": INPUTS > 0, "ids": np.arange(3)}
    inner, root = recorded(Attends(), pull=Pull(), **{"0": INPUTS}, **others)
    for seen, factors in ((inner.inputs, (1, 3, 2)), (inner.outputs[1:], (2, 3))):
        for one, factor in zip(seen, factors, strict=True):
            np.testing.assert_array_equal(one, factor * INPUTS)
    np.testing.assert_array_equal(inner.outputs[0], np.where(INPUTS > 0, INPUTS, 0))
    assert len(root.inputs) == 1
    ones = np.ones_like(INPUTS)
    given: Given = {("inner", 0): ((ones, 4 * ones), (5 * ones, 6 * ones))}
    seen = run(Attends(), given, **{"0": INPUTS}, **others)
    inner, root = seen["inner", 0], seen["", 0]
    # What arrives is recorded, what is given is computed with, the last is its own.
    np.testing.assert_array_equal(inner.inputs[1], 3 * INPUTS)
    np.testing.assert_array_equal(inner.outputs[0], np.where(INPUTS > 0, 1, 0))
    np.testing.assert_array_equal(inner.outputs[1], 2 * INPUTS)
    np.testing.assert_array_equal(inner.outputs[2], 4 * ones)
    for one, expected in zip(root.outputs, (5 * ones, 6 * ones, 4 * ones), strict=True):
        np.testing.assert_array_equal(one, expected)


class Output(OrderedDict):
    """As Hugging Face's: dataclasses that are dicts of what is not None."""

    def __post_init__(self) -> None:
        for name in ("hidden", "states"):
            if getattr(self, name) is not None:
                self[name] = getattr(self, name)


@dataclass
class Answer(Output):
    """JAX does not know it."""

    hidden: Any = None
    states: Any = None


@flax.struct.dataclass
class Registered(Output):
    """JAX knows it, as the outputs of its Flax models."""

    hidden: Any = None
    states: Any = None


@dataclass
class Plain:
    """Neither a dict nor known to JAX."""

    hidden: Any
    states: Any = None


@pytest.mark.parametrize("kind", [Answer, Registered, Plain])
def test_outputs_of_a_type_of_their_own_are_put_back_whole(kind: Any) -> None:
    ids = np.arange(3)
    output = kind(np.ones(2), (np.zeros(1), ids))
    assert [one.shape for one in floats({"out": output})] == [(2,), (1,)]
    made = replaced({"out": output}, [np.full(2, 2.0), np.full(1, 3.0)])["out"]
    assert type(made) is kind
    seen = [made.hidden, made.states] + ([*made.values()] if kind is not Plain else [])
    for first, second in zip(seen[::2], seen[1::2], strict=True):
        np.testing.assert_array_equal(first, [2.0, 2.0])
        np.testing.assert_array_equal(second[0], [3.0])
        assert second[1] is ids
    np.testing.assert_array_equal(output.hidden, [1.0, 1.0])  # as it was


def test_a_module_among_the_arguments_is_handed_on_as_it_is() -> None:
    module = nn.Dense(3)
    assert replaced((module, np.ones(2)), [np.zeros(2)])[0] is module
    assert len(floats((module, np.ones(2)))) == 1


def test_what_is_inside_of_a_scan_is_left_out() -> None:
    class Recurrent(nnx.Module):
        def __init__(self) -> None:
            self.rnn = nnx.RNN(nnx.GRUCell(SIZE, SIZE, rngs=nnx.Rngs(0)))
            self.head = nnx.Linear(SIZE, SIZE, rngs=nnx.Rngs(0))

        def __call__(self, inputs: jax.Array) -> jax.Array:
            return self.head(self.rnn(inputs))

    calls = recorded(Recurrent())
    assert [call.path for call in calls] == ["rnn", "head", ""]
    assert calls[0].cotangents[0].any()
    given: Given = {("rnn", 0): (None, (INPUTS,))}
    seen = run(Recurrent(), given)
    np.testing.assert_array_equal(seen["head", 0].inputs[0], INPUTS)
    np.testing.assert_array_equal(seen["rnn", 0].outputs[0], calls[0].outputs[0])


@pytest.mark.parametrize("change", [jax.vmap, jax.checkpoint, jax.jit])
def test_what_is_inside_of_a_transformation_is_left_out(change: Any) -> None:
    class Changed(nnx.Module):
        def __init__(self) -> None:
            self.inner = nnx.Linear(SIZE, SIZE, rngs=nnx.Rngs(0))

        def __call__(self, inputs: jax.Array) -> jax.Array:
            return self.inner(change(self.inner)(inputs))

    calls = recorded(Changed())
    assert [(call.path, call.number) for call in calls] == [("inner", 0), ("", 0)]


@BOTH
def test_on_its_own_numbers_nothing_changes(build: Any) -> None:
    calls = recorded(build(), pull=Pull())
    seen = run(build(), everything(calls))
    for call in calls:
        again = seen[call.path.replace("/", "_"), call.number]
        np.testing.assert_array_equal(again.inputs[0], call.inputs[0])
        np.testing.assert_array_equal(again.outputs[0], call.outputs[0])


@BOTH
def test_a_wrong_eps_shows_in_its_layer_only(build: Any) -> None:
    right = recorded(build(), pull=Pull())
    seen = run(build(1e-3), everything(right))
    assert _apart(seen, right) == {("blocks_1_norm", 0)}
    behind = {("blocks_1_norm", 0), ("blocks_1", 0), ("head", 0), ("", 0)}
    assert _apart(run(build(1e-3), {}), right) == behind


def _apart(seen: dict[Any, Call], right: list[Call]) -> set[Any]:
    """Calls whose outputs are further from the right ones than rounding can bring."""
    pairs = zip(seen.items(), right, strict=True)
    return {
        key
        for (key, call), other in pairs
        if np.abs(call.outputs[0] - other.outputs[0]).max() > 1e-13
    }


@BOTH
def test_a_parent_is_computed_from_what_its_children_are_given(build: Any) -> None:
    path = "blocks/0" if build is flax_net else "blocks_0"
    outputs = np.full_like(INPUTS, 7)
    seen = run(build(), {(f"{path}/norm", 0): (None, (outputs,))})
    np.testing.assert_array_equal(seen["blocks_0", 0].outputs[0], outputs)
    np.testing.assert_array_equal(seen["blocks_1", 0].inputs[0], INPUTS + 7)


@BOTH
@pytest.mark.parametrize(
    "given",
    [
        ((np.ones(3),), ()),
        (None, (np.ones((2, 3, SIZE + 1)),)),
        (None, (INPUTS, INPUTS)),
    ],
)
def test_what_does_not_fit_is_refused(build: Any, given: Any) -> None:
    with pytest.raises(
        ValueError, match=r"given (in|out)puts of call 0 of head: expect"
    ):
        run(build(), {("head", 0): given})


def test_what_is_given_has_the_precision_of_what_it_replaces() -> None:
    class Short(nnx.Module):
        def __init__(self) -> None:
            rngs = nnx.Rngs(0)
            self.first = nnx.Linear(SIZE, SIZE, dtype=jnp.float32, rngs=rngs)
            self.second = nnx.Linear(SIZE, SIZE, rngs=rngs)

        def __call__(self, inputs: jax.Array) -> jax.Array:
            return self.second(self.first(inputs))

    seen = run(Short(), {("first", 0): ((INPUTS,), (WEIGHTS,))})
    np.testing.assert_array_equal(
        seen["second", 0].inputs[0], WEIGHTS.astype(np.float32)
    )
    assert seen["first", 0].outputs[0].dtype == np.float32


def test_functions_have_no_layers() -> None:
    model = (lambda params, inputs: inputs * params["scale"], {"scale": np.ones(SIZE)})
    assert recorded(model) == []


def test_numbers_that_go_in_stay_as_they_were() -> None:
    calls = recorded(flax_net(), pull=Pull())
    given = everything(calls)
    before = [
        one.copy() for arrays in given.values() for one in (*arrays[0], *arrays[1])
    ]
    seen = run(flax_net(), given)
    for call in seen.values():
        for one in (*call.inputs, *call.outputs):
            one[...] = 0
    after = [one for arrays in given.values() for one in (*arrays[0], *arrays[1])]
    for one, other in zip(before, after, strict=True):
        np.testing.assert_array_equal(one, other)
