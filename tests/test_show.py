"""An example's documentation, and its twins side by side: nothing is lost."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compare import registry, show
from compare.fault import FRAMEWORKS
from compare.show import LABELS, Part, aligned, filled, parts, source
from compare.spec import Lesson

NAMES = registry.names()
NOTEBOOKS = (
    "Neural Networks with PyTorch",
    "Basics of PyTorch",
    "Introduction to PyTorch",
    "PyTorch",
)


def lines(text: str) -> list[str]:
    """Its lines, without empty ones."""
    return [line for line in text.splitlines() if line.strip()]


def column(rows, side: int) -> list[str]:
    return lines("\n".join(row[side] for row in rows))


@pytest.mark.parametrize("framework", FRAMEWORKS)
@pytest.mark.parametrize("name", NAMES)
def test_the_parts_of_a_twin_are_its_source(name, framework):
    """Definitions are two empty lines apart, so that joined parts are the file."""
    text = source(framework, name)
    joined = "\n\n\n".join(part.source for part in parts(text))
    assert joined + "\n" == text


@pytest.mark.parametrize("name", NAMES)
def test_side_by_side_no_line_is_lost_moved_or_repeated(name):
    texts = [source(framework, name) for framework in FRAMEWORKS]
    rows = aligned(*texts)
    for side, text in enumerate(texts):
        assert column(rows, side) == lines(text)


@pytest.mark.parametrize("name", NAMES)
def test_definitions_of_the_same_name_face_each_other(name):
    texts = [source(framework, name) for framework in FRAMEWORKS]
    left, right = ({p.name: p.source for p in parts(text)} for text in texts)
    rows = aligned(*texts)
    for shared in left.keys() & right.keys():
        assert (left[shared], right[shared]) in rows


TEXT = '''"""Head."""

import this

LIMIT = 3


# A comment that belongs to f,
# of two lines.
@first
@second(1)
def f(x):
    # inside
    return x


UNIT = 1  # between definitions


class C:
    def method(self):
        return 1


async def g():
    return 2
'''


def test_parts_keep_comments_decorators_and_what_is_between():
    found = parts(TEXT)
    assert [part.name for part in found] == ["", "f", "C", "g"]
    assert found[0].source.endswith("LIMIT = 3")
    assert found[1].source.startswith("# A comment that belongs to f,\n# of two")
    assert found[1].source.endswith("return x\n\n\nUNIT = 1  # between definitions")
    assert found[2].source.startswith("class C:\n    def method")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", [Part("", "")]),
        ("x = 1\n", [Part("", "x = 1")]),
        ("def f(): ...\n", [Part("", ""), Part("f", "def f(): ...")]),
        ("# all\n# head\n\nx = 1\n", [Part("", "# all\n# head\n\nx = 1")]),
        ("# of f\ndef f(): ...\n", [Part("", ""), Part("f", "# of f\ndef f(): ...")]),
    ],
)
def test_parts_of_small_files(text, expected):
    assert parts(text) == expected


definitions = st.lists(st.sampled_from("abcdef"), max_size=6)


def written(names) -> str:
    return "\n\n\n".join(
        [f"def {name}():\n    return {i}" for i, name in enumerate(names)]
    )


@given(definitions, definitions)
def test_nothing_is_lost_whatever_each_side_defines(left, right):
    """In any order, with names on one side only, and with names used twice."""
    texts = written(left), written(right)
    rows = aligned(*texts)
    for side, text in enumerate(texts):
        assert column(rows, side) == lines(text)


def test_what_one_side_has_alone_stands_alone():
    rows = aligned(written("abd"), written("acd"))
    names = [tuple(cell[4:5] for cell in row) for row in rows]
    assert names == [("", ""), ("a", "a"), ("b", "c"), ("d", "d")]
    assert aligned(written("a"), written("ab"))[-1] == ("", "def b():\n    return 1")


def test_a_source_that_is_not_there():
    with pytest.raises(FileNotFoundError):
        source("jax", "nothing")


def test_examples_as_json(capsys):
    show.print_examples(as_json=True)
    rows = json.loads(capsys.readouterr().out)
    assert [row["name"] for row in rows] == [*NAMES]
    for row in rows:
        spec = registry.load(row["name"])
        assert row["kind"] == ("lesson" if isinstance(spec, Lesson) else "training")
        assert row["teaches"] == spec.teaches


def test_examples_as_a_table(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    show.print_examples(as_json=False)
    printed = capsys.readouterr().out.splitlines()
    assert printed[0].split() == ["example", "kind", "what", "it", "teaches"]
    for name, line in zip(NAMES, printed[1:], strict=True):
        assert line.startswith(name)
        assert line.rstrip().endswith(registry.summary(name))


# ---------------------------------------------------------------- what is documented


def parts_of(text: str) -> dict[str, list[str]]:
    """What stands after each label, to the next one or an empty line, by label."""
    found: dict[str, list[str]] = {}
    ends = rf"(?=\n(?:{'|'.join(LABELS)}|\n)|\Z)"
    for label, part in re.findall(
        rf"^({'|'.join(LABELS)})(.*?){ends}", text, re.DOTALL | re.MULTILINE
    ):
        found.setdefault(label, []).append(part)
    return found


def indented(some: list[str]) -> list[str]:
    return [line for line in some if line.startswith(" ")]


@pytest.mark.parametrize("name", NAMES)
def test_a_documentation_has_its_parts_in_order(name):
    text = registry.documentation(name)
    title, empty, *_ = text.splitlines()
    assert title.endswith(".") and not empty
    labels = re.findall(rf"^(?:{'|'.join(LABELS)})", text, re.MULTILINE)
    assert tuple(dict.fromkeys(labels)) == LABELS
    assert labels == sorted(labels, key=LABELS.index)
    assert labels.count("Equation:") == labels.count("Differs:") == 1
    teaches = text[len(title) : text.index(LABELS[0])]
    assert len(teaches.split()) > 20
    assert len(parts_of(text)["Differs:"][0].split()) > 3


@pytest.mark.parametrize("name", NAMES)
def test_a_documentation_names_notebooks_by_their_titles(name):
    named = parts_of(registry.documentation(name))["Notebook:"]
    titles = [re.match(r' "([^"]+)", \S', part) for part in named]
    assert all(titles), named
    found = [title[1] for title in titles if title]
    assert set(found) <= set(NOTEBOOKS)
    assert len(set(found)) == len(found)


@pytest.mark.parametrize("name", NAMES)
def test_equations_are_indented_and_nothing_else_is(name):
    text = registry.documentation(name)
    equations = parts_of(text)["Equation:"][0].splitlines()[1:]
    assert equations == indented(text.splitlines()) != []
    assert max(map(len, equations)) <= 80  # so that a usual terminal breaks none


PARAGRAPHS = """\
A title.

One two three
four five.
Notebook: "PyTorch", six
seven.
Equation: for all [b] of
    x = [bold]y[/bold],   :x:
    a line that is longer than the others and as it was

Differs: in-between a-very-long-word-that-stays-whole it.
"""
WIDE = """\
A title.

One two three four five.
Notebook: "PyTorch", six seven.
Equation: for all [b] of
    x = [bold]y[/bold],   :x:
    a line that is longer than the others and as it was

Differs: in-between a-very-long-word-that-stays-whole it.
"""
NARROW = """\
A title.

One two
three four
five.
Notebook:
"PyTorch",
six seven.
Equation:
for all [b]
of
    x = [bold]y[/bold],   :x:
    a line that is longer than the others and as it was

Differs:
in-between
a-very-long-word-that-stays-whole
it.
"""


@pytest.mark.parametrize(("width", "expected"), [(88, WIDE), (11, NARROW)])
def test_paragraphs_are_filled_and_equations_left_alone(width, expected):
    """Filled by hand."""
    assert filled(PARAGRAPHS, width=width) == expected


@pytest.mark.parametrize("name", NAMES)
def test_filling_again_to_the_first_width_changes_nothing(name):
    text = registry.documentation(name)
    wide = filled(text, width=10_000)
    assert filled(filled(text, width=40), width=10_000) == wide
    assert wide.split() == text.split()


def printed(capsys, monkeypatch, name: str, columns: int) -> tuple[str, str]:
    """What `show` prints: the documentation, and the twins below it."""
    monkeypatch.setenv("COLUMNS", str(columns))
    show.print_twins(name)
    above, frame, below = capsys.readouterr().out.partition("┏")
    return above, frame + below


@pytest.mark.parametrize("columns", [50, 80, 240])
@pytest.mark.parametrize("name", NAMES)
def test_the_documentation_stands_above_the_twins(capsys, monkeypatch, name, columns):
    text = registry.documentation(name)
    above, below = printed(capsys, monkeypatch, name, columns)
    assert below
    assert above.split() == text.split()
    shown = above.splitlines()
    assert indented(shown) == indented(text.splitlines())
    others = [line for line in shown if not line.startswith(" ")]
    assert max(map(len, others)) <= min(columns, show.LONGEST)


def test_brackets_and_colons_are_no_markup(capsys, monkeypatch):
    monkeypatch.setattr(registry, "documentation", lambda name: PARAGRAPHS)
    above, _ = printed(capsys, monkeypatch, "two_layer_manual", 80)
    assert "    x = [bold]y[/bold],   :x:\n" in above


@pytest.mark.parametrize("columns", [50, 80, 240])
@pytest.mark.parametrize("name", ["line_linear", "two_layer_manual", "batching"])
def test_twins_are_printed_whole(capsys, monkeypatch, name, columns):
    """Every character of both, whatever the width."""
    _, below = printed(capsys, monkeypatch, name, columns)
    rows = [line.split("│")[1:3] for line in below.splitlines() if line[0] == "│"]
    for side, framework in enumerate(FRAMEWORKS):
        text = "".join("".join(row[side].split()) for row in rows)
        assert text == "".join(source(framework, name).split())
