"""Many points at once: which axes are the batch, and what is done along them.

A layer y = x W + b consumes the last axis; all axes before it are batch axes. `vmap`
adds one to a function that knows of none. W has the shape (inputs, outputs).
"""

import jax
import jax.numpy as jnp
import optax
from flax import nnx
from jax import Array
from jaxtyping import Float, Int

Point = Float[Array, "inputs"]
Points = Float[Array, "points inputs"]
Centers = Float[Array, "centers inputs"]
Grid = Float[Array, "planes rows columns inputs"]
Weight = Float[Array, "inputs outputs"]
Weights = Float[Array, "models inputs outputs"]
Bias = Float[Array, "outputs"]
Outputs = Float[Array, "points outputs"]
MeanOutputs = Float[Array, "planes rows outputs"]
Column = Float[Array, "examples 1"]
Row = Float[Array, "examples"]
Number = Float[Array, ""]


def _linear(weight: Weight, bias: Bias) -> nnx.Linear:
    inputs, outputs = weight.shape
    layer = nnx.Linear(inputs, outputs, rngs=nnx.Rngs(0))
    layer.kernel = nnx.Param(weight)
    layer.bias = nnx.Param(bias)
    return layer


def _for_one(point: Point, weight: Weight, bias: Bias) -> Bias:
    # A matrix times a vector: written so, it takes no batch.
    return weight.T @ point + bias


def _loss_of_one(weight: Weight, bias: Bias, point: Point, goal: Bias) -> Number:
    return ((_for_one(point, weight, bias) - goal) ** 2).sum() / 2


def one_point(point: Point, weight: Weight, bias: Bias) -> Bias:
    """y = x W + b without any batch axis."""
    return _linear(weight, bias)(point)


def many_points(points: Points, weight: Weight, bias: Bias) -> Outputs:
    """One batch axis: yₙ = xₙ W + b."""
    return _linear(weight, bias)(points)


def loop_over_points(points: Points, weight: Weight, bias: Bias) -> Outputs:
    """The same, one point after another."""
    return jax.lax.map(_linear(weight, bias), points)


def grid_of_points(
    grid: Grid, weight: Weight, bias: Bias
) -> dict[str, tuple[int, ...] | MeanOutputs]:
    """Three batch axes: the shape of the outputs, and their mean along columns."""
    outputs = _linear(weight, bias)(grid)
    return {"shape": outputs.shape, "mean": outputs.mean(axis=2)}


def grid_as_one_batch(grid: Grid, weight: Weight, bias: Bias) -> MeanOutputs:
    """Three batch axes made one, and three again."""
    outputs = _linear(weight, bias)(grid.reshape(-1, 2))
    return outputs.reshape(*grid.shape[:-1], -1).mean(axis=2)


def wrong_last_axis(points: Points, weight: Weight, bias: Bias) -> Outputs:
    """The points along the last axis, where the layer wants its inputs."""
    return _linear(weight, bias)(points.T)


def vmap_over_points(points: Points, weight: Weight, bias: Bias) -> Outputs:
    """A function of one point mapped over the points; all share W and b."""
    return jax.vmap(_for_one, in_axes=(0, None, None))(points, weight, bias)


def vmap_over_models(
    points: Points, weights: Weights
) -> Float[Array, "models points outputs"]:
    """The other way round: all models see the same points, yₘₙ = xₙ Wₘ."""
    return jax.vmap(jnp.matmul, in_axes=(None, 0))(points, weights)


def vmap_in_vmap(points: Points, centers: Centers) -> Float[Array, "points centers"]:
    """Every point with every center: dₙₖ = |xₙ - cₖ|."""

    def distance(point: Point, center: Point) -> Number:
        return jnp.linalg.norm(point - center)

    to_centers = jax.vmap(distance, in_axes=(None, 0))
    return jax.vmap(to_centers, in_axes=(0, None))(points, centers)


def vmap_over_unequal_axes(points: Points, centers: Centers) -> Points:
    """Points and centers in pairs, but there are more points than centers."""
    return jax.vmap(lambda point, center: point - center)(points, centers)


def vmap_of_branch(points: Points) -> Points:
    """`if` asks for one answer; under `vmap` there are as many as points."""
    return jax.vmap(lambda point: point if point[0] > 0 else -point)(points)


def vmap_of_choice(points: Points) -> Points:
    """The same choice made by `where`, for each point its own."""
    return jax.vmap(lambda point: jnp.where(point[0] > 0, point, -point))(points)


def gradients_of_examples(
    weight: Weight, bias: Bias, points: Points, goals: Outputs
) -> Float[Array, "points inputs outputs"]:
    """`vmap` of a gradient: ∂Lₙ/∂W = xₙ ⊗ (yₙ - tₙ), one for each example."""
    gradient = jax.grad(_loss_of_one)
    mapped = jax.vmap(gradient, in_axes=(None, None, 0, 0))
    return mapped(weight, bias, points, goals)


def gradient_of_mean(
    weight: Weight, bias: Bias, points: Points, goals: Outputs
) -> Weight:
    """The gradient of a `vmap`: of the mean loss, the mean of those of the examples."""

    def mean_loss(weight: Weight) -> Number:
        mapped = jax.vmap(_loss_of_one, in_axes=(None, None, 0, 0))
        return mapped(weight, bias, points, goals).mean()

    return jax.grad(mean_loss)(weight)


def gradient_of_bias(bias: Bias, blocks: Float[Array, "blocks rows outputs"]) -> Bias:
    """b is broadcast, so its gradient is summed: ∂/∂b Σ (b - z)² / 2 = Σ (b - z)."""
    return jax.grad(lambda bias: ((bias - blocks) ** 2).sum() / 2)(bias)


def column_minus_row(
    predictions: Column, targets: Row
) -> Float[Array, "examples examples"]:
    """(N, 1) and (N,) make (N, N): every prediction less every target."""
    return predictions - targets


def squared_error_of_column(predictions: Column, targets: Row) -> Number:
    """The mean squared error where the predictions have an axis of length 1 left."""
    return optax.losses.squared_error(predictions, targets).mean()


def squared_error(predictions: Column, targets: Row) -> Number:
    """Σ (y - t)² / N, with that axis taken away."""
    return optax.losses.squared_error(predictions.squeeze(-1), targets).mean()


def cross_entropy_of_column(predictions: Column, targets: Row) -> Number:
    """The binary cross entropy with that axis: of N² pairs, where it is allowed."""
    losses = optax.losses.sigmoid_binary_cross_entropy(predictions, targets)
    return losses.mean()


def cross_entropy_of_integers(
    predictions: Column, labels: Int[Array, "examples"]
) -> Number:
    """The binary cross entropy with labels that are integers, 0 or 1."""
    logits = predictions.squeeze(-1)
    return optax.losses.sigmoid_binary_cross_entropy(logits, labels).mean()


def cross_entropy(predictions: Column, labels: Int[Array, "examples"]) -> Number:
    """-Σ (t log σ(x) + (1 - t) log σ(-x)) / N: no axis left over, labels as floats."""
    logits = predictions.squeeze(-1)
    targets = labels.astype(logits.dtype)
    return optax.losses.sigmoid_binary_cross_entropy(logits, targets).mean()
