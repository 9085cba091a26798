"""The torch functions that a call may be rewritten to: by name, with named arguments.

Functions written in C have no signature: theirs are written out here.
"""

from __future__ import annotations

import inspect
import operator
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

Function = Callable[..., Any]

_ELEMENTWISE = """
    abs cos erf exp expm1 log log1p neg reciprocal rsqrt sigmoid sin sqrt square tanh
"""
_FUNCTIONAL = """
    batch_norm binary_cross_entropy binary_cross_entropy_with_logits celu cross_entropy
    dropout elu embedding glu group_norm hardsigmoid hardswish hardtanh huber_loss
    instance_norm interpolate kl_div l1_loss layer_norm leaky_relu log_softmax mish
    mse_loss multi_head_attention_forward nll_loss normalize pad relu relu6 rms_norm
    selu silu smooth_l1_loss softmax
"""
"""Of torch.nn.functional, with a signature of their own."""


class Operation:
    """One function and the names of its arguments.

    What has no default is handed over by position, the rest by name.
    """

    def __init__(self, function: Function, required: str, **defaults: Any) -> None:
        self.function = function
        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
        self.signature = inspect.Signature(
            [inspect.Parameter(name, kind) for name in required.split()]
            + [
                inspect.Parameter(name, kind, default=default)
                for name, default in defaults.items()
            ]
        )
        self.required = tuple(required.split())

    def __call__(self, **arguments: Any) -> Any:
        """Call it. Raises TypeError where an argument is missing or unknown."""
        bound = self.signature.bind(**arguments).arguments
        first = [bound.pop(name) for name in self.required]
        return self.function(*first, **bound)


def _written(function: Function) -> Operation:
    """A function with a signature, less what only its own module uses."""
    known = inspect.signature(function).parameters.values()
    shown = [parameter for parameter in known if parameter.name[0] != "_"]
    empty = inspect.Parameter.empty
    return Operation(
        function,
        " ".join(entry.name for entry in shown if entry.default is empty),
        **{e.name: e.default for e in shown if e.default is not empty},
    )


def _reduction(function: Function) -> Operation:
    return Operation(function, "input", dim=None, keepdim=False, dtype=None)


def _spread(function: Function) -> Operation:
    return Operation(function, "input", dim=None, correction=1, keepdim=False)


def _pool(function: Function) -> Operation:
    return Operation(
        function, "input kernel_size", stride=None, padding=0, ceil_mode=False,
        count_include_pad=True,
    )  # fmt: skip


def _maximum(function: Function) -> Operation:
    return Operation(
        function, "input kernel_size", stride=None, padding=0, dilation=1,
        ceil_mode=False, return_indices=False,
    )  # fmt: skip


def _convolution(function: Function) -> Operation:
    return Operation(
        function, "input weight", bias=None, stride=1, padding=0, dilation=1, groups=1
    )


def _transposed(function: Function) -> Operation:
    return Operation(
        function, "input weight", bias=None, stride=1, padding=0, output_padding=0,
        groups=1, dilation=1,
    )  # fmt: skip


def _recurrent(function: Function) -> Operation:
    return Operation(
        function,
        "input hx params has_biases num_layers dropout train bidirectional batch_first",
    )


def _cell(function: Function) -> Operation:
    return Operation(function, "input hx w_ih w_hh", b_ih=None, b_hh=None)


def batch_norm_biased(
    input: Tensor,
    running_mean: Any,
    running_var: Any,
    *,
    training: bool = False,
    momentum: float = 0.1,
    **rest: Any,
) -> Tensor:
    """Batch norm whose running variance is the biased one, Σ(x − x̄)²/n."""
    # A copy, for the backward pass wants what batch norm was given as it left it.
    moved = None if running_var is None else running_var.clone()
    output = functional.batch_norm(
        input, running_mean, moved, training=training, momentum=momentum, **rest
    )
    if running_var is not None and moved is not None and training:
        count = input.numel() // input.shape[1]
        with torch.no_grad():
            kept = (1 - momentum) * running_var
            running_var.copy_(kept + (moved - kept) * ((count - 1) / count))
    return output


def _attention_weights(scores: Tensor, attn_mask: Any, is_causal: bool) -> Tensor:
    """Scores under a mask, boolean (True takes part) or added."""
    if is_causal:
        ones = scores.new_ones(scores.shape[-2:], dtype=torch.bool)
        scores = scores.masked_fill(~ones.tril(), float("-inf"))
    if attn_mask is None:
        return scores
    if attn_mask.dtype == torch.bool:
        return scores.masked_fill(~attn_mask, float("-inf"))
    return scores + attn_mask


def attention_over(
    query: Tensor, key: Tensor, value: Tensor, axis: int, *, attn_mask: Any = None,
    is_causal: bool = False, scale: float | None = None,
) -> Tensor:  # fmt: skip
    """Attention whose softmax is over another axis of the scores (−2: the queries)."""
    factor = query.shape[-1] ** -0.5 if scale is None else scale
    scores = _attention_weights(query @ key.mT * factor, attn_mask, is_causal)
    return scores.softmax(axis) @ value


def _add(input: Any, other: Any, *, alpha: Any = 1) -> Any:
    return input + (other if alpha == 1 else alpha * other)


def _subtract(input: Any, other: Any, *, alpha: Any = 1) -> Any:
    return input - (other if alpha == 1 else alpha * other)


def _divide(input: Any, other: Any, *, rounding_mode: Any = None) -> Any:
    if rounding_mode is None:
        return input / other  # of a number by a tensor, not rounded as torch.div
    return torch.div(input, other, rounding_mode=rounding_mode)


def _squeeze(input: Tensor, *, dim: Any = None) -> Tensor:
    return input.squeeze() if dim is None else input.squeeze(dim)


def _identity(input: Any) -> Any:
    return input


OPERATIONS: dict[str, Operation] = {
    **{name: Operation(getattr(torch, name), "input") for name in _ELEMENTWISE.split()},
    **{name: _written(getattr(functional, name)) for name in _FUNCTIONAL.split()},
    **{f"conv{n}d": _convolution(getattr(torch, f"conv{n}d")) for n in (1, 2, 3)},
    **{
        f"conv_transpose{n}d": _transposed(getattr(torch, f"conv_transpose{n}d"))
        for n in (1, 2, 3)
    },
    **{
        f"adaptive_avg_pool{n}d": Operation(
            getattr(functional, f"adaptive_avg_pool{n}d"), "input output_size"
        )
        for n in (1, 2, 3)
    },
    **{f"avg_pool{n}d": _pool(getattr(functional, f"avg_pool{n}d")) for n in (1, 2, 3)},
    **{
        f"max_pool{n}d": _maximum(getattr(functional, f"max_pool{n}d"))
        for n in (1, 2, 3)
    },
    **{name: _reduction(getattr(torch, name)) for name in ("mean", "sum", "nansum")},
    **{
        name: _spread(getattr(torch, name))
        for name in ("var", "std", "var_mean", "std_mean")
    },
    **{
        name: _recurrent(getattr(torch, name))
        for name in ("lstm", "gru", "rnn_tanh", "rnn_relu")
    },
    **{
        f"{name}_cell": _cell(getattr(torch, f"{name}_cell"))
        for name in ("lstm", "gru", "rnn_tanh", "rnn_relu")
    },
    "add": Operation(_add, "input other", alpha=1),
    "sub": Operation(_subtract, "input other", alpha=1),
    "mul": Operation(operator.mul, "input other"),
    "div": Operation(_divide, "input other", rounding_mode=None),
    "matmul": Operation(operator.matmul, "input other"),
    "pow": Operation(operator.pow, "input exponent"),
    "addmm": Operation(torch.addmm, "input mat1 mat2", beta=1, alpha=1),
    "baddbmm": Operation(torch.baddbmm, "input batch1 batch2", beta=1, alpha=1),
    "linear": Operation(functional.linear, "input weight", bias=None),
    "bilinear": Operation(functional.bilinear, "input1 input2 weight", bias=None),
    "gelu": Operation(functional.gelu, "input", approximate="none"),
    "softplus": Operation(functional.softplus, "input", beta=1.0, threshold=20.0),
    "logsigmoid": Operation(functional.logsigmoid, "input"),
    "logsumexp": Operation(torch.logsumexp, "input dim", keepdim=False),
    "scaled_dot_product_attention": Operation(
        functional.scaled_dot_product_attention, "query key value", attn_mask=None,
        dropout_p=0.0, is_causal=False, scale=None, enable_gqa=False,
    ),
    "masked_fill": Operation(torch.masked_fill, "input mask value"),
    "where": Operation(torch.where, "condition input other"),
    "tril": Operation(torch.tril, "input", diagonal=0),
    "triu": Operation(torch.triu, "input", diagonal=0),
    "logical_not": Operation(torch.logical_not, "input"),
    "clamp": Operation(torch.clamp, "input", min=None, max=None),
    "maximum": Operation(torch.maximum, "input other"),
    "minimum": Operation(torch.minimum, "input other"),
    "view": Operation(Tensor.view, "input shape"),
    "reshape": Operation(Tensor.reshape, "input shape"),
    "permute": Operation(Tensor.permute, "input dims"),
    "expand": Operation(Tensor.expand, "input shape"),
    "repeat": Operation(Tensor.repeat, "input shape"),
    "transpose": Operation(torch.transpose, "input dim0 dim1"),
    "flatten": Operation(torch.flatten, "input", start_dim=0, end_dim=-1),
    "unflatten": Operation(Tensor.unflatten, "input dim sizes"),
    "squeeze": Operation(_squeeze, "input", dim=None),
    "unsqueeze": Operation(torch.unsqueeze, "input dim"),
    "getitem": Operation(operator.getitem, "input index"),
    "cat": Operation(torch.cat, "tensors", dim=0),
    "stack": Operation(torch.stack, "tensors", dim=0),
    "chunk": Operation(torch.chunk, "input chunks", dim=0),
    "split": Operation(torch.split, "tensor split_size_or_sections", dim=0),
    "unbind": Operation(torch.unbind, "input", dim=0),
    "flip": Operation(torch.flip, "input dims"),
    "roll": Operation(torch.roll, "input shifts", dims=None),
    "batch_norm_biased": Operation(
        batch_norm_biased, "input running_mean running_var", weight=None, bias=None,
        training=False, momentum=0.1, eps=1e-5,
    ),
    "attention_over": Operation(
        attention_over, "query key value axis", attn_mask=None, is_causal=False,
        scale=None,
    ),
    "identity": Operation(_identity, "input"),
}  # fmt: skip
"""By name; those of the end are not torch's own, and only rewritten to."""

SIZES = frozenset({"view", "reshape", "permute", "expand", "repeat", "flip"})
"""Methods that take sizes one by one or in one tuple."""
REVERSED = frozenset(
    f"__r{name}__" for name in ("add", "sub", "mul", "div", "truediv", "pow", "matmul")
) | {"rsub"}
"""Operators whose arguments are the other way round."""
ALIASES = {
    **{
        f"__{side}{name}__": name
        for side in ("", "r", "i")
        for name in ("add", "sub", "mul", "div", "pow", "matmul")
    },
    **{f"__{side}truediv__": "div" for side in ("", "r", "i")},
    "__getitem__": "getitem",
    "__neg__": "neg",
    "__abs__": "abs",
    "__invert__": "logical_not",
    "bitwise_not": "logical_not",
    "rsub": "sub",
    "subtract": "sub",
    "multiply": "mul",
    "divide": "div",
    "true_divide": "div",
    "negative": "neg",
    "absolute": "abs",
    "bmm": "matmul",
    "mm": "matmul",
    "mv": "matmul",
    "swapaxes": "transpose",
    "concat": "cat",
    "concatenate": "cat",
}
"""Other names of the same. `add_` and the like are found without."""
