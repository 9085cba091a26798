"""The fixture `time_it`: name this module in `pytest_plugins` to use it."""

import pytest
from made_up_workers import ORDER, Made, Takes, ran, steady

from compare.time_run import Plan, Timed, time_example


@pytest.fixture
def time_it(monkeypatch, tmp_path):
    """Time an example with made-up workers; returns what is known, and the workers."""

    def time_it(
        plan: Plan, *, measures: Takes = steady, took=None, of=None, rows=None
    ) -> tuple[Timed, Made]:
        made = Made(monkeypatch, measures, took or dict.fromkeys(ORDER, 1.0))
        made.rows |= rows or {}
        timed = time_example(of or ran(), plan, tmp_path, tell=made.tell)
        return timed, made

    return time_it
