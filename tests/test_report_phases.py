"""Where the time goes before the first step: nothing twice, nothing lost."""

from dataclasses import replace

import pytest
from drawn_rows import ROUNDED, rows_with
from hypothesis import given
from hypothesis import strategies as st
from made_up_times import EXAMPLE, PHASES, lost, run, timing

from compare.report.chart import Missing
from compare.report.phase_charts import COMPILER, _apart, phases

JIT = timing("JAX jit", 1e-3)
"""Its phases are `PHASES`: of a first call of 0.95 s the compiler takes 0.9 s."""
SECONDS = st.floats(0, 1e3)


def edges(found) -> dict[tuple[str, str], tuple[float, float]]:
    return {
        (row["cache"], row["phase"]): (row["begin"], row["end"])
        for row in rows_with(found, "phase")
    }


def test_phases_follow_each_other():
    found = edges(phases(run(JIT), EXAMPLE))
    assert [phase for _, phase in found] == list(PHASES)
    assert found["cold", "import"] == (0.0, 1.0)
    assert found["cold", "compile"] == pytest.approx((1.61, 2.01), rel=ROUNDED)
    assert found["cold", "first call"] == pytest.approx((2.01, 2.06), rel=ROUNDED)
    assert found["cold", "second call"] == pytest.approx((2.06, 2.062), rel=ROUNDED)


def test_with_a_warm_cache_beside_it():
    warm = replace(JIT, warm_phases={**PHASES, "first call": 0.92, "import": 0.5})
    found = edges(phases(run(warm), EXAMPLE))
    assert found["warm", "import"] == (0.0, 0.5)
    assert found["cold", "import"] == (0.0, 1.0)


@given(st.fixed_dictionaries(dict.fromkeys(PHASES, SECONDS)))
def test_what_a_compiler_does_inside_of_the_calls_is_not_counted_twice(told):
    """All is at least as much as the calls, and no more where they hold it all."""
    parts = _apart(told)
    calls = told["first call"] + told["second call"]
    inside = sum(told[name] for name in COMPILER)
    before = sum(told[name] for name in ("import", "device start", "host to device"))
    assert sum(parts.values()) == pytest.approx(before + max(calls, inside))
    assert min(parts.values()) >= 0


@pytest.mark.parametrize(
    ("after", "says"),
    [
        (None, "cold"),
        (0.0, "cold, pays at once"),
        (1234.2, "cold, pays after 1 235 steps"),
        (float("inf"), "cold"),
    ],
)
def test_when_compiling_has_paid_for_itself(after, says):
    (row,) = rows_with(phases(run(replace(JIT, pays_after=after)), EXAMPLE), "says")
    assert row["says"] == says


@pytest.mark.parametrize("odd", [float("nan"), float("inf"), -1.0])
def test_what_is_no_number_is_no_phase(odd):
    found = phases(run(replace(JIT, phases={**PHASES, "trace": odd})), EXAMPLE)
    assert ("cold", "trace") not in edges(found)


@pytest.mark.parametrize(
    ("timings", "why"),
    [
        ([], "the run has no times of it"),
        ([lost("JAX jit", "failed", "it died")], "JAX jit: failed, it died"),
        ([replace(JIT, phases={})], "the run has no times of it"),
        ([replace(JIT, phases=dict.fromkeys(PHASES, 0.0))], "the run has no times"),
    ],
)
def test_why_there_is_nothing_to_draw(timings, why):
    found = phases(run(*timings), EXAMPLE)
    assert isinstance(found, Missing)
    assert why in found.why
