"""On a GPU, where there is one."""

import shutil

import pytest
from support import python

from compare import result

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        shutil.which("nvidia-smi") is None,
        reason="there is no NVIDIA GPU here: nvidia-smi is not installed",
    ),
]


@pytest.mark.parametrize("precision", ["float32", "tf32", "bfloat16"])
def test_every_mode_is_proved_and_timed(tmp_path, precision):
    given = ("--device", "gpu", "--precision", precision, "--quick", "--out", tmp_path)
    modes = "notebook,eager,compile,tuned,jit,jit-functional,scan"
    command = ("time", "two_layer_adam", "--modes", modes, *given)
    done = python("-m", "compare", *map(str, command), timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    timings = result.read(tmp_path / "run.json").timings
    assert {timing.outcome for timing in timings} == {"equivalent"}
    assert {w.conditions["device"] for t in timings for w in t.workers} == {"gpu"}
    assert {w.conditions["products"] for t in timings for w in t.workers} == {precision}
