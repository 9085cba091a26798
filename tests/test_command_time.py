"""`twinnets time` as a whole, with workers whose times are made up."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from made_up_times import example, proved, row, run, sampled
from typer.testing import CliRunner

from compare import cli, command_time, folder, result, time_run
from compare.doctor import environment
from compare.registry import load
from compare.result import NotARun, Run
from compare.run import Settings
from compare.spec import prepare
from compare.task import QUICK
from compare.time_run import Passed

EXAMPLE = "two_layer_manual"
RUNNER = CliRunner()


def invoke(*arguments: object):
    """Run the command line in this process."""
    given = [str(argument) for argument in arguments]
    return RUNNER.invoke(cli.app, ["time", *given])


# ----------------------------------------------------------------------- the whole path


class Bench:
    """Workers with made-up times, of an example that has passed."""

    def __init__(self, monkeypatch):
        self.seconds = {"notebook": 4e-3, "eager": 3e-3, "jit": 1e-3, "scan": 1e-3}
        self.proof = row()
        self.calls: list[str] = []
        told = folder.told(Settings(effort=QUICK))
        workers = {"jax float32": {"gpu": "none"}}
        self.environment = environment() | {"settings": told, "workers": workers}
        self.example = example(EXAMPLE)
        monkeypatch.setattr(command_time, "base_run", self._base)
        monkeypatch.setattr(command_time, "_passed", self._passed)
        monkeypatch.setattr(command_time, "busy", lambda **_: 0.0)
        monkeypatch.setattr(time_run, "_measured", self._measured)
        monkeypatch.setattr(time_run, "prove", lambda *_, **__: self.proof)

    def _base(self, names, where, **_) -> Run:
        return Run(seed=0, environment=self.environment, examples=[self.example])

    def _passed(self, *_) -> list[Passed]:
        prepared = prepare(load(EXAMPLE), 0)
        return [Passed(self.example, {}, {}, prepared, 0)]

    def _measured(self, at, ran, plan, places, *, count):
        self.calls.append(str(at))
        block = self.calls.count(str(at))
        counts = {"written": 64 * 406_000.0, "compiled": None} if count else {}
        step = self.seconds[at.mode] * (1 + 1e-3 * (block % 3))
        return proved(at, sampled(step, operations=counts))


@pytest.fixture
def bench(monkeypatch):
    return Bench(monkeypatch)


MODES = ("--modes", "notebook,eager,jit,scan", "--budget", "0")


def timed(where: Path, *more: object):
    return invoke(EXAMPLE, *MODES, "--out", where, *more)


def test_times_are_printed_and_kept(bench, tmp_path):
    done = timed(tmp_path)
    assert done.exit_code == 0, done.output
    found = result.read(tmp_path / "run.json")
    assert [str(one.cell) for one in found.timings] == [
        "PyTorch notebook",
        "PyTorch eager",
        "JAX eager",
        "JAX jit",
        "JAX scan",
        "PyTorch notebook again",
    ]
    assert {one.outcome for one in found.timings} == {"equivalent"}
    assert bench.calls == [*bench.calls[:6], *bench.calls[:6][::-1]] * 2 + [
        *bench.calls[:6]
    ]
    assert {claim.holds for claim in found.claims} == {True}
    best = [(r.subject, r.reference) for r in found.ratios if r.fastest]
    assert len(best) == 1
    assert best[0][0] in ("JAX jit", "JAX scan")
    assert best[0][1] == "PyTorch eager"
    told = found.environment["timing"]
    assert told["modes"][0] == ["torch", "notebook"]
    assert (told["blocks"], told["budget"], told["device"]) == (5, 0.0, "cpu")
    assert "JAX is faster in 1" in done.stdout
    lines = done.stderr.splitlines()
    assert len(lines) == 30  # one for every worker
    assert lines[-1] == f"{EXAMPLE}: PyTorch notebook again; about 0 s left"


def test_json_of_what_was_timed(bench, tmp_path):
    done = timed(tmp_path, "--json")
    assert done.exit_code == 0
    assert json.loads(done.stdout) == json.loads((tmp_path / "run.json").read_bytes())
    assert done.stderr == ""


def test_one_block_claims_nothing(bench, tmp_path):
    done = timed(tmp_path, "--quick")
    assert done.exit_code == 0
    assert len(bench.calls) == 6
    found = result.read(tmp_path / "run.json")
    assert found.claims == []
    assert {ratio.verdict for ratio in found.ratios} == {"UNDECIDED"}


def test_what_is_left_out_is_said(bench, monkeypatch, tmp_path):
    bench.seconds |= dict.fromkeys(("tuned", "jit-functional"), 1e-3)
    done = invoke(EXAMPLE, "--budget", "0", "--blocks", 2, "--out", tmp_path)
    assert done.exit_code == 0, done.output
    assert done.stderr.startswith("twinnets: left out, for 2 blocks would not fit")
    assert "compile (about 10 s)" in done.stderr.splitlines()[0]


def test_a_claim_that_does_not_hold_is_exit_code_1(bench, tmp_path):
    bench.seconds["jit"] = 2.9e-3
    done = timed(tmp_path)
    assert done.exit_code == 1
    assert "does not hold: JAX jit is at least 1.5 times as fast" in done.stdout


def test_a_mode_that_computes_something_else_is_exit_code_1(bench, tmp_path):
    bench.proof = row(verdict="semantic", why="JAX has 2")
    done = timed(tmp_path)
    assert done.exit_code == 1
    found = result.read(tmp_path / "run.json")
    assert {one.outcome for one in found.timings} == {"not equivalent"}
    assert found.ratios == found.claims == []
    assert "JAX has 2" in done.stdout


def test_a_run_that_has_not_passed_is_exit_code_1(bench, tmp_path):
    bench.example = replace(bench.example, verdict="semantic")
    assert timed(tmp_path).exit_code == 1
    assert bench.calls == []


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """Baselines are in the current folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("factor", "code", "verdict"), [(1.0, 0, "kept"), (1.5, 1, "regressed")]
)
def test_a_baseline_is_kept_and_compared_with(bench, elsewhere, factor, code, verdict):
    assert timed(elsewhere / "then", "--save", "main").exit_code == 0
    assert (elsewhere / "baselines" / "main.json").is_file()
    bench.seconds = {mode: factor * s for mode, s in bench.seconds.items()}
    done = timed(elsewhere / "now", "--against", "main")
    assert done.exit_code == code
    changes = result.read(elsewhere / "now" / "run.json").changes
    assert {change.verdict for change in changes} == {verdict}
    assert len(changes) == 5
    told = f"{verdict} {EXAMPLE}: JAX jit takes {factor:.3g} × as long"
    assert told in done.stdout


def test_other_threads_are_another_machine(bench, elsewhere, monkeypatch):
    monkeypatch.setattr("compare.time_worker.cores", lambda: 4)
    assert timed(elsewhere / "then", "--save", "main").exit_code == 0
    done = timed(elsewhere / "now", "--against", "main", "--threads", 3)
    assert done.exit_code == 2
    assert "threads" in done.stderr.splitlines()[-1]


def test_an_interrupt_says_where_the_rest_is(bench, monkeypatch, tmp_path):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(time_run, "_measured", interrupted)
    done = timed(tmp_path)
    assert done.exit_code == 130
    assert f"interrupted; what was done is in {tmp_path}" in done.stderr


@pytest.mark.parametrize(
    ("verdict", "outcome", "code"),
    [("crashed", "failed", 1), ("skipped", "left out", 4)],
)
def test_an_example_without_traces_has_rows_but_no_times(
    bench, monkeypatch, tmp_path, verdict, outcome, code
):
    bench.example = replace(bench.example, verdict=verdict)
    monkeypatch.setattr(command_time, "_passed", lambda *_: [])
    done = timed(tmp_path)
    assert done.exit_code == code
    assert f"JAX jit {outcome}: the run is {verdict}" in done.stdout
    assert bench.calls == []


@pytest.mark.parametrize(
    ("percent", "said"), [(0.0, ""), (10.0, ""), (25.0, "other work takes 25% of")]
)
def test_other_work_is_told_of(monkeypatch, capsys, percent, said):
    monkeypatch.setattr(command_time.psutil, "cpu_percent", lambda *, interval: percent)
    assert command_time.busy(quiet=False) == percent / 100
    heard = capsys.readouterr().err
    assert said in heard
    assert bool(said) == bool(heard)
    command_time.busy(quiet=True)
    assert capsys.readouterr().err == ""


# ------------------------------------------------------------------------- the base run


def base(where: Path, names=(EXAMPLE,)) -> Run:
    return command_time.base_run(names, where, seed=0, device="cpu", quiet=True)


def test_a_folder_with_a_run_is_not_run_again(tmp_path):
    found = run(environment=environment(), examples=[example(EXAMPLE)])
    result.write(found, tmp_path / "run.json")
    assert base(tmp_path) == found


def test_a_folder_without_a_run_gets_a_quick_one(tmp_path, monkeypatch):
    asked = []

    def execute(names, settings, where, *, quiet):
        asked.append((names, settings.seed, settings.device, settings.effort, where))
        return run()

    monkeypatch.setattr(command_time, "execute", execute)
    command_time.base_run([EXAMPLE], tmp_path, seed=7, device="gpu", quiet=True)
    assert asked == [([EXAMPLE], 7, "gpu", QUICK, tmp_path)]


def test_a_run_without_the_example_is_refused(tmp_path):
    result.write(
        run(environment=environment(), examples=[example(EXAMPLE)]),
        tmp_path / "run.json",
    )
    with pytest.raises(NotARun, match="has no line_linear, moons_mlp: give another"):
        base(tmp_path, (EXAMPLE, "line_linear", "moons_mlp"))


@pytest.mark.parametrize("package", ["jax", "torch", "numpy"])
def test_a_run_of_other_versions_is_refused(tmp_path, package):
    """What it says to be computed was computed by something else."""
    told = environment()
    told["packages"] = told["packages"] | {package: "0.0.1"}
    found = run(environment=told, examples=[example(EXAMPLE)])
    result.write(found, tmp_path / "run.json")
    with pytest.raises(NotARun, match=rf"was run with {package} 0\.0\.1, here is "):
        base(tmp_path)
