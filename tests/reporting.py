"""A pytest plugin for every suite: retries need a reason and are counted; seconds are shown by folder."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import PurePath

import pytest

SUITES = (PurePath("tests", "e2e"), PurePath("sandbox", "tests"))
"""Where a test may be retried, because other processes take part in it."""


class Recorder:
    """What the reports of a run add up to.

    Attributes:
        seconds: Setup, test and teardown, by folder of a suite. What tests share counts where it was first needed.
        tests: Number of tests by folder.
        retried: Every retry's test.
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self.tests: dict[str, set[str]] = defaultdict(set)
        self.retried: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count one phase of one test."""
        if folder := folder_of(report.nodeid):
            self.seconds[folder] += report.duration
            self.tests[folder].add(report.nodeid)
        if str(report.outcome) == "rerun":
            self.retried.append(report.nodeid)

    def table(self) -> Iterator[str]:
        """Yield lines: seconds and tests of each folder, the longest first."""
        for folder, seconds in sorted(self.seconds.items(), key=lambda each: -each[1]):
            yield f"{seconds:8.1f} s {len(self.tests[folder]):5} tests  {folder}"
        yield f"{sum(self.seconds.values()):8.1f} s {sum(map(len, self.tests.values())):5} tests  in all"


def folder_of(nodeid: str) -> str:
    """Return the first folder below a suite, such as ``tests/e2e/program``; empty outside of the suites."""
    folder = PurePath(nodeid.partition("::")[0]).parent
    suite = next((suite for suite in SUITES if folder.is_relative_to(suite)), None)
    return "/".join(folder.parts[: len(suite.parts) + 1]) if suite else ""


def refused(marks: Iterable[tuple[str, pytest.Mark]]) -> list[str]:
    """Return what is wrong with each mark ``flaky``, given with the test that has it."""
    found = []
    for nodeid, mark in marks:
        if not folder_of(nodeid):
            found.append(f"{nodeid}: a test outside of {', '.join(map(str, SUITES))} may not be retried. Fix it.")
        elif not mark.kwargs.get("reason"):
            found.append(f"{nodeid}: flaky without a reason. Write flaky(reruns=1, reason='what was seen, and when').")
    return found


def pytest_configure(config: pytest.Config) -> None:
    """Record in the process that prints: workers report to it."""
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Recorder(), "seconds-and-retries")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Refuse a run in which a test may be retried without a reason."""
    marks = [(item.nodeid, mark) for item in items for mark in item.iter_markers("flaky")]
    if wrong := refused(marks):
        raise pytest.UsageError(*wrong)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print the table when tests of several folders ran."""
    recorder = config.pluginmanager.get_plugin("seconds-and-retries")
    if recorder and len(recorder.seconds) > 1:
        terminalreporter.section("seconds by folder")
        for line in recorder.table():
            terminalreporter.line(line)


@pytest.hookimpl(tryfirst=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """Print the number of retries as the last line."""
    recorder = config.pluginmanager.get_plugin("seconds-and-retries")
    if recorder and recorder.seconds:
        retried = f": {', '.join(sorted(set(recorder.retried)))}" if recorder.retried else ""
        config.get_terminal_writer().line(f"retries: {len(recorder.retried)}{retried}")
