"""What a worker does after a task: a process that has grown drops what it keeps."""

import ctypes
from types import SimpleNamespace

import pytest
from support import python

from compare import worker
from compare.task import Failed, Task


@pytest.mark.parametrize(("plenty", "drops"), [(0, True), (10**15, False)])
def test_compiled_programs_are_dropped_where_memory_is_short(
    monkeypatch, plenty, drops
):
    """Also after a task that failed."""
    done = []
    runtime = SimpleNamespace(forget=lambda: done.append("dropped"))
    monkeypatch.setattr(worker, "PLENTY", plenty)
    monkeypatch.setattr(worker, "import_module", lambda name: runtime)
    monkeypatch.setattr(worker, "hand_back", lambda: done.append("handed back"))
    with pytest.raises(Failed, match="nothing"):
        worker.perform(Task("lesson", "nothing", "torch", "float32", 0, "r"))
    assert done == (["dropped", "handed back"] if drops else [])


# 192 MB in pieces that are too small to be mapped, a few of which stay.
PROGRAM = """
import numpy as np, psutil
from compare.worker import hand_back
pieces = [np.ones(4000) for _ in range(6000)]
pieces = pieces[::100]
before = psutil.Process().memory_info().rss
hand_back()
print(before - psutil.Process().memory_info().rss)
"""


def test_freed_memory_is_given_back():
    """Else the process stays above the bound, and drops all after every task."""
    done = python("-c", PROGRAM)
    assert done.returncode == 0, done.stderr
    elsewhere = not hasattr(ctypes.CDLL(None), "malloc_trim")
    assert int(done.stdout) > 100e6 or elsewhere
