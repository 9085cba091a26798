"""The JAX side leaves the caller's model alone; buffers, modes, dropout, bad input."""

import random

import numpy as np
import pytest

X = np.random.default_rng(3).normal(size=(6, 4))


def net():
    """A model with everything that a call can change."""
    from flax import nnx

    class Net(nnx.Module):
        def __init__(self, rngs):
            self.linear = nnx.Linear(4, 3, rngs=rngs)
            self.norm = nnx.BatchNorm(3, momentum=0.75, rngs=rngs)
            self.dropout = nnx.Dropout(0.25, rngs=rngs)

        def __call__(self, x):
            return self.dropout(self.norm(self.linear(x)))

    return Net(nnx.Rngs(0))


def linen_net():
    """The same in Linen, with its variables."""
    import jax
    import jax.numpy as jnp
    from flax import linen

    class Net(linen.Module):
        @linen.compact
        def __call__(self, x, train):
            x = linen.Dense(3)(x)
            x = linen.BatchNorm(use_running_average=not train, momentum=0.75)(x)
            return linen.Dropout(0.25, deterministic=not train)(x)

    module = Net()
    return module, module.init(jax.random.key(0), jnp.zeros((6, 4)), train=False)


BOTH = pytest.mark.parametrize("build", [net, linen_net])


def values(model):
    """Every number of an nnx model, random counts and modes too."""
    import jax
    from flax import nnx

    leaves = [
        jax.random.key_data(leaf)
        if jax.numpy.issubdtype(leaf.dtype, jax.dtypes.prng_key)
        else leaf
        for leaf in jax.tree.leaves(nnx.state(model))
    ]
    modes = (model.dropout.deterministic, model.norm.use_running_average)
    return modes, model.linear.param_dtype, [np.array(leaf) for leaf in leaves]


@pytest.mark.parametrize("precision", ["float32", "float64"])
@pytest.mark.parametrize("fails", [False, True])
def test_the_callers_model_and_flags_are_as_they_were(precision, fails):
    import jax
    from flax import nnx

    from jaxnets.side import runtime

    model = net()
    call, draw = nnx.Dropout.__call__, nnx.RngStream.__call__
    before = values(model)
    flags = jax.config.jax_enable_x64, jax.config.jax_default_matmul_precision

    def loss(outputs):
        random.random()
        np.random.random()  # noqa: NPY002
        if fails:
            raise ArithmeticError("the loss of the user")
        return outputs.sum()

    def work():
        subject = runtime.open_model(model)
        # Right around the session, for the checks of types in these tests draw too.
        drawn = random.getstate(), np.random.get_state()[1]  # noqa: NPY002
        try:
            with runtime.session(precision):
                own = runtime.state(subject)
                state = {name: value.astype(precision) for name, value in own.items()}
                pull = runtime.Pull(loss=loss, draw=lambda n, shape: np.zeros(shape))
                inputs = {"0": X.astype(precision)}
                runtime.evaluate(subject, state, inputs, train=True, pull=pull)
        finally:
            assert random.getstate() == drawn[0]
            numpys = np.random.get_state()[1]  # noqa: NPY002
            np.testing.assert_array_equal(numpys, drawn[1])

    if fails:
        with pytest.raises(ArithmeticError, match="of the user"):
            work()
    else:
        work()
    after = values(model)
    assert after[:2] == before[:2]
    for old, new in zip(before[2], after[2], strict=True):
        np.testing.assert_array_equal(old, new)
    assert flags == (jax.config.jax_enable_x64, jax.config.jax_default_matmul_precision)
    assert (nnx.Dropout.__call__, nnx.RngStream.__call__) == (call, draw)


def run(model, *, train, draw=None, precision="float64", x=X):
    """A state and an evaluation at it."""
    from jaxnets.side import runtime

    subject = runtime.open_model(model)
    with runtime.session(precision):
        state = {n: v.astype(precision) for n, v in runtime.state(subject).items()}
        pull = runtime.Pull(draw=draw)
        inputs = {"0": x.astype(precision)}
        return state, runtime.evaluate(subject, state, inputs, train=train, pull=pull)


def named(state, end):
    """The only leaf whose path ends so."""
    (found,) = [value for path, value in state.items() if path.endswith(end)]
    return found


@BOTH
def test_batch_statistics_move_in_training_only(build):
    state, still = run(build(), train=False)
    _, trained = run(build(), train=True)
    batch = X @ named(state, "kernel")
    # Both frameworks of Flax keep momentum · old + (1 − momentum) · new, biased.
    mean, variance = 0.25 * batch.mean(0), 0.75 + 0.25 * batch.var(0)
    for path, value in still.buffers.items():
        np.testing.assert_array_equal(value, state[path])
    found = named(trained.buffers, "mean"), named(trained.buffers, "var")
    # float32's error at most: what they are kept in is Flax's choice.
    np.testing.assert_allclose(found[0], mean, rtol=0, atol=1e-6)
    np.testing.assert_allclose(found[1], variance, rtol=1e-6)
    by_hand = (batch - batch.mean(0)) / np.sqrt(batch.var(0) + 1e-5)
    np.testing.assert_allclose(trained.outputs[""], by_hand, rtol=1e-9, atol=1e-12)


@BOTH
def test_dropout_takes_its_masks_from_numpy(build):
    def draw(number, shape):
        return np.random.default_rng(number).random(shape)

    _, off = run(build(), train=True)
    _, on = run(build(), train=True, draw=draw)
    _, evaluated = run(build(), train=False, draw=draw)
    _, still = run(build(), train=False)
    keep = draw(0, (6, 3)) < 0.75
    assert keep.any()
    assert not keep.all()
    # The program may multiply by 1 / 0.75 where NumPy divides: an ulp.
    kept = np.where(keep, off.outputs[""] / 0.75, 0)
    np.testing.assert_allclose(on.outputs[""], kept, rtol=2.0**-51)
    np.testing.assert_array_equal(evaluated.outputs[""], still.outputs[""])


def test_dropout_inside_of_attention_is_off_and_other_draws_are_an_error():
    import jax
    from flax import nnx

    class Attends(nnx.Module):
        def __init__(self, rngs):
            self.attention = nnx.MultiHeadAttention(
                2, 4, dropout_rate=0.5, decode=False, rngs=rngs
            )

        def __call__(self, x):
            return self.attention(x)

    class Noisy(nnx.Module):
        def __init__(self, rngs):
            self.rngs = rngs.noise.fork()

        def __call__(self, x):
            return x + jax.random.normal(self.rngs(), x.shape)

    model = Attends(nnx.Rngs(0))
    for draw in (None, lambda number, shape: np.zeros(shape)):
        _, once = run(model, train=True, draw=draw)
        _, again = run(model, train=False)
        np.testing.assert_array_equal(once.outputs[""], again.outputs[""])
    with pytest.raises(
        ValueError, match="draws random numbers from its stream 'noise'"
    ):
        run(Noisy(nnx.Rngs(noise=0)), train=True)


def test_random_linen_layers_other_than_dropout_are_an_error():
    import jax
    from flax import linen

    class Noisy(linen.Module):
        @linen.compact
        def __call__(self, x):
            return x + jax.random.normal(self.make_rng("noise"), x.shape)

    with pytest.raises(ValueError, match=r"draws random numbers .*noise"):
        run((Noisy(), {"params": {}}), train=True)


def test_dropout_of_linen_inside_of_a_function_is_off_without_masks():
    import jax
    from flax import linen

    layer = linen.Dropout(0.5, deterministic=False)

    def function(params, x):
        return layer.apply({}, x * params["w"], rngs={"dropout": jax.random.key(0)})

    _, found = run((function, {"w": np.float32([2.0])}), train=True)
    np.testing.assert_array_equal(found.outputs[""], 2 * X)


def keyed(layers, *, own):
    """A Linen model that asks for a key of its own where it is not deterministic."""
    import jax
    import jax.numpy as jnp
    from flax import linen

    class Keyed(linen.Module):
        @linen.compact
        def __call__(self, x, deterministic=False):
            if layers == "statistics":
                x = linen.BatchNorm(use_running_average=deterministic)(x)
            elif not deterministic:
                x = x * jax.random.bernoulli(self.make_rng("dropout"), 0.5, x.shape)
            return linen.Dense(3)(x)

    module = Keyed()
    variables = module.init(jax.random.key(0), jnp.zeros((6, 4)), deterministic=True)
    if own:
        return module, variables
    return (
        lambda p, x, deterministic=False: module.apply(
            {"params": p}, x, deterministic=deterministic
        ),
        variables["params"],
    )


@pytest.mark.parametrize("own", [True, False], ids=["module", "function"])
def test_without_dropout_a_model_that_trains_is_deterministic(own):
    model = keyed("keys", own=own)
    _, trained = run(model, train=True)
    _, still = run(model, train=False)
    np.testing.assert_array_equal(trained.outputs[""], still.outputs[""])
    with pytest.raises(Exception, match=r"random numbers|PRNG"):
        run(model, train=True, draw=lambda number, shape: np.zeros(shape))


def test_without_dropout_statistics_are_still_those_of_the_mode():
    state, trained = run(keyed("statistics", own=True), train=True)
    assert (named(trained.buffers, "mean") != named(state, "mean")).all()


def test_what_no_gradient_reaches_is_told():
    def function(params, x):
        return x * params["used"] + params["added"], params["shown"]

    from jaxnets.side import runtime

    names = ("used", "added", "shown", "idle")
    model = (function, {name: np.ones(4, np.float32) for name in names})
    subject = runtime.open_model(model)
    pull = runtime.Pull(loss=lambda outputs: outputs[0].sum())
    with runtime.session("float32"):
        state = runtime.state(subject)
        zero = {"0": np.zeros((1, 4), np.float32)}
        found = runtime.evaluate(subject, state, zero, train=True, pull=pull)
    assert found.unused == ("shown", "idle")
    # A gradient that only happens to be 0 is not told.
    assert not found.parameters["used"].any()


def test_a_program_is_compiled_once_and_gives_the_same_bits():
    from jaxnets.side import runtime

    traced = []

    def function(params, x):
        traced.append(x)
        return x @ params["w"]

    subject = runtime.open_model((function, {"w": np.eye(4, dtype=np.float32)}))
    pull = runtime.Pull(cotangents={"": np.ones((6, 4), np.float32)})
    with runtime.session("float32"):
        state = runtime.state(subject)
        found = [
            runtime.evaluate(subject, state, {"0": x}, train=True, pull=pull)
            for x in np.float32([X, 2 * X, X])
        ]
    assert len(traced) == 1
    np.testing.assert_array_equal(found[0].outputs[""], found[2].outputs[""])
    np.testing.assert_array_equal(found[1].outputs[""], 2 * found[0].outputs[""])


def test_half_precision_is_told_by_its_leaves():
    import jax.numpy as jnp

    from jaxnets.side import runtime

    model = (
        lambda p, x: x * p["w"],
        {"w": jnp.ones(2, jnp.bfloat16), "n": np.arange(3)},
    )
    subject = runtime.open_model(model)
    told = [(leaf.path, leaf.dtype, leaf.kind) for leaf in runtime.leaves(subject)]
    assert told[0] == ("w", "bfloat16", "parameter")
    assert (told[1][0], told[1][2]) == ("n", "counter")
    assert {n: v.dtype.name for n, v in runtime.state(subject).items()} == {
        "w": "float32"
    }


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x if float(x.sum()) else -x,
        lambda x: x if x.sum() > 0 else -x,
        lambda x: np.sin(np.asarray(x)),
        lambda x: x[x > 0],
    ],
    ids=["float", "if", "numpy", "boolean index"],
)
def test_a_function_that_cannot_be_traced_is_told_so(function):
    with pytest.raises(ValueError, match="the JAX model cannot be traced"):
        run(function, train=False)


def no_variables():
    return linen_net()[0]


def not_variables():
    module, variables = linen_net()
    return module, variables["params"]


def of_torch():
    return type("Linear", (), {"__module__": "torch.nn", "__call__": print})()


def nnx_and_more():
    return net(), {}


@pytest.mark.parametrize(
    ("build", "says"),
    [
        (no_variables, "has no variables of its own; give .module, variables."),
        (not_variables, "expected the variables of Net, a dict with 'params'"),
        (lambda: dict, "got the class dict; make an instance"),
        (of_torch, "which is PyTorch's; the PyTorch model comes first"),
        (nnx_and_more, "holds its parameters; give it alone"),
        (lambda: 3, "got int"),
        (lambda: (print, {}, {}), "a tuple of 3"),
    ],
)
def test_what_is_no_model_is_told(build, says):
    from jaxnets.side import runtime

    with pytest.raises(TypeError, match=says):
        runtime.open_model(build())


def test_a_loss_that_is_no_single_float_and_wrong_names_are_told():
    from jaxnets.side import runtime

    subject = runtime.open_model(
        (lambda p, x: x * p["w"], {"w": np.ones(4, np.float32)})
    )

    def attempt(state, pull):
        with runtime.session("float64"):
            return runtime.evaluate(subject, state, {"0": X}, train=True, pull=pull)

    state = runtime.state(subject)
    with pytest.raises(ValueError, match=r"expected a single float, got .*\(6, 4\)"):
        attempt(state, runtime.Pull(loss=lambda outputs: outputs))
    with pytest.raises(ValueError, match=r"cotangents for .'other'."):
        attempt(state, runtime.Pull(cotangents={"other": X}))
    with pytest.raises(KeyError, match=r"needs .'w'."):
        attempt({}, runtime.Pull())
    with pytest.raises(KeyError, match=r"no leaf for .'v'."):
        attempt({**state, "v": state["w"]}, runtime.Pull())
    with (
        pytest.raises(ValueError, match="expected float32 or float64"),
        runtime.session("float16"),
    ):
        pass
