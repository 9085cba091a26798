"""What the tests ask of a mode, in the worker process of its framework in float32."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import numpy as np

from compare import measure_time
from compare.measure import cast
from compare.measure_time import _Bench, _proof
from compare.plant import code
from compare.registry import load
from compare.spec import Arrays, Training
from compare.timing import TimingTask
from compare.trace import Trace, same_bits

STEPS = 5
FIRST = 1
"""The batch of their first step: at the very first gradients are cleared anyway."""
Found = tuple[list[float], dict[str, np.ndarray]]
"""Losses of so many steps, and the state after them."""


def _open(task: TimingTask) -> Any:
    """A mode's program, where its steps start from, and their batches."""
    cell, spec = task.cell, load(task.cell.example)
    assert isinstance(spec, Training)
    parts = code(cell.framework, cell.example)
    runtime = parts["runtime"]
    subject = runtime.prepare(parts["twin"], device="cpu", accumulates=spec.accumulates)
    # Not the first: there the optimizer has nothing yet.
    state = cast(task.states[max(task.states)], "float32")
    program = parts["modes"].open_program(subject, cell.mode, state)
    bench = _Bench(task, spec, parts, subject, program, None)
    given = runtime.load(subject, state)
    shared, rows = _batches(task)
    batches = program.place(shared, rows, STEPS)
    return SimpleNamespace(**locals())


def _batches(task: TimingTask) -> tuple[Arrays, Arrays]:
    """What all of the steps are fed, and what each of them is."""
    batches = task.prepared.batches
    rows = {name: v[FIRST : FIRST + STEPS] for name, v in batches.stacked.items()}
    return cast(batches.shared, "float32"), cast(rows, "float32")


def examine(task: TimingTask) -> dict[str, Any]:
    """All that is asked of a mode, of one program: it compiles once."""
    at = _open(task)
    found = _taken(at)
    again = _taken(at)
    wrong = at.state | {name: value + 1 for name, value in at.state.items()}
    at.program.restart(at.runtime.load(at.subject, wrong))
    elsewhere = _taken_here(at)
    last = _taken(at)
    given = at.runtime.dump(at.subject, at.given)[0]
    return {
        "again": _same(found, again),
        "after another start": _same(found, last),
        "another start": _same(found, elsewhere),
        "given is as it was": _same(([], given), ([], at.state)),
        "knobs": dict(at.program.knobs),
        "truth": TRUTH[task.cell.framework](at),
        "as written": _same(found, AS_WRITTEN[task.cell.framework](at)),
        "losses": len(found[0]),
    }


def _taken(at: Any) -> Found:
    """The steps from the state that was given."""
    at.program.restart(at.given)
    began = at.parts["modes"].state_of(at.subject, at.program)
    assert _same(([], began), ([], at.state))
    return _taken_here(at)


def _taken_here(at: Any) -> Found:
    with at.program.guard():
        losses = at.program.take(at.batches)
    after = at.parts["modes"].state_of(at.subject, at.program)
    return [float(value) for value in losses], after


def _same(left: Found, right: Found) -> bool:
    assert left[1].keys() == right[1].keys()
    states = [same_bits(left[1][leaf], right[1][leaf]) for leaf in left[1]]
    return left[0] == right[0] and all(states)


def _jax_as_written(at: Any) -> Found:
    """The loop that a reader of the twin would write."""
    from jaxnets.layout import Live
    from jaxnets.steps import merged

    model, optimizer = merged(at.subject, at.runtime.load(at.subject, at.state))
    losses = []
    for step in range(FIRST, FIRST + STEPS):
        drawn = cast(at.task.prepared.batches.at(step), "float32")
        batch = at.runtime.feed(at.subject, drawn)
        value = at.parts["twin"].train_step(model, optimizer, batch)
        if at.subject.layout.graph is None:
            value, model = value
        losses.append(float(value))
    if at.subject.layout.graph is None:
        return losses, at.runtime.dump(at.subject, Live(model, None))[0]
    from flax import nnx

    after = Live(nnx.state(model), nnx.state(optimizer))
    return losses, at.runtime.dump(at.subject, after)[0]


def _torch_as_written(at: Any) -> Found:
    """The loop of the runtime, which has passed."""
    shared, rows = _batches(at.task)
    losses, _, states = at.runtime.many_steps(
        at.subject,
        at.runtime.load(at.subject, at.state),
        at.runtime.feed(at.subject, shared),
        at.runtime.feed(at.subject, rows),
        steps=STEPS,
        stops=(STEPS,),
        record=(),
        record_steps=0,
    )
    return losses.tolist(), states[STEPS]


AS_WRITTEN: dict[str, Callable[[Any], Found]] = {
    "jax": _jax_as_written,
    "torch": _torch_as_written,
}


def _jax_truth(at: Any) -> dict[str, Any]:
    """Whether a step gives the memory of the state before it away."""
    import jax

    at.program.restart(at.given)
    before = jax.tree.leaves(at.program.held())
    at.program.take(at.batches)
    return {"given away": {array.is_deleted() for array in before}}


def _torch_truth(at: Any) -> dict[str, Any]:
    """Where the parameters are, which kernels step them, and what losses are."""
    from torchnets.layout import leaves

    def places() -> list[int]:
        tensors = leaves(at.program.held().model).values()
        return [place.tensor.data_ptr() for place in tensors]

    at.program.restart(at.given)
    before = places()
    losses = at.program.take(at.batches)
    optimizer = at.program.held().optimizer
    groups = optimizer.param_groups if optimizer is not None else ()
    return {
        "in place": before == places(),
        "fused": {bool(group["fused"]) for group in groups},
        "losses": {type(value).__name__ for value in losses},
    }


TRUTH: dict[str, Callable[[Any], dict[str, Any]]] = {
    "jax": _jax_truth,
    "torch": _torch_truth,
}


def proof(task: TimingTask) -> Trace:
    """What a timing worker would prove of the mode, its window cut short."""
    with (
        patch.object(measure_time, "PROOF", STEPS),
        patch.object(measure_time, "WINDOW", STEPS),
    ):
        return _proof(_open(task).bench)


def compiled(task: TimingTask) -> dict[str, Any]:
    """What the compiler has done at each of two runs, and in how many seconds."""
    at = _open(task)
    ledger = at.parts["gauges"].Ledger()
    before, began = ledger.counts(), ledger.seconds()
    _taken(at)
    first, then = ledger.counts(), ledger.seconds()
    _taken(at)
    return {
        "first": {name: first[name] - before[name] for name in first},
        "second": {name: n - first[name] for name, n in ledger.counts().items()},
        "seconds": {name: then[name] - began[name] for name in then},
    }
