"""What `twinnets train --out` keeps with a run, and what the report draws of it."""

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from support import SPECS, twinnets
from typer.testing import CliRunner

from compare import cli, folder, result, trace_file, trained
from compare.report.chart import Chart, Missing
from compare.report.sweep_pictures import PANELS, figures
from compare.result import Run
from compare.spec import prepare
from compare.trace import Key
from compare.train import Plan, Trained
from compare.trained import LOSS, place

STEPS = 30


@pytest.fixture
def run(tmp_path):
    """The folder of a run of seed 3, with nothing in it but run.json."""
    made = Run(run="run 1", seed=3, environment={}, examples=[])
    result.write(made, tmp_path / "run.json")
    return tmp_path


def plan(name: str = "moons_mlp", *, steps: int = STEPS, **constants) -> Plan:
    return Plan(name, "jax", SPECS[name], 3, steps, constants)


def runs(made: Plan, **changes) -> list[Trained]:
    """What was trained, made up: losses that fall, predictions that rise."""
    inputs = made.spec.prediction_inputs(prepare(made.spec, made.seed).data)
    predictions = {
        label: np.linspace(0, 1, len(value["x"]), dtype=np.float32)
        for label, value in inputs.items()
    }
    losses = np.geomspace(1, 1e-3, made.steps).astype(np.float32)
    one = Trained(losses, {}, predictions, 0.75)
    return [replace(one, **changes) for _ in range(made.runs)]


def saved(run: Path, made: Plan, **changes) -> Path:
    """Where it was kept."""
    return trained.save(run, made, runs(made, **changes))


def drawn(run: Path, name: str = "moons_mlp", *, seed: int = 3):
    """The only figure."""
    (figure,) = figures(run, name, SPECS[name], seed=seed)
    return figure


# ------------------------------------------------------------------------- what is kept


def test_all_runs_come_back_as_they_were(run):
    made = plan(weight_decay=[0.0, 0.1])
    first, second = runs(made)
    second = replace(second, losses=2 * second.losses, metric=float("nan"))
    where = trained.save(run, made, [first, second])
    assert where == run / "trained" / "moons_mlp.jax"
    kept = trained.load(run, "moons_mlp", "jax")
    assert kept is not None
    assert (kept.framework, kept.seed) == ("jax", 3)
    assert kept.constants == {"weight_decay": [0.0, 0.1]}
    assert kept.labels == ["weight_decay 0", "weight_decay 0.1"]
    assert np.array_equal(kept.losses, [first.losses, second.losses])
    for label, value in first.predictions.items():
        assert np.array_equal(kept.predictions[label], [value, value])
    assert kept.metric_name == "accuracy"
    assert kept.metrics == pytest.approx([0.75, np.nan], nan_ok=True)
    assert trace_file.load(where).run == "run 1"


def test_a_second_training_of_the_twin_takes_the_place_of_the_first(run):
    saved(run, plan(weight_decay=[0.0, 0.1]))
    saved(run, plan())
    kept = trained.load(run, "moons_mlp", "jax")
    assert kept is not None
    assert (len(kept.losses), kept.labels) == (1, [""])


def test_nothing_trained_is_nothing_kept_and_nothing_drawn(run):
    saved(run, plan())
    assert trained.load(run, "moons_mlp", "torch") is None
    assert trained.load(run, "line_linear", "jax") is None
    assert figures(run, "line_linear", SPECS["line_linear"], seed=3) == []


def test_a_new_run_in_the_folder_ends_what_was_kept_with_the_old_one(run):
    saved(run, plan())
    folder.open_folder(run)
    assert list(run.iterdir()) == []


def no_run(at: Path) -> None:
    (at / "run.json").unlink()


def no_json(at: Path) -> None:
    (at / "run.json").write_text("{")


def no_folder(at: Path) -> None:
    (at / "trained").write_text("a regular file")


BAD = [
    (no_run, result.NotARun, "is not there: expected the folder of a `twinnets run`"),
    (no_json, result.NotARun, "cut off"),
    (no_folder, folder.NotWritable, "cannot write to .*trained"),
]


@pytest.mark.parametrize(("spoil", "error", "says"), BAD)
def test_a_folder_that_cannot_keep_it_is_refused(run, spoil, error, says):
    spoil(run)
    with pytest.raises(error, match=says):
        place(run, plan())


def test_another_seed_is_refused(run):
    place(run, plan())
    with pytest.raises(trained.OtherSeed, match=r"has seed 3, got 4"):
        place(run, replace(plan(), seed=4))


# ---------------------------------------------------------------------------- damaged


def rewritten(path: Path, **changes) -> None:
    trace_file.save(replace(trace_file.load(path), **changes), path)


def told(path: Path, **changes) -> None:
    """Other facts."""
    rewritten(path, facts=trace_file.load(path).facts | changes)


DAMAGED = {
    "not JSON": lambda path: path.with_name(path.name + ".json").write_text("{"),
    "no trace": lambda path: path.with_name(path.name + ".json").write_text("[]"),
    "no numbers": lambda path: path.with_name(path.name + ".npz").unlink(),
    "half of them": lambda path: path.with_name(path.name + ".npz").write_bytes(b"PK"),
    "no losses": lambda path: rewritten(path, arrays={}),
    "one loss": lambda path: rewritten(path, arrays={LOSS: np.ones(3, "f4")}),
    "no run": lambda path: rewritten(path, arrays={LOSS: np.ones((0, 3), "f4")}),
    "words": lambda path: rewritten(path, arrays={LOSS: np.array([["a"], ["b"]])}),
    "predictions of one": lambda path: rewritten(
        path,
        arrays={
            LOSS: np.ones((2, 3), "f4"),
            Key("trained", "predict", "plane"): np.ones((1, 10_000)),
        },
    ),
    "no constants": lambda path: rewritten(path, facts={}),
    "a list of facts": lambda path: path.with_name(path.name + ".json").write_text(
        json.dumps(
            json.loads(path.with_name(path.name + ".json").read_text()) | {"facts": []}
        )
    ),
    "other constants": lambda path: told(path, constants={"weight_decay": [0.0]}),
    "constants in words": lambda path: told(path, constants={"a": ["0", "1"]}),
    "no metrics": lambda path: told(path, metrics=None),
}


@pytest.mark.parametrize("damage", DAMAGED)
def test_what_is_damaged_is_missing_with_the_reason(run, damage):
    DAMAGED[damage](saved(run, plan(weight_decay=[0.0, 0.1])))
    with pytest.raises((OSError, ValueError)):
        trained.load(run, "moons_mlp", "jax")
    figure = drawn(run)
    assert isinstance(figure, Missing)
    assert figure.title == "Trained alone in JAX"
    assert figure.why.startswith("what was trained cannot be drawn: ")
    assert len(figure.why) > len("what was trained cannot be drawn: ") + 10


def test_another_seed_would_be_other_data(run):
    saved(run, plan())
    figure = drawn(run, seed=0)
    assert isinstance(figure, Missing)
    assert "trained with seed 3, the run has seed 0" in figure.why


# ------------------------------------------------------------------------------- drawn


def panels(figure) -> list[list[str]]:
    """The lines of every panel's title."""
    return [panel["title"]["text"] for panel in figure.spec["vconcat"][0]["concat"]]


def test_a_sweep_is_a_surface_for_each_value_and_all_losses(run):
    saved(run, plan(weight_decay=[0.0, 1e-3, 0.1]))
    figure = drawn(run)
    assert isinstance(figure, Chart)
    assert panels(figure) == [
        [f"weight_decay {value}", "accuracy 0.75"] for value in ("0", "0.001", "0.1")
    ]
    assert figure.svg.count("data:image/png;base64,") == 3
    losses = figure.spec["vconcat"][1]["layer"]
    names = [line["data"]["values"][0]["run"] for line in losses]
    assert names == ["weight_decay 0", "weight_decay 0.001", "weight_decay 0.1"]
    assert [row["step"] for row in losses[0]["data"]["values"]] == [*range(STEPS)]
    assert "3 runs of 30 steps" in figure.describes


def test_both_frameworks_have_a_figure_of_their_own(run):
    saved(run, plan())
    saved(run, replace(plan(), framework="torch"))
    found = figures(run, "moons_mlp", SPECS["moons_mlp"], seed=3)
    assert [figure.name for figure in found] == [
        "example-moons-mlp--trained-jax",
        "example-moons-mlp--trained-torch",
    ]


@pytest.mark.parametrize(
    ("name", "marks"),
    [
        ("line_linear", ["line", "line"]),  # fitted and true, above the points
        ("two_layer_adam", ["line"]),  # the loss
    ],
)
def test_what_has_no_surface_has_its_line_or_its_loss(run, name, marks):
    saved(run, plan(name, learning_rate=[0.1, 0.2]))
    figure = drawn(run, name)
    assert len(panels(figure)) == 2
    for panel in figure.spec["vconcat"][0]["concat"]:
        found = [layer["mark"]["type"] for layer in panel["layer"] if "mark" in layer]
        assert found == marks


def test_one_run_without_a_sweep_is_titled_by_its_metric(run):
    saved(run, plan())
    assert panels(drawn(run)) == [["accuracy 0.75"]]


def test_without_a_step_there_is_no_loss(run):
    saved(run, plan(steps=0))
    assert len(drawn(run).spec["vconcat"]) == 1
    saved(run, plan("two_layer_adam", steps=0))
    figure = drawn(run, "two_layer_adam")
    assert isinstance(figure, Missing)
    assert "no loss is finite" in figure.why


def test_a_run_that_diverged_has_no_panel_and_its_losses_end(run):
    made = plan(weight_decay=[0.0, 9.0])
    first, second = runs(made)
    gone = {label: value * np.nan for label, value in second.predictions.items()}
    losses = np.where(np.arange(STEPS) < 5, second.losses, np.inf).astype("f4")
    second = replace(second, predictions=gone, losses=losses, metric=float("nan"))
    trained.save(run, made, [first, second])
    figure = drawn(run)
    assert panels(figure) == [["weight_decay 0", "accuracy 0.75"]]
    assert "weight_decay 9: no prediction is finite" in figure.describes
    values = figure.spec["vconcat"][1]["layer"][1]["data"]["values"]
    assert [row["loss"] is None for row in values] == [False] * 5 + [True] * 25


def test_of_many_runs_some_are_drawn_the_first_and_the_last_among_them(run):
    saved(run, plan(weight_decay=[0.01 * at for at in range(50)]))
    figure = drawn(run)
    titles = panels(figure)
    assert len(titles) == len(figure.spec["vconcat"][1]["layer"]) == PANELS
    assert titles[0][0] == "weight_decay 0"
    assert titles[-1][0] == "weight_decay 0.49"
    assert f"50 runs of 30 steps, of which {PANELS} are drawn" in figure.describes


def test_a_figure_is_narrow_enough_for_a_telephone(run):
    saved(run, plan("line_linear", learning_rate=[1e-3, 1e-2, 1e-1, 0.123456]))
    for name in ("line_linear", "two_layer_adam", "moons_mlp"):
        saved(run, plan(name, learning_rate=[1e-3, 1e-2, 1e-1, 0.123456]))
        width = re.search(r'width="(\d+)"', drawn(run, name).svg)
        assert width and int(width[1]) <= 420


# ----------------------------------------------------------------- the command itself


@pytest.mark.parametrize(("spoil", "error", "says"), BAD)
def test_the_command_refuses_the_folder_before_any_training(run, spoil, error, says):
    spoil(run)
    arguments = ["train", "line_sgd", "--framework", "jax", "--seed", "3"]
    done = CliRunner().invoke(cli.app, [*arguments, "--out", str(run)])
    assert done.exit_code == 2
    assert re.search(says, done.stderr)
    assert len(done.stderr.splitlines()) == 1
    assert done.stdout == ""


def test_the_command_refuses_another_seed(run):
    arguments = ["train", "line_sgd", "--framework", "jax", "--out", str(run)]
    done = CliRunner().invoke(cli.app, arguments)
    assert done.exit_code == 2
    assert "--seed: the run in" in done.stderr
    assert not (run / "trained").exists()


def test_the_command_keeps_a_sweep_that_the_report_draws(run):
    done = twinnets(
        *("train", "line_sgd", "--framework", "torch", "--steps", "20"),
        *("--sweep", "learning_rate=0.01,0.1", "--seed", "3", "--out", str(run)),
    )
    assert done.returncode == 0, done.stderr
    assert str(run / "trained" / "line_sgd.torch") in done.stdout
    kept = trained.load(run, "line_sgd", "torch")
    assert kept is not None
    assert kept.losses.shape == (2, 20)
    assert kept.predictions[""].shape == (2, 100, 1)
    assert kept.losses[1, -1] < kept.losses[0, -1]  # 0.1 is ten times as fast
    figure = drawn(run, "line_sgd")
    assert [title[0] for title in panels(figure)] == [
        "learning_rate 0.01",
        "learning_rate 0.1",
    ]
