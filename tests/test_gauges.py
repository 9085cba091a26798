"""What is read beside the time: compilers by made-up events, conditions by workers."""

import os

import jax
import pytest
import torch
from gauge_in_worker import conditions

from compare.fault import FRAMEWORKS
from compare.pool import Worker
from compare.time_worker import settings
from jaxnets import gauges as in_jax
from torchnets import gauges as in_torch

BOTH = pytest.mark.parametrize("framework", FRAMEWORKS)
TRACE, LOWER, COMPILE = (
    f"/jax/core/compile/{name}"
    for name in (
        "jaxpr_trace_duration",
        "jaxpr_to_mlir_module_duration",
        "backend_compile_duration",
    )
)


# --------------------------------------------------------------------- JAX's compiler


@pytest.fixture
def heard(monkeypatch):
    """A ledger, and how to tell it that something ended at a time and took so long."""
    listeners = []
    monkeypatch.setattr(
        jax.monitoring, "register_event_duration_secs_listener", listeners.append
    )
    ledger = in_jax.Ledger()
    (listener,) = listeners

    def tell(*events: tuple[str, float, float]):
        for event, end, seconds in events:
            monkeypatch.setattr(in_jax.time, "perf_counter", lambda end=float(end): end)
            listener(event, float(seconds), fun_name="step")
        return ledger

    return tell


TOLD = {
    # events, each with its end and its seconds → seconds of (trace, lower, compile)
    "nothing": ([], (0, 0, 0)),
    "one of each": ([(TRACE, 2, 1), (LOWER, 4, 0.5), (COMPILE, 9, 3)], (1, 0.5, 3)),
    "one after the other": ([(TRACE, 2, 1), (TRACE, 4, 0.5)], (1.5, 0, 0)),
    "one inside of another": ([(TRACE, 2, 1), (TRACE, 3, 2.5)], (2.5, 0, 0)),
    "two inside of another": (
        [(TRACE, 2, 0.5), (TRACE, 3, 0.5), (TRACE, 4, 3)],
        (3, 0, 0),
    ),
    "one inside of one inside of another": (
        [(TRACE, 2, 0.5), (TRACE, 3, 2), (TRACE, 4, 4)],
        (4, 0, 0),
    ),
    "one before, one inside": (
        [(TRACE, 1, 0.5), (TRACE, 3, 0.5), (TRACE, 4, 2)],
        (2.5, 0, 0),
    ),
    "one inside of another kind": ([(TRACE, 3, 1), (COMPILE, 4, 4)], (1, 0, 4)),
    "something else": ([("/jax/core/cache/hit", 2, 1)], (0, 0, 0)),
}


@pytest.mark.parametrize("case", TOLD)
def test_seconds_of_the_compiler_count_once(heard, case):
    events, due = TOLD[case]
    found = heard(*events).seconds()
    assert found == dict(zip(("trace", "lower", "compile"), due, strict=True))


def test_every_program_is_counted_also_inside_of_another(heard):
    ledger = heard((COMPILE, 2, 1), (TRACE, 3, 1), (COMPILE, 5, 4), (LOWER, 6, 1))
    assert ledger.counts() == {"programs": 2, "graph breaks": 0}


def test_the_names_of_the_events_are_jaxs():
    """A program that is new: some seconds in every phase, and one program."""
    ledger = in_jax.Ledger()
    before = ledger.counts()
    value = jax.numpy.arange(7.0)
    there = ledger.counts()["programs"]
    jax.jit(lambda x: x * 3 + 1)(value)
    assert ledger.counts()["programs"] == there + 1
    assert before["programs"] == 0
    assert all(seconds > 0 for seconds in ledger.seconds().values())


# ----------------------------------------------------------------- PyTorch's compiler


def test_stages_of_dynamo_are_parts_of_each_other(monkeypatch):
    """Two graphs: 4 + 2 s in all, 3 + 1 s of them behind Dynamo, 2 s for code."""
    told = {
        "_compile.compile_inner": [4.0, 2.0],
        "OutputGraph.call_user_compiler": [3.0, 1.0],
        "fx_codegen_and_compile": [2.0],
        "something else": [100.0],
    }
    monkeypatch.setattr(in_torch, "compilation_time_metrics", told)
    found = in_torch.Ledger().seconds()
    assert found == {"trace": 2.0, "lower": 2.0, "compile": 2.0}


def test_a_backward_pass_compiled_later_is_no_negative_time(monkeypatch):
    """Its code is made outside of Dynamo's own stage."""
    told = {"fx_codegen_and_compile": [2.0]}
    monkeypatch.setattr(in_torch, "compilation_time_metrics", told)
    found = in_torch.Ledger().seconds()
    assert found == {"trace": 0.0, "lower": 0.0, "compile": 2.0}


def test_dynamo_counts_graphs_and_what_breaks_them():
    """By a compiler that makes nothing: Dynamo itself is asked."""
    ledger, value = in_torch.Ledger(), torch.ones(3)

    def broken(x):
        y = x + 1
        torch._dynamo.graph_break()
        return y * 2

    before = ledger.counts()
    torch.compile(broken, backend="eager")(value)
    after = ledger.counts()
    assert after["programs"] - before["programs"] == 2
    assert after["graph breaks"] - before["graph breaks"] == 1
    torch.compile(lambda x: x * 5, backend="eager", fullgraph=True)(value)
    assert ledger.counts()["programs"] - after["programs"] == 1
    assert ledger.counts()["graph breaks"] == after["graph breaks"]


# ---------------------------------------------------------------------- the conditions


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """Conditions before and after they were set, in a process of its own each."""
    logs = tmp_path_factory.mktemp("logs")
    found = {}
    for framework in FRAMEWORKS:
        log = logs / f"{framework}.log"
        worker = Worker(framework, settings("cpu", 1, logs), os.getpid, log)
        try:
            found[framework] = worker.call(conditions, framework)
        finally:
            worker.kill()
            worker.queue.shutdown()
    return found


@BOTH
def test_conditions_of_a_timing_worker(told, framework):
    """The same of both frameworks: that is what makes them comparable."""
    assert told[framework]["float32"] == {
        "dtype": "float32",
        "products": "float32",
        "subnormal numbers": "flushed",
        "device": "cpu",
    }


@BOTH
@pytest.mark.parametrize("products", ["float32", "tf32", "bfloat16"])
def test_the_names_of_products_go_there_and_back(told, framework, products):
    assert told[framework][products]["products"] == products


@pytest.mark.parametrize(("framework", "due"), [("jax", "flushed"), ("torch", "kept")])
def test_subnormal_numbers_before_conditions_are_set(told, framework, due):
    """XLA flushes them on a CPU, PyTorch keeps them."""
    assert told[framework]["before"]["subnormal numbers"] == due


@BOTH
def test_a_cpu_has_no_peak_of_its_own(told, framework):
    assert told[framework]["memory"] is None


@BOTH
def test_a_product_is_one(told, framework):
    """Of ones: every element is the number of rows."""
    assert told[framework]["product"] == ("float32", [[3.0] * 3] * 3)
