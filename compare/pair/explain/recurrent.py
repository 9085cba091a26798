"""Explanations by a call made in another way: LSTM, GRU and their gates."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations
from typing import Any

from compare.pair.explain.parts import Arguments, Explanation
from compare.pair.explain.rewrite import Variant, explanation

GATES = {"lstm": "ifgo", "gru": "rzn"}
WORDS = {"ifgo": "i, f, g, o", "rzn": "r, z, n"}


def _regated(tensor: Any, order: tuple[int, ...]) -> Any:
    size = tensor.shape[0] // len(order)
    blocks = tensor.reshape(len(order), size, *tensor.shape[1:])
    return blocks[list(order)].reshape(tensor.shape)


def _weights_of(name: str, arguments: Arguments) -> dict[str, list[Any]]:
    """The slots of a recurrent call that hold weights, as lists."""
    if name.endswith("_cell"):
        slots = ("w_ih", "w_hh", "b_ih", "b_hh")
        return {slot: [arguments[slot]] for slot in slots}
    return {"params": list(arguments["params"])}


def _put(arguments: Arguments, slots: dict[str, list[Any]]) -> Arguments:
    changed = {slot: v if slot == "params" else v[0] for slot, v in slots.items()}
    return {**arguments, **changed}


def _gates(name: str, arguments: Arguments) -> Iterator[Variant]:
    letters = GATES.get(name.removesuffix("_cell"))
    if letters is None:
        return
    for order in permutations(range(len(letters))):
        if list(order) == sorted(order):
            continue

        def make(order: tuple[int, ...] = order) -> tuple[str, Arguments]:
            slots = {
                slot: [w if w is None else _regated(w, order) for w in weights]
                for slot, weights in _weights_of(name, arguments).items()
            }
            return name, _put(arguments, slots)

        now = ", ".join(letters[place] for place in order)
        says = f"the gates of PyTorch's {name} are {now} (they are {WORDS[letters]})"
        yield Variant(says, make)


def _hidden_bias(name: str, arguments: Arguments) -> Iterator[Variant]:
    """nnx.GRUCell has no bias for the hidden part of n."""
    kind = name.removesuffix("_cell")
    if kind not in (*GATES, "rnn_tanh", "rnn_relu"):
        return
    weights = [w for v in _weights_of(name, arguments).values() for w in v]
    if all(w is None or w.ndim != 1 for w in weights):
        return

    def changed(change: Any) -> tuple[str, Arguments]:
        slots = _weights_of(name, arguments)
        if name.endswith("_cell"):
            slots["b_hh"] = [change(slots["b_hh"][0])]
            return name, _put(arguments, slots)
        hidden = False
        for place, weight in enumerate(slots["params"]):
            if weight.ndim == 1:
                if hidden:
                    slots["params"][place] = change(weight)
                hidden = not hidden
        return name, _put(arguments, slots)

    def no_n(bias: Any) -> Any:
        size = bias.shape[0] // 3
        kept = [*[1.0] * (2 * size), *[0.0] * size]
        return bias * bias.new_tensor(kept)

    def forget(bias: Any) -> Any:
        size = bias.shape[0] // 4
        return bias + bias.new_tensor([*[0.0] * size, *[1.0] * size, *[0.0] * 2 * size])

    if kind == "gru":
        yield Variant(
            f"PyTorch's {name} has no bias for the hidden part of n",
            lambda: changed(no_n),
        )
    if kind == "lstm":
        yield Variant(
            f"1 is added to the forget gate of PyTorch's {name}",
            lambda: changed(forget),
        )
    yield Variant(
        f"PyTorch's {name} has no hidden bias", lambda: changed(lambda bias: bias * 0)
    )


def _nonlinearity(name: str, arguments: Arguments) -> Iterator[Variant]:
    other = {"rnn_tanh": "rnn_relu", "rnn_relu": "rnn_tanh"}
    other |= {f"{k}_cell": f"{v}_cell" for k, v in other.items()}
    if name in other:
        yield Variant(
            f"PyTorch has {other[name]} in the place of {name}",
            lambda: (other[name], arguments),
        )


RECURRENT: tuple[Explanation, ...] = (
    explanation("recurrent bias", _hidden_bias),
    explanation("recurrent nonlinearity", _nonlinearity),
    explanation("gates", _gates),
)
