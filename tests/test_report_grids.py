"""A number for each example and mode, where there is one."""

from dataclasses import replace

import pytest
from drawn_rows import drawn, rows_with
from made_up_times import EXAMPLE, lost, run, sampled, timing

from compare.report.chart import JAX, TORCH, Missing
from compare.report.grid_charts import DARKEST, PLOT, fraction, memory
from compare.result import Run
from compare.timing import MODES, Timing

JIT = timing("JAX jit", 1e-3)
EAGER = timing("PyTorch eager", 1e-3)


def numbers(found) -> dict[tuple[str, str], str]:
    rows = rows_with(found, "number")
    return {(row["example"], row["mode"]): row["number"] for row in rows}


@pytest.mark.parametrize(
    ("part", "told"),
    [(0.356, "36"), (0.01, "1"), (0.0034, "0.3"), (1e-5, "< 0.1"), (0.0, "0")],
)
def test_a_part_is_told_in_percent(part, told):
    found = fraction(run(replace(JIT, fraction=part)))
    assert numbers(found) == {(EXAMPLE, "JAX jit"): told}


def test_the_largest_number_has_the_most_colour():
    """Of a quarter it is half as much: by the root."""
    found = fraction(run(replace(JIT, fraction=0.8), replace(EAGER, fraction=0.2)))
    strong, weak = rows_with(found, "strength")
    assert (strong["strength"], weak["strength"]) == (DARKEST, DARKEST / 2)
    assert (strong["colour"], weak["colour"]) == (JAX, TORCH)


def test_where_operations_were_left_out_the_part_is_marked():
    worker = sampled(1e-3, operations={"written": 1e6, "compiled": 5e5})
    odd = replace(JIT, fraction=0.8, workers=[worker])
    found = fraction(run(odd, replace(EAGER, fraction=0.2)))
    assert list(numbers(found).values()) == ["80*", "20"]
    assert "Nearest comes PyTorch eager" in drawn(found).describes


def holding(*sizes: int, **others: int | None) -> Timing:
    workers = [
        sampled(1e-3, memory={"process": size, "device": None} | others)
        for size in sizes
    ]
    return replace(JIT, workers=workers)


def test_the_peak_is_the_largest_of_all_workers():
    found = memory(run(holding(400_000_000, 512_000_000, 390_000_000)))
    assert numbers(found) == {(EXAMPLE, "JAX jit"): "512"}


def test_the_device_s_memory_has_a_grid_of_its_own_where_it_is_known():
    found = memory(run(holding(512_000_000, device=3_200_000), EAGER))
    told = [row["number"] for row in rows_with(found, "number")]
    assert told == ["512", "500", "3.2"]
    assert "3.2 MB of the device's memory" in drawn(found).describes


@pytest.mark.parametrize("chart", [fraction, memory])
@pytest.mark.parametrize(
    "given",
    [run(), run(lost("JAX jit", "failed", "it died")), run(replace(JIT, typical={}))],
)
def test_without_times_the_reason_is_told(chart, given: Run):
    found = chart(given)
    assert isinstance(found, Missing)
    assert "no example has times" in found.why


@pytest.mark.parametrize("odd", [float("nan"), float("inf"), None, -1.0])
def test_what_is_no_number_has_no_field(odd):
    found = fraction(run(replace(JIT, fraction=odd), replace(EAGER, fraction=0.2)))
    assert list(numbers(found)) == [(EXAMPLE, "PyTorch eager")]


def test_all_modes_fit_beside_the_names():
    names = {"jax": "JAX", "torch": "PyTorch"}
    all_ = [
        timing(f"{names[f]} {m}", 1e-3) for f, modes in MODES.items() for m in modes
    ]
    assert drawn(fraction(run(*all_))).spec["width"] == PLOT
