"""Measuring a lesson, with NumPy in the place of a framework."""

from types import ModuleType

import numpy as np
import pytest

from compare.measure_lesson import functions, lesson
from compare.spec import Difference, Lesson
from compare.task import Effort, Task
from compare.trace import Key


class Array:
    """What the fake framework's functions get: a NumPy array in a wrapper."""

    def __init__(self, value):
        self.value = np.asarray(value)
        self.shape = self.value.shape


RUNTIME = ModuleType("runtime")
RUNTIME.__dict__.update(
    call=lambda function, arguments: function(**arguments),
    from_numpy=lambda value, *, device: Array(value.copy()),
    to_numpy=lambda array: array.value.copy(),
    is_array=lambda value: isinstance(value, Array),
    dtype_name=lambda array: str(array.value.dtype),
)

SOURCE = """
import math
from fractions import Fraction as function_like

LIMIT = 3

def double(x): return type(x)(2 * x.value)

def _hidden(x): raise AssertionError

class Shape: pass

imported = math.sqrt

def nested(x, flag): return {"a": (x, [3, True]), "b": None, "c": x.value.sum()}

def fails(x): raise IndexError("no\\nsuch row")

def with_default(x, power=2): return float(x.value.sum() ** power)

def raw_input(numbers):
    numbers.append(9)
    return type(numbers).__name__ == "list" and len(numbers)

def raw_array(table): return float(table[0])

def jumps(x): return bool(x.value[0] > 1)

def changes_kind(x): return 1 if x.value[0] > 1 else 1.0

def changes_in_place(x):
    x.value[:] = 0
    return x

def overflows(x): return type(x)(np_inf if x.value[0] > 1 else x.value)

def on_gpu(x): raise AssertionError
"""

SPEC = Lesson(
    "nothing",
    lambda rng: {
        "x": np.array([1.0, 0.5, 0.25]),
        "flag": np.array([True]),
        "numbers": [1.0, 2.0],
        "table": np.array([1.0, 3.0]),
    },
    raw=frozenset({"numbers", "table"}),
    needs_gpu=frozenset({"on_gpu"}),
)


def module(source=SOURCE) -> ModuleType:
    made = ModuleType("lesson_twin")
    made.__dict__["np_inf"] = np.array([np.inf, 0.5, 0.25])
    exec(source, made.__dict__)
    return made


def measured(
    spec=SPEC,
    *,
    precision="float64",
    framework="jax",
    copies=6,
    device="cpu",
    source=SOURCE,
):
    task = Task(
        "lesson", "l", framework, precision, 0, "r", device, Effort(copies=copies)
    )
    return lesson(task, RUNTIME, module(source), spec)


def test_functions_are_the_modules_own_public_ones_in_their_order():
    assert [*functions(module())] == [
        "double",
        "nested",
        "fails",
        "with_default",
        "raw_input",
        "raw_array",
        "jumps",
        "changes_kind",
        "changes_in_place",
        "overflows",
        "on_gpu",
    ]


@pytest.mark.parametrize("precision", ["float64", "float32"])
def test_kinds_say_what_came_out(precision):
    kinds = measured(precision=precision).facts["kinds"]
    assert kinds == {
        "double": f"{precision}[3]",
        "nested": f"{{a: ({precision}[3], (int, bool)), b: None, "
        f"c: numpy {precision}[]}}",
        "fails": "raises IndexError",
        "with_default": "float",
        "raw_input": "int",
        "raw_array": "float",
        "jumps": "bool",
        "changes_kind": "float",
        "changes_in_place": f"{precision}[3]",
        "overflows": f"{precision}[3]",
    }


def test_leaves_are_named_by_their_path():
    trace = measured()
    leaves = {k.leaf: v for k, v in trace.arrays.items() if k[:2] == ("own", "nested")}
    assert {leaf: value.tolist() for leaf, value in leaves.items()} == {
        "a.0": [1.0, 0.5, 0.25],
        "a.1.0": 3,
        "a.1.1": True,
        "c": 1.75,
    }
    assert trace.arrays[Key("outputs", "double")].tolist() == [2.0, 1.0, 0.5]
    assert trace.arrays[Key("outputs", "with_default")].tolist() == 1.75**2


def test_an_exception_is_a_result_with_the_first_line_of_its_message():
    trace = measured()
    assert trace.facts["messages"]["fails"] == "no"
    assert not [key for key in trace.arrays if key.quantity == "fails"]


WARNS = """
import warnings

def warns(x):
    warnings.warn("once", UserWarning)
    warnings.warn("twice", UserWarning)
    return 1

def warns_and_fails(x):
    warnings.warn("careful", FutureWarning)
    raise IndexError("lost")
"""


def test_a_warning_is_part_of_the_kind_every_time():
    trace = measured(source=WARNS)
    assert trace.facts["kinds"]["warns"] == "int warns UserWarning"
    assert trace.facts["messages"]["warns"] == "once"
    kind = trace.facts["kinds"]["warns_and_fails"]
    assert kind == "raises IndexError warns FutureWarning"
    assert trace.facts["messages"]["warns_and_fails"] == "lost"
    assert "warns" not in trace.facts.get("unstable", {})


def test_raw_inputs_are_handed_over_as_they_are_and_anew():
    """A list that a function changes is not the next copy's; arrays are not moved."""
    trace = measured()
    assert trace.arrays[Key("outputs", "raw_array")] == 1
    assert trace.sensitivity[Key("outputs", "raw_array")] == 0
    assert trace.arrays[Key("outputs", "raw_input")] == 3
    assert trace.sensitivity[Key("outputs", "raw_input")] == 0


def test_a_function_that_writes_into_its_input_harms_no_other():
    trace = measured()
    assert trace.arrays[Key("outputs", "changes_in_place")].tolist() == [0, 0, 0]
    assert trace.arrays[Key("outputs", "overflows")].tolist() == [1, 0.5, 0.25]


@pytest.mark.parametrize("precision", ["float64", "float32"])
def test_copies_tell_how_far_rounding_carries(precision):
    """Of 2 · (1, ½, ¼), the first moves most: by an ulp of its factor 1 ± eps."""
    eps = float(np.finfo(precision).eps)
    assert (
        measured(precision=precision).sensitivity[Key("outputs", "double")] == 2 * eps
    )
    none = measured(precision=precision, copies=0)
    assert none.sensitivity[Key("outputs", "double")] == 0


def test_discrete_and_raw_inputs_are_not_moved():
    spec = Lesson(
        "nothing", SPEC.inputs, SPEC.raw, frozenset({"x"}), needs_gpu=SPEC.needs_gpu
    )
    trace = measured(spec)
    assert all(moved == 0 for moved in trace.sensitivity.values())
    assert "unstable" not in trace.facts


def test_a_result_that_jumps_has_a_floor_as_high_as_the_jump():
    assert measured().sensitivity[Key("outputs", "jumps")] == 1


def test_a_kind_that_changes_in_a_copy_is_told_of():
    assert measured().facts["unstable"] == {"changes_kind": "float, and int in a copy"}


def test_a_copy_that_overflows_is_dropped_and_told_of():
    told = measured().facts["copies not finite"]
    assert set(told) == {"outputs overflows  None"}


COUNTS = """
calls = []

def steady(x): return float(x.value.sum())

def counts(x):
    calls.append(0)
    return {"a": x, "b": len(calls)}
"""
FORGETS = """
calls = []

def forgets(x):
    calls.append(0)
    if len(calls) == 2:
        raise IndexError
    return x
"""
REMEMBERS = """
calls = []

def remembers(x):
    calls.append(0)
    if len(calls) == 1:
        raise IndexError
    return x
"""


def test_functions_that_are_the_same_twice_are_not_told_of():
    assert "not repeatable" not in measured().facts


@pytest.mark.parametrize("precision", ["float64", "float32"])
@pytest.mark.parametrize("copies", [0, 3])
def test_a_function_that_is_not_the_same_twice_is_told_of(precision, copies):
    facts = measured(source=COUNTS, precision=precision, copies=copies).facts
    assert facts["not repeatable"] == [["outputs", "counts", "b", None]]


@pytest.mark.parametrize("source", [FORGETS, REMEMBERS], ids=["second", "first"])
def test_a_function_that_raises_once_only_is_told_of(source):
    """Either as not repeatable, or as a kind that changes."""
    assert {"not repeatable", "unstable"} & measured(
        source=source, copies=0
    ).facts.keys()


def test_what_needs_a_gpu_is_skipped_elsewhere():
    trace = measured()
    assert trace.facts["skipped"] == {"on_gpu": "needs a GPU: run with --device gpu"}
    assert "on_gpu" not in trace.facts["kinds"]
    assert measured(device="gpu").facts["kinds"]["on_gpu"] == "raises AssertionError"


@pytest.mark.parametrize(("framework", "factor"), [("jax", 3), ("torch", 1)])
def test_a_relation_says_on_jaxs_side_what_pytorch_must_give(framework, factor):
    def relation(leaves, given):
        return {"": leaves[""] + 4 * given["x"]}

    difference = {"double": Difference("by design", relation=relation)}
    spec = Lesson(
        "n", SPEC.inputs, SPEC.raw, differences=difference, needs_gpu=SPEC.needs_gpu
    )
    trace = measured(spec, framework=framework)
    assert trace.arrays[Key("outputs", "double")].tolist() == [
        2.0 * factor,
        1.0 * factor,
        0.5 * factor,
    ]
    assert trace.arrays[Key("own", "double")].tolist() == [2.0, 1.0, 0.5]


def test_an_input_that_the_spec_does_not_have_is_an_error():
    task = Task("lesson", "l", "jax", "float64", 0, "r")
    with pytest.raises(KeyError, match="unknown"):
        lesson(task, RUNTIME, module("def f(unknown): return 1"), SPEC)
