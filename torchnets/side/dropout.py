"""Dropout by given masks, or off, while all else is in train mode."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode

PLAIN = {functional.dropout, torch.dropout, torch.dropout_}
CHANNELS = {
    functional.dropout1d: 2,
    functional.dropout2d: None,
    functional.dropout3d: 4,
    torch.feature_dropout: None,
    torch.feature_dropout_: None,
}
"""Those that drop whole channels, and the rank at which there is no batch."""
OTHERS = {
    functional.alpha_dropout,
    functional.feature_alpha_dropout,
    torch.alpha_dropout,
    torch.alpha_dropout_,
    torch.feature_alpha_dropout,
    torch.feature_alpha_dropout_,
}
RANDOM = {
    getattr(owner, name)
    for owner, names in (
        (torch, "rand randn randint randperm rand_like randn_like randint_like"),
        (torch, "bernoulli multinomial normal poisson"),
        (Tensor, "bernoulli bernoulli_ multinomial normal_ uniform_ random_"),
        (Tensor, "exponential_ cauchy_ geometric_ log_normal_"),
    )
    for name in names.split()
}
"""What no other framework draws alike."""
RECURRENT = {torch.lstm, torch.gru, torch.rnn_tanh, torch.rnn_relu}
ATTENTION = inspect.signature(functional.multi_head_attention_forward)


class Dropping(TorchFunctionMode):
    """While entered, the n-th dropout keeps where draw(n, shape) < 1 − rate.

    Dropout that is in eval mode or has the rate 0 does not count. Without `draw`, and
    inside of fused functions, all is kept; so it is where alpha dropout is meant.
    Raises RuntimeError for a mask that is needed again in a backward pass.
    """

    def __init__(self, draw: Callable[..., Any] | None) -> None:
        super().__init__()
        self.draw = draw
        self.number = 0

    def __torch_function__(
        self,
        func: Any,
        types: Any,
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        if func in RANDOM:
            raise RuntimeError(
                f"it draws random numbers ({func.__name__}), which JAX cannot draw "
                "alike; let it take them as an input"
            )
        if func in PLAIN or func in CHANNELS:
            return self._dropped(func, *args, **kwargs)
        if func in OTHERS:
            return args[0] if args else kwargs["input"]
        if func in RECURRENT:
            args = _recurrent(args)
        elif func is functional.scaled_dot_product_attention:
            args, kwargs = (
                (*args[:4], *([0.0] if args[4:] else []), *args[5:]),
                {
                    **kwargs,
                    **({} if args[4:] else {"dropout_p": 0.0}),
                },
            )
        elif func is functional.multi_head_attention_forward:
            bound = ATTENTION.bind(*args, **kwargs)
            bound.arguments["dropout_p"] = 0.0
            args, kwargs = bound.args, bound.kwargs
        return func(*args, **kwargs)

    def _dropped(
        self,
        func: Any,
        input: Tensor,
        p: float = 0.5,
        training: bool = True,
        inplace: bool = False,
        *,
        train: bool = True,
    ) -> Tensor:
        if not (training and train and p and self.draw):
            return input
        if torch._C._current_graph_task_id() != -1:
            raise RuntimeError(
                "dropout is computed again in the backward pass (checkpointing), where "
                "its mask is not known; switch checkpointing off, or dropout"
            )
        shape = tuple(input.shape)
        if func in CHANNELS:
            kept = 1 if input.ndim == CHANNELS[func] else 2
            shape = (*shape[:kept], *[1] * (input.ndim - kept))
        uniforms = np.asarray(self.draw(self.number, shape))
        self.number += 1
        factor = (uniforms < 1 - p) / (1 - p if p < 1 else 1.0)
        mask = torch.tensor(factor, dtype=input.dtype)
        in_place = inplace or func in {torch.dropout_, torch.feature_dropout_}
        return input.mul_(mask) if in_place else input * mask


def _recurrent(args: Sequence[Any]) -> tuple[Any, ...]:
    """… has_biases, num_layers, dropout …, packed or not."""
    place = next(at for at, value in enumerate(args) if isinstance(value, bool)) + 2
    return (*args[:place], 0.0, *args[place + 1 :])
