"""Two runs side by side, as they are printed and in Markdown."""

import re
from contextlib import redirect_stdout
from io import StringIO
from itertools import product

import made_up_runs as runs
import pytest
from made_up_times import lost, timing
from printed import printed, rows

from compare.report.fitted import LIMIT
from compare.report.versus_markdown import markdown_versus
from compare.show_versus import show_versus
from compare.versus import versus

PAIRS = list(product(runs.RUNS, runs.RUNS))
IDS = [f"{then.__name__}-{now.__name__}" for then, now in PAIRS]
STEADY = (1.00e-3, 1.01e-3, 0.99e-3, 1.00e-3, 1.01e-3)
SLOWER = tuple(1.3 * seconds for seconds in STEADY)


def shown(then, now):
    """Where there is no terminal."""
    return printed(versus(then, now), show_versus)


def on_a_terminal(monkeypatch, then, now, *, width):
    """As a terminal so wide would show it, colours taken off."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", str(width))
    with redirect_stdout(StringIO()) as text:
        show_versus(versus(then, now))
    assert "\x1b[" in text.getvalue()
    return re.sub(r"\x1b\[[0-9;]*m", "", text.getvalue())


def section(text, title):
    """The lines of one part of the Markdown."""
    _, _, rest = text.partition(f"\n### {title}")
    return [line for line in rest.partition("\n### ")[0].splitlines()[1:] if line]


def timed(*timings, **fields):
    return runs.run(timings=[*timings], **fields)


# ------------------------------------------------------------------------- terminal


def test_what_is_unchanged_is_one_line():
    text = shown(runs.with_times(), runs.with_times())
    assert "3 examples in both runs: 3 as before" in text
    for name in (runs.TRAINING, runs.LESSON, runs.OTHER, "environment"):
        assert name not in text.replace("JAX jit", "")[: text.index("µs a step")]


def test_a_verdict_that_changed():
    text = shown(runs.run(runs.training()), runs.mismatch())
    assert rows(text, runs.TRAINING) == [
        ["rounding → semantic", "120 → 122", "0.3", "0.3"]
    ]
    assert f"{runs.TRAINING}: gradients rounding → semantic" in text
    assert (
        f"{runs.TRAINING}: semantic in gradients weight step 1 float64 (off by 0.25, "
        "score 2.5e+15): the gradient is" in text
    )
    assert "1 example in both runs: 1 worse" in text


def test_examples_of_one_run_only():
    text = shown(runs.run(runs.training("a")), runs.mismatch())
    assert "a: gone, was rounding\n" in text
    assert f"{runs.TRAINING}: new, semantic\n" in text
    assert "no example is in both runs; 1 gone; 1 new (1 failing)" in text


def test_the_environment():
    then = runs.run(environment={"packages": {"jax": "0.10.2"}, "commit": "c25099a"})
    now = runs.run(environment={"packages": {"jax": "0.11.0"}})
    text = shown(then, now)
    assert rows(text, "packages jax") == [["0.10.2", "0.11.0"]]
    assert rows(text, "commit") == [["c25099a", "–"]]


def test_times():
    """The interval of 1 % noise in five processes each: ± 1.1 % of 30 %."""
    then = timed(timing("JAX jit", *STEADY), timing("JAX scan", *STEADY))
    now = timed(timing("JAX jit", *SLOWER), timing("JAX scan", *STEADY))
    text = shown(then, now)
    assert rows(text, "JAX jit") == [
        ["1002 ± 1.0%", "1303 ± 1.0%", "1.30 (1.28 to 1.32)", "SLOWER"]
    ]
    assert rows(text, "JAX scan") == []
    assert "2 times in both runs: 1 SLOWER, 1 SAME" in text
    assert "different machines" not in text


def test_times_of_one_block():
    text = shown(timed(timing("JAX jit", 1e-3)), timed(timing("JAX jit", 2e-3)))
    assert rows(text, "JAX jit") == [["1000", "2000", "2.00", "UNDECIDED"]]


def test_times_of_different_machines():
    then = timed(timing("JAX jit", *STEADY), environment={"cores": 2})
    now = timed(timing("JAX jit", *STEADY), environment={"cores": 4})
    assert "The times are of different machines" in shown(then, now)


def test_times_that_one_run_lacks():
    then = timed(timing("JAX jit", *STEADY), timing("JAX scan", *STEADY))
    now = timed(timing("JAX jit", *STEADY), lost("JAX scan", "failed", "[bold]died"))
    told = "line_linear: JAX scan: timed then, failed: [bold]died now"
    assert told in shown(then, now)


@pytest.mark.parametrize(("then", "now"), PAIRS, ids=IDS)
def test_anything_can_be_printed_as_plain_text(then, now):
    text = shown(then(), now())
    assert " in both runs" in text
    for each in text.replace("\n", ""):
        assert each.isprintable(), repr(each)


@pytest.mark.parametrize("name", runs.HOSTILE.values(), ids=runs.HOSTILE)
def test_a_name_is_only_a_name(name):
    then = runs.run(runs.training(name), environment={name: "a"})
    now = runs.run(
        runs.training(name, runs.row(verdict="semantic", why=name)),
        environment={name: "b"},
    )
    text = shown(then, now)
    assert "1 example in both runs: 1 worse" in text
    beginning = " ".join(name.split())[:8]
    if beginning.isprintable():
        assert text.count(beginning) >= 3  # the environment, the table, the failure


@pytest.mark.parametrize("width", [80, 120])
def test_a_narrow_terminal(monkeypatch, width):
    """Nothing is wider than the terminal, nothing is cut, and modes do not wrap."""
    modes = ("JAX jit-functional", "PyTorch compile-step", "PyTorch notebook")
    wide = (7.0e-3, 15.0e-3, 10.0e-3)
    name = "moons_mlp_accumulated"
    then = runs.run(
        runs.training(name),
        timings=[timing(mode, *wide, example=name) for mode in modes],
        environment={"command": ["twinnets", "run", "--out", "results/cpu-2-cores"]},
    )
    wrong = runs.row("gradients", verdict="semantic", why="the gradient is doubled")
    now = runs.run(
        runs.training(name, wrong, runs.row(score=31.0)),
        timings=[timing(mode, *wide[::-1], example=name) for mode in modes],
        environment={"command": ["twinnets", "run", "--out", "/home/somebody/runs/b"]},
    )
    text = on_a_terminal(monkeypatch, then, now, width=width)
    assert max(map(len, text.splitlines())) <= width
    assert "…" not in text
    assert rows(text, name)[0][0] == "rounding → semantic"
    for mode in modes:
        assert rows(text, mode)[0][-1] == "UNDECIDED"


# ------------------------------------------------------------------------- Markdown


def test_markdown_of_nothing_that_differs():
    text = markdown_versus(versus(runs.plain(), runs.plain()))
    assert text == (
        "**3 examples in both runs: 3 as before.**\n\nNeither run has times.\n"
    )


def test_markdown_of_a_verdict_that_changed():
    text = markdown_versus(versus(runs.plain(), runs.mismatch()))
    assert section(text, "Worse") == [
        f"- {runs.TRAINING}: rounding → semantic: semantic in gradients weight step 1 "
        "float64 (off by 0.25, score 2.5e+15): the gradient is doubled",
        f"- {runs.LESSON}: differs → gone",
        f"- {runs.OTHER}: precision → gone",
    ]
    assert section(text, "Examples")[-1] == (
        f"| {runs.TRAINING} | rounding → semantic | 120 → 122 | 0.3 | 0.3 |"
    )
    assert section(text, "Phases") == [
        f"- {runs.TRAINING}: gradients rounding → semantic"
    ]


def test_markdown_of_a_new_example():
    text = markdown_versus(versus(runs.run(), runs.mismatch()))
    assert section(text, "Worse") == [f"- {runs.TRAINING}: new → semantic"]
    assert section(text, "New") == [f"- {runs.TRAINING}: semantic"]


def test_markdown_of_times():
    then = timed(timing("JAX jit", *STEADY), timing("JAX eager", *STEADY))
    now = timed(timing("JAX jit", *SLOWER), environment={"cores": 4})
    text = markdown_versus(versus(then, now))
    assert section(text, "Times")[-1] == (
        "| line_linear | JAX jit | 1002 ± 1.0% | 1303 ± 1.0% | 1.30 (1.28 to 1.32) "
        "| SLOWER |"
    )
    assert section(text, "Timed in one run only") == [
        "- line_linear: JAX eager: timed then, not timed now"
    ]
    assert "The times are of different machines" in text
    assert "| cores | 2 | 4 |" in section(text, "Environment")


def test_what_fails_in_both_runs_is_told_where_something_differs():
    then = runs.run(runs.training("a", runs.row(verdict="semantic", why="before")))
    now = runs.run(runs.training("a", runs.row(verdict="crashed", why="it died")))
    text = markdown_versus(versus(then, now))
    assert section(text, "Worse") == []
    assert any("it died" in line for line in section(text, "Phases"))


def check_tables(text):
    """Every row has as many cells as the head of its table; no mark does anything."""
    width = 0
    for line in text.splitlines():
        if line.startswith("|---"):
            width = line.count("|")
        elif line.startswith("| ") and width:
            assert line.count("|") == width, line
        elif not line.startswith("|"):
            width = 0
    for mark in "<`~$\\":
        assert mark not in text
    seen = re.sub(r"&#\d+;", "·", text)
    assert not re.search(r"\[.*\]|@\w|#\w|://", seen)


@pytest.mark.parametrize(("then", "now"), PAIRS, ids=IDS)
def test_markdown_of_anything(then, now):
    text = markdown_versus(versus(then(), now()))
    assert text.startswith("**") and text.endswith("\n")
    assert len(text.encode()) <= LIMIT
    check_tables(text)


@pytest.mark.parametrize(
    ("count", "name"), [(10, "a"), (1_000, "a"), (200, "`" * 300), (100, "😀" * 300)]
)
def test_markdown_that_is_too_long_is_cut_and_says_so(count, name):
    """What is cut, and what is told to be left out, are together all there is."""
    names = [f"{n} {name}" for n in range(count)]
    wrong = runs.row(verdict="semantic", why=name)
    then = runs.run(*(runs.example(one, runs.row()) for one in names))
    now = runs.run(
        *(runs.example(one, wrong) for one in names),
        environment={one: one for one in names},
    )
    text = markdown_versus(versus(then, now))
    assert len(text.encode()) <= LIMIT
    check_tables(text)
    cut = [int(n) for n in re.findall(r"…and (\d+) more, left out", text)]
    assert bool(cut) == (count > 10)
    told = [line for line in section(text, "Worse") if line.startswith("- ")]
    assert len(told) + (cut[0] if cut else 0) == count
    assert len(text.encode()) > LIMIT - 10_000 or not cut
