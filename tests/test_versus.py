"""Two runs side by side: what differs, what is worse, and what is known of times."""

import math
from dataclasses import replace
from itertools import product

import made_up_runs as runs
import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_up_times import lost, ratio, sampled, timing

from compare import result, versus_words
from compare.result import ORDER
from compare.versus import Pair, versus, worse

PAIRS = list(product(runs.RUNS, runs.RUNS))
IDS = [f"{then.__name__}-{now.__name__}" for then, now in PAIRS]

# ---------------------------------------------------------------------- environment


def environments(then, now, **seeds):
    """What differs between two environments."""
    left = runs.run(environment=then)
    right = runs.run(environment=now, **seeds)
    return versus(left, right)


@pytest.mark.parametrize(
    ("then", "now", "expected"),
    [
        ({}, {}, {}),
        ({"cores": 2}, {"cores": 2}, {}),
        ({"cores": 2}, {"cores": 4}, {"cores": ("2", "4")}),
        ({}, {"commit": "c25099a"}, {"commit": (None, "c25099a")}),
        ({"commit": "c25099a"}, {"commit": None}, {"commit": ("c25099a", None)}),
        (
            {"packages": {"jax": "0.10.2", "flax": "0.12"}},
            {"packages": {"jax": "0.11.0", "flax": "0.12"}},
            {"packages jax": ("0.10.2", "0.11.0")},
        ),
        (
            {"command": ["twinnets", "run"]},
            {"command": ["twinnets", "run", "a b"]},
            {"command": ("twinnets run", "twinnets run 'a b'")},
        ),
        (
            {"settings": {"effort": {"steps": None, "copies": 4}}},
            {"settings": {"effort": {"steps": 40, "copies": 4}}},
            {"settings effort steps": (None, "40")},
        ),
        ({"timing": {"threads": 2}}, {}, {"timing": ("1 entries", None)}),
        ({"cpu seconds": {"imports": 1.0}}, {"cpu seconds": {"imports": 2.0}}, {}),
        ({"memory": math.nan}, {"memory": math.nan}, {}),
    ],
)
def test_only_what_differs_is_told_by_its_flat_name(then, now, expected):
    found = environments(then, now).environment
    assert found == {name: Pair(*both) for name, both in expected.items()}


def test_another_seed_is_told():
    assert environments({}, {}, seed=7).environment == {"seed": Pair("0", "7")}


@pytest.mark.parametrize(
    ("package", "expected"),
    [("0.11", {"packages jax"}), ("0.10", {"workers jax float64 jax"})],
)
def test_a_worker_repeats_no_version(package, expected):
    """But where it has another one than what is installed, that is told."""
    then = {"packages": {"jax": "0.10"}, "workers": {"jax float64": {"jax": "0.10"}}}
    now = {"packages": {"jax": package}, "workers": {"jax float64": {"jax": "0.11"}}}
    assert set(environments(then, now).environment) == expected


@pytest.mark.parametrize(
    ("then", "now", "elsewhere"),
    [
        ({"processor": "EPYC"}, {"processor": "Xeon"}, ["processor"]),
        ({"cores": 2}, {"cores": 4}, ["cores"]),
        ({"timing": {"threads": 1}}, {"timing": {"threads": 2}}, ["timing threads"]),
        (
            {"timing": {"device": "cpu"}},
            {"timing": {"device": "gpu"}},
            ["timing device"],
        ),
        (
            {"workers": {"jax float32": {"gpu": "none"}}},
            {"workers": {"jax float32": {"gpu": "H100"}}},
            ["workers jax float32 gpu"],
        ),
        ({"date": "then"}, {"date": "now"}, []),
        ({"packages": {"jax": "1"}}, {"packages": {"jax": "2"}}, []),
    ],
)
def test_what_makes_another_machine(then, now, elsewhere):
    assert environments(then, now).elsewhere == elsewhere


# ------------------------------------------------------------------------- verdicts

PROVED = ("bitwise", "rounding", "differs", "precision")
FAILED = ("unresolved", "semantic", "crashed")


@pytest.mark.parametrize(
    ("then", "now", "expected"),
    [
        *((then, now, False) for then in PROVED for now in PROVED),
        *((then, now, True) for then in PROVED for now in FAILED),
        *((then, now, False) for then in FAILED for now in (*PROVED, *FAILED)),
        *((then, lost, True) for then in PROVED for lost in ("skipped", None)),
        *((then, lost, False) for then in FAILED for lost in ("skipped", None)),
        *((new, now, False) for new in ("skipped", None) for now in PROVED),
        *((new, now, True) for new in ("skipped", None) for now in FAILED),
        ("skipped", None, False),
        (None, "skipped", False),
        ("skipped", "skipped", False),
    ],
)
def test_what_is_worse(then, now, expected):
    assert worse(then, now) is expected


def test_the_table_above_is_whole():
    """Every verdict is one of them."""
    assert {*PROVED, *FAILED, "skipped"} == {*ORDER}


def test_a_verdict_that_changed():
    found = versus(runs.plain(), runs.mismatch())
    (one,) = found.examples
    assert one.name == runs.TRAINING
    assert one.verdict == Pair("rounding", "semantic")
    assert one.phases == {"gradients": Pair("rounding", "semantic")}
    assert (one.failure.phase, one.failure.step) == ("gradients", 1)
    assert one.checks == Pair(120, 122)  # 10 phases, 2 leaves, 3 steps, 2 precisions
    assert one.is_worse and not one.is_better
    assert found.worse == [runs.TRAINING, runs.LESSON, runs.OTHER]


def test_a_verdict_that_got_better():
    found = versus(runs.mismatch(), runs.plain())
    (one,) = found.examples
    assert one.is_better and not one.is_worse
    assert one.failure is None
    assert found.worse == []


def test_examples_of_one_run_only():
    found = versus(runs.run(runs.training("a"), runs.training("b")), runs.mismatch())
    assert found.gone == {"a": "rounding", "b": "rounding"}
    assert found.added == {runs.TRAINING: "semantic"}
    assert found.worse == ["a", "b", runs.TRAINING]
    assert found.examples == []


def test_a_score_that_changed():
    """The largest that passed, of each precision."""
    rows = [runs.row(score=s, precision=p) for s, p in ((2.5, "float64"), (9.0, "x"))]
    high = runs.row(score=4.0, precision="float32")
    then = runs.run(runs.training())
    now = runs.run(runs.training(runs.TRAINING, *rows, high))
    (one,) = versus(then, now).examples
    assert one.score == Pair(pytest.approx(0.3), 2.5)
    assert one.float32 == Pair(pytest.approx(0.3), 4.0)
    assert one.phases == {}


def test_a_phase_of_one_run_only():
    then = runs.run(runs.example("a", runs.row("loss")))
    now = runs.run(runs.example("a", runs.row("update", verdict="bitwise")))
    (one,) = versus(then, now).examples
    assert one.phases == {
        "loss": Pair("rounding", None),
        "update": Pair(None, "bitwise"),
    }


def test_skipped_rows_are_no_checks():
    then = runs.run(runs.example("a", runs.row(), runs.row(verdict="skipped")))
    (one,) = versus(then, then).examples
    assert one.checks == Pair(1, 1)


@pytest.mark.parametrize("made", runs.RUNS)
def test_a_run_differs_in_nothing_from_itself(made):
    found = versus(made(), made())
    assert found.environment == {}
    assert found.worse == [] and found.gone == {} and found.added == {}
    assert versus_words.changed(found) == []
    assert found.untimed == []
    assert {one.ratio for one in found.times} <= {1.0}


@pytest.mark.parametrize(("then", "now"), PAIRS, ids=IDS)
def test_backwards_is_the_same(then, now):
    there, back = versus(then(), now()), versus(now(), then())
    assert there.gone == back.added
    assert there.environment.keys() == back.environment.keys()
    assert {one.name for one in there.examples} == {one.name for one in back.examples}
    ratios = {one.label + one.example: 1 / one.ratio for one in back.times}
    found = {one.label + one.example: one.ratio for one in there.times}
    assert found == pytest.approx(ratios)


@pytest.mark.parametrize(("then", "now"), PAIRS, ids=IDS)
def test_all_can_be_written_as_json(then, now):
    found = versus(then(), now())
    told = msgspec.json.decode(msgspec.json.encode(found))
    assert [one["name"] for one in told["examples"]] == [
        one.name for one in found.examples
    ]


# ---------------------------------------------------------------------------- times

STEADY = (1.00e-3, 1.01e-3, 0.99e-3, 1.00e-3, 1.01e-3)
"""Seconds a step of five processes, which differ by 1 %."""
WIDE = (0.7e-3, 1.5e-3, 1.0e-3)


def timed(then, now, **options):
    """The only time that both runs have, of these seconds."""
    noise = [ratio("JAX jit again", "JAX jit", 1.0, **options)] if options else []
    left = runs.run(timings=[timing("JAX jit", *then)], ratios=noise)
    right = runs.run(timings=[timing("JAX jit", *now)])
    found = versus(left, right)
    assert found.untimed == []
    (one,) = found.times
    return one


def scaled(factor, seconds=STEADY):
    return [factor * each for each in seconds]


@pytest.mark.parametrize(
    ("factor", "seconds", "expected"),
    [
        (1.3, STEADY, "SLOWER"),
        (0.7, STEADY, "FASTER"),
        (1.0, STEADY, "SAME"),
        (1.03, STEADY, "SAME"),
        (1.3, WIDE, "UNDECIDED"),
        (0.7, WIDE, "UNDECIDED"),
        (1.0, WIDE, "UNDECIDED"),
    ],
)
def test_the_interval_decides(factor, seconds, expected):
    one = timed(seconds, scaled(factor, seconds))
    assert one.verdict == expected
    assert one.ratio == pytest.approx(factor)
    assert one.low < factor < one.high


def test_the_bounds_are_those_of_welch():
    """Of scipy.stats.ttest_ind(log now, log then, equal_var=False), 3.70 d.f."""
    one = timed((1.0, 1.0, 1.3, 0.9), (2.0, 2.2, 2.1))
    assert (one.low, one.high) == pytest.approx((1.589879, 2.560497))


def test_seconds_have_intervals_of_their_own():
    """Student's: exp(mean log ± 12.706 · |log 2 − log 1| / 2) of two processes."""
    one = timed((1.0, 2.0), (3.0, 3.0))
    reach = math.exp(12.7062047 * math.log(2) / 2)
    assert one.then.seconds == pytest.approx(math.sqrt(2))
    assert one.then.low == pytest.approx(math.sqrt(2) / reach)
    assert one.then.high == pytest.approx(math.sqrt(2) * reach)
    assert (one.now.low, one.now.high) == pytest.approx((3.0, 3.0))


@pytest.mark.parametrize(
    ("then", "now"), [((1e-3,), scaled(9)), (STEADY, (9e-3,)), ((1e-3,), (9e-3,))]
)
def test_one_block_has_no_interval(then, now):
    one = timed(then, now)
    assert one.verdict == "UNDECIDED"
    assert one.ratio == pytest.approx(9, rel=0.01)
    assert one.low is one.high is None


@pytest.mark.parametrize(
    ("band", "expected"), [(1.02, "SLOWER"), (1.03, "SLOWER"), (1.2, "UNDECIDED")]
)
def test_the_noise_of_either_run_hides_what_lies_within(band, expected):
    one = timed(STEADY, scaled(1.1), band=math.log(band))
    assert one.verdict == expected


@pytest.mark.parametrize("bands", [(1.03, 1.2), (1.2, 1.03), (1.2, None), (None, 1.2)])
def test_the_widest_band_of_both_runs_counts(bands):
    then, now = (
        runs.run(
            timings=[timing("JAX jit", *seconds)],
            ratios=[ratio("JAX jit", "JAX eager", 1.0, band=band and math.log(band))],
        )
        for seconds, band in zip((STEADY, scaled(1.1)), bands, strict=True)
    )
    assert versus(then, now).times[0].verdict == "UNDECIDED"


@pytest.mark.parametrize("band", [None, math.nan, math.inf])
def test_where_noise_was_not_measured_the_least_is_taken(band):
    assert timed(STEADY, scaled(1.1), band=band).verdict == "SLOWER"


def test_noise_of_another_example_is_not_looked_at():
    one = timed(STEADY, scaled(1.1), band=1.0, example=runs.OTHER)
    assert one.verdict == "SLOWER"


CELLS = [
    timing("JAX jit", *STEADY),
    timing("JAX scan", *STEADY),
    timing("PyTorch eager", *STEADY),
    timing("JAX jit", *STEADY, batch=64),
    timing("JAX jit", *STEADY, products="tf32"),
    timing("JAX jit", *STEADY, example=runs.OTHER),
]


def test_every_cell_is_compared_with_itself():
    factors = range(1, len(CELLS) + 1)
    slower = [
        replace(one, workers=[sampled(factor * seconds) for seconds in STEADY])
        for one, factor in zip(CELLS, factors, strict=True)
    ]
    found = versus(runs.run(timings=CELLS), runs.run(timings=slower[::-1]))
    assert [one.ratio for one in found.times] == pytest.approx(list(factors))
    assert [one.label for one in found.times] == [
        "JAX jit", "JAX scan", "PyTorch eager", "JAX jit batch 64", "JAX jit tf32",
        "JAX jit",
    ]  # fmt: skip


NOT_PLAUSIBLE = {
    "no worker": [],
    "no samples": [replace(sampled(1.0), samples={})],
    "an empty row": [replace(sampled(1.0), samples={"step": []})],
    "zero": [sampled(0.0), sampled(1.0)],
    "negative": [sampled(-1.0)],
    "NaN": [sampled(math.nan)],
    "infinite": [sampled(math.inf)],
    "too short for a clock": [sampled(1e-300), sampled(1e-300)],
}


@pytest.mark.parametrize("workers", NOT_PLAUSIBLE.values(), ids=NOT_PLAUSIBLE)
def test_what_are_no_seconds_is_not_compared(workers):
    odd = replace(CELLS[0], workers=workers)
    found = versus(runs.run(timings=CELLS[:1]), runs.run(timings=[odd]))
    assert found.times == []
    (one,) = found.untimed
    assert (one.then, one.now) == ("", "no seconds")


@pytest.mark.parametrize(
    ("now", "why"),
    [
        ([], "not timed"),
        ([lost("JAX jit", "not equivalent", "off by 1")], "not equivalent: off by 1"),
        ([lost("JAX jit", "failed", "")], "failed"),
        ([timing("JAX jit again", *STEADY)], "not timed"),
    ],
)
def test_what_one_run_lacks_is_named_with_the_reason(now, why):
    left, right = runs.run(timings=CELLS[:1]), runs.run(timings=now)
    (one,) = versus(left, right).untimed
    assert (one.label, one.then, one.now) == ("JAX jit", "", why)
    (one,) = versus(right, left).untimed
    assert (one.label, one.then, one.now) == ("JAX jit", why, "")


def test_what_neither_run_has_timed_is_not_told():
    none = runs.run(
        timings=[lost("JAX jit", "failed", "why"), timing("JAX jit again", 1e-3)]
    )
    assert versus(none, none).untimed == []


SECONDS = st.lists(st.floats(1e-12, 1e6), min_size=1, max_size=5)


@given(SECONDS, SECONDS)
def test_any_seconds_of_a_clock_can_be_compared(then, now):
    one = timed(then, now)
    assert (one.low is None) == (min(len(then), len(now)) < 2)
    if one.low is not None:
        assert 0 <= one.low <= one.ratio * (1 + 1e-12)
        assert one.high >= one.ratio * (1 - 1e-12)
        assert one.verdict != "SLOWER" or one.low > 1
        assert one.verdict != "FASTER" or one.high < 1


def test_the_same_code_is_seldom_called_slower_or_faster():
    """5 % noise, no change: 5 of 100 intervals leave 1 out, some by less than 2 %."""
    rng = np.random.default_rng(0)
    drawn = np.exp(0.05 * rng.standard_normal((300, 2, 5))).tolist()
    found = [timed(*both).verdict for both in drawn]
    assert 0 < found.count("SLOWER") + found.count("FASTER") <= 15


# ---------------------------------------------------------------------------- words


def told(then, now):
    return versus_words.verdicts(versus(then, now))


def passing(*names):
    return runs.run(*map(runs.training, names))


@pytest.mark.parametrize(
    ("then", "now", "expected"),
    [
        (runs.empty(), runs.empty(), "no example is in both runs"),
        (passing("a"), runs.empty(), "no example is in both runs; 1 gone"),
        (passing("a"), passing("a"), "1 example in both runs: 1 as before"),
        (
            passing("a", "b"),
            passing("b", "c", "d"),
            "1 example in both runs: 1 as before; 1 gone; 2 new",
        ),
        (
            runs.run(runs.training("a")),
            runs.run(runs.training("a", runs.row(score=5.0))),
            "1 example in both runs: 1 otherwise different",
        ),
        (
            passing(runs.TRAINING),
            runs.mismatch(),
            "1 example in both runs: 1 worse",
        ),
        (
            runs.mismatch(),
            passing(runs.TRAINING),
            "1 example in both runs: 1 better",
        ),
        (
            passing("a"),
            replace(
                runs.mismatch(),
                examples=[runs.training("a"), *runs.mismatch().examples],
            ),
            "1 example in both runs: 1 as before; 1 new (1 failing)",
        ),
    ],
)
def test_the_answer_on_verdicts(then, now, expected):
    assert told(then, now) == expected


@pytest.mark.parametrize(
    ("then", "now", "expected"),
    [
        ([], [], "neither run has times"),
        (CELLS, [], "no time is in both runs: 6 then, 0 now"),
        (CELLS[:1], CELLS[1:3], "no time is in both runs: 1 then, 2 now"),
        (CELLS[:1], CELLS, "1 time in both runs: 1 SAME"),
        (
            CELLS[:2],
            [timing("JAX jit", *scaled(2)), timing("JAX scan", 1e-3)],
            "2 times in both runs: 1 SLOWER, 1 UNDECIDED",
        ),
    ],
)
def test_the_answer_on_times(then, now, expected):
    found = versus(runs.run(timings=then), runs.run(timings=now))
    assert versus_words.times(found) == expected


def test_times_of_different_machines_are_said_to_be_so():
    says = "of different machines, or of different parts of one (cores)"
    then = runs.run(timings=CELLS[:1], environment={"cores": 2})
    now = runs.run(timings=CELLS[:1], environment={"cores": 4})
    assert says in versus_words.elsewhere(versus(then, now))
    assert versus_words.elsewhere(versus(then, then)) == ""
    without = versus(then, replace(now, timings=[]))
    assert versus_words.elsewhere(without) == ""


def test_what_is_lacking_is_told_by_example_and_reason():
    gone = [lost("JAX jit", "failed", "it died"), CELLS[2]]
    found = versus(runs.run(timings=CELLS[:3]), runs.run(timings=gone))
    assert list(versus_words.untimed(found)) == [
        "line_linear: JAX jit: timed then, failed: it died now",
        "line_linear: JAX scan: timed then, not timed now",
    ]
    back = versus(runs.run(timings=gone[1:]), runs.run(timings=CELLS[:3]))
    assert list(versus_words.untimed(back)) == [
        "line_linear: JAX jit, JAX scan: timed now, not timed then"
    ]


def test_a_run_without_times_is_told_once():
    found = versus(runs.run(timings=CELLS), runs.run())
    assert list(versus_words.untimed(found)) == []
    assert len(found.untimed) == len(CELLS)


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        ((1e-3,), "1000"),
        ((1.5e-6, 1.5e-6), "1.5 ± 0.0%"),
        ((12.3456e-3, 12.3456e-3), "12346 ± 0.0%"),
        # exp(12.706 · log(1.01) / 2) − 1, Student's of two processes.
        ((1e-6, 1.01e-6), "1 ± 7%"),
    ],
)
def test_a_time_is_told_with_its_reach(seconds, expected):
    assert versus_words.step(timed(seconds, seconds).then) == expected


@pytest.mark.parametrize(
    ("factor", "expected"), [(1.3, "1.30"), (0.05, "0.05"), (123.4, "123")]
)
def test_a_ratio_is_told(factor, expected):
    assert versus_words.ratio(timed((1e-3,), (factor * 1e-3,))) == expected
    told = versus_words.ratio(timed((1e-3,) * 2, (factor * 1e-3,) * 2))
    assert told == f"{expected} ({expected} to {expected})"


def test_what_is_worse_stands_first():
    names = ("same", "other", "better", "worse")
    failing = {"verdict": "semantic"}
    then = passing(*names)
    then.examples[2] = runs.training("better", runs.row(**failing))
    now = runs.run(
        runs.training("same"),
        runs.training("other", runs.row(score=3.0)),
        runs.training("better"),
        runs.training("worse", runs.row(**failing)),
    )
    found = versus_words.changed(versus(then, now))
    assert [one.name for one in found] == ["worse", "better", "other"]
    assert versus_words.cells(found[2]) == ["rounding", "120 → 121", "0.3 → 3", "0.3"]


def test_the_largest_change_of_a_verdict_stands_first():
    factors = {"JAX jit": 1.3, "JAX scan": 0.7, "JAX eager": 2.0, "PyTorch eager": 1.0}
    then = [timing(name, *STEADY) for name in factors]
    now = [timing(name, *scaled(factor)) for name, factor in factors.items()]
    found = versus(runs.run(timings=then), runs.run(timings=now))
    assert [one.label for one in versus_words.listed(found)] == [
        "JAX eager",
        "JAX jit",
        "JAX scan",
    ]


def test_a_run_that_was_written_is_the_run_that_is_read(tmp_path):
    result.write(runs.with_times(), tmp_path / "run.json")
    found = versus(runs.with_times(), result.read(tmp_path / "run.json"))
    assert found.environment == {} and found.worse == []
    assert versus_words.changed(found) == []
    assert {one.ratio for one in found.times} == {1.0}
