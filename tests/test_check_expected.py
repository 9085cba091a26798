"""Third opinions of a lesson's functions: printed digits, and NumPy."""

import numpy as np
import pytest

from compare.check_lesson import check_lesson
from compare.noise import PRECISIONS
from compare.result import Row
from compare.spec import Expected, Lesson
from compare.task import Task
from compare.trace import Key, Trace, by_side

OWN, OUT = Key("own", "f"), Key("outputs", "f")
TASK = Task("lesson", "e", "jax", "float64", 0, "r")


def rows(got, due, *, decimals=None, narrow=None, sensitivity=0.0, sides=("jax",)):
    """The oracle's rows of a function that returned `got` where `due` is expected."""
    traces, narrow = [], got if narrow is None else narrow
    for side in sides:
        for precision, value in (("float64", got), ("float32", narrow)):
            value = np.asarray(value, precision)
            held = dict.fromkeys((OUT, OWN), value)
            moved = dict.fromkeys((OUT, OWN), np.asarray(sensitivity))
            traces.append(Trace("e", side, precision, 0, "r", held, moved, facts=FACTS))
    value = due if callable(due) else lambda given: {"": np.asarray(due)}
    expected = Expected("f", value, "the notebook", decimals)
    spec = Lesson("nothing", lambda rng: {"x": np.ones(2)}, expected=(expected,))
    found = check_lesson(spec, by_side(traces), TASK)
    return [row for row in found if row.phase == "oracle"]


FACTS = {"kinds": {"f": "array"}}


def only(*args, **options) -> Row:
    (row,) = rows(*args, **options)
    return row


# Half a unit of no decimals and of one binary fraction are exact numbers.
@pytest.mark.parametrize(
    ("got", "due", "decimals", "expected"),
    [
        (1.5, 1.0, 0, "rounding"),
        (np.nextafter(1.5, 2), 1.0, 0, "semantic"),
        (0.5, 1.0, 0, "rounding"),
        (0.5 - 2.0**-53, 1.0, 0, "semantic"),
        (0.15714, 0.1571, 4, "rounding"),
        (0.15706, 0.1571, 4, "rounding"),
        (0.15716, 0.1571, 4, "semantic"),
        (0.15704, 0.1571, 4, "semantic"),
        (np.nan, 0.1571, 4, "semantic"),
        (np.inf, 0.1571, 4, "semantic"),
        (np.inf, np.inf, 4, "rounding"),
        ([0.12, 0.34], [0.1, 0.3], 1, "rounding"),
        ([0.12, 0.36], [0.1, 0.3], 1, "semantic"),
    ],
)
def test_printed_digits_pass_within_half_a_unit(got, due, decimals, expected):
    row = only(got, due, decimals=decimals)
    assert row.verdict == expected
    assert (row.floor, row.score) == (None, None)


def test_printed_digits_tell_both_numbers():
    row = only([0.12, 0.36], [0.1, 0.3], decimals=1)
    assert row.why == "[0.12, 0.36] does not round to [0.1, 0.3]"
    assert row.error == 0.36 - 0.3
    assert only(0.1, 0.1, decimals=1).why == "the notebook"


# The leaf's largest value is 1: the floor is 2⁻⁵⁰, thirty-two times that is 2⁻⁴⁵.
@pytest.mark.parametrize(
    ("got", "options", "expected"),
    [
        (1.0, {}, "bitwise"),
        (1 - 2.0**-45, {}, "rounding"),
        (1 - 2.0**-45 - 2.0**-53, {}, "semantic"),
        (1 - 2.0**-44, {"sensitivity": 2.0**-49}, "rounding"),
        # A float32 error of 2⁻¹⁹ amounts to a floor of 2⁻⁴⁸.
        (1 - 2.0**-44, {"narrow": 1 - 2.0**-19}, "rounding"),
        (1 - 2.0**-44, {"narrow": 1.0}, "semantic"),
        (np.nan, {}, "semantic"),
    ],
)
def test_numpy_is_compared_at_the_floor(got, options, expected):
    assert only(got, 1.0, **options).verdict == expected


def test_the_row_tells_the_origin_or_the_numbers():
    row = only([1.0, 2.0], [1.0, 2.0])
    assert (row.quantity, row.leaf, row.why) == ("f of jax", "", "the notebook")
    row = only([1.0, 2.0], [1.0, 3.0])
    assert row.why == "JAX has 2.0, the oracle 3.0 at [1]"


@pytest.mark.parametrize("decimals", [None, 2])
@pytest.mark.parametrize(
    ("due", "said"),
    [
        ([1.0], "expected shape (1,), jax returned shape (2,)"),
        (lambda given: {"b": np.ones(2)}, "expected shape (2,), jax returned nothing"),
    ],
)
def test_another_shape_or_no_value_fails(due, said, decimals):
    row = only([1.0, 1.0], due, decimals=decimals)
    assert (row.verdict, row.why) == ("semantic", said)


def test_both_sides_are_asked_and_the_inputs_are_handed_over():
    both = rows([1.0, 1.0], lambda given: {"": given["x"]}, sides=("jax", "torch"))
    assert [row.quantity for row in both] == ["f of jax", "f of torch"]
    assert {row.verdict for row in both} == {"bitwise"}


def test_a_sides_own_value_is_asked_not_what_a_relation_makes_of_it():
    """With a documented relation, JAX's outputs hold what PyTorch must give."""
    traces = [Trace("e", "jax", p, 0, "r", facts=FACTS) for p in PRECISIONS]
    for trace in traces:
        for key, value in ((OUT, 2.0), (OWN, 1.0)):
            trace.arrays[key] = np.array(value, trace.precision)
            trace.sensitivity[key] = np.zeros(())
    expected = Expected("f", lambda given: {"": np.array(1.0)}, "NumPy")
    spec = Lesson("nothing", lambda rng: {}, expected=(expected,))
    (row,) = check_lesson(spec, by_side(traces), TASK)
    assert (row.verdict, row.phase) == ("bitwise", "oracle")


def test_one_framework_alone_has_only_its_third_opinion():
    found = rows(1.0, 1.0, sides=("torch",))
    assert [(row.phase, row.quantity) for row in found] == [("oracle", "f of torch")]
