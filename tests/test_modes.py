"""The ways to take training steps: all of them take the steps of the twin.

Where a mode is the same program the bits are the same. Where it is another one, it is
judged as a timing worker's is: by the floors of a run that has passed.
"""

from dataclasses import dataclass

import pytest
from mode_in_worker import STEPS, compiled, examine, proof
from support import SMALL

from compare import trace
from compare.check import Sides
from compare.fault import Side
from compare.prove import explained, holds, prove
from compare.run import Settings, judge, measure
from compare.task import State, Task
from compare.timing import Cell, TimingTask

pytest_plugins = ("warm",)
pytestmark = pytest.mark.slow

TRAININGS = ("line_manual", "two_layer_adam", "dynamic_net", "moons_mlp_accumulated")
"""By hand; with counts and two moments; with branches; with gradients kept."""
MODES: dict[Side, tuple[str, ...]] = {
    "jax": ("eager", "jit", "jit-functional", "scan"),
    "torch": ("notebook", "eager", "tuned"),
}
EVERY_MODE = pytest.mark.parametrize(
    ("framework", "mode"),
    [(framework, mode) for framework, modes in MODES.items() for mode in modes],
)
EVERY_TRAINING = pytest.mark.parametrize("name", TRAININGS)


@dataclass(frozen=True)
class Passed:
    """A small run that has passed."""

    base: Task
    sides: Sides
    states: dict[int, State]

    def task(self, framework: Side, mode: str) -> TimingTask:
        """What a timing worker would be asked."""
        assert self.base.prepared is not None
        cell = Cell(self.base.example, framework, mode)
        return TimingTask(cell, self.base.seed, self.base.prepared, self.states)


@pytest.fixture(scope="session")
def passed(workers):
    """One run of each training, when it is first asked for."""
    done = {}

    def passed(name: str) -> Passed:
        if name not in done:
            base = Settings(0, "cpu", SMALL, "r").task(name)
            measured = measure(base, workers)
            example = judge(measured, base, seconds=0.0)
            assert example.verdict in ("bitwise", "rounding", "differs")
            states = {s: v for s, v in measured.states.items() if s < SMALL.steps}
            done[name] = Passed(base, trace.by_side(measured.traces), states)
        return done[name]

    return passed


@pytest.fixture(scope="session")
def ask_mode(workers, passed):
    """Ask a function of `mode_in_worker` of a mode, once."""
    done = {}

    def ask(function, name: str, framework: Side, mode: str):
        asked = function, name, framework, mode
        if asked not in done:
            at = workers._workers[framework, "float32"]
            done[asked] = at.call(function, passed(name).task(framework, mode))
        return done[asked]

    return ask


@EVERY_MODE
@EVERY_TRAINING
def test_a_mode_takes_the_steps_that_have_passed(
    ask_mode, passed, name, framework, mode
):
    found = ask_mode(proof, name, framework, mode)
    row = prove(passed(name).sides, found)
    assert holds(row), explained(row)


AS_WRITTEN = [("jax", "jit"), ("torch", "notebook"), ("torch", "eager")]


@pytest.mark.parametrize(("framework", "mode"), AS_WRITTEN)
@EVERY_TRAINING
def test_the_twin_as_it_stands_gives_the_bits_of_its_loop(
    ask_mode, name, framework, mode
):
    found = ask_mode(examine, name, framework, mode)
    assert found["as written"]
    assert found["losses"] == STEPS


@EVERY_MODE
@EVERY_TRAINING
def test_a_mode_starts_over_from_the_state_it_is_given(ask_mode, name, framework, mode):
    """With the same bits every time, from another state with others."""
    found = ask_mode(examine, name, framework, mode)
    assert found["again"]
    assert found["after another start"]
    assert not found["another start"]


@EVERY_MODE
@EVERY_TRAINING
def test_the_state_that_was_given_is_as_it_was(ask_mode, name, framework, mode):
    """JAX's steps may give memory away, PyTorch's change their objects: not these."""
    assert ask_mode(examine, name, framework, mode)["given is as it was"]


# ------------------------------------------------------------------------- the knobs


@pytest.mark.parametrize("mode", ["eager", "jit", "jit-functional"])
@EVERY_TRAINING
def test_jax_gives_memory_away_where_the_state_is_in_place(ask_mode, name, mode):
    found = ask_mode(examine, name, "jax", mode)
    assert found["truth"]["given away"] == {found["knobs"]["state"] == "in place"}


@pytest.mark.parametrize("mode", MODES["torch"])
@EVERY_TRAINING
def test_pytorch_steps_in_place_where_it_says_so(ask_mode, name, mode):
    found = ask_mode(examine, name, "torch", mode)
    assert found["truth"]["in place"] == (found["knobs"]["state"] == "in place")


@pytest.mark.parametrize("mode", MODES["torch"])
@EVERY_TRAINING
def test_a_fused_optimizer_is_one(ask_mode, name, mode):
    found = ask_mode(examine, name, "torch", mode)
    kernels = {"plain": {False}, "fused": {True}, "none": set()}
    assert found["truth"]["fused"] == kernels[found["knobs"]["optimizer"]]
    adam = mode == "tuned" and name == "two_layer_adam"
    assert (found["knobs"]["optimizer"] == "fused") == adam


@pytest.mark.parametrize("mode", MODES["torch"])
def test_only_a_notebook_reads_its_losses(ask_mode, mode):
    found = ask_mode(examine, "two_layer_adam", "torch", mode)
    read = found["knobs"].get("losses") == "read at each step"
    assert found["truth"]["losses"] == {"float" if read else "Tensor"}
    assert read == (mode == "notebook")


AT_EVERY_CHOICE = 2
"""Programs: the branches, and their derivatives."""


@EVERY_MODE
@EVERY_TRAINING
def test_nothing_compiles_twice(ask_mode, name, framework, mode):
    """But for a choice between branches without `jit`: they are new at every step."""
    found = ask_mode(compiled, name, framework, mode)
    again = (name, mode) == ("dynamic_net", "eager") and framework == "jax"
    assert found["second"]["programs"] == (AT_EVERY_CHOICE * STEPS if again else 0)
    if mode in ("jit-functional", "scan"):  # which make their program themselves
        assert found["first"]["programs"] > 0
        assert all(seconds > 0 for seconds in found["seconds"].values())
    if framework == "torch":
        assert found["first"] == {"programs": 0, "graph breaks": 0}
        assert set(found["seconds"].values()) == {0.0}


def test_an_unknown_mode_is_refused(workers, passed):
    task = passed("line_manual").task("jax", "fast")
    with pytest.raises(KeyError, match="fast"):
        workers._workers["jax", "float32"].call(examine, task)


@pytest.mark.parametrize("mode", ["compile", "compile-step"])
def test_compiled_modes_of_pytorch(ask_mode, passed, mode):
    name = "two_layer_adam"
    # First: Dynamo finds what it has made of the same function before.
    counted = ask_mode(compiled, name, "torch", mode)
    assert counted["second"] == {"programs": 0, "graph breaks": 0}
    assert counted["first"]["programs"] > 0
    # Inductor may have kept the code from an earlier process.
    assert counted["seconds"]["trace"] > 0
    assert counted["seconds"]["lower"] > 0
    found = ask_mode(examine, name, "torch", mode)
    assert found["again"]
    assert found["after another start"]
    assert found["given is as it was"]
    assert found["truth"]["in place"]
    row = prove(passed(name).sides, ask_mode(proof, name, "torch", mode))
    assert holds(row), explained(row)
