"""What is typed after `twinnets time` is refused before any work, with what to do."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import LESSONS, TRAININGS

from compare import time_arguments
from compare.arguments import Wrong
from compare.time_arguments import (
    CHEAP,
    modes,
    products,
    seconds,
    sizes,
    threads,
    trainings,
)
from compare.timing import MODES

EVERY = [(side, mode) for side in ("torch", "jax") for mode in MODES[side]]


def test_all_trainings_by_default():
    assert trainings(None) == trainings([]) == list(TRAININGS)


def test_examples_are_timed_once_in_the_order_given():
    names = ["two_layer_adam", "line_linear", "two_layer_adam"]
    assert trainings(names) == ["two_layer_adam", "line_linear"]


@pytest.mark.parametrize("name", LESSONS)
def test_a_lesson_takes_no_time(name):
    with pytest.raises(Wrong, match=f"{name} is a lesson.*twinnets list"):
        trainings(["line_linear", name])


# ------------------------------------------------------------------------------- budget


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("90", 90.0),
        ("120s", 120.0),
        ("2m", 120.0),
        ("1.5m", 90.0),
        ("1h", 3600.0),
        ("0", 0.0),
        ("0.5s", 0.5),
    ],
)
def test_a_budget(text, expected):
    assert seconds(text) == expected


@pytest.mark.parametrize(
    "text", ["", "s", "-1", "-1s", "ten", "2 min", "1d", "nan", "inf", "infm", "1e999"]
)
def test_no_budget(text):
    with pytest.raises(Wrong, match=r"--budget: .*90, 120s or 2m, got ") as told:
        seconds(text)
    assert repr(text) in str(told.value)


@given(st.floats(0, 1e6), st.sampled_from([("s", 1), ("m", 60), ("h", 3600)]))
def test_any_budget(number, unit):
    assert seconds(f"{number!r}{unit[0]}") == number * unit[1]


# -------------------------------------------------------------------------------- modes


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("jit", [("jax", "jit")]),
        ("eager", [("torch", "eager"), ("jax", "eager")]),
        ("scan, notebook", [("torch", "notebook"), ("jax", "scan")]),
        ("jit,jit", [("jax", "jit")]),
        (",".join(mode for _, mode in EVERY), EVERY),
    ],
)
def test_modes_by_name(text, expected):
    """PyTorch's first; the budget leaves none of them out."""
    assert modes(text, budget=0.0, blocks=5) == (tuple(expected), "")


@pytest.mark.parametrize("text", ["", "jitt", "jit,", "jit;scan", "jax jit", "JIT"])
def test_unknown_modes(text):
    with pytest.raises(Wrong, match=r"--modes: expected some of .*notebook.*scan, got"):
        modes(text, budget=240.0, blocks=5)


def test_the_unknown_one_is_named():
    with pytest.raises(Wrong, match=r"got 'jitt'$"):
        modes("scan,jitt,eager", budget=240.0, blocks=5)


def kept(budget: float, *, blocks: int = 5) -> tuple[list, str]:
    found, why = modes(None, budget=budget, blocks=blocks)
    return [*found], why


def test_all_modes_where_there_is_time():
    """63 s, and 5 s of the control, in each of five blocks."""
    assert kept(340.0) == (EVERY, "")


@pytest.mark.parametrize(
    ("budget", "gone"),
    [
        (339.0, ["compile-step"]),
        (280.0, ["compile-step"]),
        (279.0, ["compile-step", "compile"]),
        (0.0, ["compile-step", "compile"]),
    ],
)
def test_what_does_not_fit_is_left_out_and_said(budget, gone):
    """The dearest first; what is cheap stays whatever the budget is."""
    found, why = kept(budget)
    assert found == [one for one in EVERY if one[1] not in gone]
    costs = {"compile-step": 12, "compile": 10}
    told = ", ".join(f"{mode} (about {costs[mode]} s)" for mode in gone)
    assert why == f"left out, for 5 blocks would not fit the budget: {told}"


def test_fewer_blocks_leave_room_for_more_modes():
    assert kept(68.0, blocks=1) == (EVERY, "")
    assert "compile-step" in kept(68.0, blocks=2)[1]


def test_a_longer_budget_leaves_out_no_more():
    left = [set(EVERY) - {*kept(20.0 * n)[0]} for n in range(20)]
    assert all(later <= sooner for sooner, later in pairwise(left))
    assert {MODES[side][mode] > CHEAP for side, mode in left[0]} == {True}


@pytest.mark.parametrize("only", ["jax", "torch"])
def test_one_framework_alone_has_its_own_modes(monkeypatch, only):
    monkeypatch.setattr(time_arguments, "installed", lambda: (only,))
    assert {side for side, _ in kept(1000.0)[0]} == {only}
    assert modes("eager", budget=0.0, blocks=1)[0] == ((only, "eager"),)
    with pytest.raises(Wrong, match="--modes"):
        modes("jit" if only == "torch" else "tuned", budget=240.0, blocks=5)


# ----------------------------------------------------------------------- sizes, machine


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, []),
        ("batch=64,256", [64, 256]),
        ("batch=256,64,1024,64", [64, 256, 1024]),
        ("batch=1, 2", [1, 2]),
    ],
)
def test_sizes(text, expected):
    assert sizes(text) == expected


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("64,256", "expected batch=64,256,…, got '64,256'"),
        ("width=64,256", "expected batch="),
        ("", "expected batch="),
        ("batch", "two sizes or more, each at least 1, got ''"),
        ("batch=", "two sizes or more"),
        ("batch=64", "two sizes or more, each at least 1, got '64'"),
        ("batch=64,64", "two sizes or more"),
        ("batch=0,64", "each at least 1"),
        ("batch=-64,64", "each at least 1"),
        ("batch=64,many", "got '64,many'"),
        ("batch=64,1e3", "got '64,1e3'"),
    ],
)
def test_no_sizes(text, says):
    with pytest.raises(Wrong, match="--sweep: ") as told:
        sizes(text)
    assert says in str(told.value)


@pytest.mark.parametrize("precision", ["tf32", "bfloat16"])
def test_a_cpu_multiplies_in_float32(precision):
    with pytest.raises(Wrong, match=f"--precision {precision}: .*add --device gpu"):
        products(precision, "cpu")
    assert products(precision, "gpu") == precision


@pytest.mark.parametrize("device", ["cpu", "gpu"])
def test_float32_is_for_any_device(device):
    assert products("float32", device) == "float32"


def test_threads():
    assert threads(None, 8) == 8
    assert threads(8, 8) == 8
    assert threads(1, 8) == 1
    with pytest.raises(Wrong, match="--threads: expected at most 8, got 9"):
        threads(9, 8)


@pytest.mark.parametrize("limit", [1.0, 1.1, 20.0])
def test_a_slowdown(limit):
    assert time_arguments.slowdown(limit) == limit


@pytest.mark.parametrize("limit", [float("nan"), float("inf")])
def test_a_slowdown_is_finite(limit):
    with pytest.raises(Wrong, match=r"--max-slowdown: .* such as 1\.1 .*, got "):
        time_arguments.slowdown(limit)
