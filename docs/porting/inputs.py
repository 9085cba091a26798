"""What both models get: tokens, and for training labels, losses, optimizers."""

import numpy as np
import optax
import torch
import torch.nn.functional as F


def tokens() -> np.ndarray:
    """Four texts of twelve words."""
    return np.random.default_rng(0).integers(0, 50, (4, 12))


def labels() -> np.ndarray:
    """Their classes."""
    return np.random.default_rng(1).integers(0, 5, 4)


def torch_loss(logits, labels):
    """Mean cross entropy."""
    return F.cross_entropy(logits, labels)


def jax_loss(logits, labels):
    """Mean cross entropy."""
    return optax.softmax_cross_entropy_with_integer_labels(logits, labels).mean()


def first_optimizers():
    """AdamW on both sides, and all but the learning rate left to the libraries."""
    return lambda parameters: torch.optim.AdamW(parameters, lr=1e-3), optax.adamw(1e-3)


def optimizers():
    """AdamW with the same decay."""
    return (
        lambda parameters: torch.optim.AdamW(parameters, lr=1e-3, weight_decay=1e-2),
        optax.adamw(1e-3, weight_decay=1e-2),
    )
