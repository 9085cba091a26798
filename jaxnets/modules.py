"""Modules: what they hold, by which names, what is trained, and where it starts.

The network is h = relu(x W₁ + b₁), y = h W₂ + b₂; weights handed over have the shape
(inputs, outputs), which is that of Flax's kernels. Its state is a tree of variables.
"""

import math
from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax import Array
from jaxtyping import Float

Inputs = Float[Array, "examples inputs"]
HiddenWeight = Float[Array, "inputs hidden"]
HiddenBias = Float[Array, "hidden"]
OutputWeight = Float[Array, "hidden outputs"]
OutputBias = Float[Array, "outputs"]
Outputs = Float[Array, "examples outputs"]
Vector = Float[Array, "width"]
SquareWeight = Float[Array, "width width"]
Sample = Float[Array, "sample"]


class Network(nnx.Module):
    """Linear, ReLU, linear."""

    def __init__(self, *, rngs: nnx.Rngs):
        self.hidden = nnx.Linear(3, 5, rngs=rngs)
        self.output = nnx.Linear(5, 2, rngs=rngs)

    def __call__(self, inputs: Inputs) -> Outputs:
        return self.output(nnx.relu(self.hidden(inputs)))


class Twice(nnx.Module):
    """Linear, tanh, linear; the two may be the same layer."""

    def __init__(self, first: nnx.Linear, second: nnx.Linear):
        self.first = first
        self.second = second

    def __call__(self, vector: Vector) -> Vector:
        return self.second(jnp.tanh(self.first(vector)))


def _linear(weight: Float[Array, "from to"], bias: Float[Array, "to"]) -> nnx.Linear:
    inputs, outputs = weight.shape
    layer = nnx.Linear(inputs, outputs, rngs=nnx.Rngs(0))
    layer.kernel = nnx.Param(weight)
    layer.bias = nnx.Param(bias)
    return layer


def _network(
    hidden_weight: HiddenWeight,
    hidden_bias: HiddenBias,
    output_weight: OutputWeight,
    output_bias: OutputBias,
) -> Network:
    model = Network(rngs=nnx.Rngs(0))
    model.hidden = _linear(hidden_weight, hidden_bias)
    model.output = _linear(output_weight, output_bias)
    return model


def _named(state: nnx.State) -> dict[str, Array]:
    return {
        ".".join(map(str, path)): leaf[...] for path, leaf in nnx.to_flat_state(state)
    }


def _count(state: nnx.State) -> int:
    return sum(leaf.size for leaf in jax.tree.leaves(state))


def names_and_shapes() -> dict[str, tuple[int, ...]]:
    """Parameters by name: how is a weight called, and which of its axes comes first?"""
    state = nnx.state(Network(rngs=nnx.Rngs(0)), nnx.Param)
    return {name: leaf.shape for name, leaf in _named(state).items()}


def names_in_sequence() -> tuple[str, ...]:
    """Layers in a row have numbers; ReLU takes one, though it holds nothing."""
    rngs = nnx.Rngs(0)
    model = nnx.Sequential(
        nnx.Linear(3, 5, rngs=rngs), nnx.relu, nnx.Linear(5, 2, rngs=rngs)
    )
    return tuple(_named(nnx.state(model)))


def parameter_count() -> int:
    """3 × 5 + 5 + 5 × 2 + 2 numbers."""
    return _count(nnx.state(Network(rngs=nnx.Rngs(0)), nnx.Param))


def trained_and_kept() -> dict[str, int]:
    """Of batch norm's numbers those that are trained, and all that its state keeps."""
    layer = nnx.BatchNorm(5, rngs=nnx.Rngs(0))
    return {
        "trained": _count(nnx.state(layer, nnx.Param)),
        "kept": _count(nnx.state(layer)),
    }


def default_dtype() -> str:
    """In which precision a layer starts."""
    return nnx.Linear(3, 5, rngs=nnx.Rngs(0)).kernel.dtype.name


def subclass(
    inputs: Inputs,
    hidden_weight: HiddenWeight,
    hidden_bias: HiddenBias,
    output_weight: OutputWeight,
    output_bias: OutputBias,
) -> Outputs:
    """y by a class of one's own."""
    return _network(hidden_weight, hidden_bias, output_weight, output_bias)(inputs)


def sequential(
    inputs: Inputs,
    hidden_weight: HiddenWeight,
    hidden_bias: HiddenBias,
    output_weight: OutputWeight,
    output_bias: OutputBias,
) -> Outputs:
    """The same y by layers in a row."""
    model = nnx.Sequential(
        _linear(hidden_weight, hidden_bias),
        nnx.relu,
        _linear(output_weight, output_bias),
    )
    return model(inputs)


def gradients_beside_frozen_layer(
    inputs: Inputs,
    hidden_weight: HiddenWeight,
    hidden_bias: HiddenBias,
    output_weight: OutputWeight,
    output_bias: OutputBias,
    targets: Outputs,
) -> dict[str, Float[Array, "..."]]:
    """Of Σ (y - t)² / 2, W₂ and b₂ frozen: gradients pass through, none stays there."""
    model = _network(hidden_weight, hidden_bias, output_weight, output_bias)
    trained = nnx.All(nnx.Param, nnx.PathContains("hidden"))

    def loss(model: Network) -> Float[Array, ""]:
        return ((model(inputs) - targets) ** 2).sum() / 2

    return _named(nnx.grad(loss, argnums=nnx.DiffState(0, trained))(model))


def names_of_shared_layer(
    shared_weight: SquareWeight, shared_bias: Vector
) -> dict[str, tuple[str, ...]]:
    """One layer under two names: what is trained, and what is saved of it?"""
    layer = _linear(shared_weight, shared_bias)
    model = Twice(layer, layer)
    return {
        "trained": tuple(_named(nnx.state(model, nnx.Param))),
        "saved": tuple(_named(nnx.state(model))),
    }


def gradients_of_shared_layer(
    vector: Vector, shared_weight: SquareWeight, shared_bias: Vector
) -> tuple[SquareWeight, Vector]:
    """Of |y|² / 2 with y = tanh(x W + b) W + b, by W and b."""
    layer = _linear(shared_weight, shared_bias)
    gradients = nnx.grad(lambda model: (model(vector) ** 2).sum() / 2)(
        Twice(layer, layer)
    )
    return gradients.first.kernel[...], gradients.first.bias[...]


def gradients_of_copies(
    vector: Vector, shared_weight: SquareWeight, shared_bias: Vector
) -> tuple[SquareWeight, Vector]:
    """Two layers with equal numbers: their gradients add up to that of a shared one."""
    model = Twice(
        _linear(shared_weight, shared_bias), _linear(shared_weight, shared_bias)
    )
    gradients = nnx.grad(lambda model: (model(vector) ** 2).sum() / 2)(model)
    first, second = gradients.first, gradients.second
    return first.kernel[...] + second.kernel[...], first.bias[...] + second.bias[...]


def saved_and_restored(
    inputs: Inputs,
    hidden_weight: HiddenWeight,
    hidden_bias: HiddenBias,
    output_weight: OutputWeight,
    output_bias: OutputBias,
) -> Outputs:
    """The state taken out as NumPy arrays, and put into another network."""
    model = _network(hidden_weight, hidden_bias, output_weight, output_bias)
    saved = jax.tree.map(np.asarray, nnx.state(model))
    restored = Network(rngs=nnx.Rngs(1))
    nnx.update(restored, jax.tree.map(jnp.asarray, saved))
    return restored(inputs)


def part_of_a_state(
    inputs: Inputs,
    hidden_weight: HiddenWeight,
    hidden_bias: HiddenBias,
    output_weight: OutputWeight,
    output_bias: OutputBias,
) -> Outputs:
    """b₁ = 0 loaded from a state that holds nothing else: is the rest missed?"""
    model = _network(hidden_weight, hidden_bias, output_weight, output_bias)
    nnx.update(model, {"hidden": {"bias": jnp.zeros_like(hidden_bias)}})
    return model(inputs)


def state_of_another_shape() -> tuple[int, ...]:
    """Eight numbers loaded into a bias of two: what shape has it then?"""
    layer = nnx.Linear(5, 2, rngs=nnx.Rngs(0))
    state = nnx.state(layer)
    state["bias"] = nnx.Param(jnp.zeros(8))
    nnx.update(layer, state)
    return _named(nnx.state(layer))["bias"].shape


def modes() -> dict[str, bool]:
    """Whether a dropout inside drops: when made, after `eval`, after `train`."""
    rngs = nnx.Rngs(0)
    dropout = nnx.Dropout(0.25, rngs=rngs)
    model = nnx.Sequential(nnx.Linear(3, 5, rngs=rngs), dropout)
    drops = {"made": not dropout.deterministic}
    model.eval()
    drops["eval"] = not dropout.deterministic
    model.train()
    drops["train"] = not dropout.deterministic
    return drops


def dropout_in_evaluation(inputs: Inputs) -> Inputs:
    """Nothing is dropped, and nothing is drawn."""
    dropout = nnx.Dropout(0.25)
    dropout.eval()
    return dropout(inputs)


def dropout_in_training(seed: int) -> dict[str, bool]:
    """A quarter is dropped; what is kept is divided by 3/4, so the mean is kept."""
    dropout = nnx.Dropout(0.25, rngs=nnx.Rngs(seed))
    outputs = dropout(jnp.ones(100_000))
    dropped = outputs == 0
    share = dropped.mean()
    return {
        "scaled": bool((dropped | (outputs == 1 / 0.75)).all()),
        "quarter": bool(jnp.abs(share - 0.25) < _bound(outputs.size)),
    }


def default_weight_is_uniform(seed: int) -> bool:
    """Uniform on ±1/√fan_in, of variance 1/(3 fan_in)?"""
    layer = nnx.Linear(250, 400, rngs=nnx.Rngs(seed))
    return _follows(layer.kernel[...].ravel(), _uniform)


def default_weight_is_truncated_normal(seed: int) -> bool:
    """Normal, cut at ±2 of its standard deviations, then of variance 1/fan_in?"""
    layer = nnx.Linear(250, 400, rngs=nnx.Rngs(seed))
    return _follows(layer.kernel[...].ravel(), _truncated_normal)


def default_bias(seed: int) -> dict[str, bool]:
    """Zeros, or uniform on ±1/√fan_in like the weight?"""
    layer = nnx.Linear(250, 400, rngs=nnx.Rngs(seed))
    bias = _named(nnx.state(layer))["bias"]
    return {"zero": bool((bias == 0).all()), "uniform": _follows(bias, _uniform)}


def _uniform(numbers: Sample) -> Sample:
    return ((numbers * math.sqrt(250) + 1) / 2).clip(0, 1)


def _truncated_normal(numbers: Sample) -> Sample:
    # The cut leaves 0.8796 of the standard deviation, which is made good beforehand.
    scale = 1 / math.sqrt(250) / 0.87962566103423978
    return jax.scipy.stats.truncnorm.cdf(numbers, -2, 2, scale=scale)


def _follows(numbers: Sample, law: Callable[[Sample], Sample]) -> bool:
    return bool(_distance(numbers, law) < _bound(numbers.size))


@partial(jax.jit, static_argnames="law")
def _distance(numbers: Sample, law: Callable[[Sample], Sample]) -> Float[Array, ""]:
    # Kolmogorov and Smirnov's: the largest between the sample's distribution function,
    # a stair, and that of the law.
    probability = law(jnp.sort(numbers))
    stairs = jnp.arange(numbers.size + 1) / numbers.size
    return jnp.maximum(stairs[1:] - probability, probability - stairs[:-1]).max()


def _bound(size: int) -> float:
    # Farther off is one sample of 10⁹ that do follow the law: P(distance > ε) is at
    # most 2 exp(-2nε²), by Massart, Annals of Probability 18 (1990), 1269; for a mean
    # of numbers in [0, 1] by Hoeffding, J. Amer. Statist. Assoc. 58 (1963), 13.
    return math.sqrt(math.log(2 / 1e-9) / (2 * size))
