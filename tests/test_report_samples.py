"""Every sample, or so many that the picture is small and no extreme is lost."""

from dataclasses import replace

import numpy as np
import pytest
from drawn_rows import ROUNDED, drawn, rows_with
from made_up_times import EXAMPLE, lost, run, sampled, timing

from compare.fault import NAMES
from compare.report.chart import Missing
from compare.report.sample_charts import samples
from compare.result import Run
from compare.timing import MODES, Timing

SMALL = 25_000
"""Characters of a picture."""


def with_blocks(name: str, *blocks: list[float]) -> Timing:
    workers = [replace(sampled(1.0), samples={"step": block}) for block in blocks]
    return replace(timing(name, 1e-3), workers=workers)


def test_few_samples_are_all_there_in_order_and_by_block():
    found = samples(run(with_blocks("JAX jit", [1e-6, 2e-6], [3e-6, 4e-6])), EXAMPLE)
    rows = [(r["at"], r["micro"], r["block"]) for r in rows_with(found, "micro")]
    assert rows == [(0, 1.0, 0), (1, 2.0, 0), (4, 3.0, 1), (5, 4.0, 1)]


def test_a_panel_for_each_mode():
    both = [with_blocks(name, [1e-6, 2e-6]) for name in ("JAX jit", "PyTorch eager")]
    titles = [
        p["title"]["text"] for p in drawn(samples(run(*both), EXAMPLE)).spec["concat"]
    ]
    assert titles == ["JAX jit, µs", "PyTorch eager, µs"]


def noisy(blocks: int, size: int) -> Run:
    """Every mode there is but one, with seeded noise of a tenth."""
    rng = np.random.default_rng(0)
    names = [f"{NAMES[side]} {mode}" for side, modes in MODES.items() for mode in modes]
    return run(
        *(
            with_blocks(
                name,
                *(1e-3 * np.exp(0.1 * rng.standard_normal((blocks, size)))).tolist(),
            )
            for name in names[:8]
        )
    )


def test_the_picture_of_eight_modes_is_small():
    assert len(drawn(samples(noisy(5, 30), EXAMPLE)).svg) < SMALL


def test_extremes_of_every_block_stay():
    given = noisy(5, 300)
    panels = drawn(samples(given, EXAMPLE)).spec["concat"]
    for panel, one in zip(panels, given.timings, strict=True):
        rows = panel["data"]["values"]
        assert len(rows) < 5 * 300 / 10
        for number, worker in enumerate(one.workers):
            kept = [row["micro"] for row in rows if row["block"] == number]
            every = np.array(worker.samples["step"]) / 1e-6
            ends = (every.min(), every.max())
            assert (min(kept), max(kept)) == pytest.approx(ends, rel=ROUNDED)


def test_a_block_of_one_sample_is_a_point():
    (panel,) = drawn(samples(run(timing("JAX jit", 1e-3)), EXAMPLE)).spec["concat"]
    assert panel["mark"]["point"] is True


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (run(), "the run has no times of it"),
        (run(lost("JAX jit", "failed", "it died")), "JAX jit: failed, it died"),
        (run(with_blocks("JAX jit", [], [float("nan"), 0.0])), "no times of it"),
        (run(with_blocks("JAX jit")), "no times of it"),
    ],
)
def test_why_there_is_nothing_to_draw(given, why):
    found = samples(given, EXAMPLE)
    assert isinstance(found, Missing)
    assert why in found.why
