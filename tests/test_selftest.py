"""The planted faults: each is found where it must show, and a miss is a failure."""

import json
from collections import Counter
from dataclasses import replace

import pytest
from support import NAMES, TRAININGS, twin_path
from typer.testing import CliRunner

from compare import cli, selftest
from compare.fault import Edit, Fault
from compare.faults import FAULTS
from compare.noise import LIMIT
from compare.plant import PACKAGE
from compare.result import PHASES
from compare.rules import RULES
from compare.run import Settings, new_run
from compare.selftest import EFFORT, Report, plant_all

pytest_plugins = ("warm",)

AT_LEAST = 60
BY_NAME = {fault.name: fault for fault in FAULTS}
EVERY = pytest.mark.parametrize("fault", FAULTS, ids=list(BY_NAME))
# In `state`, `update` and the phases before, what is compared is what a step makes of
# one given state. `predictions` and `oracle` look at the same functions again.
SEEN_BEFORE = {"predictions", "oracle"}


# ----------------------------------------------------------------------- the table


def test_there_are_enough_and_each_has_its_name():
    assert len(FAULTS) >= AT_LEAST
    assert [
        name for name, times in Counter(f.name for f in FAULTS).items() if times > 1
    ] == []


def test_every_phase_that_can_fail_first_has_a_fault():
    assert {fault.phase for fault in FAULTS} == set(PHASES) - SEEN_BEFORE


def test_faults_are_on_both_sides_of_every_kind_and_in_every_example():
    assert {fault.side for fault in FAULTS} == {"jax", "torch"}
    assert {f.verdict for f in FAULTS} == {"semantic", "precision", "crashed"}
    assert {fault.example for fault in FAULTS} == set(NAMES)
    # What fails by another verdict says which words to look for.
    assert all(fault.says for fault in FAULTS if fault.verdict != "semantic")


@EVERY
def test_a_fault_is_one_edit_of_a_source_that_is_there(fault):
    assert fault.example in NAMES
    assert fault.phase in PHASES
    if fault.edit is None:
        return
    path = twin_path(fault.side, fault.example)
    if fault.edit.file != "twin":
        path = path.with_name(f"{fault.edit.file}.py")
    source = path.read_text(encoding="utf-8")
    assert source.count(fault.edit.find) == 1
    assert fault.edit.replace != fault.edit.find
    edited = source.replace(fault.edit.find, fault.edit.replace)
    compile(edited, path.name, "exec")
    assert path.parent.name == PACKAGE[fault.side]


# ------------------------------------------------------------------------ all of them


@pytest.fixture(scope="module")
def report(workers):
    """`twinnets selftest`, with warm workers."""
    settings = Settings(seed=0, effort=EFFORT, run=new_run())
    return plant_all(FAULTS, settings, workers)


@pytest.mark.slow
def test_every_fault_is_found_where_it_must_show(report):
    missed = {o.fault: o.why for o in report.outcomes if not o.found}
    assert missed == {}
    assert report.missed == 0
    assert [outcome.fault for outcome in report.outcomes] == list(BY_NAME)


@pytest.mark.slow
def test_the_scores_are_beyond_rounding(report):
    scores = {o.fault: o.score for o in report.outcomes if o.score is not None}
    assert min(scores.values()) > LIMIT
    # Structural faults are seen from afar; exact comparisons have no score.
    assert max(scores.values()) > 1e9
    exact = {BY_NAME[o.fault] for o in report.outcomes if o.score is None}
    phases = {
        fault.phase
        for fault in exact
        if fault.verdict == "semantic" and "has no" not in fault.says
    }
    assert not phases & {"loss", "state", "update", "trajectory"}


@pytest.mark.slow
def test_other_rules_see_fewer(report):
    """Each on the traces of all faults that left any, and on every honest pair."""
    assert [told.rule for told in report.others] == [rule.name for rule in RULES]
    with_traces = [outcome for outcome in report.outcomes if outcome.others]
    assert {outcome.fault for outcome in with_traces} == {
        fault.name
        for fault in FAULTS
        if fault.example in TRAININGS and fault.edit and fault.verdict != "crashed"
    }
    for told in report.others:
        assert told.honest == len(TRAININGS)
        assert told.faults == len(with_traces)
        assert 0 <= told.found < told.faults
        assert told.found == sum(o.others[told.rule] for o in with_traces)


# -------------------------------------------------------------------------- a miss

HARMLESS = Fault(
    "nothing at all",
    "torch",
    "loss",
    Edit("return F.mse_loss(model", "return  F.mse_loss(model"),
    example="line_linear",
)
ELSEWHERE = [
    # A real fault, expected in a phase, by a verdict or in words that it is not.
    (replace(BY_NAME["half the loss"], phase="outputs"), "semantic in loss"),
    (replace(BY_NAME["half the loss"], verdict="crashed"), "semantic in loss"),
    (replace(BY_NAME["half the loss"], verdict="precision"), "semantic in loss"),
    (replace(BY_NAME["half the loss"], says="no such words"), "semantic in loss"),
    (HARMLESS, "nothing failed"),
    (
        replace(HARMLESS, name="not planted", edit=Edit("no such text", "")),
        "mend the fault",
    ),
]


@pytest.fixture(scope="module")
def planted(workers):
    """One fault that is found, and those that cannot be as they are described."""
    misses = [replace(fault, name=f"{i}") for i, (fault, _) in enumerate(ELSEWHERE)]
    faults = [BY_NAME["half the loss"], HARMLESS, *misses]
    settings = Settings(seed=0, effort=EFFORT, run=new_run())
    return plant_all(faults, settings, workers)


@pytest.mark.parametrize("number", range(len(ELSEWHERE)))
def test_what_is_not_found_as_described_is_missed(planted, number):
    (outcome,) = (o for o in planted.outcomes if o.fault == f"{number}")
    assert not outcome.found
    assert outcome.score is None
    assert ELSEWHERE[number][1] in outcome.why


def test_all_misses_are_counted(planted):
    found = {o.fault for o in planted.outcomes if o.found}
    assert found == {"half the loss"}
    assert planted.missed == len(ELSEWHERE) + 1


@pytest.fixture
def planted_before(monkeypatch, planted):
    """`selftest` plants nothing, and is told what became of the faults it asks for."""

    def told(faults, settings, workers, *, done):
        asked = {fault.name for fault in faults}
        outcomes = [o for o in planted.outcomes if o.fault in asked]
        for outcome in outcomes:
            done(outcome)
        return Report(outcomes, planted.others)

    monkeypatch.setattr(selftest, "plant_all", told)
    monkeypatch.setattr(selftest, "FAULTS", (BY_NAME["half the loss"], HARMLESS))


@pytest.mark.parametrize("as_json", [False, True])
@pytest.mark.parametrize(
    ("name", "code"), [("half the loss", 0), ("nothing at all", 1)]
)
def test_the_exit_code_tells_a_miss(planted_before, name, code, as_json):
    done = CliRunner().invoke(
        cli.app, ["selftest", name, *(["--json"] if as_json else [])]
    )
    assert done.exit_code == code, done.output
    if as_json:
        (outcome,) = json.loads(done.stdout)["outcomes"]
        assert outcome["fault"] == name
        assert outcome["found"] == (code == 0)
        assert done.stderr == ""
    else:
        assert f"detected {1 - code} of 1" in done.stdout
        assert ("missed" in done.stdout) == bool(code)
        assert ("MISSED" if code else "found") in done.stderr
