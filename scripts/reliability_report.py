"""Turns the JUnit XML of the reliability suite into `docs/reliability.md`: every figure comes from that run.

    python scripts/reliability_report.py build/reliability.xml [build/reliability-again.xml] docs/reliability.md

A later run counts for the cases that it has: those that had failed and were mended, as the page then says.

A test case tells as properties the `date`, `machine` and `versions` of the run, and its `kind`, `done`, `seen` and any
`figure: <name>`, each kind of fault being a table with the names of its figures as columns.
"""

import sys
from collections import Counter
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

CONDITIONS = ("date", "machine", "versions")
_FIGURE = "figure: "
_NO_KIND = "Others"
_INTRODUCTION = """\
# Reliability

Faults put in on purpose, with the real Pulumi engine and a real Kubernetes API on the sandbox's emulated AWS. Written
by `make faults`; nothing here is edited by hand. A short form of the same suite runs with every `make test`.
"""


class Case(NamedTuple):
    """One test of the suite."""

    kind: str
    done: str
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
        told = _properties(element)
        figures = {key.removeprefix(_FIGURE): value for key, value in told.items() if key.startswith(_FIGURE)}
        run.append(
            Case(
                kind=told.get("kind", _NO_KIND),
                done=told.get("done", name),
                seen=told.get("seen", ""),
                figures=figures,
                failure=_failure(element),
            )
        )
    return run


def report(*runs: str) -> str:
    """The Markdown of a run.

    Args:
        runs: The JUnit XML that pytest wrote; then that of later runs, of which each case counts instead.

    Raises:
        ValueError: It is no XML, names no test, or lacks the conditions of the run.
    """
    latest: dict[tuple[str, str], ElementTree.Element] = {}
    repeated = 0
    for number, junit in enumerate(runs):
        try:
            found = {_identity(case): case for case in ElementTree.fromstring(junit).iter("testcase")}
        except ElementTree.ParseError as error:
            raise ValueError(f"no XML: {error}") from error
        repeated += len(found) if number else 0
        latest |= found
    elements = list(latest.values())
    run = cases(elements)
    if not run:
        raise ValueError("it names no test")
    conditions = {key: value for element in elements for key, value in _properties(element).items()}
    if missing := [name for name in CONDITIONS if name not in conditions]:
        raise ValueError(f"the run does not tell its {', '.join(missing)}")
    failed = sum(not each.passed for each in run)
    lines = [_INTRODUCTION, *(f"- {name.capitalize()}: {conditions[name]}" for name in CONDITIONS)]
    again = f" ({repeated} of them run again, after a failure was mended)" if repeated else ""
    lines += [f"- Cases: {len(run)}, of which {failed or 'none'} failed{again}", ""]
    counts = Counter(each.kind for each in run)
    lines += ["| kind of fault | cases | failed |", "| --- | --- | --- |"]
    lines += [
        f"| {_cell(kind)} | {count} | {sum(not c.passed for c in run if c.kind == kind)} |"
        for kind, count in counts.items()
    ]
    for kind in counts:
        lines += ["", f"## {kind}", "", *_table([each for each in run if each.kind == kind])]
    return "\n".join(lines) + "\n"


def _identity(case: ElementTree.Element) -> tuple[str, str]:
    return case.get("classname", ""), case.get("name", "")


def _failure(case: ElementTree.Element) -> str | None:
    """The first line of what made a test fail; None if it passed."""
    for problem in (*case.findall("failure"), *case.findall("error")):
        return ((problem.get("message") or "").splitlines() or ["failed"])[0]
    return None


def _table(rows: list[Case]) -> list[str]:
    figures = list(dict.fromkeys(name for row in rows for name in row.figures))
    lines = [_row("what was done", "what was seen", *figures), _row(*["---"] * (2 + len(figures)))]
    for row in rows:
        seen = row.seen if row.passed else f"**FAILED**: {row.failure}"
        lines.append(_row(row.done, seen, *(row.figures.get(name, "") for name in figures)))
    return lines


def _row(*values: str) -> str:
    return f"| {' | '.join(map(_cell, values))} |"


def _cell(value: str) -> str:
    return " ".join(value.replace("|", "\\|").split())


def _properties(element: ElementTree.Element) -> dict[str, str]:
    """The properties of an element itself, not of those below it. The last of one name counts: a second try's."""
    found = element.findall("properties/property")
    return {entry.get("name", ""): entry.get("value", "") for entry in found}


def main() -> int:
    """Write the report; exit code 2, and nothing written, when the XML is no run of the suite."""
    if len(sys.argv) < 3:
        print("usage: python scripts/reliability_report.py RUN.xml [LATER.xml ...] REPORT.md", file=sys.stderr)
        return 2
    *sources, target = map(Path, sys.argv[1:])
    try:
        text = report(*(source.read_text() for source in sources))
    except (OSError, ValueError) as error:
        told = ", ".join(map(str, sources))
        print(f"reliability_report: got {told}, expected a run of the reliability suite: {error}", file=sys.stderr)
        return 2
    target.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
