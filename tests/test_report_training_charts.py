"""A training's charts show the numbers of its traces and rows, whatever these are."""

import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compare.check_steps import WHOLE_RUN
from compare.noise import LIMIT
from compare.report.chart import Chart, Missing
from compare.report.leaf_scores import LOST, MUCH, NONE, SMALL, SOME, UNCLEAR
from compare.report.training_charts import LEAVES, POINTS, figures, heat_map
from compare.result import Example, Row
from compare.trace import Key, Trace
from tests import training_traces as made
from tests.training_traces import LOSS

ULP = 2.0**-52
HOSTILE = "<script>alert(1)</script>\u202e\"'\x00" + "x" * 300


def row(phase="gradients", leaf="w", step=0, score=0.5, **changes) -> Row:
    given = {
        "phase": phase,
        "quantity": {"gradients": "gradient", "update": "update"}.get(phase, phase),
        "leaf": leaf,
        "step": step,
        "precision": "float64",
        "error": 1e-16,
        "floor": 2e-16,
        "score": score,
        "verdict": "rounding",
    }
    return Row(**given | changes)


def example(*checks: Row, name="two_layer", **facts) -> Example:
    return Example(name, "training", "rounding", 1.0, list(checks), facts)


def sides(jax, torch, whole=None, moved=0.0) -> dict[tuple[str, str], Trace]:
    """Traces that hold losses only; `whole` are both sides' float32 runs."""
    found = {}
    for side, losses in (("jax", jax), ("torch", torch)):
        for precision in ("float64", "float32"):
            trace = Trace("two_layer", side, precision, 0, "run 1")
            trace.arrays[LOSS] = np.asarray(losses, precision)
            trace.sensitivity[LOSS] = np.full(len(losses), moved)
            found[side, precision] = trace
    for side, losses in zip(("jax", "torch"), whole or (), strict=False):
        found[side, "float32"].arrays[WHOLE_RUN] = np.asarray(losses, "float32")
    return found


def both(traces, *checks: Row, log=True, **facts):
    spec = made.training(log_loss=log)
    return figures(example(*checks, **facts), spec, traces)


def data(chart: Chart) -> list[dict]:
    """The rows of the chart's lines; checkpoints have data of their own."""
    return chart.spec["data"]["values"]


def column(chart: Chart, name: str) -> list[float]:
    return [each[name] for each in data(chart)]


def cells(chart: Chart) -> dict[tuple[str, str, str], str]:
    """Class by panel, leaf and point; data of a single panel stand above it."""
    return {
        (panel["title"]["text"], each["leaf"], each["point"]): each["kind"]
        for panel in chart.spec["vconcat"]
        for each in panel.get("data", chart.spec.get("data"))["values"]
    }


def test_the_loss_is_that_of_the_whole_float32_run():
    whole = [8, 4, 2, 1], [8, 4, 2, 1.5]
    loss, _ = both(sides([8, 4], [8, 4], whole))
    assert isinstance(loss, Chart)
    assert loss.name == "example-two-layer--loss"
    assert data(loss) == [
        {"step": step, "JAX": jax, "PyTorch": torch}
        for step, (jax, torch) in enumerate(zip(*whole, strict=True))
    ]
    assert "4 steps: JAX's from 8 to 1, PyTorch's from 8 to 1.5." in loss.describes


def test_without_a_whole_run_the_loss_is_the_trajectorys():
    loss, _ = both(sides([3, 2], [3, 1]))
    assert column(loss, "PyTorch") == [3, 1]


@pytest.mark.parametrize(("log", "kind"), [(True, "log"), (False, "linear")])
def test_the_axis_of_the_loss_is_the_specs(log, kind):
    loss, _ = both(sides([3, 2], [3, 1]), log=log)
    for layer in loss.spec["layer"]:
        assert layer["encoding"]["y"]["scale"]["type"] == kind


@pytest.mark.parametrize(
    ("log", "drawn", "said"),
    [
        (True, [1, None, None, None, None, 2], "2 losses of JAX that are not above 0"),
        (False, [1, None, None, 0, -1, 2], "2 losses of JAX that are not finite"),
    ],
)
def test_losses_that_an_axis_cannot_show_are_left_out_and_counted(log, drawn, said):
    jax = [1, np.nan, np.inf, 0, -1, 2]
    loss, _ = both(sides(jax, [1, 1, 1, 1, 1, 1]), log=log)
    assert column(loss, "JAX") == drawn
    assert said in loss.describes
    assert "2 losses of JAX that are not finite (the first at step 1)" in loss.describes
    assert "NaN" not in loss.svg


def test_a_shorter_run_ends_where_it_ends():
    loss, _ = both(sides([1], [1], ([4, 3, 2], [4, 3])))
    assert column(loss, "PyTorch") == [4, 3, None]
    assert "over 2 steps and 3 steps" in loss.describes
    assert "Left out" not in loss.describes


def test_the_divergence_has_the_traces_differences_and_floors():
    # The floor is four ulps of the larger loss, or how far copies moved: 2⁻⁵⁰, 2⁻⁴⁹.
    jax, torch = np.array([1.0, 2.0, 1.0]), np.array([1.0, 2.0 + 4 * ULP, 1.0 - ULP])
    _, chart = both(sides(jax, torch), horizon=3)
    floors = [4 * ULP, 4 * (2.0 + 4 * ULP) * ULP, 4 * ULP]
    assert column(chart, "floor") == pytest.approx(floors, rel=1e-4)
    assert column(chart, "band") == pytest.approx([LIMIT * f for f in floors], rel=1e-4)
    assert column(chart, "within")[1:] == pytest.approx([4 * ULP, ULP], rel=1e-4)
    assert "at most 8.9e-16 in the loss over 3 steps, 0.5 floors" in chart.describes
    assert "no horizon in sight" in chart.describes
    assert "Equal at 1 step, drawn at the bottom edge." in chart.describes


def test_exact_zeros_stand_at_the_bottom_edge_which_is_labelled_so():
    _, chart = both(sides([1, 1], [1, 1 + ULP]))
    y = chart.spec["layer"][0]["encoding"]["y"]
    bottom = y["scale"]["domain"][0]
    assert column(chart, "within")[0] == pytest.approx(bottom, rel=1e-4)
    assert bottom < ULP
    assert ">0<" in chart.svg


def test_runs_that_are_equal_throughout_are_drawn():
    _, chart = both(sides([0.0, 0.0], [0.0, 0.0]))
    assert isinstance(chart, Chart)
    assert "at most 0 in the loss over 2 steps, 0 floors" in chart.describes
    assert "Equal at 2 steps" in chart.describes


def test_a_planted_divergence_lies_above_the_band_and_is_named():
    jax = np.linspace(2, 1, 50)
    torch = jax.copy()
    torch[20] += 1e-9
    _, chart = both(sides(jax, torch))
    (beyond,) = [each for each in data(chart) if each["beyond"] is not None]
    assert beyond["step"] == 20
    assert beyond["beyond"] == pytest.approx(1e-9, rel=1e-4)
    assert beyond["beyond"] > beyond["band"] and beyond["within"] is None
    assert "more than rounding" in chart.svg
    assert "at 1 step, first at step 20: by 1e-09" in chart.describes


def test_what_lies_past_the_horizon_is_not_called_more_than_rounding():
    jax = np.linspace(2, 1, 50)
    torch = jax.copy()
    torch[20] += 1e-9
    _, chart = both(sides(jax, torch), horizon=20)
    assert "beyond" not in data(chart)[0]
    assert "from the horizon, step 20, on runs are not compared" in chart.describes
    assert ">horizon<" in chart.svg


@pytest.mark.parametrize(
    ("horizon", "ruled"),
    [(0, True), (2, True), (3, False), (None, False), ("2", False), (True, False)],
)
def test_the_horizon_is_ruled_where_it_lies_inside_the_run(horizon, ruled):
    _, chart = both(sides([3, 2, 1], [3, 2, 1]), horizon=horizon)
    assert (">horizon<" in chart.svg) == ruled
    assert ("no horizon in sight" in chart.describes) != ruled
    assert ("No loss is compared" in chart.describes) == (ruled and horizon == 0)


def test_checkpoints_inside_the_run_are_marked():
    checks = [row("outputs", step=s) for s in (0, 2, 7, "logits ±20", None)]
    _, chart = both(sides([3, 2, 1], [3, 2, 1]), *checks)
    marked = chart.spec["layer"][3]["data"]["values"]
    assert marked == [{"step": 0}, {"step": 2}]
    assert ">checkpoint<" in chart.svg


def test_what_is_not_finite_on_one_side_stands_at_the_top():
    jax, torch = [1, np.nan, 1, np.nan], [1, 1, np.inf, np.nan]
    _, chart = both(sides(jax, torch))
    top = chart.spec["layer"][0]["encoding"]["y"]["scale"]["domain"][1]
    beyond = column(chart, "beyond")
    assert beyond == [None, pytest.approx(top), pytest.approx(top), None]
    assert "Only one is finite at 2 steps, drawn at the top edge." in chart.describes
    assert "Left out: 1 step where neither loss is finite." in chart.describes


def test_the_parameters_scores_are_told():
    checks = [row("trajectory", "w", 3, score) for score in (0.25, 1.5, None)]
    checks = [replace(each, quantity="parameters") for each in checks]
    _, chart = both(sides([2, 1], [2, 1]), *checks)
    assert "The parameters: at most 1.5 of their own floors." in chart.describes


@pytest.mark.parametrize("log", [True, False])
def test_one_step_is_a_dot_in_the_middle_and_both_are_seen(log):
    loss, divergence = both(sides([1.5], [1.5]), log=log)
    for name in ("jax", "torch"):
        place = rf"translate\(140,([\d.]+)\)[^>]*var\(--{name}\)"
        (height,) = re.findall(place, loss.svg)
        assert float(height) == pytest.approx(80, abs=2)
    sizes = [layer["mark"]["size"] for layer in loss.spec["layer"]]
    assert sizes[0] > sizes[1]
    assert isinstance(divergence, Chart)


@pytest.mark.parametrize("steps", [1, 2, 3, 5])
def test_steps_have_whole_numbers(steps):
    for chart in both(sides([1.5] * steps, [1.0] * steps)):
        axis = (
            chart.spec["layer"][0]["encoding"].get("x") or chart.spec["encoding"]["x"]
        )
        assert axis["axis"]["values"] == list(range(steps))


def test_of_a_long_run_the_extremes_stay():
    rng = np.random.default_rng(3)
    jax = rng.uniform(1, 2, 100_000)
    torch = jax.copy()
    jax[[777, 77_777]], torch[[777, 77_777]] = 0.001, 0.001
    torch[54_321] += 1e-6
    loss, divergence = both(sides(jax, torch))
    assert len(loss.svg) < 15_000 and len(divergence.svg) < 15_000
    assert {777, 77_777, 99_999} <= set(column(loss, "step"))
    assert min(column(loss, "JAX")) == 0.001
    assert [e["step"] for e in data(divergence) if e["beyond"]] == [54_321]


@pytest.mark.parametrize(
    ("spoil", "loss", "divergence"),
    [
        (lambda t: t.pop(("jax", "float32")), "no float32 trace of JAX", None),
        (lambda t: t.pop(("torch", "float64")), None, "no float64 trace of PyTorch"),
        (
            lambda t: t["torch", "float32"].arrays.clear(),
            "float32 trace of PyTorch has no loss",
            None,
        ),
        (
            lambda t: t["jax", "float64"].arrays.pop(LOSS),
            None,
            "float64 trace of JAX has no loss",
        ),
        (lambda t: t["jax", "float64"].sensitivity.clear(), None, "no floor"),
        (
            lambda t: t["jax", "float64"].arrays.update({LOSS: np.ones(7)}),
            None,
            "shape (7,) in JAX",
        ),
        (
            lambda t: t["jax", "float32"].arrays.update({LOSS: np.ones((2, 2))}),
            "not one number for each step",
            None,
        ),
        (
            lambda t: t["jax", "float32"].arrays.update({LOSS: np.array([])}),
            "not one number for each step",
            None,
        ),
        (
            lambda t: [
                trace.arrays.update({LOSS: np.full(2, np.nan, trace.precision)})
                for trace in t.values()
            ],
            "no loss of the float32 run is finite",
            "no float64 loss is finite",
        ),
    ],
)
def test_what_the_traces_lack_is_missing_with_the_reason(spoil, loss, divergence):
    traces = sides([2, 1], [2, 1])
    spoil(traces)
    for found, why in zip(both(traces), (loss, divergence), strict=True):
        assert isinstance(found, Missing) == (why is not None)
        if why:
            assert why in found.why


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.floats(), st.floats()), min_size=1, max_size=5))
def test_any_losses_are_drawn_or_missing(pairs):
    jax, torch = zip(*pairs, strict=True)
    with np.errstate(over="ignore"):  # of casting to float32 what is too large for it
        traces = sides(jax, torch)
    for found in both(traces):
        assert isinstance(found, Chart | Missing)


@pytest.mark.parametrize(
    ("score", "verdict", "kind"),
    [
        (0.0, "bitwise", NONE),
        (1e-9, "rounding", SMALL),
        (1.0, "rounding", SMALL),
        (1.01, "rounding", SOME),
        (4.5, "rounding", MUCH),
        (LIMIT, "rounding", MUCH),
        (LIMIT + 1e-9, "semantic", LOST),
        (None, "semantic", LOST),
        (np.inf, "semantic", LOST),
        (3.0, "unresolved", UNCLEAR),
    ],
)
def test_every_score_has_its_class(score, verdict, kind):
    chart = heat_map(example(row(score=score, verdict=verdict), row(leaf="b")))
    assert cells(chart)["gradients", "w", "0"] == kind
    assert ("×" in chart.svg, "?" in chart.svg) == (kind == LOST, kind == UNCLEAR)


def test_steps_stand_in_order_and_probes_behind_them():
    steps = ["logits ±20", 161, 2, "a probe", 16, 0]
    chart = heat_map(example(*(row(step=s) for s in steps)))
    (panel,) = chart.spec["vconcat"]
    order = ["0", "2", "16", "161", "logits ±20", "a probe"]
    assert panel["layer"][0]["encoding"]["x"]["scale"]["domain"] == order


def test_gradients_and_updates_have_a_panel_each():
    chart = heat_map(example(row(score=3.0), row("update", score=0.0), row("state")))
    assert cells(chart) == {
        ("gradients", "w", "0"): SOME,
        ("updates of the parameters", "w", "0"): NONE,
    }
    told = "Scores of 1 leaf at 1 checkpoint or probe: the largest that passes is 3 (w"
    assert told in chart.describes


@pytest.mark.parametrize(
    "checks",
    [
        [],
        [row("outputs")],
        [row(precision="float32")],
        [row(score=None, verdict="bitwise")],
        [row("update", quantity="another function", verdict="differs")],
    ],
)
def test_without_scores_the_heat_map_is_missing(checks):
    found = heat_map(example(*checks))
    assert isinstance(found, Missing)
    assert "no float64 scores" in found.why


def test_of_many_leaves_and_points_the_worst_are_drawn():
    checks = [
        row(leaf=f"layer{leaf:02}", step=step, score=leaf / 10 + step / 1000)
        for leaf in range(40)
        for step in range(60)
    ]
    chart = heat_map(example(*checks))
    drawn = cells(chart)
    assert {leaf for _, leaf, _ in drawn} == {f"layer{i}" for i in range(28, 40)}
    assert len(drawn) == LEAVES * POINTS
    assert f"The {LEAVES * POINTS} worst places of 2,400 are drawn." in chart.describes
    assert len(chart.svg) < 30_000


def test_of_a_leafs_rows_at_one_step_the_worst_counts():
    failing = row(score=None, verdict="semantic", quantity="rows")
    chart = heat_map(example(row(score=9.0), failing, row(score=31.0)))
    assert cells(chart)["gradients", "w", "0"] == LOST


def test_hostile_names_are_only_text():
    name = HOSTILE
    checks = [row(leaf=HOSTILE, step=HOSTILE), row(leaf="", step=None, score=40.0)]
    traces = sides([2, 1], [2, 1])
    spec = made.training(log_loss=True)
    found = figures(example(*checks, name=name), spec, traces)
    for chart in (*found, heat_map(example(*checks, name=name))):
        assert isinstance(chart, Chart)
        assert "<script" not in chart.svg and "\u202e" not in chart.svg
        assert re.fullmatch(r"[a-z0-9-]+", chart.name)
        assert len(chart.describes) < 600
        width = re.search(r'width="(\d+)"', chart.svg)
        assert width and int(width[1]) <= 420


def test_made_up_traces_of_a_training_are_drawn():
    traces = made.honest()
    found = figures(example(*made.check(traces)), made.training(), traces)
    assert all(isinstance(chart, Chart) for chart in found)
    assert "Equal at 4 steps" in found[1].describes
    assert Key("trajectory", "parameters", "w") in traces["jax", "float64"].arrays
