"""The pytest plugin: the fixture `equivalent` and the option `--twinnets-report`.

Installed with the package, so it imports nothing that a session which does not use it
would have to wait for: itself takes 1.4 ms (one core of an EPYC). Every pair travels
with its test's report, as text: so those of pytest-xdist's workers arrive too, and one
process writes the file.
"""

from collections.abc import Callable, Generator
from pathlib import Path
from types import TracebackType
from typing import Any

import pytest

OWN = ("compare", "jaxnets", "torchnets")
"""Packages whose frames are no help to somebody whose test has failed."""
_FOUND = pytest.StashKey[list[str]]()
_ATTRIBUTE = "twinnets_pairs"


def pytest_addoption(parser: pytest.Parser) -> None:
    """One option."""
    parser.getgroup("twinnets").addoption(
        "--twinnets-report",
        metavar="FILE.json",
        help="write all pairs that `equivalent` compares, for `twinnets report`",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Collect the pairs, where they are asked for."""
    asked = config.getoption("--twinnets-report")
    if asked is None:
        return
    path = Path(asked)
    if path.suffix != ".json" or not path.absolute().parent.is_dir():
        raise pytest.UsageError(
            "--twinnets-report: expected a file in .json in a folder that is there, "
            f"got {asked}"
        )
    config.pluginmanager.register(Collected(path), "twinnets-report")


@pytest.fixture
def equivalent(request: pytest.FixtureRequest) -> Callable[..., Any]:
    """`compare.assert_equivalent`, whose pairs `--twinnets-report` collects.

    The name of a pair is the test's, unless `name=` is given.
    """
    made = request.node.stash.setdefault(_FOUND, [])
    wanted = request.config.getoption("--twinnets-report") is not None

    def equivalent(
        torch_model: Any, jax_model: Any, inputs: Any, **options: Any
    ) -> Any:
        __tracebackhide__ = True
        from compare.pair.entry import compare_pair

        number = f" ({len(made) + 1})" if made else ""
        named: dict[str, Any] = {"name": f"{request.node.nodeid}{number}"} | options
        try:
            report = compare_pair(torch_model, jax_model, inputs, **named)
        except Exception as error:
            made.append(_raised(named["name"], error) if wanted else "")
            _without_ours(error)
            raise
        made.append(_text(report) if wanted else "")
        if not report.passed:
            raise AssertionError(str(report))
        return report

    return equivalent


def _raised(name: str, error: Exception) -> str:
    """A pair that could not be compared is one that does not pass."""
    from compare.pair.report import PairReport, crashed
    from compare.result import Example

    row = crashed(f"{type(error).__name__}: {error}")
    return _text(PairReport(Example(name, "pair", "crashed", 0.0, [row]), seed=0))


def _text(report: Any) -> str:
    from compare import record

    return record.text({"seed": report.seed, "example": report.example})


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[Any]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """The pairs of a test go with its last report."""
    made = item.stash.get(_FOUND, None)
    report = yield
    if made and call.when == "teardown":
        setattr(report, _ATTRIBUTE, [text for text in made if text])
    return report


def _without_ours(error: BaseException) -> None:
    """Leave the user's frames in the tracebacks of an error and of what caused it."""
    cause: BaseException | None = error
    while cause is not None:
        frames = []
        entry = cause.__traceback__
        while entry is not None:
            frames.append(entry)
            entry = entry.tb_next
        kept = None
        for entry in reversed(frames):
            name = str(entry.tb_frame.f_globals.get("__name__", ""))
            if name.partition(".")[0] not in OWN:
                at = entry.tb_lasti, entry.tb_lineno
                kept = TracebackType(kept, entry.tb_frame, *at)
        cause.__traceback__ = kept
        cause = cause.__cause__


class Collected:
    """All pairs of a session, in the order in which their tests end."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.pairs: list[str] = []
        self.says = ""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Those of one test."""
        self.pairs += getattr(report, _ATTRIBUTE, [])

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Write them; a worker of pytest-xdist leaves that to its controller."""
        if hasattr(session.config, "workerinput"):
            return
        from compare.pair import collected

        try:
            self.says = collected.write(self.pairs, self.path)
        except OSError as error:
            self.says = f"cannot write {error.filename}: {error.strerror}"

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Where it is."""
        if self.says:
            terminalreporter.write_sep("-", f"twinnets: {self.says}")
