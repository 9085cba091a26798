"""Timings as they are printed: every mode is there, and nothing is swallowed."""

from dataclasses import replace

import pytest
from made_up_times import EXAMPLE, PHASES, lost, ratio, run, sampled, timing
from printed import printed, rows

from compare.show_times import micro
from compare.timing import Claim, Crossover, Sweep, Timing, Typical

# -------------------------------------------------------------------------------- times

JIT = timing("JAX jit", 1e-3, 1e-3)
EAGER = timing("PyTorch eager", 2.5e-6, 2.5e-6)
AGAIN = timing("JAX jit again", 1e-3, 1e-3)


def test_every_mode_has_its_row_in_both_tables():
    text = printed(run(JIT, EAGER, AGAIN))
    assert EXAMPLE in text
    for name in ("JAX jit", "PyTorch eager"):
        assert len(rows(text, name)) == 2
    assert rows(text, "JAX jit again") == []


def test_what_a_step_takes():
    """A row of 1 ms: 10⁶ operations are 1 GFLOP/s, of the 107.4 of a large product."""
    first, _ = rows(printed(run(JIT)), "JAX jit")
    assert first == ["1000", "± 0.0%", "1500", "250", "750", "1", "1%", "500"]


def test_the_interval_is_told_as_its_reach():
    """From half to twice: the factor is 2 to either side."""
    wide = {"step": Typical(1e-3, 0.5e-3, 2e-3)}
    odd = replace(JIT, typical=wide)
    assert "± 100.0%" in shown(odd)


def shown(*timings: Timing) -> str:
    """The table of steps, as text."""
    from rich.console import Console

    from compare.show_times import _steady

    console = Console(width=110)
    with console.capture() as got:
        console.print(_steady(timings))
    return got.get()


def test_of_one_block_no_interval_is_shown():
    assert "±" not in shown(timing("JAX jit", 1e-3))


def test_what_a_mode_has_not_is_empty():
    """All steps in one call: none to wait for, no forward pass."""
    whole = replace(JIT, typical={"step": JIT.typical["step"]}, fraction=None)
    (found,) = rows(shown(whole), "JAX jit")
    assert found == ["1000", "± 0.0%", "1", "500"]


def test_where_the_rest_goes():
    told = replace(
        timing("JAX jit", 1e-3, 1e-3),
        warm_phases={**PHASES, "first call": 0.5},
        pays_after=1234.2,
        pays_after_warm=0.5,
    )
    _, second = rows(printed(run(told)), "JAX jit")
    assert second == [
        "1000", "100", "10", "200", "300", "400", "950", "2", "500", "1 235 / 1",
    ]  # fmt: skip


def test_what_never_pays_is_empty():
    _, second = rows(printed(run(timing("JAX jit", 1e-3))), "JAX jit")
    assert second == ["1000", "100", "10", "200", "300", "400", "950", "2"]


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (1.234e-6, "1.23"),
        (0.5e-9, "0.0005"),
        (123.4e-6, "123"),
        (999.4e-6, "999"),
        (1.2345e-3, "1234"),
        (1.2345, "1234500"),
    ],
)
def test_microseconds(seconds, expected):
    assert micro(seconds) == expected


# ------------------------------------------------------------------------- what is lost


def test_what_was_not_timed_is_told_with_its_reason():
    text = printed(
        run(
            JIT,
            lost("JAX scan", "not equivalent", "loss at step 3: JAX has 2"),
            lost("PyTorch eager", "failed", "the worker died"),
            lost("PyTorch compile", "left out", "no graph"),
            lost("JAX jit again", "failed", "nothing says what noise is"),
        )
    )
    assert "JAX scan not equivalent: loss at step 3: JAX has 2" in text
    assert "PyTorch eager failed: the worker died" in text
    assert "PyTorch compile left out: no graph" in text
    assert "JAX jit again failed: nothing says what noise is" in text
    assert rows(text, "JAX scan") == []


MARKUP = [
    "[red]float32[64,10][/]",
    "a list [1, 2]",
    "[/nonsense]",
    r"a path C:\[bold]\file",
]


@pytest.mark.parametrize("why", MARKUP)
def test_reasons_are_printed_as_they_are(why):
    assert why in printed(run(lost("JAX jit", "failed", why)))


@pytest.mark.parametrize("odd", MARKUP)
def test_names_and_notes_are_printed_as_they_are(odd):
    found = run(
        timing("JAX jit", 1e-3, example=odd),
        ratios=[ratio("JAX jit", "JAX eager", 2.0, example=odd, unlike=[odd])],
        sweeps=[Sweep(odd, "jax", "jit", [1, 2], 5e-6, *[None] * 5, worst=0.0)],
        crossovers=[Crossover(odd, "JAX jit", "PyTorch eager", 250.4)],
    )
    claim = Claim(odd, odd, False, odd)
    text = printed(replace(found, claims=[claim])).replace("\n", " ")
    assert f"not like for like: {odd}" in text
    assert f"does not hold: {odd}; {odd}" in text
    assert text.count(odd) == 6  # and the heading, a sweep and a crossover


def test_a_mode_in_pieces_or_drifting_is_told():
    breaks = {"programs": 4, "graph breaks": 3}
    odd = sampled(1e-3, counts=breaks, settled=False)
    text = printed(run(replace(JIT, workers=[odd, sampled(1e-3)]), EAGER))
    assert "JAX jit: 3 graph breaks" in text
    assert "JAX jit: still drifting when it was timed" in text
    assert "PyTorch eager: " not in text


# ------------------------------------------------------------------------------- ratios

RATIOS = [
    ratio("JAX jit again", "JAX jit", 1.002, verdict="SAME"),
    ratio("JAX jit", "PyTorch eager", 0.5, unlike=["a: 1, 2", "b: 3, 4"]),
    ratio("JAX scan", "PyTorch eager", 0.25, unlike=["a: 1, 2", "b: 3, 4"]),
    ratio("JAX scan", "JAX jit", 4.0, unlike=["c: 5, 6"]),
    ratio("JAX eager", "JAX jit", 1.0, verdict="UNDECIDED", low=None, high=None),
]


def test_ratios():
    """× as fast as: the inverse of the seconds; bounds of 1 % change places."""
    text = printed(run(JIT, ratios=RATIOS))
    told = [row for row in rows(text, "JAX scan") if row[0] != "1000"]
    assert told == [
        ["PyTorch eager", "4", "3.96 to 4.04", "FASTER", "(1)"],
        ["JAX jit", "0.25", "0.248 to 0.253", "SLOWER", "(2)"],
    ]
    assert rows(text, "JAX eager") == [["JAX jit", "1", "UNDECIDED"]]


def test_a_mode_against_itself_is_noise():
    text = printed(run(JIT, ratios=RATIOS))
    assert rows(text, "JAX jit again") == [["JAX jit", "0.998", "0.988 to 1.01", "A/A"]]
    assert "noise ± 3.0%" in text


def test_without_noise_measured_none_is_told():
    alone = ratio("JAX jit", "JAX eager", 1.0, verdict="UNDECIDED", band=None)
    assert "noise ±" not in printed(run(JIT, ratios=[alone]))


def test_notes_are_numbered_and_told_once():
    text = printed(run(JIT, ratios=RATIOS))
    assert text.count("(1) not like for like: a: 1, 2; b: 3, 4") == 1
    assert text.count("(2) not like for like: c: 5, 6") == 1
    assert "(3)" not in text


def test_each_example_has_its_own():
    other = timing("JAX scan", 1e-3, example="moons_mlp")
    found = run(
        JIT,
        other,
        ratios=[
            ratio("JAX jit", "JAX eager", 2.0, unlike=["a: 1, 2"]),
            ratio("JAX scan", "JAX eager", 2.0, example="moons_mlp", unlike=["b: 3"]),
        ],
    )
    text = printed(found)
    line, _, moons = text.partition("moons_mlp")
    assert "(1) not like for like: a: 1, 2" in line
    assert "JAX scan" not in line
    assert "(1) not like for like: b: 3" in moons
