"""What a user asks of a comparison, checked before anything runs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal
from uuid import uuid4

from compare.pair.wrong import Wrong

Copy = Literal["torch", "jax", "none"]
_CHOICES = {
    "copy": {
        "torch": "PyTorch's weights are copied to JAX",
        "jax": "JAX's to PyTorch",
        "none": "both as they are",
    },
    "dropout": {
        "masks": "the same masks on both sides",
        "off": "no dropout, in train mode too",
    },
}


@dataclass(frozen=True, kw_only=True)
class Ask:
    """The options of `compare_pair`, and the name of this comparison's traces."""

    name: str
    run: str
    inputs: Any
    loss: tuple[Callable[..., Any], Callable[..., Any]] | None
    targets: Any
    optimizers: tuple[Any, Any] | None
    steps: int
    copy: Copy
    rename: Mapping[str, str | None] | None
    transform: Mapping[str, Callable[..., Any]] | None
    layout: Any
    randomize: bool
    dropout: Literal["masks", "off"]
    seed: int


def ask(**options: Any) -> Ask:
    """The options, checked; raises `Wrong`."""
    options["copy"] = "none" if options["copy"] is None else options["copy"]
    for name, choices in _CHOICES.items():
        if options[name] not in choices:
            known = ", ".join(f'"{key}" ({says})' for key, says in choices.items())
            raise Wrong(f"{name}: expected {known}; got {options[name]!r}")
    for name, of in (("loss", "losses"), ("optimizers", "optimizers")):
        options[name] = _two(name, of, options[name])
    if not isinstance(options["steps"], int) or options["steps"] < 1:
        raise Wrong(f"steps: expected at least 1, got {options['steps']!r}")
    if options["loss"] is not None and not all(map(callable, options["loss"])):
        raise Wrong("loss: expected two functions (outputs, *targets) -> scalar")
    if options["loss"] is None and not _nothing(options["targets"]):
        raise Wrong("targets: given without loss=(PyTorch's, JAX's), which takes them")
    return Ask(run=uuid4().hex, **options)


def _two(name: str, of: str, value: Any) -> tuple[Any, Any] | None:
    if value is None:
        return None
    # An optax transformation is itself a tuple of two functions.
    if (
        isinstance(value, (tuple, list))
        and len(value) == 2
        and not hasattr(value, "init")
    ):
        return value[0], value[1]
    raise Wrong(f"{name}: expected PyTorch's and JAX's {of} as a pair, got {value!r}")


def _nothing(targets: Any) -> bool:
    return isinstance(targets, (tuple, list)) and not targets
