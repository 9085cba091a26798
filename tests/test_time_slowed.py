"""A mode whose steps all take a fifth longer is found, with workers as they are."""

import pytest
from made_up_times import cell

from compare.fault import Edit
from compare.pool import Workers, installed
from compare.ratios import estimate, ratios
from compare.run import Settings, judge, measure
from compare.task import QUICK
from compare.time_run import Passed, Plan, passed_run, time_example

EXAMPLE = "two_layer_manual"
MODES = (("torch", "eager"), ("torch", "tuned"))
FIND = """        losses = []
        for batch in batches:
"""
LONGER = """        from time import perf_counter

        def prolonged():
            for one in batches:
                began = perf_counter()
                yield one
                ended = perf_counter()
                while perf_counter() - ended < 0.2 * (ended - began):
                    pass

        losses = []
        for batch in prolonged():
"""
"""Every step waits for a fifth of the time that it has taken itself."""


def base(logs) -> Passed:
    """A quick run of the example."""
    task = Settings(effort=QUICK).task(EXAMPLE)
    with Workers(installed(), logs) as workers:
        measured = measure(task, workers)
    return passed_run(measured, judge(measured, task, seconds=0.0), task)


@pytest.mark.slow
def test_a_mode_that_is_slowed_by_a_fifth_is_found(tmp_path):
    """Here tuned is the same code as eager, for there is no optimizer to fuse.

    1.2 lies outside of a 99 % interval in one of a hundred runs.
    """
    edits = {("torch", "tuned"): Edit(FIND, LONGER, file="modes")}
    plan = Plan(MODES, blocks=4, threads=1, edits=edits)
    timed = time_example(base(tmp_path), plan, tmp_path, tell=lambda *_: None)
    assert timed.lost == {}
    tuned, eager = cell("PyTorch tuned", EXAMPLE), cell("PyTorch eager", EXAMPLE)
    (slowed,) = ratios(timed.done(), [(tuned, eager)])
    assert slowed.verdict in ("SLOWER", "UNDECIDED")
    found = estimate(timed.done(), tuned, eager)
    assert found is not None
    assert found.blocks == 4
    low, high = found.interval(0.99)
    assert low < 1.2 < high, found
