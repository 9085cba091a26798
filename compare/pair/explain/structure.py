"""Explanations by a call made in another way: sums, reshapes, padding, constants."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from math import sqrt
from typing import Any

from compare.pair.explain.layers import is_tensor
from compare.pair.explain.parts import Arguments, Explanation
from compare.pair.explain.rewrite import Variant, explanation, other_axes, with_

LOSSES = frozenset(
    {"mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss", "cross_entropy", "nll_loss"}
    | {"binary_cross_entropy", "binary_cross_entropy_with_logits", "kl_div"}
)


def _residual(name: str, arguments: Arguments) -> Iterator[Variant]:
    if name not in ("add", "sub"):
        return
    left, right = arguments["input"], arguments["other"]
    if not (is_tensor(left) and is_tensor(right)):
        return
    yield Variant(
        f"PyTorch has the first term of a sum of two ({name}) alone",
        lambda: ("identity", {"input": left}),
    )
    yield Variant(
        f"PyTorch has the second term of a sum of two ({name}) alone",
        lambda: ("identity", {"input": right}),
    )
    yield Variant(
        f"PyTorch's {name} has its first term twice",
        lambda: with_(name, arguments, input=2 * left),
    )
    yield Variant(
        f"PyTorch's {name} has its second term twice",
        lambda: with_(name, arguments, other=2 * right),
    )
    yield Variant(
        f"PyTorch's {name} has its second term with the other sign",
        lambda: with_(name, arguments, other=-right),
    )


def _embedding(name: str, arguments: Arguments) -> Iterator[Variant]:
    """Where an embedding is added to positions, that sum is what can be changed."""
    slots = {"embedding": {"weight": "embedding"}}.get(name, {})
    if name == "add":
        slots = {"input": "first term of a sum", "other": "second term of a sum"}
    for slot, what in slots.items():
        value = arguments[slot]
        if not (is_tensor(value) and value.ndim and value.shape[-1] > 1):
            continue
        width = value.shape[-1]
        for words, by in ((f"√{width}", sqrt(width)), (f"1/√{width}", width**-0.5)):
            yield Variant(
                f"PyTorch's {what} is scaled by {words}",
                lambda slot=slot, scaled=value, by=by: with_(
                    name, arguments, **{slot: scaled * by}
                ),
            )


def _padding_index(name: str, arguments: Arguments) -> Iterator[Variant]:
    """PyTorch's padding row is looked up as any other, but is not trained."""
    if name == "embedding" and arguments["padding_idx"] is not None:
        index = arguments["padding_idx"] % len(arguments["weight"])
        yield Variant(
            f"PyTorch's embedding has a gradient for row {index} too (it has none, for "
            f"padding_idx={index})",
            lambda: with_(name, arguments, padding_idx=None),
        )


def _constant(name: str, arguments: Arguments) -> Iterator[Variant]:
    """A number in a product: left out, or its inverse."""
    if name not in ("mul", "div"):
        return
    numbers = {
        slot: arguments[slot]
        for slot in ("input", "other")
        if isinstance(arguments[slot], int | float) and arguments[slot]
    }
    for slot, now in numbers.items():
        given = arguments["other" if slot == "input" else "input"]
        does, alone = (
            ("multiplies", "multiply")
            if name == "mul"
            else (
                "divides",
                "divide",
            )
        )
        if name == "mul" or slot == "other":
            yield Variant(
                f"PyTorch does not {alone} by {now:g}",
                lambda given=given: ("identity", {"input": given}),
            )
        changes = {"twice": 2 * now, "half of": now / 2, "the square of": now * now}
        changes["the root of"] = sqrt(abs(now))
        for words, other in changes.items():
            yield Variant(
                f"PyTorch {does} by {words} {now:g}",
                partial(with_, name, arguments, **{slot: other}),
            )


def _reduction(name: str, arguments: Arguments) -> Iterator[Variant]:
    if name in LOSSES:
        now = arguments["reduction"]
        for other in ("sum", "mean"):
            if other != now:
                says = f"PyTorch's {name} is a {other} (it is a {now})"
                yield Variant(
                    says, lambda other=other: with_(name, arguments, reduction=other)
                )
        if name in ("mse_loss", "smooth_l1_loss", "huber_loss"):
            given = {slot: arguments[slot] * sqrt(0.5) for slot in ("input", "target")}
            yield Variant(
                f"PyTorch's {name} is half of itself, as of a halved square",
                lambda: with_(name, arguments, **given),
            )
    if name in ("mean", "sum"):
        other = {"mean": "sum", "sum": "mean"}[name]
        yield Variant(
            f"PyTorch has a {other} in the place of a {name}",
            lambda: (other, arguments),
        )


def _smoothing(name: str, arguments: Arguments) -> Iterator[Variant]:
    if name == "cross_entropy" and arguments["label_smoothing"]:
        now = arguments["label_smoothing"]
        yield Variant(
            f"PyTorch's cross_entropy does not smooth labels (it does, by {now:g})",
            lambda: with_(name, arguments, label_smoothing=0.0),
        )


def _axes(name: str, arguments: Arguments) -> Iterator[Variant]:
    """A reduction over another axis."""
    if name in ("mean", "sum") and isinstance(arguments["dim"], int):
        yield from other_axes(name, arguments)


def _flattened(name: str, arguments: Arguments) -> Iterator[Variant]:
    if name not in ("flatten", "reshape", "view"):
        return
    given = arguments["input"]
    if not is_tensor(given) or given.ndim < 3:
        return
    if name == "flatten":
        start, end = arguments["start_dim"], arguments["end_dim"] % given.ndim
        if start != 1 or end != given.ndim - 1:
            return
    elif len(arguments["shape"]) != 2:
        return
    for words, moved in (
        ("channels last, as JAX does (NHWC)", given.movedim(1, -1)),
        ("channels first (NCHW)", given.movedim(-1, 1)),
    ):
        yield Variant(
            f"PyTorch's {name} lays them out with {words}",
            lambda moved=moved: (
                "identity",
                {"input": moved.reshape(given.shape[0], -1)},
            ),
        )


WINDOWS = ("conv", "max_pool", "avg_pool")


def _same(name: str, arguments: Arguments) -> Iterator[Variant]:
    """SAME as JAX pads: what is odd goes behind."""
    if not name.startswith(WINDOWS) or name.startswith("conv_transpose"):
        return
    rank = int(name[-2])
    stride = _sizes(arguments["stride"] or arguments["kernel_size"], rank)
    if name.startswith("conv"):
        window = tuple(arguments["weight"].shape[2:])
    else:
        window = _sizes(arguments["kernel_size"], rank)
    if isinstance(arguments["padding"], str) or max(stride) == 1:
        return
    spread = _sizes(arguments.get("dilation", 1), rank)
    given = arguments["input"]
    fill = float("-inf") if name.startswith("max") else 0.0
    yield Variant(
        f"PyTorch's {name} pads as SAME does in JAX, more behind than in front (it "
        "pads both ends alike)",
        lambda: with_(
            name,
            arguments,
            input=_padded(given, window, stride, spread, fill),
            padding=0,
        ),
    )


def _sizes(value: Any, rank: int) -> tuple[int, ...]:
    if isinstance(value, int):
        return (value,) * rank
    sizes = tuple(value)
    return sizes * rank if len(sizes) == 1 else sizes


def _padded(
    given: Any,
    window: tuple[int, ...],
    stride: tuple[int, ...],
    spread: tuple[int, ...],
    fill: float,
) -> Any:
    lead = given.ndim - len(window)
    shape, where = list(given.shape), [slice(None)] * lead
    for axis, (size, step, apart) in enumerate(
        zip(window, stride, spread, strict=True), start=lead
    ):
        length = given.shape[axis]
        reach = (size - 1) * apart + 1
        total = max((-(-length // step) - 1) * step + reach - length, 0)
        front = total // 2
        shape[axis] = length + total
        where.append(slice(front, front + length))
    padded = given.new_full(shape, fill)
    padded[tuple(where)] = given
    return padded


def _counted(name: str, arguments: Arguments) -> Iterator[Variant]:
    if not name.startswith("avg_pool"):
        return
    now = arguments["count_include_pad"]
    words = ("what is not padding", "padding too")
    yield Variant(
        f"PyTorch's {name} divides by the number of {words[not now]} (it counts "
        f"{words[now]})",
        lambda: with_(name, arguments, count_include_pad=not now),
    )


def _pooled(name: str, arguments: Arguments) -> Iterator[Variant]:
    kind, _, rank = name.partition("_pool")
    if kind not in ("avg", "max") or not rank:
        return
    other = {"avg": "max", "max": "avg"}[kind] + f"_pool{rank}"
    kept = ("input", "kernel_size", "stride", "padding", "ceil_mode")
    yield Variant(
        f"PyTorch has {other} in the place of {name}",
        lambda: (other, {slot: arguments[slot] for slot in kept}),
    )


def _gated(name: str, arguments: Arguments) -> Iterator[Variant]:
    """Halves of an axis taken in the other order, as of a gate and its value."""
    if name != "chunk" or arguments["chunks"] < 2:
        return
    given, count = arguments["input"], arguments["chunks"]
    axis = arguments["dim"] % given.ndim
    length = given.shape[axis]
    if length % count:
        return
    size = length // count
    order = [
        block * size + place
        for block in reversed(range(count))
        for place in range(size)
    ]
    index = (slice(None),) * axis
    yield Variant(
        f"PyTorch's chunks are taken in the opposite order (of {count})",
        lambda: with_(name, arguments, input=given[(*index, order)]),
    )


STRUCTURE: tuple[Explanation, ...] = (
    explanation("residual", _residual),
    explanation("embedding's scale", _embedding),
    explanation("padding index", _padding_index),
    explanation("constant inside", _constant),
    explanation("mean or sum", _reduction),
    explanation("label smoothing", _smoothing),
    explanation("reduced axis", _axes),
    explanation("flatten order", _flattened),
    explanation("SAME padding", _same),
    explanation("padding counted", _counted),
    explanation("average or maximum", _pooled),
    explanation("order of chunks", _gated),
)
