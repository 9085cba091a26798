"""Explanations by a call of a layer made in another way: norms, activations, kernels.

Everything works on tensors by what they can do; no framework is imported.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from compare.pair.explain.parts import Arguments, Explanation
from compare.pair.explain.rewrite import Variant, explanation, with_

NORMS = frozenset(
    {"layer_norm", "group_norm", "rms_norm", "batch_norm", "instance_norm", "normalize"}
)
CONVOLUTIONS = frozenset(
    f"conv{kind}{rank}d" for kind in ("", "_transpose") for rank in (1, 2, 3)
)
DENSE = CONVOLUTIONS | {"linear"}
EPS = (1e-5, 1e-6, 1e-3, 1e-12, 1e-8, 1e-7, 1e-4, 0.0)
ACTIVATIONS: dict[str, Arguments] = {
    "relu": {}, "gelu": {}, "silu": {}, "tanh": {}, "sigmoid": {},
    "leaky_relu": {"negative_slope": 0.01}, "elu": {}, "softplus": {}, "selu": {},
    "relu6": {}, "mish": {}, "hardswish": {}, "hardsigmoid": {}, "logsigmoid": {},
    "celu": {}, "hardtanh": {},
}  # fmt: skip
SLOPES = (0.01, 0.1, 0.2, 0.3)
MOMENTA = (0.1, 0.01, 0.9, 0.99)


def is_tensor(value: Any) -> bool:
    """Whether it is an array of floats of a framework, and not a number."""
    return hasattr(value, "ndim") and hasattr(value, "is_floating_point")


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _eps(name: str, arguments: Arguments) -> Iterator[Variant]:
    if name not in NORMS:
        return
    now = arguments["eps"]
    for eps in EPS:
        if eps != now:
            says = f"PyTorch's {name} has eps {eps:g} (it has {_known(now)})"
            yield Variant(says, lambda eps=eps: with_(name, arguments, eps=eps))


def _known(eps: float | None) -> str:
    return "the smallest step of its dtype" if eps is None else f"{eps:g}"


def _eps_by_hand(name: str, arguments: Arguments) -> Iterator[Variant]:
    """`(variance + 1e-6).rsqrt()`, or `.clamp(min=1e-6)`."""
    slot = {"add": "other", "clamp": "min", "maximum": "other"}.get(name)
    now = arguments[slot] if slot else None
    if slot is None or not isinstance(now, float) or not 0 < now < 1e-2:
        return
    for eps in EPS:
        if eps != now:
            says = f"PyTorch adds {eps:g} where it adds {now:g}"
            yield Variant(
                says, lambda eps=eps, slot=slot: with_(name, arguments, **{slot: eps})
            )


def _gelu(name: str, arguments: Arguments) -> Iterator[Variant]:
    if name != "gelu":
        return
    words = {"none": "exact", "tanh": "the tanh approximation"}
    now = arguments["approximate"]
    for other in words:
        if other != now:
            says = f"PyTorch's gelu is {words[other]} (it is {words[now]})"
            yield Variant(
                says, lambda other=other: with_(name, arguments, approximate=other)
            )


def _activation(name: str, arguments: Arguments) -> Iterator[Variant]:
    if name not in ACTIVATIONS:
        return
    given = arguments["input"]
    for other, constants in ACTIVATIONS.items():
        if other != name:
            says = f"PyTorch has {other} in the place of {name}"
            call = (other, {"input": given, **constants})
            yield Variant(says, lambda call=call: call)
    if name != "gelu":
        yield Variant(
            f"PyTorch has gelu by tanh in the place of {name}",
            lambda: ("gelu", {"input": given, "approximate": "tanh"}),
        )


def _slope(name: str, arguments: Arguments) -> Iterator[Variant]:
    slot = {"leaky_relu": "negative_slope", "elu": "alpha", "softplus": "beta"}.get(
        name
    )
    if slot is None:
        return
    now = arguments[slot]
    for slope in SLOPES if name == "leaky_relu" else (0.5, 1.0, 2.0):
        if slope != now:
            says = f"PyTorch's {name} has {slot} {slope:g} (it has {now:g})"
            yield Variant(
                says, lambda slope=slope: with_(name, arguments, **{slot: slope})
            )


def _no_activation(name: str, arguments: Arguments) -> Iterator[Variant]:
    if name in ACTIVATIONS or name in ("clamp", "hardtanh"):
        yield Variant(
            f"PyTorch has no {name}",
            lambda: ("identity", {"input": arguments["input"]}),
        )


def _momentum(name: str, arguments: Arguments) -> Iterator[Variant]:
    if name != "batch_norm" or not _number(arguments["momentum"]):
        return
    now = arguments["momentum"]
    yield Variant(
        f"PyTorch's batch_norm has momentum {1 - now:g} (it has {now:g}: the weight of "
        "what is new, where in JAX it is the weight of what was)",
        lambda: with_(name, arguments, momentum=1 - now),
    )
    for other in MOMENTA:
        if not math.isclose(other, now) and not math.isclose(other, 1 - now):
            says = f"PyTorch's batch_norm has momentum {other:g} (it has {now:g})"
            yield Variant(
                says, lambda other=other: with_(name, arguments, momentum=other)
            )


def _biased(name: str, arguments: Arguments) -> Iterator[Variant]:
    if name == "batch_norm" and arguments["training"]:
        yield Variant(
            "the running variance of PyTorch's batch_norm is the biased one, over n "
            "(it is over n − 1)",
            lambda: ("batch_norm_biased", arguments),
        )


def _correction(name: str, arguments: Arguments) -> Iterator[Variant]:
    if name not in ("var", "std", "var_mean", "std_mean"):
        return
    now = arguments["correction"]
    other = 0 if now else 1
    yield Variant(
        f"PyTorch's {name} has correction {other} (it has {now})",
        lambda: with_(name, arguments, correction=other),
    )


def _statistics(name: str, arguments: Arguments) -> Iterator[Variant]:
    if name != "batch_norm" or arguments["running_mean"] is None:
        return
    words = ("its running statistics", "those of the batch")
    now = bool(arguments["training"])
    yield Variant(
        f"PyTorch's batch_norm normalizes by {words[not now]} (it takes {words[now]})",
        lambda: with_(name, arguments, training=not now),
    )


def _no_bias(name: str, arguments: Arguments) -> Iterator[Variant]:
    if name in DENSE | NORMS and arguments.get("bias") is not None:
        yield Variant(
            f"PyTorch's {name} has no bias",
            lambda: with_(name, arguments, bias=None),
        )


def _no_scale(name: str, arguments: Arguments) -> Iterator[Variant]:
    if name not in NORMS or arguments.get("weight") is None:
        return
    yield Variant(
        f"PyTorch's {name} has no scale", lambda: with_(name, arguments, weight=None)
    )
    yield Variant(
        f"the scale of PyTorch's {name} is 1 + its weight",
        lambda: with_(name, arguments, weight=1 + arguments["weight"]),
    )


def _transposed(name: str, arguments: Arguments) -> Iterator[Variant]:
    slot = "other" if name == "matmul" else "weight"
    if name not in DENSE | {"matmul"}:
        return
    weight = arguments[slot]
    if not is_tensor(weight) or weight.ndim < 2:
        return
    shape: list[int] = list(weight.shape)
    planes = name in ("linear", "matmul") or len(shape) > 3
    if planes and shape[-1] == shape[-2] > 1:
        yield Variant(
            f"the square kernel of PyTorch's {name} is transposed",
            lambda: with_(name, arguments, **{slot: weight.mT}),
        )
    if len(shape) > 2 and name != "matmul" and shape[0] == shape[1]:
        yield Variant(
            f"the kernel of PyTorch's {name} has its channels in and out exchanged",
            lambda: with_(name, arguments, weight=weight.transpose(0, 1)),
        )


def _flipped(name: str, arguments: Arguments) -> Iterator[Variant]:
    if name in CONVOLUTIONS and max(arguments["weight"].shape[2:]) > 1:
        weight = arguments["weight"]
        axes = tuple(range(2, weight.ndim))
        yield Variant(
            f"the kernel of PyTorch's {name} is flipped in space",
            lambda: with_(name, arguments, weight=weight.flip(axes)),
        )


LAYERS: tuple[Explanation, ...] = (
    explanation("eps of a norm", _eps),
    explanation("GELU", _gelu),
    explanation("momentum", _momentum),
    explanation("biased variance", _biased),
    explanation("variance's correction", _correction),
    explanation("batch or running statistics", _statistics),
    explanation("missing bias", _no_bias),
    explanation("missing scale", _no_scale),
    explanation("transposed kernel", _transposed),
    explanation("flipped kernel", _flipped),
    explanation("missing activation", _no_activation),
    explanation("slope", _slope),
    explanation("activation", _activation),
    explanation("eps by hand", _eps_by_hand),
)
