"""The JAX side opens every kind of model and calls it as it would be called."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pytest

RNG_SEED = 7
X = np.random.default_rng(RNG_SEED).normal(size=(4, 5, 3))


@pytest.fixture(scope="module")
def kinds():
    """One model of each kind, and what it computes when it is called directly."""
    import jax
    import jax.numpy as jnp
    from flax import linen, nnx

    rngs = nnx.Rngs(0)

    class Mlp(nnx.Module):
        def __init__(self):
            self.second = nnx.Linear(3, 6, rngs=rngs)
            self.first = nnx.LayerNorm(6, rngs=rngs)
            self.out = nnx.Sequential(nnx.Linear(6, 2, rngs=rngs), jax.nn.tanh)
            self.offset = jnp.array([0.5, 2.0])

        def __call__(self, x):
            return self.out(self.first(self.second(x))) + self.offset

    class Recurrent(nnx.Module):
        def __init__(self, cell):
            self.rnn = nnx.RNN(cell)

        def __call__(self, x):
            return {"states": self.rnn(x), "input": x}

    class LinenMlp(linen.Module):
        @linen.compact
        def __call__(self, x):
            x = linen.tanh(linen.Dense(4)(x))
            return linen.LayerNorm(name="norm")(x), {"x": x}

    class LinenRecurrent(linen.Module):
        @linen.compact
        def __call__(self, x):
            return linen.RNN(linen.GRUCell(4))(x)

    def linen_pair(module):
        return module, module.init(jax.random.key(1), jnp.asarray(X, jnp.float32))

    params = {
        "w": jnp.arange(6.0).reshape(3, 2) / 10,
        "layers": [{"b": jnp.ones(2)}, {"b": np.full(2, 3.0, np.float32)}],
        "times": 3,
    }

    def function(p, x):
        return x @ p["w"] * p["times"] + sum(layer["b"] for layer in p["layers"])

    lstm = Recurrent(nnx.OptimizedLSTMCell(3, 4, rngs=rngs))
    gru = Recurrent(nnx.GRUCell(3, 4, rngs=rngs))
    mlp, dense, scan = Mlp(), linen_pair(LinenMlp()), linen_pair(LinenRecurrent())
    return {
        "nnx": (mlp, mlp),
        "nnx lstm": (lstm, lstm),
        "nnx gru": (gru, gru),
        "linen": (dense, lambda x: dense[0].apply(dense[1], x)),
        "linen gru": (scan, lambda x: scan[0].apply(scan[1], x)),
        "function": ((function, params), lambda x: function(params, x)),
        "inputs alone": (jnp.sin, jnp.sin),
    }


KINDS = (
    "nnx",
    "nnx lstm",
    "nnx gru",
    "linen",
    "linen gru",
    "function",
    "inputs alone",
)


@pytest.mark.parametrize("kind", KINDS)
def test_a_model_gives_what_it_gives_when_called(kind, kinds):
    from jaxnets.side import runtime
    from jaxnets.side.trees import flatten

    model, call = kinds[kind]
    subject = runtime.open_model(model)
    with runtime.session("float32"):
        inputs = {"0": X.astype(np.float32)}
        state = runtime.state(subject)
        found = runtime.evaluate(
            subject, state, inputs, train=False, pull=runtime.Pull()
        )
        expected = flatten(call(inputs["0"]))
    assert list(found.outputs) == list(expected)
    for name, value in found.outputs.items():
        # A program of its own rounds in another order: five steps, seven products each.
        within = 35 * 2.0**-24 * np.abs(value).max()
        np.testing.assert_allclose(value, expected[name], rtol=0, atol=within)
    assert found.loss is None
    assert found.parameters == found.inputs == {}


@pytest.mark.parametrize("kind", KINDS)
def test_a_float64_run_is_float64_and_its_gradients_are_slopes(kind, kinds):
    from jaxnets.side import runtime

    subject = runtime.open_model(kinds[kind][0])
    rng = np.random.default_rng(RNG_SEED)
    with runtime.session("float64"):
        state = {n: v.astype(np.float64) for n, v in runtime.state(subject).items()}
        bare = runtime.evaluate(
            subject, state, {"0": X}, train=True, pull=runtime.Pull()
        )
        cotangents = {n: rng.normal(size=v.shape) for n, v in bare.outputs.items()}
        pull = runtime.Pull(cotangents=cotangents)

        def at(shift: float):
            moved = {n: v + shift * directions[n] for n, v in state.items()}
            inputs = {"0": X + shift * directions["input"]}
            return runtime.evaluate(subject, moved, inputs, train=True, pull=pull)

        directions = {n: rng.normal(size=v.shape) for n, v in state.items()}
        directions["input"] = rng.normal(size=X.shape)
        here, step = at(0.0), 1e-5
        slope = float(at(step).loss - at(-step).loss) / (2 * step)
    gradients = {**here.parameters, "input": here.inputs["0"]}
    along = sum(np.vdot(g, directions[n]) for n, g in gradients.items())
    arrays = [*here.outputs.values(), *gradients.values(), here.loss]
    assert {value.dtype for value in arrays} == {np.dtype(np.float64)}
    assert list(here.parameters) == list(state)
    total = sum(np.vdot(here.outputs[n], c) for n, c in cotangents.items())
    # Sums of at most 140 products in another order: a few ulps of the largest.
    np.testing.assert_allclose(here.loss, total, rtol=1e-12)
    # The error of central differences is h² f''' / 6 and ε f / h, 1e-10 each.
    np.testing.assert_allclose(slope, along, rtol=1e-7)


LEAVES = {
    "nnx": [
        ("second/kernel", "second", "Linear"),
        ("second/bias", "second", "Linear"),
        ("first/scale", "first", "LayerNorm"),
        ("first/bias", "first", "LayerNorm"),
        ("out/layers/0/kernel", "out/layers/0", "Linear"),
        ("out/layers/0/bias", "out/layers/0", "Linear"),
    ],
    "linen": [
        ("Dense_0/kernel", "Dense_0", "Dense"),
        ("Dense_0/bias", "Dense_0", "Dense"),
        ("norm/scale", "norm", ""),
        ("norm/bias", "norm", ""),
    ],
    "function": [
        ("w", "", ""),
        ("layers/0/b", "layers/0", ""),
        ("layers/1/b", "layers/1", ""),
    ],
    "inputs alone": [],
}


@pytest.mark.parametrize("kind", LEAVES)
def test_leaves_are_in_the_order_of_their_definition(kind, kinds):
    from jaxnets.side import runtime

    found = runtime.leaves(runtime.open_model(kinds[kind][0]))
    told = [(leaf.path, leaf.layer, leaf.layer_type) for leaf in found]
    assert sorted(told) == sorted(LEAVES[kind])
    if kind != "linen":  # whose own dicts are sorted as soon as JAX has mapped them
        assert told == LEAVES[kind]
    assert {leaf.kind for leaf in found} <= {"parameter"}
    assert all(leaf.name == leaf.path.rpartition("/")[2] for leaf in found)


def test_modules_tell_their_types_and_settings(kinds):
    from jaxnets.side import runtime

    found = runtime.modules(runtime.open_model(kinds["nnx"][0]))
    told = {module.path: module for module in found}
    assert next(iter(told)) == ""
    assert told["first"].type == "LayerNorm"
    assert told["first"].settings["epsilon"] == 1e-6
    assert told["second"].settings["out_features"] == 6
    assert told["second"].settings["param_dtype"] == "float32"
    assert all(
        isinstance(value, str | bool | int | float | tuple)
        for module in found
        for value in module.settings.values()
    )
    assert runtime.modules(runtime.open_model(kinds["function"][0])) == []


def test_a_shared_parameter_is_one_leaf_with_both_gradients():
    from flax import nnx

    from jaxnets.side import runtime

    class Tied(nnx.Module):
        def __init__(self):
            self.up = nnx.Linear(3, 3, use_bias=False, rngs=nnx.Rngs(0))
            self.down = nnx.Linear(3, 3, use_bias=False, rngs=nnx.Rngs(1))
            self.down.kernel = self.up.kernel

        def __call__(self, x):
            return self.up(x) + 2 * self.down(x)

    subject = runtime.open_model(Tied())
    assert [leaf.path for leaf in runtime.leaves(subject)] == ["up/kernel"]
    pull = runtime.Pull(loss=lambda outputs: outputs.sum())
    with runtime.session("float64"):
        state = {n: v.astype(np.float64) for n, v in runtime.state(subject).items()}
        found = runtime.evaluate(subject, state, {"0": X}, train=True, pull=pull)
    by_hand = 3 * np.repeat(X.sum((0, 1))[:, None], 3, axis=1)
    np.testing.assert_allclose(found.parameters["up/kernel"], by_hand, rtol=1e-13)


class Pair(NamedTuple):
    left: object
    right: object


@dataclass
class Fields:
    hidden: object
    more: object = None


A, B = np.zeros(2), np.ones(3)
NESTED = {
    "alone": (A, {"": A}),
    "tuple": ((A, B), {"0": A, "1": B}),
    "nested": ([A, {"b": (B, None)}], {"0": A, "1.b.0": B}),
    "named tuple": (
        Pair(A, Pair(B, A)),
        {"left": A, "right.left": B, "right.right": A},
    ),
    "dataclass": (Fields(A, {"z": B}), {"hidden": A, "more.z": B}),
    "none is left out": (Fields(A), {"hidden": A}),
    "order of a dict": ({"z": A, "a": B}, {"z": A, "a": B}),
    "number": ({"loss": 2.0}, {"loss": np.asarray(2.0)}),
    "nothing": ((), {}),
    "text is left out": ({"kind": "text", "a": A, "b": b""}, {"a": A}),
    "complex": (A + 3j, {"real": A, "imag": A + 3}),
    "complex inside": ((A, {"z": A - 2j}), {"0": A, "1.z.real": A, "1.z.imag": A - 2}),
}


@pytest.mark.parametrize("case", NESTED)
def test_outputs_of_any_nesting_have_names(case):
    from jaxnets.side.trees import flatten

    outputs, expected = NESTED[case]
    found = flatten(outputs)
    assert list(found) == list(expected)
    for name, value in expected.items():
        np.testing.assert_array_equal(np.asarray(found[name]), value)


@pytest.mark.parametrize("outputs", [object(), {"a": object()}])
def test_an_output_that_is_no_array_is_an_error(outputs):
    from jaxnets.side.trees import flatten

    with pytest.raises(TypeError, match=r"output .*: expected arrays"):
        flatten(outputs)


def test_a_complex_output_has_gradients():
    """Re(x e^0.3i) and Im(x e^0.3i), whose slopes are cos 0.3 and sin 0.3."""
    import jax.numpy as jnp

    from jaxnets.side import runtime

    subject = runtime.open_model(lambda x: x * jnp.exp(0.3j))
    ones = np.ones(2)
    pull = runtime.Pull(cotangents={"real": ones, "imag": 2 * ones})
    with runtime.session("float64"):
        found = runtime.evaluate(
            subject, {}, {"0": np.array([0.5, 2.0])}, train=True, pull=pull
        )
    assert list(found.outputs) == ["real", "imag"]
    slope = np.cos(0.3) + 2 * np.sin(0.3)
    np.testing.assert_allclose(found.inputs["0"], slope * ones, rtol=1e-15)


def test_the_order_of_outputs_outlives_the_compiled_program():
    from jaxnets.side import runtime

    subject = runtime.open_model(lambda x: {"z": x, "a": 2 * x})
    with runtime.session("float32"):
        for _ in range(2):
            found = runtime.evaluate(
                subject, {}, {"0": A}, train=False, pull=runtime.Pull()
            )
            assert list(found.outputs) == ["z", "a"]


def test_an_input_can_be_named_or_an_integer():
    from jaxnets.side import runtime

    def model(p, ids, *, mask):
        return p["table"][ids] * mask[:, None]

    params = {"table": np.arange(8.0, dtype=np.float32).reshape(4, 2)}
    inputs = {"0": np.array([1, 3]), "mask": np.array([True, False])}
    subject = runtime.open_model((model, params))
    pull = runtime.Pull(loss=lambda outputs: outputs.sum())
    with runtime.session("float32"):
        state = runtime.state(subject)
        found = runtime.evaluate(subject, state, inputs, train=False, pull=pull)
    np.testing.assert_array_equal(found.outputs[""], [[2, 3], [0, 0]])
    np.testing.assert_array_equal(found.parameters["table"][:, 0], [0, 1, 0, 0])
    assert found.inputs == {}
    assert found.unused == ()


def test_a_call_shows_the_modules_of_linen(kinds):
    from jaxnets.side import runtime

    subject = runtime.open_model(kinds["linen"][0])
    assert runtime.modules(subject) == []
    with runtime.session("float32"):
        met = runtime.meet(subject, {"0": X.astype(np.float32)})
    told = {module.path: module for module in runtime.modules(met)}
    assert {path: module.type for path, module in told.items()} == {
        "": "LinenMlp",
        "Dense_0": "Dense",
        "norm": "LayerNorm",
    }
    assert told["norm"].settings["epsilon"] == 1e-6
    assert {leaf.layer_type for leaf in runtime.leaves(met)} == {"Dense", "LayerNorm"}
    other = runtime.open_model(kinds["nnx"][0])
    assert runtime.meet(other, {"0": X}) is other


def test_an_embedding_and_a_constant_are_in_the_precision_of_the_run():
    import jax.numpy as jnp
    from flax import nnx

    from jaxnets.side import runtime

    class Embedded(nnx.Module):
        def __init__(self, **keywords):
            self.embed = nnx.Embed(5, 2, rngs=nnx.Rngs(0), **keywords)
            self.table = jnp.ones(2)

        def __call__(self, ids):
            return self.embed(ids), self.table

    def dtypes(model):
        subject = runtime.open_model(model)
        with runtime.session("float64"):
            own = runtime.state(subject)
            state = {name: value.astype(np.float64) for name, value in own.items()}
            found = runtime.evaluate(
                subject, state, {"0": np.arange(3)}, train=False, pull=runtime.Pull()
            )
        return [value.dtype.name for value in found.outputs.values()]

    assert dtypes(Embedded()) == ["float64", "float64"]
    assert dtypes(Embedded(dtype=jnp.float16)) == ["float16", "float64"]
