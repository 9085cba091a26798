"""Examples × what was compared: letters, sentences, and the rows behind them."""

import made_up_runs as runs
import pytest
from made_up_runs import example, row, run
from made_up_times import ratio

from compare import result
from compare.answer import as_fast
from compare.report.checks import quantities
from compare.report.matrix import LETTERS, PHASES, columns, matrix, ratio_of


def cells(*rows, ratios=()):
    (line,) = matrix(run(example("line_linear", *rows), ratios=[*ratios]))
    return {cell.column: cell for cell in line.cells}


def test_every_phase_has_a_column_and_every_verdict_a_letter():
    assert sorted(phase for own in PHASES.values() for phase in own) == sorted(
        result.PHASES
    )
    assert LETTERS.keys() == set(result.ORDER)
    assert len(set(LETTERS.values())) == len(LETTERS)


@pytest.mark.parametrize("verdict", result.ORDER)
@pytest.mark.parametrize("phase", result.PHASES)
def test_a_row_is_in_the_column_of_its_phase(phase, verdict):
    found = cells(row(phase, verdict=verdict, score=3.25))
    (column,) = (name for name, own in PHASES.items() if phase in own)
    assert (found[column].kind, found[column].letter) == (verdict, LETTERS[verdict])
    if verdict == "unresolved":
        assert found[column].says == "unresolved: 1 check"
    else:
        assert found[column].number == 3.25
        assert found[column].says == f"{verdict}: 1 check, largest score 3.2"
    assert [name for name, cell in found.items() if cell.letter] == [column]


def test_float32_has_a_column_of_its_own():
    found = cells(row(score=2.0), row(precision="float32", score=9.0))
    assert (found["loss"].short, found["float32"].short) == ("2", "9")
    assert found["float32"].part == "checks"
    assert found["loss"].part == "in-loss"


def test_the_worst_row_decides():
    found = cells(row(), row(step=3, verdict="semantic", score=None))["loss"]
    assert (found.letter, found.short, found.sort) == ("S", "", "Infinity")
    found = cells(row(score=9e9), row(verdict="semantic", score=40.0))["loss"]
    assert (found.short, found.sort) == ("40", "40.0")


def test_what_is_unresolved_has_no_score():
    found = cells(row(score=0.25), row(step=1, verdict="unresolved", score=99.0))
    assert (found["loss"].letter, found["loss"].number) == ("R", 0.25)


@pytest.mark.parametrize(
    ("verdict", "letter"),
    [("FASTER", "J"), ("SLOWER", "T"), ("SAME", "="), ("UNDECIDED", "?")],
)
@pytest.mark.parametrize("mode", ["eager", "jit"])
def test_times_are_those_of_the_two_frameworks(mode, verdict, letter):
    one = ratio(f"JAX {mode}", "PyTorch notebook", 0.5, verdict=verdict)
    found = cells(row(), ratios=[one])
    cell = found[f"{mode} time"]
    assert (cell.letter, cell.short, cell.part) == (letter, "2×", "speed")
    assert verdict in cell.says
    assert found["fastest time"].letter == ""


def test_only_like_times_are_told():
    ratios = [
        ratio("JAX jit", "PyTorch notebook", 0.5, example="other"),
        ratio("JAX jit", "PyTorch notebook", 0.5, batch=64),
        ratio("JAX jit", "JAX eager", 0.5),
        ratio("JAX scan", "PyTorch tuned", 0.25, fastest=True),
    ]
    assert ratio_of(run(ratios=ratios), "line_linear", "jit") is None
    assert ratio_of(run(ratios=ratios), "line_linear", "fastest") == ratios[-1]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ((0.5, 0.4, 0.8), (2.0, "1.25 to 2.5")),
        ((0.5, None, None), (2.0, "")),
        ((0.0, 0.0, 0.0), (float("inf"), "")),
    ],
)
def test_how_many_times_as_fast(given, expected):
    value, low, high = given
    one = ratio("JAX jit", "PyTorch eager", value, low=low, high=high)
    assert as_fast(one) == expected


@pytest.mark.parametrize("made", runs.RUNS, ids=lambda made: made.__name__)
def test_odd_runs_have_a_line_an_example(made):
    found = matrix(made())
    assert [line.example for line in found] == made().examples
    assert all(
        [cell.column for cell in line.cells] == [*columns(made())] for line in found
    )


# ------------------------------------------------------------------------- every check


def test_the_rows_of_a_quantity_are_one_line():
    rows = [
        row("gradients", quantity="gradient", leaf="w", step=0, score=1.0),
        row("gradients", quantity="gradient", leaf="b", step=3, score=4.0),
        row("gradients", quantity="gradient", leaf="b", step=4, precision="float32"),
        row("loss", why="as documented", verdict="differs"),
        row("loss", step=1, verdict="unresolved", why="too coarse", score=9.0),
    ]
    loss, gradient = quantities(rows)
    assert (loss.phase, loss.name, loss.why) == ("loss", "loss", ["as documented"])
    assert loss.float64 is not None
    assert (loss.float64.checks, loss.float64.unresolved) == (2, 1)
    assert (loss.float64.score, loss.float32) == (0.2, None)
    worst = gradient.float64
    assert worst is not None
    assert (worst.leaf, worst.step, worst.score) == ("b", 3, 4.0)
    assert gradient.float32 is not None
    assert gradient.float32.checks == 1


def test_what_fails_is_the_worst_whatever_its_score():
    rows = [row(score=5.0), row(step=7, score=None, verdict="semantic")]
    (found,) = quantities(rows)
    assert found.float64 is not None
    assert (found.float64.verdict, found.float64.step) == ("semantic", 7)


def test_phases_that_are_not_known_stand_together():
    rows = [row("b"), row("a"), row("b", quantity="c"), row("loss")]
    assert [one.phase for one in quantities(rows)] == ["loss", "a", "b", "b"]
