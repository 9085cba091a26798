"""Two twins side by side: nothing of their sources is lost."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compare import registry, show
from compare.fault import FRAMEWORKS
from compare.show import Part, aligned, parts, source
from compare.spec import Lesson

NAMES = registry.names()


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


def test_twins_are_printed_whole(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "240")
    show.print_twins("two_layer_manual")
    printed = capsys.readouterr().out
    for framework in FRAMEWORKS:
        for line in lines(source(framework, "two_layer_manual")):
            assert line.strip() in printed
