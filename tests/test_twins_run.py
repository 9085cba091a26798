"""Training twins run here, in float32, with their annotations enforced."""

from importlib import import_module

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from flax import nnx
from jaxtyping import TypeCheckError
from support import SPECS, TRAININGS, twin

from compare.fault import FRAMEWORKS
from compare.plant import PACKAGE

BOTH = pytest.mark.parametrize("framework", FRAMEWORKS)
EVERY_TRAINING = pytest.mark.parametrize("name", TRAININGS)

# All axes differ, so that no two can be taken for each other.
SIZES = {name: {"inputs": 7, "hidden": 5, "outputs": 3} for name in TRAININGS} | {
    "line_linear": {"inputs": 3, "outputs": 2},
    "line_manual": {"columns": 3, "outputs": 2},
    "line_sgd": {"columns": 3, "outputs": 2},
    "linear_regression": {"inputs": 3, "outputs": 2},
    "logistic_regression": {"inputs": 3, "outputs": 1},
    "moons_mlp": {"inputs": 3, "hidden": 5, "outputs": 1},
    "moons_mlp_accumulated": {"inputs": 3, "hidden": 5, "outputs": 1},
}
OF_PROBABILITIES = {"logistic_regression", "moons_mlp", "moons_mlp_accumulated"}
"""Trainings that give one probability a point, and not a row of outputs."""
POINTS = 4


def small_batch(name: str) -> dict[str, np.ndarray]:
    """A batch in float32 for `SIZES`."""
    rng, sizes = np.random.default_rng(5), SIZES[name]
    x = rng.standard_normal((POINTS, sizes.get("inputs") or sizes["columns"]))
    y = rng.standard_normal((POINTS, sizes["outputs"]))
    if name in OF_PROBABILITIES:
        y = np.array([0, 1, 1, 0])
    batch = {"x": x.astype(np.float32), "y": y.astype(np.float32)}
    return batch | ALSO.get(name, {})


ALSO = {
    "dynamic_net": {"depth": np.array(2, np.int32)},
    "moons_mlp_accumulated": {"clear": np.array(True)},
}
"""What a batch has beside x and y."""


def filled(framework: str, model):
    """By-hand models are built as zeros, which have no gradients."""
    if not isinstance(model, dict):
        return model
    rng, array = np.random.default_rng(6), ARRAY[framework]
    return {
        leaf: array(rng.standard_normal(value.shape).astype(np.float32))
        for leaf, value in model.items()
    }


def numbers(framework: str, model) -> list[np.ndarray]:
    """All parameters, copied."""
    arrays = import_module(f"{PACKAGE[framework]}.arrays")
    if isinstance(model, dict):
        leaves = model.values()
    else:
        leaves = (
            jax.tree.leaves(nnx.state(model))
            if framework == "jax"
            else model.parameters()
        )
    return [arrays.to_numpy(leaf) for leaf in leaves]


ARRAY = {"jax": jnp.asarray, "torch": torch.tensor}


@BOTH
@EVERY_TRAINING
def test_a_training_twin_runs_with_its_annotations_checked(framework, name):
    """In float32; that the numbers are right is for the runs to say."""
    module, array = twin(framework, name), ARRAY[framework]
    to_numpy = import_module(f"{PACKAGE[framework]}.arrays").to_numpy
    torch.manual_seed(7)  # for PyTorch's own starting parameters
    model = filled(framework, module.build(**SIZES[name]))
    optimizer = module.build_optimizer(model)
    batch = {key: array(value) for key, value in small_batch(name).items()}
    before = numbers(framework, model)

    value = to_numpy(module.loss(model, batch))
    stepped = module.train_step(model, optimizer, batch)
    returned, model = stepped if isinstance(stepped, tuple) else (stepped, model)
    predictions = to_numpy(module.predict(model, batch))

    assert np.isfinite(value)
    # A compiled step may sum in another order: a few ulps.
    assert abs(to_numpy(returned) - value) <= 8 * np.finfo(np.float32).eps * abs(value)
    assert returned.shape == ()
    outputs = () if name in OF_PROBABILITIES else (SIZES[name]["outputs"],)
    assert predictions.shape == (POINTS, *outputs)
    assert predictions.dtype == np.float32
    assert np.isfinite(predictions).all()
    after = numbers(framework, model)
    assert all(np.isfinite(leaf).all() for leaf in after)
    moved = {not np.array_equal(b, a) for b, a in zip(before, after, strict=True)}
    assert moved == {name != "two_layer_rebinding"}


@BOTH
@pytest.mark.parametrize("name", [n for n in TRAININGS if SPECS[n].variants])
def test_a_second_step_of_a_twin_runs_too(framework, name):
    """That it differs by design, and how, is for the runs to say."""
    module, array = twin(framework, name), ARRAY[framework]
    batch = {key: array(value) for key, value in small_batch(name).items()}
    for variant in SPECS[name].variants:
        model = module.build(**SIZES[name])
        step = getattr(module, variant.function)
        value = step(model, module.build_optimizer(model), batch)
        assert value.shape == ()
        assert np.isfinite(
            import_module(f"{PACKAGE[framework]}.arrays").to_numpy(value)
        )


@BOTH
@pytest.mark.parametrize("name", ["line_linear", "two_layer_adam"])
def test_a_wrong_shape_is_refused_by_the_annotations(framework, name):
    """So the annotations are enforced while these tests run."""
    module, array = twin(framework, name), ARRAY[framework]
    model = module.build(**SIZES[name])
    with pytest.raises(TypeCheckError, match="batch inputs"):
        model(array(np.ones((2, POINTS, SIZES[name]["inputs"]), np.float32)))
