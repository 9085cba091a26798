"""Explanations by a call made in another way: kinds of norm, counts, cut gradients."""

from __future__ import annotations

import math
from collections.abc import Iterator

from compare.pair.explain.attention import WHOLE
from compare.pair.explain.layers import NORMS, is_tensor
from compare.pair.explain.parts import Arguments, Explanation
from compare.pair.explain.rewrite import Variant, explanation, with_

MOST = 64
"""Of heads or groups, the largest number that is tried."""
RATES = (0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.7, 0.75, 0.8, 0.9)
"""Of dropout, those in use."""
CUT = frozenset(
    {"add", "sub", "mul", "div", "matmul", "linear", "softmax", "where", "embedding"}
    | {"scaled_dot_product_attention", "masked_fill", "cat", "relu", "gelu", "silu"}
    | {"layer_norm", "rms_norm", "group_norm", "batch_norm", "mean", "var", "sigmoid"}
)
"""Calls whose arguments may be cut off from the gradient."""


def _no_norm(name: str, arguments: Arguments) -> Iterator[Variant]:
    if name in NORMS:
        yield Variant(
            f"PyTorch has no {name}",
            lambda: ("identity", {"input": arguments["input"]}),
        )


def _kind_of_norm(name: str, arguments: Arguments) -> Iterator[Variant]:
    if name not in ("layer_norm", "rms_norm"):
        return
    slots = ("input", "normalized_shape", "weight", "eps")
    kept = {slot: arguments[slot] for slot in slots}
    if name == "layer_norm":
        other, words = "rms_norm", "without the mean taken off"
    else:
        other, words = "layer_norm", "with the mean taken off"
        kept["eps"] = kept["eps"] or 1e-6
    yield Variant(
        f"PyTorch has {other} in the place of {name}, {words}", lambda: (other, kept)
    )


def _count(name: str, arguments: Arguments) -> Iterator[Variant]:
    if name == WHOLE:
        slot, size = "num_heads", arguments["embed_dim_to_check"]
    elif name == "group_norm":
        slot, size = "num_groups", arguments["input"].shape[1]
    else:
        return
    words = {"num_heads": "heads", "num_groups": "groups"}[slot]
    now = arguments[slot]
    for count in range(1, min(size, MOST) + 1):
        if size % count == 0 and count != now:
            yield Variant(
                f"PyTorch's {name} has {count} {words} (it has {now})",
                lambda count=count: with_(name, arguments, **{slot: count}),
            )


def _positions(name: str, arguments: Arguments) -> Iterator[Variant]:
    if name != "embedding":
        return
    for step, words in ((1, "one more"), (-1, "one less")):
        yield Variant(
            f"PyTorch's embedding is of indices that are {words}",
            lambda step=step: with_(name, arguments, input=arguments["input"] + step),
        )


def _resized(name: str, arguments: Arguments) -> Iterator[Variant]:
    if name != "interpolate":
        return
    mode = arguments["mode"]
    if mode in ("bilinear", "bicubic"):
        now = bool(arguments["align_corners"])
        yield Variant(
            f"PyTorch's interpolate {'does not align' if now else 'aligns'} corners",
            lambda: with_(name, arguments, align_corners=not now),
        )
        if not arguments["antialias"]:
            yield Variant(
                "PyTorch's interpolate smooths where it shrinks (antialias), as "
                "jax.image.resize does",
                lambda: with_(name, arguments, antialias=True),
            )
    other = {"nearest": "nearest-exact", "nearest-exact": "nearest"}.get(mode)
    if other:
        yield Variant(
            f"PyTorch's interpolate is {other} (it is {mode})",
            lambda: with_(name, arguments, mode=other),
        )


def _kink(name: str, arguments: Arguments) -> Iterator[Variant]:
    """relu′(0) is 0, that of a maximum with 0 is a half."""
    if name == "relu":
        given = arguments["input"]
        yield Variant(
            "the slope of PyTorch's relu at 0 is a half, as of jnp.maximum(x, 0) "
            "(it is 0)",
            lambda: ("maximum", {"input": given, "other": given.new_zeros(())}),
        )


DISTANCES = ("mse_loss", "l1_loss", "huber_loss", "smooth_l1_loss")


def _loss(name: str, arguments: Arguments) -> Iterator[Variant]:
    """Another distance in its place."""
    if name not in DISTANCES:
        return
    kept = {slot: arguments[slot] for slot in ("input", "target", "reduction")}
    for other in DISTANCES:
        if other != name:
            yield Variant(
                f"PyTorch has {other} in the place of {name}",
                lambda other=other: (other, kept),
            )


def _cut(name: str, arguments: Arguments) -> Iterator[Variant]:
    if name not in CUT:
        return
    for slot, value in arguments.items():
        if is_tensor(value) and value.is_floating_point():
            yield Variant(
                f"no gradient flows through the {slot} of PyTorch's {name} "
                "(stop_gradient, detach)",
                lambda slot=slot: with_(
                    name, arguments, **{slot: arguments[slot].detach()}
                ),
            )


def _dropout(name: str, arguments: Arguments) -> Iterator[Variant]:
    if name != "dropout" or not arguments["training"] or not 0 < arguments["p"] < 1:
        return
    rate, given = arguments["p"], arguments["input"]
    yield Variant(
        f"PyTorch's dropout does not scale what it keeps (it does, by 1/{1 - rate:g})",
        lambda: with_(name, arguments, input=given * (1 - rate)),
    )
    yield Variant("PyTorch has no dropout here", lambda: ("identity", {"input": given}))
    yield Variant(
        f"PyTorch's dropout drops {1 - rate:g} (it drops {rate:g})",
        lambda: with_(name, arguments, p=1 - rate),
    )
    for other in RATES:
        if not math.isclose(other, rate) and not math.isclose(other, 1 - rate):
            yield Variant(
                f"PyTorch's dropout drops {other:g} (it drops {rate:g})",
                lambda other=other: with_(name, arguments, p=other),
            )


FURTHER: tuple[Explanation, ...] = (
    explanation("kind of norm", _kind_of_norm),
    explanation("missing norm", _no_norm),
    explanation("number of heads or groups", _count),
    explanation("positions", _positions),
    explanation("interpolation", _resized),
    explanation("loss", _loss),
    explanation("dropout", _dropout),
    explanation("slope at a kink", _kink, phases=("gradients",)),
    explanation("cut gradient", _cut, phases=("gradients",)),
)
