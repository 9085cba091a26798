"""Examples by name."""

from pathlib import Path

import pytest

import compare.specs
from compare import registry
from compare.registry import UnknownExample, load, names, summary
from compare.spec import Lesson, Training

FOLDER = Path(compare.specs.__path__[0])


def test_every_file_is_an_example_and_nothing_else():
    files = {
        ".".join(path.relative_to(FOLDER).with_suffix("").parts)
        for path in FOLDER.rglob("*.py")
        if path.stem != "__init__"
    }
    assert set(names()) == files
    assert len(files) > 1


def test_names_are_sorted():
    assert [*names()] == sorted(names())


@pytest.mark.parametrize("name", names())
def test_every_example_loads_and_says_in_one_line_what_it_teaches(name):
    spec = load(name)
    assert isinstance(spec, Training | Lesson)
    assert summary(name) == spec.teaches
    assert 10 < len(summary(name)) < 80
    assert "\n" not in summary(name)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A catalogue of its own, with a folder in it."""
    for name in ("__init__", "line", "lines/__init__", "lines/thin"):
        path = tmp_path / "catalogue" / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"SPEC = {name!r}\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    import catalogue

    monkeypatch.setattr(registry.compare, "specs", catalogue)


def test_a_file_in_a_folder_is_named_by_both(folder, monkeypatch):
    assert names() == ("line", "lines.thin")


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("two_layer_adm", "did you mean two_layer_adam or two_layer_manual?"),
        ("line", "did you mean line_linear?"),
        ("Tensors", "did you mean tensors?"),
        ("xyz", "see `twinnets list`"),
        ("", "see `twinnets list`"),
    ],
)
def test_an_unknown_name_is_answered_with_the_nearest(name, hint, monkeypatch):
    there = ("line_linear", "tensors", "two_layer_adam", "two_layer_manual")
    monkeypatch.setattr(registry, "names", lambda: there)
    with pytest.raises(UnknownExample) as told:
        load(name)
    assert str(told.value) == f"there is no example {name!r}: {hint}"


@pytest.mark.parametrize("name", ["__init__", "..spec", "compare.spec", "line_linear "])
def test_only_examples_are_loaded(name):
    with pytest.raises(UnknownExample):
        load(name)
