"""Turns the JUnit XML of the reliability suite into `docs/reliability.md`: every figure comes from that run.

    python scripts/reliability_report.py build/reliability.xml [build/reliability-again.xml] docs/reliability.md

A later run counts for the cases that it has: those that had failed, as the page then shows. If the runs are of several
days, each row shows its own. The page also names what the suite has and the runs have not: pytest lists the suite.

A test case has as properties the `date`, `machine` and `versions` of the run, and its `kind`, `done`, `answered`,
`seen` and any `figure: <name>`, each kind of fault being a table with the names of its figures as columns.
"""

import argparse
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Collection
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

ROOT = Path(__file__).parents[1]
SUITE = "tests/e2e/reliability"
CONDITIONS = ("date", "machine", "versions")
_FIGURE = "figure: "
_NO_KIND = "Others"
_INTRODUCTION = """\
# Reliability

Faults put in on purpose, in the sandbox. Each row names who answered. The Pulumi engine, the Kubernetes provider with
its Helm, and the Kubernetes API server are the real ones; AWS is emulated, and its plugin and the autoscaler's process
are stand-ins. The chart is the sandbox's own. No row rests on a stand-in's own retry or wording. Seconds are those of a
machine that does other work too; docs/benchmarks.md has the ones to compare.

Written by `make faults`; do not edit it. The same suite runs every night.
"""


class Case(NamedTuple):
    """One test of the suite."""

    kind: str
    date: str
    done: str
    answered: str
    seen: str
    figures: dict[str, str]
    failure: str | None

    @property
    def passed(self) -> bool:
        """Whether all that was expected came true."""
        return self.failure is None


def cases(elements: list[ElementTree.Element]) -> list[Case]:
    """The tests of a run, by their names: the order of a run is that of its workers.

    Raises:
        ValueError: A test was skipped, which this suite does not do.
    """
    run = []
    for element in sorted(elements, key=_identity):
        name = element.get("name", "?")
        if element.find("skipped") is not None:
            raise ValueError(f"{name} was skipped; a report of the suite needs all of it")
        properties = _properties(element)
        figures = {key.removeprefix(_FIGURE): value for key, value in properties.items() if key.startswith(_FIGURE)}
        run.append(
            Case(
                kind=properties.get("kind", _NO_KIND),
                date=properties.get("date", ""),
                done=properties.get("done", name),
                answered=properties.get("answered", ""),
                seen=properties.get("seen", ""),
                figures=figures,
                failure=_failure(element),
            )
        )
    return run


def report(*runs: str, suite: Callable[[], Collection[tuple[str, str]]] = tuple) -> str:
    """The Markdown of a run.

    Args:
        runs: The JUnit XML that pytest wrote; then that of later runs, of which each case counts instead.
        suite: Returns class and name of every case that the suite has.

    Raises:
        ValueError: It is no XML, names no test, or lacks the conditions of the run.
    """
    latest: dict[tuple[str, str], ElementTree.Element] = {}
    failed_before: set[tuple[str, str]] = set()
    for junit in runs:
        try:
            found = {_identity(case): case for case in ElementTree.fromstring(junit).iter("testcase")}
        except ElementTree.ParseError as error:
            raise ValueError(f"no XML: {error}") from error
        failed_before |= {case for case in found.keys() & latest.keys() if _failure(latest[case]) is not None}
        latest |= found
    elements = list(latest.values())
    run = cases(elements)
    if not run:
        raise ValueError("it names no test")
    days = _conditions(elements)
    lines = [_INTRODUCTION, *(f"- {date}: {machine}; {versions}" for date, machine, versions in days)]
    failed = sum(not each.passed for each in run)
    again = sum(_failure(latest[case]) is None for case in failed_before)
    second = f", {again} on a second run" if again else ""
    missing = sorted(set(suite()) - latest.keys())
    of_all = f"{len(run)} of the {len(run) + len(missing)} of the suite" if missing else f"all {len(run)} of the suite"
    lines.append(f"- Cases: {of_all}. {len(run) - failed - again} passed at once{second}; {failed or 'none'} failed.")
    if missing:
        left = Counter(_kind_of_module(classname) for classname, _ in missing)
        lines.append(f"- Not in this run: {', '.join(f'{kind} ({count})' for kind, count in left.items())}.")
    lines.append("")
    counts = Counter(each.kind for each in run)
    lines += ["| kind of fault | cases | failed |", "| --- | --- | --- |"]
    lines += [
        f"| {_cell(kind)} | {count} | {sum(not c.passed for c in run if c.kind == kind)} |"
        for kind, count in counts.items()
    ]
    for kind in counts:
        lines += ["", f"## {kind}", "", *_table([each for each in run if each.kind == kind], dated=len(days) > 1)]
    return "\n".join(lines) + "\n"


def listed() -> list[tuple[str, str]]:
    """Class and name of every case of the suite, as the JUnit XML spells them.

    Raises:
        OSError: pytest cannot list the suite.
    """
    command = [sys.executable, "-m", "pytest", "--collect-only", "--quiet", SUITE, "--form", "full"]
    collected = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if collected.returncode:
        raise OSError(f"pytest cannot list {SUITE}: {collected.stdout.strip()[-400:]}")
    found = [line.split("::", 1) for line in collected.stdout.splitlines() if "::" in line]
    return [(path.removesuffix(".py").replace("/", "."), name) for path, name in found]


def _kind_of_module(classname: str) -> str:
    """What a test module calls its kind of fault (``KIND``), or its name."""
    module = ROOT / f"{classname.replace('.', '/')}.py"
    found = re.search(r'^KIND = "(.+)"$', module.read_text(), re.MULTILINE) if module.exists() else None
    return found[1] if found else classname.rpartition(".")[2]


def _conditions(elements: list[ElementTree.Element]) -> list[tuple[str, ...]]:
    """Date, machine and versions of each run, oldest first.

    Raises:
        ValueError: Some are missing.
    """
    found = set()
    for element in elements:
        properties = _properties(element)
        # A test that failed before its first fixture has no properties; the others are of the same run.
        missing = [name for name in CONDITIONS if name not in properties]
        if not missing:
            found.add(tuple(properties[name] for name in CONDITIONS))
        elif len(missing) < len(CONDITIONS):
            raise ValueError(f"the run lacks its {', '.join(missing)}")
    if not found:
        raise ValueError(f"the run lacks its {', '.join(CONDITIONS)}")
    return sorted(found)


def _identity(case: ElementTree.Element) -> tuple[str, str]:
    return case.get("classname", ""), case.get("name", "")


def _failure(case: ElementTree.Element) -> str | None:
    """The first line of what made a test fail; None if it passed."""
    for problem in (*case.findall("failure"), *case.findall("error")):
        return ((problem.get("message") or "").splitlines() or ["failed"])[0]
    return None


def _table(rows: list[Case], dated: bool) -> list[str]:
    figures = list(dict.fromkeys(name for row in rows for name in row.figures))
    columns = ["what was done", "what was seen", "answered by", *(["date"] if dated else []), *figures]
    lines = [_row(*columns), _row(*["---"] * len(columns))]
    for row in rows:
        seen = row.seen if row.passed else f"**FAILED**: {row.failure}"
        date = [row.date] if dated else []
        lines.append(_row(row.done, seen, row.answered, *date, *(row.figures.get(name, "") for name in figures)))
    return lines


def _row(*values: str) -> str:
    return f"| {' | '.join(map(_cell, values))} |"


def _cell(value: str) -> str:
    return " ".join(value.replace("|", "\\|").split())


def _properties(element: ElementTree.Element) -> dict[str, str]:
    """The properties of an element itself, not of those below it. The last of one name counts: a second try's."""
    found = element.findall("properties/property")
    return {entry.get("name", ""): entry.get("value", "") for entry in found}


def main(arguments: list[str]) -> int:
    """Write the report; exit code 2, and nothing written, when the XML is no run of the suite."""
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        prog="python scripts/reliability_report.py", description=__doc__, formatter_class=form
    )
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN.xml", help="JUnit XML of a run, later runs last")
    parser.add_argument("target", type=Path, metavar="REPORT.md", help="the page to write")
    given = parser.parse_args(arguments)
    try:
        text = report(*(run.read_text() for run in given.runs), suite=listed)
    except (OSError, ValueError) as error:
        runs = ", ".join(map(str, given.runs))
        print(f"reliability_report: got {runs}, expected a run of the reliability suite: {error}", file=sys.stderr)
        return 2
    given.target.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
