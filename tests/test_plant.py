"""Planting a fault: a fresh copy with one edit, the original left alone."""

import pickle
import sys

import pytest

from compare import plant
from compare.fault import Edit
from compare.plant import by_name, modules

SOURCES = {
    "__init__": "",
    "arrays": "UNIT = 1\n",
    "layout": "from fakenets.arrays import UNIT\n\nSIZE = 10 * UNIT\n",
    "gauges": "",
    "modes": "",
    "operations": "NAME = 'product'\n",
    "precision": "NAME = 'double'\n",
    "runtime": "from fakenets import precision\n"
    "from fakenets.arrays import UNIT as UNIT\n"
    "from fakenets.layout import SIZE\n\n\n"
    "def total():\n    return SIZE + 5\n",
    "line": "from dataclasses import dataclass\n\n"
    "import fakelibrary\n\n\n"
    "@dataclass\nclass Line:\n    slope: 'float' = 0.5\n\n\n"
    "def twice(x):\n    return 2 * x\n",
    "folder/__init__": "",
    "folder/curve": "def value():\n    return 7\n",
}


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package in the place of torchnets, and sys.modules as it was afterwards."""
    for name, text in SOURCES.items():
        path = tmp_path / "fakenets" / f"{name}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    (tmp_path / "fakelibrary.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(plant.PACKAGE, "torch", "fakenets")
    yield tmp_path / "fakenets"
    for name in [*sys.modules]:
        if name.split(".")[0] in ("fakenets", "fakelibrary"):
            del sys.modules[name]


def test_without_an_edit_the_modules_are_the_imported_ones(package):
    runtime, twin = modules("torch", "line")
    assert runtime is sys.modules["fakenets.runtime"]
    assert twin is sys.modules["fakenets.line"]
    assert modules("torch", "line") == (runtime, twin)


def test_an_edit_is_in_a_fresh_copy_only(package):
    runtime, twin = modules("torch", "line")
    edited_runtime, edited = modules("torch", "line", Edit("2 * x", "3 * x"))
    assert edited.twice(10) == 30
    assert edited is not twin
    assert edited_runtime is not runtime
    assert twin.twice(10) == 20
    assert modules("torch", "line") == (runtime, twin)
    assert sys.modules["fakenets.line"] is twin
    assert sys.modules["fakenets.runtime"] is runtime


def test_planting_leaves_all_of_sys_modules_alone(package):
    modules("torch", "line")
    before = dict(sys.modules)
    modules("torch", "line", Edit("2 * x", "3 * x"))
    assert dict(sys.modules) == before


def test_a_library_is_not_imported_anew_for_a_copy(package):
    """Not even where nobody has imported the twin before."""
    _, edited = modules("torch", "line", Edit("2 * x", "3 * x"))
    _, twin = modules("torch", "line")
    assert edited.fakelibrary is twin.fakelibrary


def test_the_files_are_left_alone(package):
    modules("torch", "line", Edit("2 * x", "3 * x"))
    assert (package / "line.py").read_text(encoding="utf-8") == SOURCES["line"]


@pytest.mark.parametrize(
    ("edit", "total"),
    [
        (Edit("UNIT = 1\n", "UNIT = 2\n", file="arrays"), 25),  # through layout
        (Edit("10 *", "20 *", file="layout"), 25),
        (Edit("+ 5", "+ 6", file="runtime"), 16),
        (Edit("double", "single", file="precision"), 15),
        (Edit("2 * x", "3 * x"), 15),
    ],
    ids=lambda value: value.file if isinstance(value, Edit) else "",
)
def test_an_edit_reaches_all_that_is_built_on_it(package, edit, total):
    honest, _ = modules("torch", "line")
    edited, _ = modules("torch", "line", edit)
    assert edited.total() == total
    assert honest.total() == 15


def test_an_edit_of_the_arrays_reaches_the_runtime_itself(package):
    edited, _ = modules("torch", "line", Edit("1", "2", file="arrays"))
    assert edited.UNIT == 2


def test_a_copy_is_a_module_like_the_original(package):
    """Its classes can be made: dataclasses look their module up by name."""
    _, edited = modules("torch", "line", Edit("0.5", "0.25"))
    assert edited.__name__ == edited.Line.__module__ == "fakenets.line"
    assert edited.__file__ == str(package / "line.py")
    assert edited.Line().slope == 0.25


def test_a_copy_can_be_found_by_its_name(package):
    """So that its classes can be pickled; afterwards the original is back."""
    _, twin = modules("torch", "line")
    _, edited = modules("torch", "line", Edit("0.5", "0.25"))
    with pytest.raises(pickle.PicklingError):
        pickle.dumps(edited.Line())
    with by_name(edited):
        assert pickle.loads(pickle.dumps(edited.Line())) == edited.Line(0.25)
    assert pickle.loads(pickle.dumps(twin.Line())) == twin.Line(0.5)
    assert sys.modules["fakenets.line"] is twin


def test_after_an_error_the_original_is_back(package):
    _, twin = modules("torch", "line")
    _, edited = modules("torch", "line", Edit("0.5", "0.25"))
    with pytest.raises(LookupError), by_name(edited):
        raise LookupError
    assert sys.modules["fakenets.line"] is twin


def test_what_is_imported_meanwhile_stays(package):
    _, edited = modules("torch", "line", Edit("0.5", "0.25"))
    with by_name(edited):
        import fakenets.folder
    assert sys.modules["fakenets.folder"] is fakenets.folder


def test_an_original_is_found_by_its_name_in_any_case(package):
    _, twin = modules("torch", "line")
    with by_name(twin):
        assert sys.modules["fakenets.line"] is twin
    assert sys.modules["fakenets.line"] is twin


def test_an_example_in_a_folder(package):
    _, edited = modules("torch", "folder.curve", Edit("7", "8"))
    _, twin = modules("torch", "folder.curve")
    assert (edited.value(), twin.value()) == (8, 7)


@pytest.mark.parametrize(("find", "times"), [("3 * x", 0), ("x", 2), ("e", 7)])
def test_an_edit_must_match_exactly_once(package, find, times):
    assert SOURCES["line"].count(find) == times
    with pytest.raises(ValueError, match=f"once in its source, found it {times} times"):
        modules("torch", "line", Edit(find, "y"))
    assert modules("torch", "line")[1].twice(10) == 20


def test_a_file_that_does_not_exist(package):
    with pytest.raises(ValueError, match=r"one of .*'runtime'.*, got 'loader'"):
        modules("torch", "line", Edit("2", "3", file="loader"))


@pytest.mark.parametrize("edit", [None, Edit("2", "3")])
def test_an_example_that_does_not_exist(package, edit):
    with pytest.raises(ModuleNotFoundError) as told:
        modules("torch", "nothing", edit)
    assert told.value.name == "fakenets.nothing"
