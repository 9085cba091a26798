"""Who is faster, as a picture: the right side of 1, in the right colour."""

from dataclasses import replace
from math import inf, log, nan

import pytest
from drawn_rows import ROUNDED, drawn, rows_with
from made_up_times import EXAMPLE, lost, ratio, run, sampled, timing

from compare.report.chart import Missing
from compare.report.forest import FAR, Line, _span, _ticks
from compare.report.speed_charts import LOOKS, headline, headline_chart, ratios_of
from compare.timing import Ratio

BOTH = "JAX scan", "PyTorch tuned"


def best(example: str, value: float, **changes) -> Ratio:
    return ratio(*BOTH, value, example=example, fastest=True, **changes)


# ------------------------------------------------------------------------ all examples


def test_a_quarter_of_the_time_is_four_times_as_fast():
    (row,) = rows_with(headline(run(ratios=[best("a", 0.25)])), "times")
    assert (row["label"], row["times"], row["kind"]) == ("a", 4.0, "JAX faster")
    assert row["number"] == "4.00 ×"
    # The bounds of the ratio are 0.25 / 1.01 and 0.25 · 1.01: upside down.
    assert row["low"] == pytest.approx(4 / 1.01, rel=ROUNDED)
    assert row["high"] == pytest.approx(4 * 1.01, rel=ROUNDED)


@pytest.mark.parametrize(
    ("verdict", "kind"),
    [
        ("FASTER", "JAX faster"),
        ("SLOWER", "PyTorch faster"),
        ("SAME", "the same"),
        ("UNDECIDED", "undecided"),
    ],
)
def test_the_verdict_is_its_colour_and_shape(verdict, kind):
    found = headline(run(ratios=[best("a", 1.1, verdict=verdict)]))
    assert [row["kind"] for row in rows_with(found, "kind")] == [kind]
    assert LOOKS[kind].colour in drawn(found).svg


def test_no_two_verdicts_share_a_shape():
    assert len({look.shape for look in LOOKS.values()}) == len(LOOKS)


def test_the_fastest_stands_first():
    found = headline(run(ratios=[best("a", 2.0), best("b", 0.1), best("c", 1.0)]))
    assert [row["label"] for row in rows_with(found, "times")] == ["b", "c", "a"]


def test_only_the_fastest_modes_are_drawn():
    others = [ratio("JAX jit", "PyTorch eager", 0.5), best("a", 0.5)]
    assert len(rows_with(headline(run(ratios=others)), "times")) == 1


def test_only_examples_at_their_own_size_have_a_row():
    ratios = [
        best("a", 0.5),
        best("a", 0.9, batch=64),
        best("b", 0.8, batch=8),
        best("b", 0.7, batch=64),
    ]
    rows = rows_with(headline(run(ratios=ratios)), "times")
    assert [row["label"] for row in rows] == ["a"]


def test_the_noise_band_is_the_row_s_own():
    ratios = [best("a", 0.5, band=log(1.25)), best("b", 0.6, band=None)]
    first, second = rows_with(headline(run(ratios=ratios)), "from", "to")
    assert (first["from"], first["to"]) == (0.8, 1.25)
    assert (second["from"], second["to"]) == (1.0, 1.0)


def test_of_one_block_there_is_no_interval():
    found = headline(run(ratios=[best("a", 0.5, low=None, high=None)]))
    (row,) = rows_with(found, "times")
    assert (row["low"], row["high"]) == (2.0, 2.0)
    assert row["says"] == "JAX scan / PyTorch tuned: 2 ×"


def test_what_is_not_alike_is_told():
    found = headline(run(ratios=[best("a", 0.5, unlike=["compiled: run, no"])]))
    (row,) = rows_with(found, "says")
    assert row["says"].endswith("; compiled: run, no")


@pytest.mark.parametrize(
    ("compiled", "number"), [(1e6, "2.00 ×"), (5e5, "2.00 ×*"), (None, "2.00 ×")]
)
def test_a_compiler_that_has_left_out_operations_is_told(compiled, number):
    worker = sampled(1e-3, operations={"written": 1e6, "compiled": compiled})
    scan = replace(timing("JAX scan", 1e-3), workers=[worker])
    found = headline(run(scan, ratios=[best(EXAMPLE, 0.5)]))
    assert [row["number"] for row in rows_with(found, "number")] == [number]
    assert ("left out operations" in drawn(found).describes) == ("*" in number)


def test_where_nothing_was_timed_the_reason_is_told():
    assert isinstance(headline(run()), Missing)
    with pytest.raises(ValueError, match="expected an example timed in both"):
        headline_chart(run())


def test_the_colours_are_the_page_s():
    """A picture for elsewhere has its own put in their places."""
    svg = drawn(headline(run(ratios=[best("a", 0.5), best("b", 2.0)]))).svg
    assert "var(--jax)" in svg and "var(--torch)" in svg
    assert "#" not in svg.replace("url(#", "")


# ------------------------------------------------------------------------- one example

JIT = timing("JAX jit", 1e-3, 1e-3)
LOOP = timing("PyTorch notebook", 2e-3, 2e-3)


def test_every_mode_against_the_notebook_s_loop():
    ratios = [
        ratio("PyTorch notebook again", "PyTorch notebook", 1.0, verdict="SAME"),
        ratio("JAX jit", "PyTorch notebook", 0.5),
        ratio("JAX jit", "PyTorch eager", 0.4),
        ratio("JAX jit", "PyTorch notebook", 0.3, example="other"),
    ]
    found = ratios_of(run(JIT, LOOP, ratios=ratios), EXAMPLE)
    rows = [(r["label"], r["times"], r["kind"]) for r in rows_with(found, "times")]
    assert rows == [
        ("JAX jit", 2.0, "faster"),
        ("PyTorch notebook again", 1.0, "itself, again"),
    ]
    assert "PyTorch notebook" in drawn(found).title


def test_an_example_that_was_only_swept_is_drawn_at_its_smallest_size():
    sizes = [replace(t, batch=size) for t in (JIT, LOOP) for size in (64, 8)]
    ratios = [
        ratio(f"JAX jit batch {size}", f"PyTorch notebook batch {size}", value)
        for size, value in ((64, 0.5), (8, 0.25))
    ]
    (row,) = rows_with(ratios_of(run(*sizes, ratios=ratios), EXAMPLE), "times")
    assert (row["label"], row["times"]) == ("JAX jit batch 8", 4.0)


@pytest.mark.parametrize(
    ("timings", "why"),
    [
        ([], "the run has no times of it"),
        ([lost("JAX jit", "failed", "it died")], "JAX jit: failed, it died"),
        ([JIT], "nothing was timed beside JAX jit"),
    ],
)
def test_why_there_is_nothing_to_draw(timings, why):
    found = ratios_of(run(*timings), EXAMPLE)
    assert isinstance(found, Missing)
    assert why in found.why


# -------------------------------------------------------------------------------- axis


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (0.5, 2.0, [0.5, 1, 2]),
        (0.2, 9.0, [0.25, 0.5, 1, 2, 4, 8]),
        (0.5, 90.0, [0.5, 1, 2, 4, 8, 16, 32, 64]),
        (2.0**-10, 2.0**10, [2.0**-9, 2.0**-6, 2.0**-3, 1, 8, 64, 512]),
    ],
)
def test_ticks_are_powers_of_two_and_1_is_one_of_them(low, high, ticks):
    assert _ticks(low, high) == ticks


def test_an_interval_of_two_blocks_does_not_stretch_the_axis_without_end():
    """Student's factor at one degree of freedom may be anything."""
    wide = Line("a", 4.0, 1e-9, 1e9, None, "undecided", "")
    low, high = _span([wide])
    assert (low, high) == pytest.approx((4 / FAR / 1.15, 4 * FAR * 1.15))


@pytest.mark.parametrize("odd", [nan, inf, -inf, 0.0, -1.0, 5e-324, 1e308])
def test_a_ratio_that_is_no_number_is_no_row(odd):
    changes = {"low": odd, "high": odd, "band": odd, "verdict": "UNDECIDED"}
    found = headline(run(ratios=[best("a", odd, **changes), best("b", 0.5, **changes)]))
    assert [row["label"] for row in rows_with(found, "times")] == ["b"]
