"""Cross entropy of logits, whole and in the steps that it is made of.

H(target, x) = -Σ target · log softmax(x), softmax(x) = exp x / Σ exp x, in nats. Sums
run over the classes, the last axis; every example has a loss of its own, and only
`mean_over_examples` makes one number of them.
"""

import jax
import jax.numpy as jnp
import optax
from jax import Array
from jaxtyping import Float, Int

Logits = Float[Array, "examples classes"]
Losses = Float[Array, "examples"]


def whole(logits: Logits, target: Logits) -> Losses:
    """H(target, x) as the library computes it."""
    return optax.losses.softmax_cross_entropy(logits, target)


def whole_from_labels(logits: Logits, labels: Int[Array, "examples"]) -> Losses:
    """The same where the target is one class, given by its number."""
    return optax.losses.softmax_cross_entropy_with_integer_labels(logits, labels)


def mean_over_examples(logits: Logits, target: Logits) -> Float[Array, ""]:
    """The mean loss: in JAX it is taken explicitly."""
    return optax.losses.softmax_cross_entropy(logits, target).mean()


def exponentials(logits: Logits) -> Logits:
    """Step 1, exp x: positive, and large where the logit is."""
    return jnp.exp(logits)


def normalised(logits: Logits) -> Logits:
    """Step 2, p = exp x / Σ exp x: probabilities."""
    positive = exponentials(logits)
    return positive / positive.sum(axis=-1, keepdims=True)


def negative_logarithms(logits: Logits) -> Logits:
    """Step 3, -log p: nearly 0 for a probability of nearly 1."""
    return -jnp.log(normalised(logits))


def times_target(logits: Logits, target: Logits) -> Logits:
    """Step 4, -target · log p: only the right class is left."""
    return negative_logarithms(logits) * target


def summed(logits: Logits, target: Logits) -> Losses:
    """Step 5, -Σ target · log p."""
    return times_target(logits, target).sum(axis=-1)


def softmax(logits: Logits) -> Logits:
    """Steps 1 and 2 as the library computes them."""
    return jax.nn.softmax(logits, axis=-1)


def log_softmax(logits: Logits) -> Logits:
    """The logarithm of steps 1 and 2 as the library computes it."""
    return jax.nn.log_softmax(logits, axis=-1)


def exponentials_large(large: Logits) -> Logits:
    """exp 1000 is infinite and exp -1000 is 0, even in float64."""
    return exponentials(large)


def summed_large(large: Logits, target: Logits) -> Losses:
    """The steps where they fail: ∞ / ∞ and 0 / 0 are not numbers."""
    return summed(large, target)


def whole_large(large: Logits, target: Logits) -> Losses:
    """The library's loss is right for the same logits."""
    return whole(large, target)


def log_sum_exp_in_steps(large: Logits) -> Losses:
    """log Σ exp x as it is written: ∞ and -∞."""
    return jnp.log(jnp.exp(large).sum(axis=-1))


def log_sum_exp_by_hand(large: Logits) -> Losses:
    """log Σ exp x = m + log Σ exp(x - m), m = max x: no exponential exceeds 1."""
    largest = large.max(axis=-1, keepdims=True)
    return largest[..., 0] + jnp.log(jnp.exp(large - largest).sum(axis=-1))


def log_sum_exp(large: Logits) -> Losses:
    """log Σ exp x as the library computes it."""
    return jax.nn.logsumexp(large, axis=-1)


def whole_by_hand(logits: Logits, target: Logits) -> Losses:
    """H(target, x) = log Σ exp(x - m) - Σ target · (x - m), if targets sum to 1."""
    shifted = logits - logits.max(axis=-1, keepdims=True)
    return jnp.log(jnp.exp(shifted).sum(axis=-1)) - (target * shifted).sum(axis=-1)


def whole_large_by_hand(large: Logits, target: Logits) -> Losses:
    """By hand, but right."""
    return whole_by_hand(large, target)


def gradient(logits: Logits, target: Logits) -> Logits:
    """∂H/∂x by automatic differentiation of the library's loss."""
    return jax.grad(lambda logits: whole(logits, target).sum())(logits)


def gradient_of_steps(logits: Logits, target: Logits) -> Logits:
    """∂H/∂x by automatic differentiation of the five steps."""
    return jax.grad(lambda logits: summed(logits, target).sum())(logits)


def gradient_by_hand(logits: Logits, target: Logits) -> Logits:
    """∂H/∂x = softmax(x) - target."""
    return softmax(logits) - target


def gradient_large(large: Logits, target: Logits) -> Logits:
    """The gradient of the library's loss stays right too."""
    return gradient(large, target)


def gradient_of_steps_large(large: Logits, target: Logits) -> Logits:
    """The gradient of the steps is lost with their value."""
    return gradient_of_steps(large, target)
