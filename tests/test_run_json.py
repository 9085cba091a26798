"""run.json: its contract, and what is refused."""

import json
from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compare.result import (
    ORDER,
    PHASES,
    SCHEMA,
    Example,
    NotARun,
    Row,
    Run,
    read,
    write,
)


def row(**values) -> Row:
    found = Row("loss", "loss", "", 2, "float64", 0.0, 1.0, 1.0, "rounding")
    return replace(found, **values)


some_rows = st.fixed_dictionaries(
    {
        "verdict": st.sampled_from(ORDER),
        "phase": st.sampled_from([*PHASES, "later"]),
        "step": st.none() | st.integers(0, 50) | st.text(max_size=2),
        "score": st.none() | st.floats(0, 1e9),
    }
)


CONTRACT = {
    "run": {"schema", "seed", "environment", "examples"},
    "example": {"name", "kind", "verdict", "seconds", "checks"},
    "row": {
        "phase",
        "quantity",
        "leaf",
        "step",
        "precision",
        "error",
        "floor",
        "score",
        "verdict",
        "why",
    },
}
"""The design's section 6; more fields may stand beside them."""


def whole_run(rows=()) -> Run:
    return Run(
        run="a name",
        seed=3,
        environment={"settings": {"device": "cpu"}, "threads": 1},
        examples=[
            Example("line", "training", "rounding", 1.5, [*rows], {"horizon": 7}),
            Example("tensors", "lesson", "crashed", 0.25, []),
        ],
    )


FULL = Row(
    "update",
    "update",
    "linear.weight",
    12,
    "float64",
    1e-17,
    2e-17,
    0.5,
    "rounding",
    why="é → “quoted”",
    index=[1, 2],
    jax=1.0,
    torch=-0.1,
)


def test_the_field_names_are_a_contract(tmp_path):
    write(whole_run([FULL]), tmp_path / "run.json")
    about = json.loads((tmp_path / "run.json").read_text(encoding="utf-8"))
    assert about.keys() >= CONTRACT["run"]
    assert about["examples"][0].keys() >= CONTRACT["example"]
    (found,) = about["examples"][0]["checks"]
    assert found.keys() >= CONTRACT["row"]
    assert found == {field.name: getattr(FULL, field.name) for field in fields(Row)}
    assert (about["schema"], about["seed"]) == (1, 3)


def test_a_run_is_read_as_it_was_written(tmp_path):
    path = tmp_path / "new" / "folder" / "run.json"
    run = whole_run([FULL, row(step=None), row(step="logits ±20", error=None)])
    write(run, path)
    assert read(path) == run
    write(replace(run, seed=4), path)  # an earlier file is replaced
    assert read(path).seed == 4
    assert [p.name for p in path.parent.iterdir()] == ["run.json"]


@given(st.lists(some_rows, max_size=3))
def test_rows_are_read_as_they_were_written(tmp_path_factory, drawn):
    rows = [row(**values) for values in drawn]
    path = tmp_path_factory.mktemp("run") / "run.json"
    write(whole_run(rows), path)
    assert read(path).examples[0].checks == rows


@pytest.mark.parametrize("number", [float("inf"), float("nan")])
def test_a_number_that_is_not_finite_is_written_as_null(tmp_path, number):
    write(whole_run([row(error=number, jax=number)]), tmp_path / "run.json")
    (found,) = read(tmp_path / "run.json").examples[0].checks
    assert (found.error, found.jax, found.score) == (None, None, 1.0)


def content(**changes) -> bytes:
    about = {"schema": SCHEMA, "seed": 0, "environment": {}, "examples": []}
    return json.dumps(about | changes).encode()


EXAMPLE = {"name": "a", "kind": "lesson", "verdict": "bitwise", "seconds": 1}


@pytest.mark.parametrize(
    ("written", "said"),
    [
        (b"", "is no JSON, or is cut off"),
        (content()[:-5], "is no JSON, or is cut off"),
        (b'{"seed": "\xff"}', "is no JSON, or is cut off"),
        (b"name,verdict\nline,bitwise\n", "is no JSON, or is cut off"),
        (b"[1, 2]", "is no run of twinnets: Expected `object`"),
        (b'{"pytest": 1}', "is no run of twinnets: .*missing required field `seed`"),
        (content(seed="x"), "is no run of twinnets: Expected `int`.*seed"),
        (content(schema="1"), "is no run of twinnets: Expected `int`.*schema"),
        (content(examples=[EXAMPLE]), "missing required field `checks`"),
        (
            content(examples=[EXAMPLE | {"checks": [], "verdict": "fine"}]),
            "Invalid enum value 'fine'",
        ),
        (content(schema=SCHEMA + 1, examples=3), "has schema 2, .* up to 1: upgrade"),
    ],
)
def test_what_is_no_run_is_refused_in_words(tmp_path, written, said):
    path = tmp_path / "run.json"
    path.write_bytes(written)
    with pytest.raises(NotARun, match=said) as told:
        read(path)
    assert str(told.value).startswith(f"{path} ")


@pytest.mark.parametrize("name", ["absent.json", "."])
def test_a_run_that_is_not_there(tmp_path, name):
    with pytest.raises(NotARun, match="is not there: expected the folder of a `twin"):
        read(tmp_path / name)


def test_a_minimal_run_is_read(tmp_path):
    (tmp_path / "run.json").write_bytes(content())
    found = read(tmp_path / "run.json")
    assert (found.schema, found.examples) == (SCHEMA, [])
