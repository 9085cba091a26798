"""A step by the JAX side is the step of Optax used directly."""

import numpy as np
import pytest

SHAPES = {"b/kernel": (3, 2), "a/bias": (2,), "a/scale": ()}
STEPS = 4


def draw(seed, dtype=np.float32):
    rng = np.random.default_rng(seed)
    return {
        name: rng.normal(size=shape).astype(dtype) for name, shape in SHAPES.items()
    }


def optimizers():
    import optax

    schedule = optax.linear_schedule(0.1, 0.0, STEPS)
    return {
        "adamw": optax.adamw(0.01, weight_decay=0.1),
        "sgd": optax.sgd(0.1),
        "momentum": optax.sgd(0.1, momentum=0.9, nesterov=True),
        "chain": optax.chain(optax.clip_by_global_norm(0.5), optax.adamw(schedule)),
        "two traces": optax.chain(optax.trace(0.5), optax.trace(0.9)),
    }


SLOTS = {
    "adamw": ["first_moment", "second_moment"],
    "sgd": [],
    "momentum": ["momentum"],
    "chain": ["first_moment", "second_moment"],
    "two traces": ["momentum", "momentum[1]"],
}
EVERY = pytest.mark.parametrize("name", SLOTS)


@EVERY
@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_steps_are_optaxs(name, precision):
    import jax
    import optax

    from jaxnets.side import runtime

    optimizer = optimizers()[name]
    with runtime.session(precision):
        parameters = draw(0, precision)
        direct, kept = {n: jax.numpy.array(v) for n, v in parameters.items()}, None
        kept = optimizer.init(direct)
        memory = runtime.begin(optimizer, parameters)

        @jax.jit
        def step(parameters, state, gradients):
            updates, state = optimizer.update(gradients, state, parameters)
            return optax.apply_updates(parameters, updates), state

        for number in range(1, STEPS + 1):
            gradients = draw(number, precision)
            direct, kept = step(direct, kept, gradients)
            parameters, memory = runtime.advance(
                optimizer, memory, parameters, gradients
            )
            assert list(parameters) == list(SHAPES)
            for path, value in parameters.items():
                assert value.dtype == precision
                np.testing.assert_array_equal(value, np.asarray(direct[path]))


def masks():
    """Adam with decay where it is no bias, said in each of Optax's ways."""
    import jax
    import optax
    from flax.traverse_util import path_aware_map

    def by_flax(params):
        return path_aware_map(lambda path, _: path[-1] != "bias", params)

    def by_jax(params):
        last = jax.tree_util.DictKey("bias")
        return jax.tree.map_with_path(lambda path, _: path[-1] != last, params)

    tree = {"b": {"kernel": True}, "a": {"bias": False, "scale": True}}
    rules = {True: optax.adamw(0.1, weight_decay=0.5), False: optax.adam(0.1)}
    return {
        "path_aware_map": optax.adamw(0.1, weight_decay=0.5, mask=by_flax),
        "map_with_path": optax.adamw(0.1, weight_decay=0.5, mask=by_jax),
        "a tree": optax.adamw(0.1, weight_decay=0.5, mask=tree),
        "labels": optax.multi_transform(rules, tree),
        "labels by path": optax.multi_transform(rules, by_flax),
    }


@pytest.mark.parametrize(
    "way", ["path_aware_map", "map_with_path", "a tree", "labels", "labels by path"]
)
def test_masks_by_path_meet_the_users_nesting(way):
    import optax

    from jaxnets.side import runtime

    def one(optimizer, parameters, gradients):
        memory = runtime.begin(optimizer, parameters)
        return *runtime.advance(optimizer, memory, parameters, gradients), optimizer

    parameters, gradients = draw(0), draw(1)
    with runtime.session("float32"):
        masked, memory, optimizer = one(masks()[way], parameters, gradients)
        slots = runtime.slots(optimizer, memory)
        plain, _, _ = one(optax.adam(0.1), parameters, gradients)
        decayed, _, _ = one(optax.adamw(0.1, weight_decay=0.5), parameters, gradients)
    assert list(masked) == list(SHAPES)
    for path, value in masked.items():
        wanted, other = (plain, decayed) if path == "a/bias" else (decayed, plain)
        # A program of its own may fuse the update's two products and two sums.
        np.testing.assert_allclose(value, wanted[path], rtol=4 * 2.0**-24)
        assert (abs(value - other[path]) > 1e-3).all()
    assert set(slots) == {
        f"{slot}/{path}" for slot in SLOTS["adamw"] for path in SHAPES
    }


def test_paths_that_cannot_be_nested_are_taken_as_they_are():
    from jaxnets.side import runtime

    optimizer = optimizers()["momentum"]
    values = {"a": np.float32([1.0, 2.0]), "a/b": np.float32([3.0])}
    with runtime.session("float32"):
        memory = runtime.begin(optimizer, values)
        _, memory = runtime.advance(optimizer, memory, values, values)
        slots = runtime.slots(optimizer, memory)
    assert {name: list(slot) for name, slot in slots.items()} == {
        "momentum/a": [1.0, 2.0],
        "momentum/a/b": [3.0],
    }


@EVERY
def test_slots_have_the_names_that_pytorchs_have(name):
    from jaxnets.side import runtime

    optimizer = optimizers()[name]
    with runtime.session("float32"):
        memory = runtime.begin(optimizer, draw(0))
        _, memory = runtime.advance(optimizer, memory, draw(0), draw(1))
        found = runtime.slots(optimizer, memory)
    assert set(found) == {f"{slot}/{path}" for slot in SLOTS[name] for path in SHAPES}
    assert [n.partition("/")[2] for n in found][:: max(len(SLOTS[name]), 1)] == (
        list(SHAPES) if SLOTS[name] else []
    )
    for label, value in found.items():
        assert value.shape == SHAPES[label.partition("/")[2]]


def test_the_first_moment_is_adams():
    from jaxnets.side import runtime

    optimizer, gradients = optimizers()["adamw"], draw(1, np.float64)
    with runtime.session("float64"):
        memory = runtime.begin(optimizer, draw(0, np.float64))
        _, memory = runtime.advance(optimizer, memory, draw(0, np.float64), gradients)
        found = runtime.slots(optimizer, memory)
    for path, gradient in gradients.items():
        # (1 − β₁) g after the first step, two roundings.
        np.testing.assert_allclose(
            found[f"first_moment/{path}"], 0.1 * gradient, rtol=1e-15
        )


def test_what_is_given_to_a_step_stays_as_it_is():
    from jaxnets.side import runtime

    optimizer = optimizers()["momentum"]
    parameters, gradients = draw(0), draw(1)
    with runtime.session("float32"):
        memory = runtime.begin(optimizer, parameters)
        first = runtime.advance(optimizer, memory, parameters, gradients)
        again = runtime.advance(optimizer, memory, parameters, gradients)
    for path, value in draw(0).items():
        np.testing.assert_array_equal(parameters[path], value)
        np.testing.assert_array_equal(first[0][path], again[0][path])
        assert not np.shares_memory(first[0][path], parameters[path])


def test_moved_changes_floats_and_leaves_counts_and_zeros():
    from jaxnets.side import runtime

    optimizer = optimizers()["chain"]
    with runtime.session("float32"):
        fresh = runtime.begin(optimizer, draw(0))
        still = runtime.moved(optimizer, fresh, lambda value: 2 * value)
        _, memory = runtime.advance(optimizer, fresh, draw(0), draw(1))
        twice = runtime.moved(optimizer, memory, lambda value: 2 * value)
        before, after = (runtime.slots(optimizer, m) for m in (memory, twice))
        first, second = (
            runtime.advance(optimizer, m, draw(0), draw(2))[0] for m in (fresh, still)
        )
    for label, value in before.items():
        np.testing.assert_array_equal(after[label], 2 * value)
    for path, value in first.items():
        np.testing.assert_array_equal(second[path], value)


@pytest.mark.parametrize("optimizer", [3, lambda p: p, dict])
def test_what_is_no_transformation_is_told(optimizer):
    from jaxnets.side import runtime

    with pytest.raises(TypeError, match="expected an Optax transformation"):
        runtime.begin(optimizer, draw(0))
