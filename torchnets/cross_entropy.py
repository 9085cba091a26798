"""Cross entropy of logits, whole and in the steps that it is made of.

H(target, x) = -Σ target · log softmax(x), softmax(x) = exp x / Σ exp x, in nats. Sums
run over the classes, the last axis; every example has a loss of its own, and only
`mean_over_examples` makes one number of them.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional

Logits = Float[Tensor, "examples classes"]
Losses = Float[Tensor, "examples"]


def whole(logits: Logits, target: Logits) -> Losses:
    """H(target, x) as the library computes it."""
    return functional.cross_entropy(logits, target, reduction="none")


def whole_from_labels(logits: Logits, labels: Int[Tensor, "examples"]) -> Losses:
    """The same where the target is one class, given by its number."""
    return functional.cross_entropy(logits, labels, reduction="none")


def mean_over_examples(logits: Logits, target: Logits) -> Float[Tensor, ""]:
    """The mean loss: in PyTorch it is the default."""
    return functional.cross_entropy(logits, target)


def exponentials(logits: Logits) -> Logits:
    """Step 1, exp x: positive, and large where the logit is."""
    return torch.exp(logits)


def normalised(logits: Logits) -> Logits:
    """Step 2, p = exp x / Σ exp x: probabilities."""
    positive = exponentials(logits)
    return positive / positive.sum(dim=-1, keepdim=True)


def negative_logarithms(logits: Logits) -> Logits:
    """Step 3, -log p: nearly 0 for a probability of nearly 1."""
    return -torch.log(normalised(logits))


def times_target(logits: Logits, target: Logits) -> Logits:
    """Step 4, -target · log p: only the right class is left."""
    return negative_logarithms(logits) * target


def summed(logits: Logits, target: Logits) -> Losses:
    """Step 5, -Σ target · log p."""
    return times_target(logits, target).sum(dim=-1)


def softmax(logits: Logits) -> Logits:
    """Steps 1 and 2 as the library computes them."""
    return functional.softmax(logits, dim=-1)


def log_softmax(logits: Logits) -> Logits:
    """The logarithm of steps 1 and 2 as the library computes it."""
    return functional.log_softmax(logits, dim=-1)


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
    return torch.log(torch.exp(large).sum(dim=-1))


def log_sum_exp_by_hand(large: Logits) -> Losses:
    """log Σ exp x = m + log Σ exp(x - m), m = max x: no exponential exceeds 1."""
    largest = large.amax(dim=-1, keepdim=True)
    return largest[..., 0] + torch.log(torch.exp(large - largest).sum(dim=-1))


def log_sum_exp(large: Logits) -> Losses:
    """log Σ exp x as the library computes it."""
    return torch.logsumexp(large, dim=-1)


def whole_by_hand(logits: Logits, target: Logits) -> Losses:
    """H(target, x) = log Σ exp(x - m) - Σ target · (x - m), if targets sum to 1."""
    shifted = logits - logits.amax(dim=-1, keepdim=True)
    return torch.log(torch.exp(shifted).sum(dim=-1)) - (target * shifted).sum(dim=-1)


def whole_large_by_hand(large: Logits, target: Logits) -> Losses:
    """By hand, but right."""
    return whole_by_hand(large, target)


def gradient(logits: Logits, target: Logits) -> Logits:
    """∂H/∂x by automatic differentiation of the library's loss."""
    leaf = logits.clone().requires_grad_()
    (slopes,) = torch.autograd.grad(whole(leaf, target).sum(), leaf)
    return slopes


def gradient_of_steps(logits: Logits, target: Logits) -> Logits:
    """∂H/∂x by automatic differentiation of the five steps."""
    leaf = logits.clone().requires_grad_()
    (slopes,) = torch.autograd.grad(summed(leaf, target).sum(), leaf)
    return slopes


def gradient_by_hand(logits: Logits, target: Logits) -> Logits:
    """∂H/∂x = softmax(x) - target."""
    return softmax(logits) - target


def gradient_large(large: Logits, target: Logits) -> Logits:
    """The gradient of the library's loss stays right too."""
    return gradient(large, target)


def gradient_of_steps_large(large: Logits, target: Logits) -> Logits:
    """The gradient of the steps is lost with their value."""
    return gradient_of_steps(large, target)
