"""Explanations by a call made in another way: the masks of attention."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from compare.pair.explain.attention import FUSED, WHOLE
from compare.pair.explain.parts import Arguments, Call, Explanation
from compare.pair.explain.rewrite import Variant, explanation, with_

BLOCKED = -1e30
"""Added to a score that is masked: its weight is 0, and a row of these is uniform."""
MASKS = ("attn_mask", "key_padding_mask")


def _is_mask(value: Any) -> bool:
    return hasattr(value, "ndim") and str(value.dtype) == "torch.bool"


def _inverted(name: str, arguments: Arguments) -> Iterator[Variant]:
    slots = {FUSED: MASKS[:1], WHOLE: MASKS, "masked_fill": ("mask",)}.get(name, ())
    for slot in slots:
        mask = arguments[slot]
        words = f"the mask of PyTorch's {name}" if slot != MASKS[1] else (
            "the mask of keys of PyTorch's attention"
        )  # fmt: skip
        if _is_mask(mask):
            yield Variant(
                f"{words} is inverted",
                lambda slot=slot, mask=mask: with_(name, arguments, **{slot: ~mask}),
            )
    if name == "where":
        yield Variant(
            "the condition of PyTorch's where is inverted",
            lambda: with_(name, arguments, condition=~arguments["condition"]),
        )


def _like(query: Any, key: Any, diagonal: int, *, transposed: bool) -> Any:
    """A causal mask to be added: row i sees columns up to i + diagonal."""
    rows, columns = query.shape[-2], key.shape[-2]
    if transposed:  # (length, batch, width), as a whole attention is handed them
        rows, columns = query.shape[0], key.shape[0]
    return query.new_full((rows, columns), BLOCKED).triu(diagonal + 1)


def _sees(name: str, arguments: Arguments, diagonal: int) -> Call:
    if name == FUSED:
        mask = _like(arguments["query"], arguments["key"], diagonal, transposed=False)
        return with_(name, arguments, attn_mask=mask, is_causal=False)
    mask = _like(arguments["query"], arguments["key"], diagonal, transposed=True)
    return with_(name, arguments, attn_mask=mask, is_causal=False)


def _causal(name: str, arguments: Arguments) -> bool:
    """Whether a call of attention is causal: said so, or by its mask."""
    if arguments["is_causal"]:
        return True
    mask = arguments["attn_mask"]
    if mask is None or mask.shape[-1] != mask.shape[-2]:
        return False
    floats = mask.is_floating_point()
    blocked = mask < -1e4 if floats else (mask if name == WHOLE else ~mask)
    size = mask.shape[-1]
    expected = blocked.new_ones((size, size)).triu(1)
    return bool((blocked == expected).all())


def _shifted(name: str, arguments: Arguments) -> Iterator[Variant]:
    if name in ("tril", "triu"):
        now = arguments["diagonal"]
        for step in (-1, 1):
            says = f"PyTorch's {name} has diagonal {now + step} (it has {now})"
            yield Variant(
                says, lambda step=step: with_(name, arguments, diagonal=now + step)
            )
    if name in (FUSED, WHOLE) and _causal(name, arguments):
        for diagonal, words in ((1, "see one position ahead"), (-1, "not see itself")):
            yield Variant(
                f"the causal mask of PyTorch's attention is off by one: each position "
                f"may {words}",
                lambda diagonal=diagonal: _sees(name, arguments, diagonal),
            )


def _missing(name: str, arguments: Arguments) -> Iterator[Variant]:
    attends = name in (FUSED, WHOLE)
    if attends and (arguments["is_causal"] or arguments["attn_mask"] is not None):
        yield Variant(
            "PyTorch's attention has no mask",
            lambda: with_(name, arguments, attn_mask=None, is_causal=False),
        )
    if name == WHOLE and arguments["key_padding_mask"] is not None:
        yield Variant(
            "PyTorch's attention has no mask of keys",
            lambda: with_(name, arguments, key_padding_mask=None),
        )
    if name == "masked_fill":
        yield Variant(
            "PyTorch has no masked_fill",
            lambda: ("identity", {"input": arguments["input"]}),
        )
    if name in ("tril", "triu"):
        yield Variant(
            f"PyTorch has no {name}",
            lambda: ("identity", {"input": arguments["input"]}),
        )


def _more(name: str, arguments: Arguments) -> Iterator[Variant]:
    """A causal mask that PyTorch's attention lacks."""
    if name in (FUSED, WHOLE) and not _causal(name, arguments):
        yield Variant(
            "PyTorch's attention is causal (it is not)",
            lambda: _sees(name, arguments, 0),
        )


def _added(name: str, arguments: Arguments) -> Iterator[Variant]:
    """A mask of 0 and 1 that is added, where it should be −inf that is."""
    if name not in (FUSED, WHOLE) or not _is_mask(arguments["attn_mask"]):
        return
    mask, like = arguments["attn_mask"], arguments["query"]
    yield Variant(
        "the boolean mask of PyTorch's attention is added to the scores as 0 and 1",
        lambda: with_(name, arguments, attn_mask=mask.to(like.dtype)),
    )


MASKED: tuple[Explanation, ...] = (
    explanation("inverted mask", _inverted),
    explanation("shifted mask", _shifted),
    explanation("missing mask", _missing),
    explanation("added mask", _more),
    explanation("mask of 0 and 1", _added),
)
