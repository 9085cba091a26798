"""What the derivative is where there is none: at kinks, ties and roots of 0.

JAX differentiates what a function is made of: `clip` is a minimum of a maximum, either
of which splits a tie evenly, and a norm is a root, whose slope at 0 is infinite.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from flax import nnx
from jax import Array
from jaxtyping import Float

Points = Float[Array, "points"]
Edges = Float[Array, "edges"]
Tied = Float[Array, "tied"]
Table = Float[Array, "rows columns"]
Roots = Float[Array, "roots"]
Vectors = Float[Array, "vectors length"]
Samples = Float[Array, "samples count"]


def relus(points: Points) -> dict[str, Points]:
    """max(0, x) in seven spellings, which all have the same values."""
    return {
        "relu": nnx.relu(points),
        "maximum": jnp.maximum(points, 0),
        "clamp": jnp.clip(points, min=0),
        "below": jnp.where(points < 0, 0, points),
        "above": jnp.where(points > 0, points, 0),
        "product": points * (points > 0),
        "mean": (points + jnp.abs(points)) / 2,
    }


def slope_of_relu(points: Points) -> Points:
    """The slope of relu(x): 0 at 0."""
    return _slope(nnx.relu, points)


def slope_of_maximum(points: Points) -> Points:
    """The slope of the larger of x and 0: ½ at the tie."""
    return _slope(lambda x: jnp.maximum(x, 0), points)


def slope_of_clamp(points: Points) -> Points:
    """The slope of x clamped to be at least 0: is 0 itself clamped?"""
    return _slope(lambda x: jnp.clip(x, min=0), points)


def slope_of_clamp_as_torch(points: Points) -> Points:
    """The same where the bound itself is not clamped: 1 at 0."""
    return _slope(lambda x: jnp.where(x < 0, 0, x), points)


def slope_of_below(points: Points) -> Points:
    """The slope of `0 where x < 0, else x`: 1 at 0."""
    return _slope(lambda x: jnp.where(x < 0, 0, x), points)


def slope_of_above(points: Points) -> Points:
    """The slope of `x where x > 0, else 0`: 0 at 0."""
    return _slope(lambda x: jnp.where(x > 0, x, 0), points)


def slope_of_product(points: Points) -> Points:
    """The slope of x times 1 or 0, by x > 0: 0 at 0."""
    return _slope(lambda x: x * (x > 0), points)


def slope_of_mean(points: Points) -> Points:
    """The slope of (x + |x|) / 2: it is that of |x| which matters at 0."""
    return _slope(lambda x: (x + jnp.abs(x)) / 2, points)


def slope_of_mean_as_torch(points: Points) -> Points:
    """The same where |x| has the slope 0 at 0: ½."""
    return _slope(lambda x: (x + _abs_as_torch(x)) / 2, points)


def gradient_masked_below(points: Points, incoming: Points) -> Points:
    """Back through max(0, x) by hand, 0 where x < 0: at 0 it passes."""
    return jnp.where(points < 0, 0, incoming)


def gradient_masked_up_to(points: Points, incoming: Points) -> Points:
    """Back through max(0, x) by hand, 0 where x <= 0: at 0 it is stopped."""
    return jnp.where(points <= 0, 0, incoming)


def slope_of_leaky_relu(points: Points) -> Points:
    """The slope of `x or 0.01 x`: to which side does 0 belong?"""
    return _slope(lambda x: nnx.leaky_relu(x, 0.01), points)


def slope_of_leaky_relu_as_torch(points: Points) -> Points:
    """The same where 0 belongs to the left side: 0.01."""
    return _slope(lambda x: jnp.where(x > 0, x, 0.01 * x), points)


def slope_of_clamp_at_both(edges: Edges) -> Edges:
    """The slope of x clamped between -1 and 1: are the bounds clamped?"""
    return _slope(lambda x: jnp.clip(x, -1, 1), edges)


def slope_of_clamp_at_both_as_torch(edges: Edges) -> Edges:
    """The same where the bounds themselves are not clamped: 1 at both."""
    return _slope(lambda x: jnp.where((x >= -1) & (x <= 1), x, jnp.sign(x)), edges)


def slope_of_minimum_of_maximum(edges: Edges) -> Edges:
    """The slope of min(max(x, -1), 1): ½ at both bounds."""
    return _slope(lambda x: jnp.minimum(jnp.maximum(x, -1), 1), edges)


def slope_of_hard_tanh(edges: Edges) -> Edges:
    """The slope of the activation with the values of that clamp."""
    return _slope(nnx.hard_tanh, edges)


def slope_of_hard_tanh_as_torch(edges: Edges) -> Edges:
    """The same where the bounds themselves are clamped: 0 at both."""
    return _slope(lambda x: jnp.where((x > -1) & (x < 1), x, jnp.sign(x)), edges)


def slope_of_abs(points: Points) -> Points:
    """The slope of |x|."""
    return _slope(jnp.abs, points)


def slope_of_abs_as_torch(points: Points) -> Points:
    """The slope of |x| as x sign(x): sign(0) = 0."""
    return _slope(_abs_as_torch, points)


def slope_of_root_of_square(points: Points) -> Points:
    """The slope of √x², which is |x|: ∞ · 0 at 0."""
    return _slope(lambda x: jnp.sqrt(x**2), points)


def slope_of_root_of_abs(points: Points) -> Points:
    """The slope of √|x|: ∞ times the slope of |x| at 0."""
    return _slope(lambda x: jnp.sqrt(jnp.abs(x)), points)


def slope_of_root_of_abs_as_torch(points: Points) -> Points:
    """The same where |x| has the slope 0 at 0: ∞ · 0."""
    return _slope(lambda x: jnp.sqrt(_abs_as_torch(x)), points)


def shares_in_largest(tied: Tied) -> Tied:
    """The gradient of the largest of all: the same for all that are it."""
    return jax.grad(jnp.max)(tied)


def shares_in_largest_of_rows(table: Table) -> Table:
    """The gradient of the largest of each row: the same for all that are it."""
    return _slope(lambda x: x.max(axis=1), table)


def shares_by_position(table: Table) -> Table:
    """The gradient of `max` along rows, which can also tell where: one or all?"""
    return _slope(lambda x: x.max(axis=1), table)


def shares_by_position_as_torch(table: Table) -> Table:
    """The same where all of the gradient goes to the first that is the largest."""

    def first(x: Table) -> Float[Array, "rows 1"]:
        return jnp.take_along_axis(x, x.argmax(axis=1, keepdims=True), axis=1)

    return _slope(first, table)


def slope_of_root(roots: Roots) -> Roots:
    """The slope of √x: ∞ at 0."""
    return _slope(jnp.sqrt, roots)


def slope_of_guarded_root(points: Points) -> Points:
    """The slope of `√x where x > 0, else 0`: what is not chosen counts too."""
    return _slope(lambda x: jnp.where(x > 0, jnp.sqrt(x), 0), points)


def slope_of_doubly_guarded_root(points: Points) -> Points:
    """The same where the root sees no number up to 0 either: 0."""
    return _slope(_guarded_root, points)


def slope_of_norm(vectors: Vectors) -> Vectors:
    """The gradient of ‖x‖, which is x / ‖x‖: at 0 it has no direction."""
    return _slope(lambda x: jnp.linalg.norm(x, axis=1), vectors)


def slope_of_norm_as_torch(vectors: Vectors) -> Vectors:
    """The same where the root of 0 has the slope 0."""
    return _slope(lambda x: _guarded_root((x**2).sum(axis=1)), vectors)


def slope_of_root_of_sum(vectors: Vectors) -> Vectors:
    """The gradient of ‖x‖ written out, √Σx²: ∞ · 0 at 0."""
    return _slope(lambda x: jnp.sqrt((x**2).sum(axis=1)), vectors)


def slope_of_std(samples: Samples) -> Samples:
    """The gradient of the standard deviation: what if all numbers are the same?"""
    return _slope(lambda x: x.std(axis=1), samples)


def slope_of_std_as_torch(samples: Samples) -> Samples:
    """The same where the root of 0 has the slope 0."""
    return _slope(lambda x: _guarded_root(x.var(axis=1)), samples)


def _slope(function: Callable[[Array], Array], points: Array) -> Array:
    """Its derivative at every point."""
    return jax.grad(lambda points: function(points).sum())(points)


def _abs_as_torch(points: Array) -> Array:
    """|x| with the slope 0 at 0."""
    return points * jnp.sign(points)


def _guarded_root(points: Array) -> Array:
    """√x where x > 0, otherwise 0 with the slope 0."""
    # Both branches are differentiated: the root must not see what is not chosen.
    positive = points > 0
    return jnp.where(positive, jnp.sqrt(jnp.where(positive, points, 1)), 0)
