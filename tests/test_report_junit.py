"""JUnit XML: a reader that is not ours sees of a run what its verdicts say."""

from dataclasses import replace
from xml.etree import ElementTree

import made_up_runs as runs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from junitparser import JUnitXml
from made_up_runs import example, row, run, whole
from made_up_times import lost

from compare import result
from compare.baseline import Change
from compare.report.cases import LISTED
from compare.report.junit import LONGEST, junit
from compare.result import ORDER, PHASES, Run
from compare.timing import Claim


def read(found: Run, **options) -> JUnitXml:
    """What another reader finds in it; what we have counted is what it counts."""
    read, counted = (JUnitXml.fromstring(junit(found, **options)) for _ in range(2))
    counted.update_statistics()
    assert counts(read) == counts(counted)
    return read


def counts(read: JUnitXml) -> list[tuple[int, ...]]:
    return [(s.tests, s.failures, s.errors, s.skipped) for s in (read, *read)]


def cases(read: JUnitXml) -> dict[tuple[str, str], str]:
    """What has become of every test, by the names of its suite and its own."""
    return {
        (case.classname, case.name): " ".join(each._tag for each in case.result)
        or "passed"
        for suite in read
        for case in suite
    }


def told(read: JUnitXml) -> list[tuple]:
    """Name, element, type and message of the cases that have not passed."""
    return [
        (case.name, each._tag, each.type, each.message)
        for suite in read
        for case in suite
        for each in case.result
    ]


# ------------------------------------------------------------------------- whole runs


@pytest.mark.parametrize(
    ("made_up", "strict", "expected"),
    [
        (runs.plain, False, (22, 0, 0, 0)),
        (runs.plain, True, (22, 1, 0, 0)),
        (runs.mismatch, False, (10, 1, 0, 0)),
        (runs.crashed, False, (12, 0, 3, 0)),
        (runs.skipped, False, (3, 0, 0, 3)),
        (runs.skipped, True, (3, 0, 0, 3)),
        (runs.unresolved, False, (10, 1, 0, 0)),
        (runs.not_finite, False, (1, 1, 0, 0)),
        (runs.empty, True, (0, 0, 0, 0)),
        (runs.one_step, False, (10, 0, 0, 0)),
        (runs.with_times, False, (31, 3, 1, 4)),
    ],
)
def test_tests_failures_errors_and_skipped(made_up, strict, expected):
    assert counts(read(made_up(), strict=strict))[0] == expected


def test_every_phase_of_a_training_is_a_test_in_order():
    found = read(runs.one_step())
    assert list(cases(found)) == [("twinnets.line_linear", phase) for phase in PHASES]
    (suite,) = found
    assert (suite.name, suite.time) == ("twinnets.line_linear", 1.5)


def test_a_mismatch_is_one_failed_test():
    found = read(runs.mismatch())
    failed = {name for name, how in cases(found).items() if how != "passed"}
    assert failed == {("twinnets.line_linear", "gradients")}
    sentence = (
        "semantic in gradients weight step 1 float64 "
        "(off by 0.25, score 2.5e+15): the gradient is doubled"
    )
    assert told(found) == [("gradients", "failure", "semantic", sentence)]
    (text,) = [e.text for suite in found for case in suite for e in case.result]
    first, values, second, _ = text.split("\n")
    assert (first, values) == (sentence, "  JAX 0.5, PyTorch 0.25 at [1, 0]")
    assert "step 2" in second


def test_precision_fails_where_it_is_asked_to():
    assert told(read(runs.plain())) == []
    ((name, kind, verdict, message),) = told(read(runs.plain(), strict=True))
    assert (name, kind, verdict) == ("update", "failure", "precision")
    assert "computes in float32: exp" in message


def test_what_is_not_resolved_is_named():
    why = "nothing was resolved of gradients gradients noise"
    assert told(read(runs.unresolved())) == [
        ("gradients", "failure", "unresolved", why)
    ]


def test_a_crash_without_rows_is_an_error_of_the_run():
    first, second, third = told(read(runs.crashed()))
    assert first[:3] == ("run", "error", "crashed")
    assert first[3].endswith("the worker died: Traceback MemoryError")
    assert second[:3] == ("update", "error", "crashed")
    assert third == ("run", "error", "crashed", "crashed, and no row says why")


def test_one_side_alone_is_skipped_with_the_reason():
    names = [(name, kind, why) for name, kind, _, why in told(read(runs.skipped()))]
    why = "torch is not installed: pip install torch"
    assert names == [(name, "skipped", why) for name in ("run", "oracle", "run")]


def test_numbers_that_are_not_finite_are_told_as_they_are():
    ((_, _, _, message),) = told(read(runs.not_finite()))
    assert message == "semantic in loss step 0 float64 (off by nan, score nan)"
    strange = replace(runs.one_step().examples[0], seconds=float("nan"))
    assert b" time=" not in junit(run(strange))


# ---------------------------------------------------------------------- parts of runs


@pytest.mark.parametrize(("more", "last"), [(0, []), (1, ["and 1 more"])])
def test_at_most_twenty_rows_of_a_phase_are_told(more, last):
    rows = [row(step=step, verdict="semantic") for step in range(LISTED + more)]
    ((case,),) = read(run(example("line", *rows)))
    lines = case.result[0].text.split("\n")
    assert all(f"step {step} " in lines[step] for step in range(LISTED))
    assert lines[LISTED:] == last


def test_phases_in_their_order_and_unknown_ones_last():
    rows = [row("later", verdict="semantic"), row("oracle"), whole("skipped", "no GPU")]
    mixed = example("line", *rows, checks=rows)
    assert [(name, how) for (_, name), how in cases(read(run(mixed))).items()] == [
        ("run", "skipped"),
        ("oracle", "passed"),
        ("later", "failure"),
    ]


@pytest.mark.parametrize(
    ("verdict", "expected"), [("semantic", "failure"), ("precision", "skipped")]
)
def test_of_a_skipped_example_what_fails_is_shown_all_the_same(verdict, expected):
    """Less precision does not: neither does it count under `strict`."""
    rows = [row("data"), row("loss", verdict=verdict), whole("skipped", "no GPU")]
    found = read(run(example("line", *rows, verdict="skipped")), strict=True)
    assert list(cases(found).values()) == ["skipped", "skipped", expected]


def test_an_example_that_says_nothing_proves_nothing():
    assert told(read(run(example("line", verdict="rounding")))) == [
        ("run", "skipped", None, "nothing was compared")
    ]


def test_float32_alone_need_not_be_resolved():
    rows = [row(precision="float32", verdict="unresolved"), row("data")]
    assert set(cases(read(run(example("line", *rows)))).values()) == {"passed"}


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        ({"claims": [Claim("line", "a", True, "b")]}, []),
        (
            {"claims": [Claim("line", "a", False, "b")]},
            [("a", "failure", "claim", "does not hold: a; b")],
        ),
        (
            {"claims": [Claim("line", "a", None, "b")]},
            [("a", "skipped", None, "undecided: b")],
        ),
        (
            {"timings": [lost("JAX jit", "not equivalent", "b")]},
            [("JAX jit", "failure", "not equivalent", "not equivalent: b")],
        ),
        (
            {"timings": [lost("JAX jit", "failed", "b", batch=8)]},
            [("JAX jit batch 8", "error", "failed", "failed: b")],
        ),
        (
            {"timings": [lost("JAX jit", "left out", "b")]},
            [("JAX jit", "skipped", "left out", "left out: b")],
        ),
        ({"timings": [lost("JAX jit again", "failed", "b")]}, []),
        (
            {
                "changes": [
                    Change("line", "jax", "jit", 8, "tf32", 2.0, 1.9, 2.1, "regressed")
                ]
            },
            [
                (
                    "JAX jit batch 8 against its baseline",
                    "failure",
                    "baseline",
                    "regressed: line: JAX jit batch 8 takes 2 × as long as in the "
                    "baseline (1.9 to 2.1)",
                )
            ],
        ),
    ],
)
def test_times_that_do_not_hold(part, expected):
    assert told(read(run(**part))) == expected


def test_times_are_a_suite_of_their_own():
    names = [suite.name for suite in read(runs.with_times())]
    assert names[3:] == ["twinnets.time.line_linear", "twinnets.time.two_layer_adam"]


# ------------------------------------------------------------------------ what is odd


def test_hostile_names_are_names():
    found = read(runs.hostile_names())
    names = [suite.name.removeprefix("twinnets.") for suite in found]
    expected = dict(zip(runs.HOSTILE, names, strict=True))
    assert expected["script"] == runs.HOSTILE["script"]
    assert expected["end of character data"] == "]]>"
    assert expected["right to left"] == "a�gnp.exe�"
    assert expected["control character"] == "bell � escape �[31m"
    assert expected["lines"] == "first second   third fourth"
    assert expected["long"] == runs.HOSTILE["long"]
    assert [suite.failures for suite in found] == [1] * len(runs.HOSTILE)
    phases = {case.name for suite in found for case in suite} - {*PHASES}
    assert phases == set(names)
    assert max(len(message) for *_, message in told(found)) == LONGEST


@given(st.text())
def test_any_text_can_be_everywhere(text):
    rows = [row(text, quantity=text, leaf=text, verdict="semantic", why=text)]
    parts = {
        "claims": [Claim(text, text, False, text)],
        "timings": [lost("JAX jit", "failed", text, example=text)],
    }
    read(run(example(text, *rows), **parts))
    found = ElementTree.fromstring(junit(run(example(text, *rows), **parts)))
    assert {each.tag for each in found.iter()} == {
        *("testsuites", "testsuite", "testcase", "failure", "error")
    }
    assert all(len(each.get("message", "")) <= LONGEST for each in found.iter())


some_rows = st.fixed_dictionaries(
    {
        "phase": st.sampled_from([*PHASES, "later"]),
        "verdict": st.sampled_from(ORDER),
        "precision": st.sampled_from(["float64", "float32", ""]),
        "leaf": st.sampled_from("ab"),
    }
)


@given(st.lists(some_rows, min_size=1, max_size=6), st.booleans())
def test_a_suite_fails_where_its_example_does(drawn, strict):
    """So that what a CI system shows is what the exit code says."""
    rows = [row(**values) for values in drawn]
    judged = any(r.verdict != "unresolved" or r.precision == "float64" for r in rows)
    verdict = result.verdict(rows) if judged else "rounding"
    found = read(run(example("line", *rows, verdict=verdict)), strict=strict)
    fails = found.failures + found.errors > 0
    assert fails is not result.passed(verdict, strict=strict)


@given(st.sampled_from(ORDER), st.lists(some_rows, max_size=2), st.booleans())
def test_no_example_that_fails_is_shown_as_passed(verdict, drawn, strict):
    """Even where its rows know nothing of it."""
    rows = [row(**values) for values in drawn]
    found = read(run(example("line", *rows, verdict=verdict)), strict=strict)
    fails = found.failures + found.errors > 0
    assert fails or result.passed(verdict, strict=strict)
