"""A run in Markdown: the answer, the matrix, the ratios, and no more than fits."""

from dataclasses import replace

import made_up_runs as runs
import pytest
from made_up_times import ratio
from markdown_it import MarkdownIt

from compare.outcome import Outcome, Report
from compare.report.fitted import LIMIT, Part, fitted
from compare.report.markdown import markdown

FOUND = Report([Outcome("f", "e", "jax", "loss", True, 50.0, "")], [])


def html(text: str) -> str:
    """As a reader of Markdown sets it."""
    return MarkdownIt("commonmark").enable("table").render(text)


@pytest.mark.parametrize("made", runs.RUNS, ids=lambda made: made.__name__)
def test_it_fits_and_is_a_table_of_all_examples(made):
    text = markdown(made())
    assert len(text.encode()) <= LIMIT
    set_ = html(text)
    assert set_.startswith("<h2>")
    matrix = set_.partition("What was compared")[2].partition("</table>")[0]
    lines = matrix.count("<tr>")
    assert lines == (len(made().examples) + 1 if made().examples else 0)
    assert "<script" not in set_


def test_the_answer_stands_first():
    text = markdown(runs.with_times(), FOUND)
    first, *rest = [line for line in text.splitlines() if line]
    assert first.startswith("## ✅ 3 of 3 examples agree")
    assert rest[0] == "JAX is faster in 1, PyTorch in 0."
    assert rest[1] == "1 of 3 claims hold."
    assert rest[2] == "1 of 1 planted faults found, smallest score 50."
    assert "- does not hold: line_linear: waits" in text.replace("&#58;", ":")
    assert text.index("does not hold") < text.index("- open")


def test_what_does_not_match_is_told_before_the_matrix():
    text = markdown(runs.mismatch())
    assert text.startswith("## ❌ 0 of 1 examples agree")
    told, _, rest = text.partition("### What was compared")
    for part in ("semantic in gradients", "weight step 1", "doubled", "a factor of 2"):
        assert part in told
    assert "❌ semantic" in rest


def test_a_run_that_was_cut_off_is_not_green():
    text = markdown(runs.cut_off())
    assert text.startswith("## ❌ 1 of 1 examples agree")
    assert "cut off before 1 more" in text
    assert "Not done&#58; tensors." in text.replace(":", "&#58;")


def test_the_ratios_are_those_of_the_fastest_modes():
    both = ratio("JAX scan", "PyTorch tuned", 0.25, low=0.2, high=0.5, fastest=True)
    text = markdown(replace(runs.plain(), ratios=[both, ratio("JAX jit", "x", 0.1)]))
    line = "| line_linear | JAX scan | PyTorch tuned | 4 | 2 to 5 | FASTER |"
    assert line in text
    assert "JAX jit" not in text


def test_of_many_examples_the_last_are_left_out_and_counted():
    one = runs.example("e", runs.row())
    many = replace(
        runs.plain(), examples=[replace(one, name=f"e{n}") for n in range(2000)]
    )
    text = markdown(many)
    assert len(text.encode()) <= LIMIT
    shown = text.count("\n| e") - 1  # the head of the table
    assert 200 < shown < 2000
    assert f"and {2000 - shown} more, left out" in text


def test_nothing_is_cut_that_fits():
    parts = [
        Part("a\n", ["x\n", "y\n"], "end\n"),
        Part("none\n", []),
        Part("b\n", ["z"]),
    ]
    assert fitted("answer\n", parts) == "answer\na\nx\ny\nend\nb\nz"
