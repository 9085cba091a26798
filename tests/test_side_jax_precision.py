"""Where a float64 evaluation in JAX leaves float64, and what depends on it."""

import inspect
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn
from flax import nnx

from jaxnets.side.parts import Pull, Spot
from jaxnets.side.precision import low_precision, narrow_spots
from jaxnets.side.runtime import open_model, session, state

SIZE = 4


def look(model: Any, *, train: bool = True, pull: Pull | None = None) -> list[Spot]:
    """The spots of a model of (2, 3, SIZE) → the same shape."""
    inputs = np.random.default_rng(0).normal(size=(2, 3, SIZE))
    subject = open_model(model)
    values = {path: value.astype(np.float64) for path, value in state(subject).items()}
    asked = Pull(cotangents={"": inputs}) if pull is None else pull
    with session("float64"):
        return low_precision(subject, values, {"0": inputs}, train=train, pull=asked)


def of_function(function: Callable[..., Any], *inputs: Any) -> list[Spot]:
    """The spots of a function of arrays, whose outputs are named by position."""
    with session("float64"):
        program = jax.make_jaxpr(function)(*inputs)
    names = [str(number) for number in range(len(program.jaxpr.outvars))]
    return narrow_spots(program, names, ["outputs"] * len(names))


def told(spots: list[Spot]) -> set[str]:
    return {spot.operation for spot in spots}


def line_of(function: Callable[..., Any], text: str) -> str:
    lines, first = inspect.getsourcelines(function)
    (number,) = [first + at for at, line in enumerate(lines) if text in line]
    return f"test_side_jax_precision.py:{number} ("


class Attending(nnx.Module):
    """Two layers of attention, the second with a bias after it."""

    def __init__(self, rngs: nnx.Rngs) -> None:
        self.first = attention(rngs)
        self.last = nnx.Linear(SIZE, SIZE, rngs=rngs)

    def __call__(self, inputs: jax.Array) -> jax.Array:
        return self.last(self.first(inputs))


def attention(rngs: nnx.Rngs) -> nnx.MultiHeadAttention:
    return nnx.MultiHeadAttention(
        num_heads=2, in_features=SIZE, qkv_features=SIZE, decode=False, rngs=rngs
    )


def mlp(rngs: nnx.Rngs) -> nnx.Module:
    return nnx.Sequential(
        nnx.Linear(SIZE, SIZE, rngs=rngs),
        nnx.LayerNorm(SIZE, rngs=rngs),
        nnx.gelu,
        nnx.BatchNorm(SIZE, rngs=rngs),
        jax.nn.softmax,
        nnx.GroupNorm(SIZE, num_groups=2, rngs=rngs),
        nnx.Dropout(0.5, rngs=rngs),
    )


CLEAN = {
    "mlp": mlp,
    "gru": lambda rngs: nnx.RNN(nnx.GRUCell(SIZE, SIZE, rngs=rngs)),
    "lstm": lambda rngs: nnx.RNN(nnx.LSTMCell(SIZE, SIZE, rngs=rngs)),
    "safe attention": lambda rngs: nnx.MultiHeadAttention(
        num_heads=2,
        in_features=SIZE,
        qkv_features=SIZE,
        decode=False,
        attention_fn=lambda query, key, value, **_: jnp.einsum(
            "...qkh,...khd->...qhd",
            jax.nn.softmax(jnp.einsum("...qhd,...khd->...qkh", query, key), axis=-2),
            value,
        ),
        rngs=rngs,
    ),
}


@pytest.mark.parametrize("train", [True, False])
@pytest.mark.parametrize("build", CLEAN.values(), ids=CLEAN)
def test_nothing_is_found_where_all_is_float64(build: Any, train: bool) -> None:
    assert look(build(nnx.Rngs(0)), train=train) == []


def test_attention_takes_its_softmax_in_float32() -> None:
    spots = look(Attending(nnx.Rngs(0)))
    assert told(spots) == {"softmax in float32", "gradient of softmax in float32"}
    user = line_of(Attending.__call__, "self.first(inputs)")
    for spot in spots:
        assert spot.where.startswith("jax/_src/nn/functions.py:")
        assert f"called in {user}Attending.__call__)" in spot.where
    (outputs,) = [spot for spot in spots if "outputs" in spot.phases]
    assert outputs == ("softmax in float32", spots[0].where, ("outputs", "loss"), ())


def test_gradients_are_told_by_leaf() -> None:
    spots = look(Attending(nnx.Rngs(0)))
    reached = {name for spot in spots for name in spot.names}
    # The last bias is added behind all that is float32.
    assert "last/bias" not in reached
    assert {"0", "first/query/kernel", "last/kernel"} <= reached
    back = [spot for spot in spots if spot.operation.startswith("gradient")]
    # The values' projection is behind the backward pass of the softmax.
    assert all("first/value/kernel" not in spot.names for spot in back)


def test_attention_alone_is_told_by_flax_line() -> None:
    spots = look(attention(nnx.Rngs(0)))
    assert all("called in flax/nnx/nn/attention.py:" in spot.where for spot in spots)
    assert all("(MultiHeadAttention.__call__)" in spot.where for spot in spots)


def test_only_what_is_asked_for_has_phases() -> None:
    spots = look(Attending(nnx.Rngs(0)), pull=Pull())
    assert {spot.phases for spot in spots} == {("outputs",)}


def test_attention_in_linen() -> None:
    class Model(nn.Module):
        @nn.compact
        def __call__(self, inputs: jax.Array) -> jax.Array:
            logits = nn.Dense(SIZE)(inputs)
            short = jax.nn.softmax(logits.astype(jnp.float32))
            return short.astype(logits.dtype) * inputs

    variables = Model().init(jax.random.key(0), jnp.ones((2, 3, SIZE)))
    spots = look((Model(), variables))
    (outputs,) = [spot for spot in spots if "outputs" in spot.phases]
    assert outputs.operation == "softmax in float32"
    line = line_of(Model.__call__, "astype(jnp.float32)")
    assert outputs.where.startswith(line)


class Walking(nnx.Module):
    """A cell of Flax's, one step after another."""

    def __init__(self, rngs: nnx.Rngs) -> None:
        self.cell = nnx.SimpleCell(SIZE, SIZE, rngs=rngs)

    def __call__(self, inputs: jax.Array) -> jax.Array:
        carry, outputs = jnp.zeros((inputs.shape[0], SIZE)), []
        for step in range(inputs.shape[1]):
            carry, output = self.cell(carry, inputs[:, step])
            outputs.append(output)
        return jnp.stack(outputs, axis=1)


def test_a_cell_that_computes_in_float32() -> None:
    spots = look(Walking(nnx.Rngs(0)))
    assert {phase for spot in spots for phase in spot.phases} == {
        "outputs",
        "loss",
        "gradients",
    }
    user = line_of(Walking.__call__, "self.cell(")
    for spot in spots:
        assert spot.where.startswith("flax/nnx/nn/")
        assert f"called in {user}Walking.__call__)" in spot.where


# JAX says so itself, but neither where it comes from nor what depends on it.
@pytest.mark.filterwarnings("ignore:scatter inputs have incompatible:FutureWarning")
@pytest.mark.parametrize("train", [True, False])
def test_statistics_kept_in_float32(train: bool) -> None:
    with session("float64"):
        layer = nnx.BatchNorm(SIZE, rngs=nnx.Rngs(0), param_dtype=jnp.float64)
    layer.train() if train else layer.eval()
    graph, parameters, statistics = nnx.split(layer, nnx.Param, nnx.BatchStat)

    def call(parameters: Any, statistics: Any, inputs: Any) -> Any:
        copy = nnx.merge(graph, parameters, statistics)
        return copy(inputs), nnx.state(copy, nnx.BatchStat)

    inputs = np.random.default_rng(0).normal(size=(3, SIZE))
    spots = of_function(call, parameters, statistics, inputs)
    # Outputs are 0, the statistics 1 and 2. In eval mode nothing is written to them.
    assert {name for spot in spots for name in spot.names} == (
        {"1", "2"} if train else set()
    )
    # The momentum is rounded too, 0.99 among float32.
    expected = {"convert_element_type to float32", "a constant of float32"}
    assert told(spots) == (expected if train else set())
    assert all("(BatchNorm.__call__)" in spot.where for spot in spots)


class Placing(nnx.Module):
    """A table that was computed in float32 and is no Variable."""

    def __init__(self) -> None:
        self.table = jnp.sin(jnp.arange(SIZE))
        self.last = nnx.Linear(SIZE, SIZE, rngs=nnx.Rngs(0))

    def __call__(self, inputs: jax.Array) -> jax.Array:
        return self.last(inputs) + self.table


def test_a_table_of_float32_is_told_by_who_uses_it() -> None:
    where = line_of(Placing.__call__, "+ self.table") + "Placing.__call__)"
    (spot,) = look(Placing(), pull=Pull())
    assert spot == Spot("a constant of float32", where, ("outputs",), ())


def softmax_in_half(x: jax.Array) -> jax.Array:
    return jax.nn.softmax(x.astype(jnp.bfloat16)).astype(x.dtype)


def normed(x: jax.Array) -> jax.Array:
    short = x.astype(jnp.float32)
    return x * jax.lax.rsqrt(jnp.mean(short * short) + 1e-6).astype(x.dtype)


def in_a_scan(x: jax.Array) -> jax.Array:
    def body(carry: Any, row: Any) -> Any:
        return jnp.tanh(carry + row.astype(jnp.float32)), carry.astype(jnp.float64)

    _, rows = jax.lax.scan(body, jnp.zeros(x.shape[1:], jnp.float32), x)
    return rows


def in_a_loop(x: jax.Array) -> jax.Array:
    def body(carry: Any) -> Any:
        number, value = carry
        return number + 1, (value.astype(jnp.float32) * 3).astype(jnp.float64)

    return jax.lax.while_loop(lambda carry: carry[0] < 3, body, (0, x))[1]


def in_a_branch(x: jax.Array) -> jax.Array:
    short = lambda y: jnp.exp(y.astype(jnp.float32)).astype(y.dtype)  # noqa: E731
    return jax.lax.cond(x.sum() > 0, short, jnp.exp, x)


@jax.checkpoint
def in_a_checkpoint(x: jax.Array) -> jax.Array:
    return jnp.sin(x.astype(jnp.float32)).astype(x.dtype)


@jax.jit
def in_a_jit(x: jax.Array) -> jax.Array:
    return jnp.linalg.norm(x.astype(jnp.float16)).astype(x.dtype)


@jax.custom_vjp
def in_a_rule(x: jax.Array) -> jax.Array:
    return jnp.log(x.astype(jnp.float32)).astype(x.dtype)


in_a_rule.defvjp(lambda x: (in_a_rule(x), x), lambda x, back: (back / x,))


def product(x: jax.Array) -> jax.Array:
    return jax.lax.dot(x, x.T, preferred_element_type=jnp.float32).astype(x.dtype)


def cut(x: jax.Array) -> jax.Array:
    return jax.lax.reduce_precision(x, exponent_bits=8, mantissa_bits=7)


def table(x: jax.Array) -> jax.Array:
    return x + jnp.asarray(np.sin(np.arange(x.size)).astype(np.float32)).reshape(
        x.shape
    )


def number_of_float32(x: jax.Array) -> jax.Array:
    return x * np.float32(0.1)


def positions(x: jax.Array) -> jax.Array:
    return x + 10_000 ** (jnp.arange(x.shape[1], dtype=jnp.float32) / x.shape[1])


FOUND = {
    softmax_in_half: ("softmax in bfloat16", "astype(jnp.bfloat16)"),
    normed: ("normalisation in float32", "x.astype(jnp.float32)"),
    in_a_scan: ("tanh in float32", "row.astype(jnp.float32)"),
    in_a_loop: ("mul in float32", "value.astype(jnp.float32)"),
    in_a_branch: ("exp in float32", "y.astype(jnp.float32)"),
    in_a_checkpoint: ("sin in float32", "x.astype(jnp.float32)"),
    in_a_jit: ("sqrt in float16", "x.astype(jnp.float16)"),
    in_a_rule: ("log in float32", "x.astype(jnp.float32)"),
    product: ("dot_general in float32", "jax.lax.dot"),
    cut: ("reduce_precision", "reduce_precision"),
    table: ("a constant of float32", "np.sin"),
    number_of_float32: ("a constant of float32", "np.float32(0.1)"),
    positions: ("div in float32", "jnp.arange"),
}


@pytest.mark.parametrize("function", FOUND, ids=lambda f: getattr(f, "__name__", ""))
def test_what_is_found_and_where(function: Callable[..., Any]) -> None:
    operation, text = FOUND[function]
    spots = of_function(lambda x: (function(x), x + 1), np.full((3, 3), 0.3))
    assert [spot.operation for spot in spots] == [operation]
    assert spots[0].where.startswith(line_of(function, text))
    assert spots[0][2:] == (("outputs",), ("0",))


def mask(x: jax.Array) -> jax.Array:
    allowed = jnp.tril(jnp.ones((3, 3), jnp.float32))
    kept = (x > 0).astype(jnp.float32)
    return x * allowed / kept.sum() + jnp.where(allowed > 0, 0.0, np.float32(-1e9))


def unused(x: jax.Array) -> jax.Array:
    jnp.exp(x.astype(jnp.float32))
    return x


def integers(x: jax.Array) -> jax.Array:
    return x[jnp.argsort(x[0]).astype(jnp.int32)]


def random_keys(x: jax.Array) -> jax.Array:
    key = jax.random.split(jax.random.key(0))[0]
    return x + jax.random.randint(key, x.shape, 0, 9)


@pytest.mark.parametrize("function", [mask, unused, integers, random_keys])
def test_what_is_exact_or_unused_is_no_spot(function: Callable[..., Any]) -> None:
    assert of_function(function, np.full((3, 3), 0.3)) == []


def test_the_line_is_of_this_call_though_jax_keeps_what_it_compiled() -> None:
    attend = jax.jit(jax.nn.dot_product_attention)

    def caller(x: jax.Array) -> jax.Array:
        return attend(x, x, x)

    def other(x: jax.Array) -> jax.Array:
        return attend(x, x, x)

    for function in (caller, other):
        (spot,) = of_function(function, np.ones((1, 3, 2, 4)))
        assert spot.where.startswith("jax/_src/nn/functions.py:")
        assert f"called in {line_of(function, 'attend(x')}" in spot.where


def test_a_choice_made_in_float32_touches_what_is_chosen() -> None:
    def short(x: jax.Array) -> jax.Array:
        return x.sum().astype(jnp.float32)

    def choose(x: jax.Array) -> Any:
        largest = jnp.argmax(jnp.exp(x.astype(jnp.float32)))
        return (
            x[largest],
            jnp.where(x.sum().astype(jnp.float16) > 1, x, -x),
            jax.lax.cond(short(x) > 1, jnp.sin, jnp.cos, x),
            jax.lax.while_loop(lambda y: short(y) < short(x), lambda y: 2 * y, x),
            x,
        )

    spots = of_function(choose, np.arange(3.0))
    assert [spot.names for spot in spots] == [("0",), ("1",), ("2", "3")]
