"""Explanations by a call made in another way: attention, its scale, its heads."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations
from typing import Any

from compare.pair.explain.layers import is_tensor
from compare.pair.explain.parts import Arguments, Call, Explanation
from compare.pair.explain.rewrite import Variant, explanation, other_axes, with_

FUSED = "scaled_dot_product_attention"
WHOLE = "multi_head_attention_forward"


def _axis(name: str, arguments: Arguments) -> Iterator[Variant]:
    if name == FUSED:
        kept = ("query", "key", "value", "attn_mask", "is_causal", "scale")
        yield Variant(
            "the softmax of PyTorch's attention is over the queries (it is over the "
            "keys)",
            lambda: (
                "attention_over",
                {**{slot: arguments[slot] for slot in kept}, "axis": -2},
            ),
        )
    if name in ("softmax", "log_softmax") and arguments["dim"] is not None:
        yield from other_axes(name, arguments)


def _softmax(name: str, arguments: Arguments) -> Iterator[Variant]:
    if name not in ("softmax", "log_softmax"):
        return
    other = {"softmax": "log_softmax", "log_softmax": "softmax"}[name]
    given = arguments["input"]
    yield Variant(f"PyTorch has no {name}", lambda: ("identity", {"input": given}))
    yield Variant(
        f"PyTorch has {other} in the place of {name}", lambda: (other, arguments)
    )
    yield Variant(
        f"PyTorch has sigmoid in the place of {name}",
        lambda: ("sigmoid", {"input": given}),
    )


def _scale(name: str, arguments: Arguments) -> Iterator[Variant]:
    if name == FUSED:
        size = arguments["query"].shape[-1]
        now = arguments["scale"] or size**-0.5
    elif name == WHOLE and arguments["in_proj_weight"] is not None:
        size = arguments["embed_dim_to_check"] // arguments["num_heads"]
        now = size**-0.5
    else:
        return
    wanted = {
        "not scaled": 1.0,
        f"scaled by 1/{size}": 1 / size,
        f"scaled by 1/√{size}": size**-0.5,
        f"scaled by √{size}": size**0.5,
    }
    if name == WHOLE:
        width = arguments["embed_dim_to_check"]
        wanted[f"scaled by 1/√{width}, of the model's width"] = width**-0.5
    for words, scale in wanted.items():
        if scale != now:
            says = f"PyTorch's attention is {words} (it is scaled by {now:.4g})"
            yield Variant(
                says, lambda scale=scale: _scaled(name, arguments, scale, scale / now)
            )


def _scaled(name: str, arguments: Arguments, scale: float, factor: float) -> Call:
    if name == FUSED:
        return with_(name, arguments, scale=scale)
    weight, bias = arguments["in_proj_weight"], arguments["in_proj_bias"]
    width = weight.shape[0] // 3
    factors = weight.new_tensor([*[factor] * width, *[1.0] * (2 * width)])
    return with_(
        name,
        arguments,
        in_proj_weight=weight * factors[:, None],
        in_proj_bias=None if bias is None else bias * factors,
    )


def _exchanged(name: str, arguments: Arguments) -> Iterator[Variant]:
    slots = ("query", "key", "value")
    if name not in (FUSED, WHOLE):
        return
    fused = name == WHOLE and arguments["in_proj_weight"] is not None
    for order in permutations(range(3)):
        if order == (0, 1, 2):
            continue
        words = ", ".join(slots[place] for place in order)
        if fused:
            says = f"the projections of PyTorch's attention are {words}"
            yield Variant(says, lambda order=order: _projected(arguments, order))
        else:
            says = f"PyTorch's attention is of {words} (it is of query, key, value)"
            given = {
                slot: arguments[slots[place]]
                for slot, place in zip(slots, order, strict=True)
            }
            yield Variant(says, lambda given=given: with_(name, arguments, **given))


def _projected(arguments: Arguments, order: tuple[int, ...]) -> Call:
    def blocks(tensor: Any) -> Any:
        split = tensor.reshape(3, tensor.shape[0] // 3, *tensor.shape[1:])
        return split[list(order)].reshape(tensor.shape)

    bias = arguments["in_proj_bias"]
    return with_(
        WHOLE,
        arguments,
        in_proj_weight=blocks(arguments["in_proj_weight"]),
        in_proj_bias=None if bias is None else blocks(bias),
    )


def _heads(name: str, arguments: Arguments) -> Iterator[Variant]:
    if name == WHOLE and arguments["in_proj_weight"] is not None:
        yield Variant(
            "PyTorch's attention splits its width into (dimension, head), not into "
            "(head, dimension)",
            lambda: _whole_heads(arguments),
        )
    if name in ("view", "reshape"):
        yield from _reshaped(name, arguments)
    if name == "unflatten" and len(arguments["sizes"]) == 2:
        sizes = tuple(arguments["sizes"])
        yield Variant(
            f"PyTorch splits an axis into {sizes[::-1]}, exchanged (it does {sizes})",
            lambda: ("identity", {"input": _split(arguments["input"], sizes)}),
        )


def _split(given: Any, sizes: tuple[int, ...]) -> Any:
    return given.reshape(*given.shape[:-1], *sizes[::-1]).mT


def _reshaped(name: str, arguments: Arguments) -> Iterator[Variant]:
    """A split of the last axis in two, or two last axes in one."""
    given, shape = arguments["input"], tuple(arguments["shape"])
    if not is_tensor(given):
        return
    if len(shape) == given.ndim + 1 and -1 not in shape[-2:]:
        yield Variant(
            f"PyTorch's {name} splits the last axis into {shape[:-3:-1]}, exchanged "
            f"(it is into {shape[-2:]})",
            lambda: ("identity", {"input": _split(given, shape[-2:])}),
        )
    if len(shape) == given.ndim - 1 and given.ndim > 3:
        pair = tuple(given.shape[-2:])
        yield Variant(
            f"PyTorch's {name} joins the last axes of {pair} the other way round",
            lambda: ("identity", {"input": given.mT.reshape(shape)}),
        )


def _whole_heads(arguments: Arguments) -> Call:
    """The rows of the projections, and the columns of the last, in that order."""
    heads = arguments["num_heads"]
    size = arguments["embed_dim_to_check"] // heads
    order = [part * heads + head for head in range(heads) for part in range(size)]
    width = heads * size
    rows = [block * width + place for block in range(3) for place in order]
    bias = arguments["in_proj_bias"]
    return with_(
        WHOLE,
        arguments,
        in_proj_weight=arguments["in_proj_weight"][rows],
        in_proj_bias=None if bias is None else bias[rows],
        out_proj_weight=arguments["out_proj_weight"][:, order],
    )


ATTENTION: tuple[Explanation, ...] = (
    explanation("attention's scale", _scale),
    explanation("softmax axis", _axis),
    explanation("missing softmax", _softmax),
    explanation("query, key, value", _exchanged),
    explanation("order of heads", _heads),
)
