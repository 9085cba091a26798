"""Workers that are started once for all tests, and one run of everything with them.

Name this module in `pytest_plugins` to use its fixtures.
"""

import contextlib
import shutil
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import pytest
from support import COPIED, NAMES

from compare import command, result
from compare.folder import open_folder
from compare.pool import Workers, installed
from compare.result import Run
from compare.run import Settings, new_run
from compare.task import QUICK


@dataclass(frozen=True)
class Whole:
    """A run of all examples, as it was returned, and its folder."""

    found: Run
    folder: Path


@pytest.fixture(scope="session")
def workers(tmp_path_factory) -> Iterator[Workers]:
    """All four workers; a test that breaks one gets a new one the next time."""
    with Workers(installed(), tmp_path_factory.mktemp("logs")) as warm:
        yield warm


@pytest.fixture(scope="session")
def ask(workers):
    """Call a function of `in_worker` in the worker of a framework and precision."""

    @cache
    def ask(function, framework, name, precision="float64", *more):
        at = workers._workers[framework, precision]
        return at.call(function, framework, name, precision, *more)

    return ask


@contextlib.contextmanager
def lent(workers: Workers) -> Iterator[None]:
    """Inside, the command line uses these workers, and leaves them as they are."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(command, "Workers", lambda *_, **__: nullcontext(workers))
        yield


@pytest.fixture
def lent_workers(workers) -> Iterator[None]:
    """The same as a fixture, for the command line in this process."""
    with lent(workers):
        yield


@pytest.fixture(scope="session")
def whole(workers, tmp_path_factory) -> Whole:
    """`twinnets run --quick`, seed 0."""
    folder = open_folder(tmp_path_factory.mktemp("whole"))
    settings = Settings(0, "cpu", QUICK, new_run())
    with lent(workers):
        return Whole(command.execute(NAMES, settings, folder, quiet=True), folder)


@pytest.fixture
def copied(whole, tmp_path) -> Path:
    """That run's folder with one example only, to be tampered with."""
    at = tmp_path / "run"
    for part in ("traces", "states"):
        (at / part).mkdir(parents=True)
        for path in (whole.folder / part).glob(f"{COPIED}.*"):
            shutil.copy(path, at / part)
    asked = replace(
        whole.found, environment=whole.found.environment | {"examples": [COPIED]}
    )
    result.write(result.only(asked, [COPIED]), at / "run.json")
    return at
