"""Many points at once: which axes are the batch, and what is done along them.

A layer y = x W + b consumes the last axis; all axes before it are batch axes. `vmap`
adds one to a function that knows of none. W has the shape (inputs, outputs).
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.func import grad, vmap
from torch.nn import functional

Point = Float[Tensor, "inputs"]
Points = Float[Tensor, "points inputs"]
Centers = Float[Tensor, "centers inputs"]
Grid = Float[Tensor, "planes rows columns inputs"]
Weight = Float[Tensor, "inputs outputs"]
Weights = Float[Tensor, "models inputs outputs"]
Bias = Float[Tensor, "outputs"]
Outputs = Float[Tensor, "points outputs"]
MeanOutputs = Float[Tensor, "planes rows outputs"]
Column = Float[Tensor, "examples 1"]
Row = Float[Tensor, "examples"]
Number = Float[Tensor, ""]


def _linear(weight: Weight, bias: Bias) -> nn.Linear:
    inputs, outputs = weight.shape
    layer = nn.Linear(inputs, outputs)
    layer.weight = nn.Parameter(weight.T)
    layer.bias = nn.Parameter(bias)
    return layer


def _for_one(point: Point, weight: Weight, bias: Bias) -> Bias:
    # A matrix times a vector: written so, it takes no batch.
    return weight.T @ point + bias


def _loss_of_one(weight: Weight, bias: Bias, point: Point, goal: Bias) -> Number:
    return ((_for_one(point, weight, bias) - goal) ** 2).sum() / 2


def one_point(point: Point, weight: Weight, bias: Bias) -> Bias:
    """y = x W + b without any batch axis."""
    return _linear(weight, bias)(point).detach()


def many_points(points: Points, weight: Weight, bias: Bias) -> Outputs:
    """One batch axis: yₙ = xₙ W + b."""
    return _linear(weight, bias)(points).detach()


def loop_over_points(points: Points, weight: Weight, bias: Bias) -> Outputs:
    """The same, one point after another."""
    layer = _linear(weight, bias)
    return torch.stack([layer(point) for point in points]).detach()


def grid_of_points(
    grid: Grid, weight: Weight, bias: Bias
) -> dict[str, tuple[int, ...] | MeanOutputs]:
    """Three batch axes: the shape of the outputs, and their mean along columns."""
    outputs = _linear(weight, bias)(grid).detach()
    return {"shape": tuple(outputs.shape), "mean": outputs.mean(dim=2)}


def grid_as_one_batch(grid: Grid, weight: Weight, bias: Bias) -> MeanOutputs:
    """Three batch axes made one, and three again."""
    outputs = _linear(weight, bias)(grid.reshape(-1, 2)).detach()
    return outputs.reshape(*grid.shape[:-1], -1).mean(dim=2)


def wrong_last_axis(points: Points, weight: Weight, bias: Bias) -> Outputs:
    """The points along the last axis, where the layer wants its inputs."""
    return _linear(weight, bias)(points.T).detach()


def vmap_over_points(points: Points, weight: Weight, bias: Bias) -> Outputs:
    """A function of one point mapped over the points; all share W and b."""
    return vmap(_for_one, in_dims=(0, None, None))(points, weight, bias)


def vmap_over_models(
    points: Points, weights: Weights
) -> Float[Tensor, "models points outputs"]:
    """The other way round: all models see the same points, yₘₙ = xₙ Wₘ."""
    return vmap(torch.matmul, in_dims=(None, 0))(points, weights)


def vmap_in_vmap(points: Points, centers: Centers) -> Float[Tensor, "points centers"]:
    """Every point with every center: dₙₖ = |xₙ - cₖ|."""

    def distance(point: Point, center: Point) -> Number:
        return torch.linalg.vector_norm(point - center)

    to_centers = vmap(distance, in_dims=(None, 0))
    return vmap(to_centers, in_dims=(0, None))(points, centers)


def vmap_over_unequal_axes(points: Points, centers: Centers) -> Points:
    """Points and centers in pairs, but there are more points than centers."""
    return vmap(lambda point, center: point - center)(points, centers)


def vmap_of_branch(points: Points) -> Points:
    """`if` asks for one answer; under `vmap` there are as many as points."""
    return vmap(lambda point: point if point[0] > 0 else -point)(points)


def vmap_of_choice(points: Points) -> Points:
    """The same choice made by `where`, for each point its own."""
    return vmap(lambda point: torch.where(point[0] > 0, point, -point))(points)


def gradients_of_examples(
    weight: Weight, bias: Bias, points: Points, goals: Outputs
) -> Float[Tensor, "points inputs outputs"]:
    """`vmap` of a gradient: ∂Lₙ/∂W = xₙ ⊗ (yₙ - tₙ), one for each example."""
    gradient = grad(_loss_of_one)
    mapped = vmap(gradient, in_dims=(None, None, 0, 0))
    return mapped(weight, bias, points, goals)


def gradient_of_mean(
    weight: Weight, bias: Bias, points: Points, goals: Outputs
) -> Weight:
    """The gradient of a `vmap`: of the mean loss, the mean of those of the examples."""

    def mean_loss(weight: Weight) -> Number:
        mapped = vmap(_loss_of_one, in_dims=(None, None, 0, 0))
        return mapped(weight, bias, points, goals).mean()

    return grad(mean_loss)(weight)


def gradient_of_bias(bias: Bias, blocks: Float[Tensor, "blocks rows outputs"]) -> Bias:
    """b is broadcast, so its gradient is summed: ∂/∂b Σ (b - z)² / 2 = Σ (b - z)."""
    return grad(lambda bias: ((bias - blocks) ** 2).sum() / 2)(bias)


def column_minus_row(
    predictions: Column, targets: Row
) -> Float[Tensor, "examples examples"]:
    """(N, 1) and (N,) make (N, N): every prediction less every target."""
    return predictions - targets


def squared_error_of_column(predictions: Column, targets: Row) -> Number:
    """The mean squared error where the predictions have an axis of length 1 left."""
    return functional.mse_loss(predictions, targets)


def squared_error(predictions: Column, targets: Row) -> Number:
    """Σ (y - t)² / N, with that axis taken away."""
    return functional.mse_loss(predictions.squeeze(-1), targets)


def cross_entropy_of_column(predictions: Column, targets: Row) -> Number:
    """The binary cross entropy with that axis: of N² pairs, where it is allowed."""
    probabilities = torch.sigmoid(predictions)
    return functional.binary_cross_entropy(probabilities, targets)


def cross_entropy_of_integers(
    predictions: Column, labels: Int[Tensor, "examples"]
) -> Number:
    """The binary cross entropy with labels that are integers, 0 or 1."""
    probabilities = torch.sigmoid(predictions.squeeze(-1))
    return functional.binary_cross_entropy(probabilities, labels)


def cross_entropy(predictions: Column, labels: Int[Tensor, "examples"]) -> Number:
    """-Σ (t log σ(x) + (1 - t) log σ(-x)) / N: no axis left over, labels as floats."""
    probabilities = torch.sigmoid(predictions.squeeze(-1))
    targets = labels.to(probabilities.dtype)
    return functional.binary_cross_entropy(probabilities, targets)
