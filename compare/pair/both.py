"""Both models with all that is needed to run either on the same numbers."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import ModuleType
from typing import Any

import numpy as np

from compare.fault import FRAMEWORKS, NAMES, Side
from compare.measure import Values, cast
from compare.noise import Precision
from compare.pair import wrong
from compare.pair.inputs import Arrays, Masks
from compare.pair.layout import Layout
from compare.pair.weights.map import WeightMap
from compare.trace import Key, Step

State = dict[str, np.ndarray]


@dataclass(frozen=True)
class Model:
    """A copy of a user's model, and the verbs of its framework."""

    framework: Side
    runtime: ModuleType
    subject: Any
    given: Any
    """The user's own, which is left as it is."""
    loss: Callable[..., Any] | None = None

    @property
    def name(self) -> str:
        """The framework as it is written."""
        return NAMES[self.framework]

    @cached_property
    def leaves(self) -> list[Any]:
        """Its parameters, buffers and counters in the order of definition."""
        return self.runtime.leaves(self.subject)

    @cached_property
    def modules(self) -> list[Any]:
        """Its modules in the order of definition, the root first."""
        return self.runtime.modules(self.subject)


@dataclass(frozen=True)
class Point:
    """What a one-step map starts from, in PyTorch's layout.

    `cotangents` are those of the outputs, by PyTorch's names, where there is no loss.
    """

    step: Step
    train: bool
    state: State
    inputs: Arrays
    targets: tuple[np.ndarray, ...] = ()
    cotangents: Arrays | None = None
    pulls: bool = True
    """Whether anything is differentiated; else only the outputs are of interest."""
    precision: Precision = "float64"
    names: Mapping[str, str] = field(default_factory=dict)
    """JAX's outputs by name: what PyTorch calls them."""

    def cast(self, precision: Precision) -> "Point":
        """The same numbers in a precision."""
        numbered = {str(i): value for i, value in enumerate(self.targets)}
        targets = cast(numbered, precision)
        cotangents = self.cotangents
        return replace(
            self,
            precision=precision,
            state=cast(self.state, precision),
            inputs=cast(self.inputs, precision),
            targets=tuple(targets.values()),
            cotangents=None if cotangents is None else cast(cotangents, precision),
        )


@dataclass(frozen=True)
class Both:
    """The pair: two models, the map of their weights, the layout of what goes in."""

    torch: Model
    jax: Model
    map: WeightMap
    layout: Layout
    draws: Mapping[str, Masks] = field(default_factory=dict)
    """Dropout's random numbers, for each framework as it lays them out."""
    kept: State = field(default_factory=dict)
    """JAX's leaves without a partner."""

    def models(self) -> Iterator[Model]:
        """Both models, in the order of the harness."""
        yield from (getattr(self, framework) for framework in FRAMEWORKS)

    @contextmanager
    def session(self, precision: Precision) -> Iterator[None]:
        """All that numbers depend on is set for a precision, and put back."""
        with ExitStack() as stack:
            for model in self.models():
                stack.enter_context(model.runtime.session(precision))
            yield

    def state(self, model: Model, state: State, precision: Precision) -> State:
        """A state as a model has it; what has no partner stays as it is."""
        if model.framework == "torch":
            return state
        kept = cast(self.kept, precision)
        return kept | (self.map.to_jax(state) if self.map.entries else {})

    def arguments(self, model: Model, point: Point) -> dict[str, Any]:
        """What a runtime's verbs are called with."""
        inputs = point.inputs
        cotangents = point.cotangents if point.pulls else None
        loss = model.loss if point.pulls else None
        if model.framework == "jax":
            inputs = self.layout.to_jax("inputs", inputs)
            if cotangents is not None:
                turned = self.layout.to_jax("outputs", cotangents)
                cotangents = {
                    own: turned[name]
                    for own, name in point.names.items()
                    if name in turned
                }
        pull = model.runtime.Pull(
            loss=loss,
            targets=point.targets,
            cotangents=cotangents,
            draw=self.draws.get(model.framework),
        )
        state = self.state(model, point.state, point.precision)
        return {"state": state, "inputs": inputs, "train": point.train, "pull": pull}

    def evaluate(self, model: Model, point: Point, **options: Any) -> Any:
        """One call of a model, forward and backward; raises `wrong.Raised`."""
        mode = "train" if point.train else "eval"
        arguments = self.arguments(model, point)
        shapes = ", ".join(str(one.shape) for one in arguments["inputs"].values())
        doing = f"a forward and backward pass ({mode} mode, inputs {shapes})"
        with wrong.of(model.name, doing):
            return model.runtime.evaluate(model.subject, **arguments, **options)

    def values(self, model: Model, point: Point, **options: Any) -> Values:
        """What one call gives, by key, in the common layout."""
        return self.common(model, self.evaluate(model, point, **options), point)

    def common(self, model: Model, found: Any, point: Point) -> Values:
        """An evaluation by key: outputs and inputs as PyTorch lays them out."""
        outputs, inputs, step = found.outputs, found.inputs, point.step
        if model.framework == "jax":
            outputs = {point.names.get(n, n): a for n, a in outputs.items()}
            outputs = self.layout.to_torch("outputs", outputs)
            inputs = self.layout.to_torch("inputs", inputs)
        values = {Key("outputs", "output", n, step): a for n, a in outputs.items()}
        if found.loss is not None:
            values[Key("loss", "loss", "", step)] = np.asarray(found.loss)
        by_label = self._labelled(model, found.parameters, folded=True)
        for label, value in by_label.items():
            values[Key("gradients", "gradient", label, step)] = value
        for name, value in inputs.items():
            values[Key("gradients", "input", name, step)] = value
        if point.train:
            buffers = self._labelled(model, found.buffers)
            for label, value in buffers.items():
                if label not in self.silent:
                    values[Key("state", "buffer", label, step)] = value
        return values

    @cached_property
    def silent(self) -> frozenset[str]:
        """Labels of buffers of which a side does not tell what becomes of them."""
        sides = {m.framework: m.runtime.unreturned(m.subject) for m in self.models()}
        return frozenset(
            entry.label
            for entry in self.map.entries
            for side, paths in sides.items()
            if getattr(entry, side) in paths
        )

    def _labelled(self, model: Model, values: State, **options: bool) -> State:
        if not self.map.entries:
            return {}
        return self.map.canonical(model.framework, values, **options)
