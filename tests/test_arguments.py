"""What is typed after `twinnets train` is refused before any work, with what to do."""

from pathlib import Path

import pytest
from support import LESSONS, SPECS, TRAININGS

from compare import arguments
from compare.arguments import Wrong
from compare.train import Plan

LINE = SPECS["line_linear"]


def plan(name: str = "line_linear", *, steps: int = 3) -> Plan:
    return Plan(name, "jax", SPECS[name], 0, steps, {})


@pytest.mark.parametrize("name", TRAININGS)
def test_a_training_is_trained(name):
    assert arguments.training(name) is SPECS[name]


@pytest.mark.parametrize("name", LESSONS)
def test_a_lesson_is_not(name):
    with pytest.raises(Wrong, match=f"{name} is a lesson.*twinnets show {name}"):
        arguments.training(name)


@pytest.mark.parametrize("only", ["jax", "torch"])
def test_the_only_framework_there_is_need_not_be_named(monkeypatch, only):
    monkeypatch.setattr(arguments, "installed", lambda: (only,))
    assert arguments.framework(None) == only


def test_without_any_framework_both_lines_are_said(monkeypatch):
    monkeypatch.setattr(arguments, "installed", lambda: ())
    with pytest.raises(Wrong, match=r"no framework is installed: pip .* or pip "):
        arguments.framework(None)


def test_of_two_one_must_be_named():
    with pytest.raises(Wrong, match="expected jax or torch"):
        arguments.framework(None)
    assert arguments.framework("torch") == "torch"


def test_a_framework_that_is_not_installed_comes_with_the_line_that_does(monkeypatch):
    monkeypatch.setattr(arguments, "installed", lambda: ("jax",))
    monkeypatch.setattr(arguments, "missing", lambda name: ("torch",))
    with pytest.raises(Wrong, match="not installed: pip install torch"):
        arguments.framework("torch")


@pytest.mark.parametrize(("wanted", "due"), [(None, 1000), (0, 0), (1000, 1000)])
def test_steps(wanted, due):
    assert arguments.steps(wanted, LINE) == due


def test_more_steps_than_there_are_batches():
    with pytest.raises(Wrong, match="expected at most 1000, got 1001"):
        arguments.steps(1001, LINE)


def test_a_sweep():
    assert arguments.sweep(None, LINE) == {}
    values = arguments.sweep("learning_rate=0,1e-3,.5", LINE)
    assert values == {"learning_rate": [0.0, 1e-3, 0.5]}


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("momentum=0", "expected one of learning_rate, got 'momentum'"),
        ("learning_rate", "expected numbers as in learning_rate=0,0.1, got ''"),
        ("learning_rate=a", "got 'a'"),
        ("learning_rate=1,,2", "got '1,,2'"),
        ("learning_rate=1,nan", "expected finite numbers"),
    ],
)
def test_a_sweep_that_cannot_be_made(text, match):
    with pytest.raises(Wrong, match=match):
        arguments.sweep(text, LINE)


@pytest.mark.parametrize("name", ["a.png", "a.svg"])
def test_a_picture(tmp_path, name):
    arguments.picture(tmp_path / name, plan())
    assert not (tmp_path / name).exists()
    arguments.picture(None, plan("two_layer_adam", steps=0))


@pytest.mark.parametrize(
    ("path", "match"),
    [
        ("a.pdf", r"expected a name in \.png or \.svg"),
        ("no/a.png", "there is no folder"),
    ],
)
def test_a_picture_that_cannot_be_drawn(tmp_path, path, match):
    with pytest.raises(Wrong, match=match):
        arguments.picture(tmp_path / path, plan())


def test_a_folder_is_no_picture(tmp_path):
    (tmp_path / "a.png").mkdir()
    with pytest.raises(Wrong, match=r"expected a file, .*a\.png is a folder"):
        arguments.picture(tmp_path / "a.png", plan())


def test_a_picture_of_data_that_are_not_drawn():
    with pytest.raises(Wrong, match="two_layer_adam has no picture of its data alone"):
        arguments.picture(Path("a.png"), plan("two_layer_adam", steps=0))


def test_a_file_that_must_not_be_written(tmp_path, monkeypatch):
    monkeypatch.setattr(arguments.os, "access", lambda path, mode: False)
    with pytest.raises(Wrong, match="cannot write"):
        arguments.picture(tmp_path / "a.png", plan())
