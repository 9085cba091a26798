"""What is in a picture: which layers, whose points, which lines."""

from dataclasses import replace

import numpy as np
import pytest
from support import SPECS

from compare import plot
from compare.spec import prepare
from compare.train import Plan, Trained


def plan(name: str, *, steps: int = 3, **constants) -> Plan:
    return Plan(name, "jax", SPECS[name], 0, steps, constants)


def trained(plan: Plan, run: int = 0) -> Trained:
    """Made-up results of the right shapes."""
    data = prepare(plan.spec, plan.seed).data
    rng = np.random.default_rng(run)
    predictions = {
        label: rng.uniform(size=len(given["x"]))
        for label, given in plan.spec.prediction_inputs(data).items()
    }
    losses = rng.uniform(0.5, 1.0, plan.steps)
    return Trained(losses, {}, predictions, 0.5)


def drawn(plan: Plan, monkeypatch, tmp_path, *, truth=None) -> dict:
    """The chart as it is handed over to be saved."""
    charts = []
    whole = plot.alt.ConcatChart
    monkeypatch.setattr(whole, "save", lambda chart, *_, **__: charts.append(chart))
    found = [trained(plan, run) for run in range(plan.runs)]
    data = prepare(plan.spec, plan.seed).data
    plot.draw(plan, found, tmp_path / "a.png", data=data, truth=truth)
    return charts[0].to_dict(validate=False)


def panels(chart: dict) -> list[tuple[str, list[str]]]:
    """Title of each panel, and the marks of its layers."""
    return [
        (panel["title"], [layer["mark"]["type"] for layer in panel["layer"]])
        for panel in chart["concat"]
    ]


def test_a_line_with_its_data_and_the_truth(monkeypatch, tmp_path):
    truth = {"": np.linspace(0, 1, 100)[:, np.newaxis]}
    chart = drawn(plan("line_linear"), monkeypatch, tmp_path, truth=truth)
    assert panels(chart) == [
        ("data and fit", ["circle", "line", "line"]),
        ("loss", ["line"]),
    ]
    points, dashed, fitted = chart["concat"][0]["layer"]
    assert dashed["mark"]["strokeDash"] == [6, 4]
    assert fitted["mark"]["strokeDash"] == [1, 0]
    assert len(points["data"]["values"]) == 100
    data = prepare(SPECS["line_linear"], 0).data
    first = points["data"]["values"][0]
    assert (first["x"], first["y"]) == (data["x"][0, 0], data["y"][0, 0])
    loss = chart["concat"][1]["layer"][0]["encoding"]["y"]
    assert loss["scale"]["type"] == "log"


def test_without_a_step_there_are_the_data_and_the_true_line(monkeypatch, tmp_path):
    truth = {"": np.zeros((100, 1))}
    still = plan("line_sgd", steps=0)
    chart = drawn(still, monkeypatch, tmp_path, truth=truth)
    assert panels(chart) == [("data", ["circle", "line"])]


def test_a_surface_under_the_points_of_both_classes(monkeypatch, tmp_path):
    chart = drawn(plan("logistic_regression"), monkeypatch, tmp_path)
    assert panels(chart) == [("data and fit", ["rect", "point"]), ("loss", ["line"])]
    surface, points = chart["concat"][0]["layer"]
    assert len(surface["data"]["values"]) == 100 * 100
    labels = [row["label"] for row in points["data"]["values"]]
    assert (labels.count("0"), labels.count("1")) == (100, 100)
    scale = surface["encoding"]["color"]["scale"]
    assert scale["domain"] == [0, 1]
    assert scale["scheme"]["count"] % 2 == 0  # so that ½ is an edge


def test_the_rectangles_lie_where_the_grid_was_asked(monkeypatch, tmp_path):
    """The grid runs along x first, as `at_plane` makes it."""
    one = plan("moons_mlp")
    chart = drawn(one, monkeypatch, tmp_path)
    rows = chart["concat"][0]["layer"][0]["data"]["values"]
    grid = one.spec.prediction_inputs(prepare(one.spec, 0).data)["plane"]["x"]
    due = trained(one).predictions["plane"]
    for at in (0, 1, 99, 100, 5050, 9999):
        centre = [
            (rows[at]["x"] + rows[at]["x2"]) / 2,
            (rows[at]["y"] + rows[at]["y2"]) / 2,
        ]
        assert centre == pytest.approx(grid[at].tolist(), abs=1e-12)
        assert rows[at]["p"] == due[at]


def test_moons_alone(monkeypatch, tmp_path):
    chart = drawn(plan("moons_mlp", steps=0), monkeypatch, tmp_path)
    assert panels(chart) == [("data", ["point"])]


def test_a_sweep_has_a_surface_for_each_value_and_one_loss(monkeypatch, tmp_path):
    swept = plan("moons_mlp", weight_decay=[0.0, 1e-4, 0.1])
    chart = drawn(swept, monkeypatch, tmp_path)
    assert [title for title, _ in panels(chart)] == [
        "weight_decay 0",
        "weight_decay 0.0001",
        "weight_decay 0.1",
        "loss",
    ]
    assert panels(chart)[-1][1] == ["line"] * 3


def test_what_has_no_picture_has_its_loss(monkeypatch, tmp_path):
    assert panels(drawn(plan("two_layer_adam"), monkeypatch, tmp_path)) == [
        ("loss", ["line"])
    ]
    spec = replace(SPECS["two_layer_adam"], log_loss=False)
    linear = replace(plan("two_layer_adam"), spec=spec)
    chart = drawn(linear, monkeypatch, tmp_path)
    loss = chart["concat"][0]["layer"][0]["encoding"]["y"]
    assert loss["scale"]["type"] == "linear"


@pytest.mark.parametrize(("suffix", "head"), [("png", b"\x89PNG"), ("svg", b"<svg")])
def test_the_file_is_what_its_name_says(tmp_path, suffix, head):
    small = plan("linear_regression")
    path = tmp_path / f"a.{suffix}"
    plot.draw(small, [trained(small)], path, data={}, truth=None)
    assert path.read_bytes().startswith(head)
