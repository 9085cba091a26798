"""Training twins run here, in float32, with their annotations enforced."""

from importlib import import_module

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from flax import nnx
from jaxtyping import TypeCheckError
from support import TRAININGS, twin

from compare.fault import FRAMEWORKS
from compare.plant import PACKAGE

BOTH = pytest.mark.parametrize("framework", FRAMEWORKS)
EVERY_TRAINING = pytest.mark.parametrize("name", TRAININGS)

# All axes differ, so that no two can be taken for each other. `moons` gives one
# probability a point.
SIZES = {name: {"inputs": 7, "hidden": 5, "outputs": 3} for name in TRAININGS} | {
    "line_linear": {"inputs": 3, "outputs": 2},
    "moons_mlp_accumulated": {"inputs": 3, "hidden": 5, "outputs": 1},
}
POINTS = 4


def small_batch(name: str) -> dict[str, np.ndarray]:
    """A batch in float32 for `SIZES`."""
    rng, sizes = np.random.default_rng(5), SIZES[name]
    x = rng.standard_normal((POINTS, sizes["inputs"]))
    y = rng.standard_normal((POINTS, sizes["outputs"]))
    batch = {"x": x.astype(np.float32), "y": y.astype(np.float32)}
    if name == "moons_mlp_accumulated":
        return batch | {
            "y": np.array([0, 1, 1, 0], np.float32),
            "clear": np.array(True),
        }
    return batch | ({"depth": np.array(2, np.int32)} if name == "dynamic_net" else {})


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
    outputs = () if name == "moons_mlp_accumulated" else (SIZES[name]["outputs"],)
    assert predictions.shape == (POINTS, *outputs)
    assert predictions.dtype == np.float32
    assert np.isfinite(predictions).all()
    after = numbers(framework, model)
    assert all(np.isfinite(leaf).all() for leaf in after)
    moved = [not np.array_equal(b, a) for b, a in zip(before, after, strict=True)]
    assert all(moved)


@BOTH
@pytest.mark.parametrize("name", ["line_linear", "two_layer_adam"])
def test_a_wrong_shape_is_refused_by_the_annotations(framework, name):
    """So the annotations are enforced while these tests run."""
    module, array = twin(framework, name), ARRAY[framework]
    model = module.build(**SIZES[name])
    with pytest.raises(TypeCheckError, match="batch inputs"):
        model(array(np.ones((2, POINTS, SIZES[name]["inputs"]), np.float32)))
