"""Optimizer steps as one-step maps: both sides get the same numbers at every step.

At step t both optimizers are handed the same parameters and the same gradients, those
of PyTorch's float32 run, and so have the same history in their own state, whatever that
is made of. Nothing needs to be carried from one to the other, and no error is
inherited: what a step does wrong shows in that step's update.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from compare.fault import Side
from compare.measure import Values, cast
from compare.noise import PRECISIONS, Precision, largest, perturb
from compare.pair import wrong
from compare.pair.both import Both, Model, Point, State
from compare.pair.judge import Spot, spots_of
from compare.pair.ledger import Ledger
from compare.pair.measure import COPIES, Collectors, measure
from compare.spec import stream
from compare.trace import Key

ULP = {"float64": 2.0**-52, "float32": 2.0**-24}
"""How far constants are moved: Optax forms 1 − b2ᵗ in the precision of the run."""


@dataclass(frozen=True)
class Step:
    """What both optimizers were handed at a step, in PyTorch's layout."""

    parameters: State
    gradients: State


def steps(
    ledger: Ledger,
    first: Point,
    feed: Callable[[int], Point],
    *,
    say: Callable[[str], None],
) -> list[Step]:
    """Take the steps that are asked for; what was handed over, while it is kept."""
    both, ask = ledger.both, ledger.ask
    asked = ask.optimizers or ()
    by_side: dict[Side, Any] = dict(zip(("torch", "jax"), asked, strict=True))
    state = first.state
    memory: dict[tuple[Side, Precision], Any] = {}
    taken: list[Step] = []
    for number in range(ask.steps):
        point = replace(feed(number), step=number, state=state)
        out = ledger.open()
        found = measure(both, point, out, seed=ask.seed, say=say)
        gradients = {n: g.astype(np.float64) for n, g in found.parameters.items()}
        before = {name: state[name] for name in gradients}
        after = before
        for precision in PRECISIONS:
            with both.session(precision):
                for model in both.models():
                    at = _At(both, model, by_side[model.framework], number, precision)
                    key = (model.framework, precision)
                    if number == 0:
                        memory[key] = at.begin(state)
                    if number == 0 and precision == "float64":
                        ledger.spots += at.spots(memory[key], state, gradients)
                    new, memory[key] = at.step(
                        memory[key], state, gradients, out, seed=ask.seed
                    )
                    if key == ("torch", "float32"):
                        after = new
        if ledger.close(out, point) and number == len(taken):
            taken.append(Step(before, gradients))
        state = _next(both, state, after, found.buffers)
    return taken


@dataclass(frozen=True)
class _At:
    """One side's optimizer at one step, in one precision."""

    both: Both
    model: Model
    optimizer: Any
    number: int
    precision: Precision

    def begin(self, state: State) -> Any:
        with wrong.of(self.model.name, "making its optimizer"):
            return self.model.runtime.begin(self.optimizer, self.own(state))

    def spots(self, memory: Any, state: State, gradients: State) -> list[Spot]:
        """What its step does in less than float64."""
        before = self.own(state)
        with wrong.of(self.model.name, "the search for low precision in a step"):
            found = self.model.runtime.low_precision_step(
                self.optimizer, memory, before, self.own_gradients(gradients, before)
            )
        return spots_of(self.both, "train", self.model.framework, found, {})

    def own(self, state: State) -> State:
        """The parameters that both models have, as this one has them."""
        both, side = self.both, self.model.framework
        whole = both.state(self.model, cast(state, self.precision), self.precision)
        mapped = {getattr(entry, side) for entry in both.map.entries if entry.jax}
        return {
            leaf.path: whole[leaf.path]
            for leaf in self.model.leaves
            if leaf.kind == "parameter" and leaf.path in mapped
        }

    def step(
        self,
        memory: Any,
        state: State,
        gradients: State,
        out: Collectors,
        *,
        seed: int,
    ) -> tuple[State, Any]:
        """Take it, twice and from perturbed copies; the new parameters and memory."""
        side = self.model.framework
        collector = out[side, self.precision]
        before = self.own(state)
        pulled = self.own_gradients(gradients, before)
        new, kept = self._advance(memory, before, pulled)
        base = self.flat(before, new, kept)
        collector.put(base)
        again = self._advance(memory, before, pulled)
        collector.repeat(self.flat(before, *again))
        for label, value in self.both.map.canonical(side, before).items():
            key = Key("update", "update", label, self.number)
            collector.trace.scale[key] = float(largest(value))
        for copy in range(COPIES):
            rng = stream(seed, f"pair optimizer {copy} {self.number}")
            changed = perturb(before, rng, precision=self.precision)
            moved = self.model.runtime.moved(
                self.optimizer, memory, self._moving(seed, copy)
            )
            pushed = perturb(pulled, rng, precision=self.precision)
            collector.compare(
                self.flat(changed, *self._advance(moved, changed, pushed)), base
            )
        return new, kept

    def own_gradients(self, gradients: State, parameters: State) -> State:
        """The gradients as this side lays out its parameters."""
        given = cast(gradients, self.precision)
        if self.model.framework == "torch":
            return {path: given[path] for path in parameters}
        return self.both.map.first(given)

    def _moving(self, seed: int, copy: int) -> Callable[[np.ndarray], np.ndarray]:
        rng = stream(seed, f"pair memory {copy} {self.number}")
        unit = ULP[self.precision]

        def change(value: np.ndarray) -> np.ndarray:
            signs = rng.integers(0, 2, np.shape(value), np.int8) * 2 - 1
            return np.asarray(value * (1.0 + signs * unit), np.asarray(value).dtype)

        return change

    def _advance(
        self, memory: Any, parameters: State, gradients: State
    ) -> tuple[State, Any]:
        with wrong.of(self.model.name, f"its optimizer's step {self.number}"):
            return self.model.runtime.advance(
                self.optimizer, memory, parameters, gradients
            )

    def flat(self, before: State, after: State, memory: Any) -> Values:
        """Updates, parameters and the optimizer's state by key."""
        side, canonical = self.model.framework, self.both.map.canonical
        update = {name: after[name] - before[name] for name in after}
        parts = {("update", "update"): update, ("state", "parameter"): after}
        values = {
            Key(phase, quantity, label, self.number): value
            for (phase, quantity), tree in parts.items()
            for label, value in canonical(side, tree).items()
        }
        slots: dict[str, State] = {}
        for name, value in self.model.runtime.slots(self.optimizer, memory).items():
            slot, _, leaf = name.partition("/")
            if leaf in before and value.shape == before[leaf].shape:
                slots.setdefault(slot, {})[leaf] = value
        for slot, tree in slots.items():
            for label, value in canonical(side, tree).items():
                values[Key("state", slot, label, self.number)] = value
        return values


def _next(both: Both, state: State, after: State, buffers: State) -> State:
    """The next state: PyTorch's float32 step, and what its forward pass left."""
    new = {name: value.astype(np.float64) for name, value in (after | buffers).items()}
    # Two biases of one layer become one again, as the other side has it.
    whole = state | new
    return whole | both.map.to_torch(both.map.to_jax(whole))
