"""What both twins of an example share, as data: frozen dataclasses, no behaviour.

A `Training` is a model that is trained; a `Lesson` is a set of small functions. The
file that holds a spec gives it its name.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.random import Generator

from compare.fault import Fault
from compare.initial import Start, draw

Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class Batches:
    """What a run's steps are fed: `shared` by all steps, `stacked` one per step."""

    shared: Arrays = field(default_factory=dict)
    stacked: Arrays = field(default_factory=dict)

    def at(self, step: int) -> Arrays:
        """The batch of one step."""
        rows = {name: np.asarray(rows[step]) for name, rows in self.stacked.items()}
        return self.shared | rows


@dataclass(frozen=True)
class Probe:
    """A one-step map from a constructed state, to reach what training does not."""

    name: str
    parameters: Arrays
    batch: Arrays


@dataclass(frozen=True)
class Prepared:
    """Everything random of one run of a training, drawn from its seed, in float64."""

    data: Arrays
    parameters: Arrays
    batches: Batches


@dataclass(frozen=True)
class Variant:
    """A second step of both twins, which differ there by design.

    `relation(before, batch, jax)` returns what PyTorch must give, from the state before
    the step, the batch, and what JAX gave after it. The check fails when that does not
    hold, and also when the two no longer differ.
    """

    function: str
    reason: str
    relation: Callable[[Arrays, Arrays, Arrays], Arrays]


@dataclass(frozen=True)
class Sibling:
    """Another example whose twin must take the same steps in the same framework.

    `parameters` says what the example's own parameters are in the sibling. It is given
    whole runs too: with an axis for the steps in front of each leaf's own, and without
    the leaves of more than 1,000 elements, of which the loss of the next step tells.
    """

    example: str
    parameters: Callable[[Arrays], Arrays] = dict


@dataclass(frozen=True)
class Contract:
    """What `twinnets time` asserts of an example, by bounds of intervals.

    Besides: `scan` is not slower than `jit`, time grows with the number of steps, and
    both frameworks count the same operations.
    """

    jit_speedup: float = 1.5
    """JAX's `jit` is at least so many times as fast as its `eager`."""


@dataclass(frozen=True)
class Training:
    """A model, its data and how it is trained."""

    teaches: str
    sizes: Mapping[str, int]
    hyperparameters: Mapping[str, float]
    parameters: Mapping[str, Start]
    steps: int
    data: Callable[[Generator], Arrays]
    batches: Callable[[Generator, Arrays], Batches]
    work: Callable[[Arrays], float]
    """Floating-point operations of the matrix products of one step on this batch."""
    prediction_inputs: Callable[[Arrays], dict[str, Arrays]]
    metric_name: str
    metric: Callable[[Arrays, Arrays], float]
    discrete: frozenset[str] = frozenset()
    """Float inputs that are never perturbed, such as labels."""
    float64_steps: int = 200
    """How many steps are run in float64 from the start."""
    checkpoints: tuple[int, ...] = ()
    """Steps whose one-step map is checked, beside a dozen log-spaced ones."""
    probes: Callable[[Generator, Prepared], tuple[Probe, ...]] | None = None
    oracle: Callable[[Prepared, int], Arrays] | None = None
    """`oracle(prepared, steps)`: `loss` and `parameters/<leaf>` after every step."""
    siblings: tuple[Sibling, ...] = ()
    variants: tuple[Variant, ...] = ()
    accumulates: bool = False
    """Gradients are kept between steps and are part of the state."""
    still: frozenset[str] = frozenset()
    """Parameters that must not move, though they have a gradient."""
    printed: Sequence[int] = ()
    """Steps whose loss the notebook prints."""
    truth: Callable[[Arrays], Arrays] | None = None
    """The parameters that the data were made with."""
    picture: Literal["line", "plane"] | None = None
    """What is drawn beside the loss: a fitted line, or a surface over the plane."""
    log_loss: bool = False
    """The loss is drawn on a logarithmic axis."""
    faults: tuple[Fault, ...] = ()
    untimed: Mapping[str, str] = field(default_factory=dict)
    """Modes such as "jax eager" that this example cannot have, with the reason."""
    contract: Contract = Contract()


@dataclass(frozen=True)
class Difference:
    """A difference between the frameworks by design, exactly as it must show itself.

    `kinds` maps a precision to what (JAX, PyTorch) return there, such as
    `("int32[5]", "int64[5]")`, `("float32[]", "raises IndexError")` or
    `("float32[]", "float32[] warns UserWarning")`; precisions left out must agree.
    Values that differ have a `relation(jax, inputs)`, which returns
    what PyTorch must return, or the expected values themselves. All take and return
    leaves by path; a single array has the path "". Expected values are checked in
    float64, on the side that returned.
    """

    reason: str
    kinds: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    relation: Callable[[Arrays, Mapping[str, Any]], Arrays] | None = None
    jax: Callable[[Mapping[str, Any]], Arrays] | None = None
    torch: Callable[[Mapping[str, Any]], Arrays] | None = None


@dataclass(frozen=True)
class Expected:
    """What a lesson's function must return in both frameworks, with its origin.

    `value` may name a part of the leaves. With `decimals` it is compared to that many
    printed decimals, otherwise at the rounding floor.
    """

    function: str
    value: Callable[[Mapping[str, Any]], Arrays]
    origin: str
    decimals: int | None = None


@dataclass(frozen=True)
class Lesson:
    """Small functions, called with the inputs by the names of their arguments."""

    teaches: str
    inputs: Callable[[Generator], dict[str, Any]]
    raw: frozenset[str] = frozenset()
    """Inputs handed over as they are (NumPy arrays, lists, numbers)."""
    discrete: frozenset[str] = frozenset()
    """Float inputs that are never perturbed."""
    differences: Mapping[str, Difference] = field(default_factory=dict)
    refused: Mapping[str, str] = field(default_factory=dict)
    """Functions that both must refuse alike, and the exception that both raise."""
    expected: tuple[Expected, ...] = ()
    needs_gpu: frozenset[str] = frozenset()
    faults: tuple[Fault, ...] = ()


Spec = Training | Lesson


def full_batch(rng: Generator, data: Arrays) -> Batches:
    """Every step sees all of the data."""
    return Batches(shared=data)


def prepare(spec: Training, seed: int) -> Prepared:
    """Draw data, starting parameters and batches, each from a stream of its own."""
    data = spec.data(stream(seed, "data"))
    parameters = draw(spec.parameters, stream(seed, "parameters"))
    return Prepared(data, parameters, spec.batches(stream(seed, "batches"), data))


def stream(seed: int, purpose: str) -> Generator:
    """A generator for one purpose, independent of those for other purposes."""
    return np.random.default_rng([seed, *purpose.encode()])
