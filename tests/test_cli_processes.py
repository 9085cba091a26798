"""The command line where processes matter: Ctrl-C, and what is not installed."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from support import ROOT, twinnets

from compare import result

# ---------------------------------------------------------------------------- Ctrl-C


def _interruptible() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Started:
    """`twinnets run` in a process group of its own."""

    def __init__(self, folder: Path, *names: str) -> None:
        self.folder = folder
        self.process = subprocess.Popen(
            [sys.executable, "-m", "compare", "run", *names, "--out", str(folder)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            # A shell's background job hands down an ignored SIGINT.
            preexec_fn=_interruptible,
        )

    def examples(self) -> int:
        """How many are done."""
        try:
            return len(result.read(self.folder / "run.json").examples)
        except result.NotARun:
            return 0

    def workers(self) -> list[psutil.Process]:
        """The processes below it, the workers and Python's own."""
        return psutil.Process(self.process.pid).children(recursive=True)

    def until(self, what, seconds: float) -> None:
        """Wait until something is so."""
        deadline = time.monotonic() + seconds
        while not what():
            assert self.process.poll() is None, self.process.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.1)

    def interrupt(self) -> tuple[str, str]:
        """Ctrl-C: SIGINT to the whole group, as a terminal sends it."""
        os.killpg(self.process.pid, signal.SIGINT)
        return self.process.communicate(timeout=60)

    def end(self) -> None:
        """Nothing may outlive a test that has failed."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.communicate()


@pytest.fixture
def started(tmp_path):
    """A run of one quick example and two long ones."""
    run = Started(tmp_path, "layer_by_hand", "dynamic_net", "moons_mlp_accumulated")
    yield run
    run.end()


def shielded(process: psutil.Process) -> bool:
    """Whether a process blocks or ignores Ctrl-C, which is for its parent alone.

    It must from its first instruction on: there is no other time to catch it at.
    """
    status = Path(f"/proc/{process.pid}/status")
    if not status.exists():
        return True  # not Linux; the traceback would tell, most of the time
    masks = dict(line.split(":\t") for line in status.read_text().splitlines())
    bits = int(masks["SigBlk"], 16) | int(masks["SigIgn"], 16)
    return bool(bits >> (signal.SIGINT - 1) & 1)


def assert_left_cleanly(run: Started, below: list, said: tuple[str, str]) -> None:
    out, err = said
    assert run.process.returncode == 130  # 128 + SIGINT, as shells have it
    assert "Traceback" not in out + err, err
    assert psutil.wait_procs(below, timeout=30)[1] == []


@pytest.mark.slow
def test_ctrl_c_keeps_what_was_done(started):
    started.until(started.examples, seconds=300)
    below = started.workers()
    assert len(below) >= 4
    said = started.interrupt()
    assert_left_cleanly(started, below, said)
    assert "interrupted" in said[1]
    found = result.read(started.folder / "run.json")
    assert found.examples[0].name == "layer_by_hand"
    assert found.examples[0].verdict == "differs"
    assert len(found.examples) < 3


def test_ctrl_c_while_the_workers_start(started):
    started.until(lambda: len(started.workers()) >= 4, seconds=180)
    below = started.workers()
    assert [process for process in below if not shielded(process)] == []
    assert_left_cleanly(started, below, started.interrupt())
    assert started.examples() == 0


# --------------------------------------------------- frameworks that are not there

HIDING = """
import os, sys
hidden = set(os.environ["HIDDEN"].split())
class Hiding:
    def __init__(self, finder):
        self.finder = finder
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] not in hidden:
            return self.finder.find_spec(name, path, target)
    def __getattr__(self, name):
        return getattr(self.finder, name)
sys.meta_path[:] = map(Hiding, sys.meta_path)
"""


@pytest.fixture
def without(tmp_path):
    """Run the command line as if these packages were not installed."""
    (tmp_path / "sitecustomize.py").write_text(HIDING)

    def without(packages: str, *arguments: object, **files: str):
        for name, text in files.items():
            (tmp_path / f"{name}.py").write_text(text)
        path = os.pathsep.join([str(tmp_path), str(ROOT)])
        words = [str(argument) for argument in arguments]
        done = twinnets(*words, PYTHONPATH=path, HIDDEN=packages)
        assert "Traceback" not in done.stderr
        return done

    return without


def test_one_framework_alone(without, tmp_path):
    """Its oracles are judged; that the twins agree is nobody's claim."""
    out = tmp_path / "out"
    names = ("line_linear", "two_layer_adam", "cross_entropy")
    done = without("jax flax optax", "run", *names, "--quick", "--json", "--out", out)
    assert done.returncode == 4, done.stderr
    found = json.loads(done.stdout)
    assert found == json.loads((out / "run.json").read_bytes())
    assert [example["verdict"] for example in found["examples"]] == ["skipped"] * 3
    for example in found["examples"]:
        why = {r["why"] for r in example["checks"] if r["verdict"] == "skipped"}
        assert why == {"jax is not installed: pip install jax flax optax"}
    judged = [
        {row["phase"] for row in example["checks"] if row["verdict"] == "rounding"}
        for example in found["examples"]
    ]
    assert ["oracle" in phases for phases in judged] == [True, False, True]
    assert {side.split()[0] for side in found["environment"]["workers"]} == {"torch"}


def test_no_framework_at_all(without, tmp_path):
    """Nothing was compared, and both lines say what to install."""
    done = without("torch jax flax optax", "run", "--quick", "--out", tmp_path / "out")
    assert done.returncode == 4
    said = (done.stdout + done.stderr).replace("\n", " ")
    assert "pip install torch" in said
    assert "pip install jax flax optax" in said


def test_doctor_says_what_to_install(without):
    done = without("torch flax", "doctor", "--json")
    assert done.returncode == 4
    assert json.loads(done.stdout)["missing"] == {
        "jax": "pip install flax",
        "torch": "pip install torch",
    }


def test_the_selftest_needs_both(without):
    done = without("torch", "selftest", "half the loss")
    assert done.returncode in (2, 4)
    assert "pip install torch" in done.stderr


# The other framework is hidden: its workers need not start.
BROKEN = [
    ("torch", "raise ImportError('libtorch.so: too old')", "libtorch.so: too old"),
    ("torch", "import os; os.write(2, b'no good'); os.abort()", "no good"),
]


@pytest.mark.parametrize("command", ["run", "doctor"])
@pytest.mark.parametrize(("package", "source", "says"), BROKEN)
def test_a_framework_that_cannot_be_imported(
    without, tmp_path, command, package, source, says
):
    arguments = ("line_linear", "--out", tmp_path / "out") if command == "run" else ()
    done = without("jax flax optax", command, *arguments, **{package: source})
    assert done.returncode == (2 if command == "run" else 4)
    assert says in (done.stdout + done.stderr).replace("\n", " ")


@pytest.mark.parametrize("hidden", ["jax flax optax", "torch"])
def test_a_device_that_is_not_there(without, tmp_path, hidden):
    if any(Path("/dev").glob("nvidia[0-9]*")):
        pytest.skip("there is a GPU here")
    out = tmp_path / "out"
    done = without(hidden, "run", "line_linear", "--device", "gpu", "--out", out)
    assert done.returncode == 2
    assert "sees no GPU here" in done.stderr
    assert not (out / "run.json").exists()
