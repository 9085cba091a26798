"""What cannot be compared in train mode: no mode at all, other masks, statistics."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from math import prod

import numpy as np

from compare.pair.adequacy import some
from compare.pair.both import Both, Model, Point
from compare.pair.weights.map import WeightMap

FUSED = frozenset(
    [
        "MultiheadAttention",
        "MultiHeadAttention",
        "MultiHeadDotProductAttention",
        "LSTM",
        "GRU",
        "RNN",
    ]
)
"""Layers whose own dropout is inside of one function, where no mask can be given."""
SHOWN = 3


def modal(model: Model) -> bool:
    """Whether a model does something else in train mode, if anything in it does."""
    return model.runtime.modal(model.subject)


def trained(torch: Model, jax: Model, found: WeightMap) -> Model:
    """JAX's model, in which the partners of PyTorch's buffers are buffers too."""
    kinds = {leaf.path: leaf.kind for leaf in torch.leaves}
    partners: dict[str, set[str]] = {}
    for entry in found.entries:
        partners.setdefault(entry.jax, set()).add(kinds[entry.torch])
    buffers = [path for path, own in partners.items() if path and own == {"buffer"}]
    return replace(jax, subject=jax.runtime.with_buffers(jax.subject, buffers))


def warnings(both: Both, points: Mapping[str, Point]) -> Iterator[str]:
    """A sentence for everything that train mode could have shown, but does not."""
    if "train" not in points:
        yield from (_fixed(model) for model in both.models() if not modal(model))
        return
    yield from _silent(both, points["train"])
    if both.draws:
        yield from _masks(both.draws["torch"].asked, both.draws["jax"].asked)
        yield from (told for model in both.models() for told in _fused(model))


def _fixed(model: Model) -> str:
    return (
        f"{model.name}'s model is not told whether it trains, and the other side does "
        "something else then: only eval mode is compared; to compare both, give it an "
        "argument `train`"
    )


def _silent(both: Both, point: Point) -> Iterator[str]:
    """Buffers that PyTorch changes in training, and JAX does not return."""
    if not both.silent:
        return
    exact = replace(point, pulls=False).cast("float64")
    with both.session("float64"):
        after = both.evaluate(both.torch, exact).buffers
    for entry in both.map.entries:
        if entry.label not in both.silent or entry.torch not in after:
            continue
        if not np.array_equal(after[entry.torch], exact.state[entry.torch]):
            yield (
                f"JAX's function does not return what `{entry.jax}` becomes in "
                "training: not compared"
            )


def _masks(
    torch: Mapping[int, tuple[int, ...]], jax: Mapping[int, tuple[int, ...]]
) -> Iterator[str]:
    """Both sides get the same numbers only where they ask for the same."""
    if torch == jax:
        return
    alike = [prod(shape) for shape in torch.values()] == [
        prod(shape) for shape in jax.values()
    ]
    yield (
        f"PyTorch drops out {_times(torch)}, JAX {_times(jax)}, as PyTorch lays them "
        f"out: masks {'need not' if alike else 'cannot'} be the same; use "
        "dropout='off'"
    )


def _times(asked: Mapping[int, tuple[int, ...]]) -> str:
    told = some(list(dict.fromkeys(map(str, asked.values()))))
    times = "once" if len(asked) == 1 else f"{len(asked)} times"
    return f"{times} with shapes {told}" if told else times


def _fused(model: Model) -> Iterator[str]:
    """Dropout that a layer's own function would do."""
    layers = [
        f"`{module.path}`" if module.path else "the model"
        for module in model.modules
        if module.type in FUSED
        and module.settings.get("num_layers", 2) > 1
        and any(module.settings.get(n, 0) for n in ("dropout", "dropout_rate"))
    ]
    if layers:
        more = f" and {len(layers) - SHOWN} more" if layers[SHOWN:] else ""
        told = ", ".join(layers[:SHOWN]) + more
        yield f"{model.name}: dropout inside of {told} is off while comparing"
