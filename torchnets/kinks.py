"""What the derivative is where there is none: at kinks, ties and roots of 0.

PyTorch has a formula for each function: a clamp lets its bounds pass, |x| has the slope
sign(x), and norms and deviations of 0 have the slope 0.
"""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

Points = Float[Tensor, "points"]
Edges = Float[Tensor, "edges"]
Tied = Float[Tensor, "tied"]
Table = Float[Tensor, "rows columns"]
Roots = Float[Tensor, "roots"]
Vectors = Float[Tensor, "vectors length"]
Samples = Float[Tensor, "samples count"]


def relus(points: Points) -> dict[str, Points]:
    """max(0, x) in seven spellings, which all have the same values."""
    return {
        "relu": functional.relu(points),
        "maximum": torch.maximum(points, torch.zeros_like(points)),
        "clamp": torch.clamp(points, min=0),
        "below": torch.where(points < 0, 0, points),
        "above": torch.where(points > 0, points, 0),
        "product": points * (points > 0),
        "mean": (points + torch.abs(points)) / 2,
    }


def slope_of_relu(points: Points) -> Points:
    """The slope of relu(x): 0 at 0."""
    return _slope(functional.relu, points)


def slope_of_maximum(points: Points) -> Points:
    """The slope of the larger of x and 0: ½ at the tie."""
    return _slope(lambda x: torch.maximum(x, torch.zeros_like(x)), points)


def slope_of_clamp(points: Points) -> Points:
    """The slope of x clamped to be at least 0: is 0 itself clamped?"""
    return _slope(lambda x: torch.clamp(x, min=0), points)


def slope_of_clamp_as_torch(points: Points) -> Points:
    """The same where the bound itself is not clamped: 1 at 0."""
    return slope_of_clamp(points)


def slope_of_below(points: Points) -> Points:
    """The slope of `0 where x < 0, else x`: 1 at 0."""
    return _slope(lambda x: torch.where(x < 0, 0, x), points)


def slope_of_above(points: Points) -> Points:
    """The slope of `x where x > 0, else 0`: 0 at 0."""
    return _slope(lambda x: torch.where(x > 0, x, 0), points)


def slope_of_product(points: Points) -> Points:
    """The slope of x times 1 or 0, by x > 0: 0 at 0."""
    return _slope(lambda x: x * (x > 0), points)


def slope_of_mean(points: Points) -> Points:
    """The slope of (x + |x|) / 2: it is that of |x| which matters at 0."""
    return _slope(lambda x: (x + torch.abs(x)) / 2, points)


def slope_of_mean_as_torch(points: Points) -> Points:
    """The same where |x| has the slope 0 at 0: ½."""
    return slope_of_mean(points)


def gradient_masked_below(points: Points, incoming: Points) -> Points:
    """Back through max(0, x) by hand, 0 where x < 0: at 0 it passes."""
    gradient = incoming.clone()
    gradient[points < 0] = 0
    return gradient


def gradient_masked_up_to(points: Points, incoming: Points) -> Points:
    """Back through max(0, x) by hand, 0 where x <= 0: at 0 it is stopped."""
    gradient = incoming.clone()
    gradient[points <= 0] = 0
    return gradient


def slope_of_leaky_relu(points: Points) -> Points:
    """The slope of `x or 0.01 x`: to which side does 0 belong?"""
    return _slope(lambda x: functional.leaky_relu(x, 0.01), points)


def slope_of_leaky_relu_as_torch(points: Points) -> Points:
    """The same where 0 belongs to the left side: 0.01."""
    return slope_of_leaky_relu(points)


def slope_of_clamp_at_both(edges: Edges) -> Edges:
    """The slope of x clamped between -1 and 1: are the bounds clamped?"""
    return _slope(lambda x: torch.clamp(x, -1, 1), edges)


def slope_of_clamp_at_both_as_torch(edges: Edges) -> Edges:
    """The same where the bounds themselves are not clamped: 1 at both."""
    return slope_of_clamp_at_both(edges)


def slope_of_minimum_of_maximum(edges: Edges) -> Edges:
    """The slope of min(max(x, -1), 1): ½ at both bounds."""
    one = torch.ones_like(edges)
    return _slope(lambda x: torch.minimum(torch.maximum(x, -one), one), edges)


def slope_of_hard_tanh(edges: Edges) -> Edges:
    """The slope of the activation with the values of that clamp."""
    return _slope(functional.hardtanh, edges)


def slope_of_hard_tanh_as_torch(edges: Edges) -> Edges:
    """The same where the bounds themselves are clamped: 0 at both."""
    return slope_of_hard_tanh(edges)


def slope_of_abs(points: Points) -> Points:
    """The slope of |x|."""
    return _slope(torch.abs, points)


def slope_of_abs_as_torch(points: Points) -> Points:
    """The slope of |x| as x sign(x): sign(0) = 0."""
    return slope_of_abs(points)


def slope_of_root_of_square(points: Points) -> Points:
    """The slope of √x², which is |x|: ∞ · 0 at 0."""
    return _slope(lambda x: torch.sqrt(x**2), points)


def slope_of_root_of_abs(points: Points) -> Points:
    """The slope of √|x|: ∞ times the slope of |x| at 0."""
    return _slope(lambda x: torch.sqrt(torch.abs(x)), points)


def slope_of_root_of_abs_as_torch(points: Points) -> Points:
    """The same where |x| has the slope 0 at 0: ∞ · 0."""
    return slope_of_root_of_abs(points)


def shares_in_largest(tied: Tied) -> Tied:
    """The gradient of the largest of all: the same for all that are it."""
    return torch.func.grad(torch.max)(tied)


def shares_in_largest_of_rows(table: Table) -> Table:
    """The gradient of the largest of each row: the same for all that are it."""
    return _slope(lambda x: x.amax(dim=1), table)


def shares_by_position(table: Table) -> Table:
    """The gradient of `max` along rows, which can also tell where: one or all?"""
    return _slope(lambda x: x.max(dim=1).values, table)


def shares_by_position_as_torch(table: Table) -> Table:
    """The same where all of the gradient goes to the first that is the largest."""
    return shares_by_position(table)


def slope_of_root(roots: Roots) -> Roots:
    """The slope of √x: ∞ at 0."""
    return _slope(torch.sqrt, roots)


def slope_of_guarded_root(points: Points) -> Points:
    """The slope of `√x where x > 0, else 0`: what is not chosen counts too."""
    return _slope(lambda x: torch.where(x > 0, torch.sqrt(x), 0), points)


def slope_of_doubly_guarded_root(points: Points) -> Points:
    """The same where the root sees no number up to 0 either: 0."""
    return _slope(_guarded_root, points)


def slope_of_norm(vectors: Vectors) -> Vectors:
    """The gradient of ‖x‖, which is x / ‖x‖: at 0 it has no direction."""
    return _slope(lambda x: torch.linalg.vector_norm(x, dim=1), vectors)


def slope_of_norm_as_torch(vectors: Vectors) -> Vectors:
    """The same where the root of 0 has the slope 0."""
    return slope_of_norm(vectors)


def slope_of_root_of_sum(vectors: Vectors) -> Vectors:
    """The gradient of ‖x‖ written out, √Σx²: ∞ · 0 at 0."""
    return _slope(lambda x: torch.sqrt((x**2).sum(dim=1)), vectors)


def slope_of_std(samples: Samples) -> Samples:
    """The gradient of the standard deviation: what if all numbers are the same?"""
    return _slope(lambda x: x.std(dim=1, correction=0), samples)


def slope_of_std_as_torch(samples: Samples) -> Samples:
    """The same where the root of 0 has the slope 0."""
    return slope_of_std(samples)


def _slope(function: Callable[[Tensor], Tensor], points: Tensor) -> Tensor:
    """Its derivative at every point."""
    return torch.func.grad(lambda points: function(points).sum())(points)


def _guarded_root(points: Tensor) -> Tensor:
    """√x where x > 0, otherwise 0 with the slope 0."""
    # Both branches are differentiated: the root must not see what is not chosen.
    positive = points > 0
    return torch.where(positive, torch.sqrt(torch.where(positive, points, 1)), 0)
