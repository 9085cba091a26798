"""Faults planted in our own pairs: found, placed in a layer, explained."""

from collections import Counter

import pytest
from support import ROOT
from typer.testing import CliRunner

from compare import cli
from compare.noise import LIMIT
from compare.pair.explain.table import EXPLANATIONS
from compare.pair.planted import plant
from compare.pair.planted.cases import BY_NAME, CASES
from compare.pair.planted.fault import LOSS, OPTIMIZER
from compare.pair.planted.faults import FAULTS
from compare.pair.planted.rivals import RIVALS
from compare.plant import PACKAGE, fresh
from compare.result import PHASES

AT_LEAST = 60
LAYERS, CAUSES = 0.95, 0.80
EVERY = pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)


# ----------------------------------------------------------------------- the table


def test_there_are_enough_and_each_has_its_name():
    assert len(FAULTS) >= AT_LEAST
    times = Counter(fault.name for fault in FAULTS)
    assert [name for name, many in times.items() if many > 1] == []


def test_faults_are_on_both_sides_in_every_pair_that_passes():
    assert {fault.side for fault in FAULTS} == {"jax", "torch"}
    passing = {case.name for case in CASES if case.verdict != "precision"}
    assert {fault.case for fault in FAULTS} == passing
    phases = {fault.phase for fault in FAULTS}
    assert phases == {"parameters", "outputs", "loss", "gradients", "state"}
    assert phases <= set(PHASES)


@EVERY
def test_a_fault_is_one_edit_of_a_source_that_is_there(fault):
    case = BY_NAME[fault.case]
    own = case.torch if fault.side == "torch" else case.jax
    path = ROOT / PACKAGE[fault.side] / "pairs" / f"{own}.py"
    source = path.read_text(encoding="utf-8")
    assert source.count(fault.edit.find) == 1
    assert fault.edit.replace != fault.edit.find
    edited = source.replace(fault.edit.find, fault.edit.replace)
    compile(edited, path.name, "exec")


@EVERY
def test_a_layer_is_one_of_pytorchs_and_a_cause_one_of_the_table(fault):
    known = {
        name for name, _ in BY_NAME[fault.case].module("torch").build().named_modules()
    }
    assert fault.layer in known | {LOSS, OPTIMIZER, None}
    assert fault.cause in {entry.name for entry in EXPLANATIONS} | {""}


def test_an_edit_that_is_not_there_is_an_error():
    case, fault = BY_NAME["mlp"], FAULTS[0]
    with pytest.raises(ValueError, match="found it 0 times"):
        case.module("torch", fault.edit)


def test_an_edited_copy_leaves_the_module_as_it_was():
    case = BY_NAME["mlp"]
    fault = next(f for f in FAULTS if f.case == "mlp" and f.side == "jax")
    honest = case.module("jax")
    edited = fresh(honest.__name__, fault.edit)
    assert edited is not honest
    assert case.module("jax") is honest


# ------------------------------------------------------------------------ some of them


@pytest.fixture(scope="module")
def report():
    """`twinnets selftest --pairs` of every ninth fault; the command plants them all."""
    return plant.plant_all(FAULTS[::9], seed=0)


def share(answers) -> float:
    """Of those that can be right, how many are."""
    judged = [answer for answer in answers if answer is not None]
    assert judged
    return sum(judged) / len(judged)


@pytest.mark.slow
def test_every_fault_is_caught(report):
    missed = [told for told in report.outcomes if not told.caught]
    assert missed == []
    scores = [told.score for told in report.outcomes if told.score is not None]
    assert min(scores) > LIMIT


@pytest.mark.slow
def test_no_honest_pair_fails(report):
    assert [told.case for told in report.honest] == [case.name for case in CASES]
    assert [told.case for told in report.honest if not told.passed] == []


@pytest.mark.slow
def test_the_first_layer_is_right(report):
    wrong = {o.fault: o.told_layer for o in report.outcomes if o.layer is False}
    assert share(o.layer for o in report.outcomes) >= LAYERS, wrong


@pytest.mark.slow
def test_the_cause_is_named(report):
    wrong = {o.fault: o.told_cause for o in report.outcomes if o.cause is False}
    assert share(o.cause for o in report.outcomes) >= CAUSES, wrong


@pytest.mark.slow
def test_no_tolerance_on_float32_outputs_finds_as_much(report):
    assert [told.rule for told in report.others] == [rival.name for rival in RIVALS]
    for told in report.others:
        # Optimizers, losses, gradients and running statistics are in no output.
        assert told.found < told.faults


# -------------------------------------------------------------------- the command line


def test_a_name_that_is_not_there_is_told_with_those_that_are_near():
    done = CliRunner().invoke(cli.app, ["selftest", "--pairs", "no shortcuts"])
    assert done.exit_code == 2
    assert "no shortcut" in done.stderr


def test_pairs_are_not_kept_in_a_folder(tmp_path):
    done = CliRunner().invoke(
        cli.app, ["selftest", "--pairs", "no shortcut", "--out", str(tmp_path)]
    )
    assert done.exit_code == 2
    assert "--out" in done.stderr


@pytest.mark.slow
def test_one_fault_from_the_command_line():
    done = CliRunner().invoke(cli.app, ["selftest", "--pairs", "tanh in a GELU"])
    assert done.exit_code == 0, done.stdout
    assert "detected 1 of 1" in done.stdout
    assert "cause named in 1 of 1" in done.stdout
    assert "honest pairs passed 1 of 1" in done.stdout
