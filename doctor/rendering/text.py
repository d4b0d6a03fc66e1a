"""The report for people: a table on a terminal, plain lines in a pipe, Markdown for a pull request."""

from collections.abc import Iterator

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ..findings import ExitCode, Finding, Link, Report, Status
from .document import VERDICTS

_STYLES = {Status.OK: "green", Status.WARNING: "yellow", Status.BROKEN: "bold red", Status.NOT_REACHED: "magenta"}
_MARKS = {
    Status.OK: "✅ ok",
    Status.WARNING: "⚠️ warning",
    Status.BROKEN: "❌ broken",
    Status.NOT_REACHED: "❔ not reached",
}


def summary(report: Report) -> str:
    """One sentence: what it all comes to."""
    counts = {status: sum(finding.status is status for finding in report.findings) for status in Status}
    numbers = ", ".join(f"{count} {status.replace('-', ' ')}" for status, count in counts.items() if count)
    words = {
        ExitCode.HEALTHY: "every link holds",
        ExitCode.BROKEN: "the chain is broken",
        ExitCode.COULD_NOT_LOOK: "could not check everything",
    }[report.exit_code]
    left_out = f"; left out: {', '.join(report.skipped)}" if report.skipped else ""
    return f"{report.cluster} ({report.region}): {words} ({numbers or 'nothing checked'}{left_out})."


def print_table(report: Report, console: Console) -> None:
    """A table of the links, then every finding that is not in order, with its mending."""
    table = Table(title=summary(report), title_justify="left", title_style="bold", expand=True)
    table.add_column("link", no_wrap=True)
    table.add_column("status", no_wrap=True)
    table.add_column("seen", ratio=1)
    for link in Link:
        if link in report.skipped:
            table.add_row(link, "left out", "--skip")
            continue
        for number, finding in enumerate(report.of(link)):
            status = f"[{_STYLES[finding.status]}]{finding.status.replace('-', ' ')}[/]"
            table.add_row(link if number == 0 else "", status, f"{escape(finding.rule.title)}: {escape(finding.seen)}")
        table.add_section()
    console.print(table)
    for finding in _to_mend(report):
        style = _STYLES[finding.status]
        console.print(f"\n[{style}]{finding.status.replace('-', ' ')}[/]  [bold]{finding.rule.id}[/]")
        for name, value in _details(finding):
            console.print(f"  {name:9}{value}", markup=False, highlight=False, soft_wrap=name == "fix")


def plain(report: Report) -> str:
    """The same as lines of text, for a pipe or a file: one finding a line, details indented."""
    lines = [summary(report)]
    lines += [f"skipped      {link}" for link in report.skipped]
    for finding in report.findings:
        lines.append(f"{finding.status:12} {finding.rule.id}: {finding.seen}")
        if finding in _to_mend(report):
            lines += [f"{'':13}{name}: {value}" for name, value in _details(finding) if name != "seen"]
    return "\n".join(lines)


def markdown(report: Report) -> str:
    """The same as Markdown: the links as a table, what is to be mended below."""
    lines = [f"### {VERDICTS[report.exit_code].replace('-', ' ').capitalize()}: {summary(report)}", ""]
    lines += ["| link | status | to fix |", "| --- | --- | --- |"]
    for link in Link:
        rules = ", ".join(f"`{each.rule.id}`" for each in report.of(link) if each.status is not Status.OK)
        status = "left out" if link in report.skipped else _MARKS[report.verdict(link)]
        lines.append(f"| {link} | {status} | {rules} |")
    for finding in _to_mend(report):
        lines += ["", f"#### {_MARKS[finding.status]} `{finding.rule.id}`: {finding.rule.title}", ""]
        lines += [f"- {name}: {_fenced(value) if name == 'fix' else value}" for name, value in _details(finding)]
    return "\n".join(lines) + "\n"


def _fenced(command: str) -> str:
    ticks = "``" if "`" in command else "`"
    return f"{ticks}{command}{ticks}"


def _to_mend(report: Report) -> list[Finding]:
    return [finding for finding in report.findings if finding.status is not Status.OK]


def _details(finding: Finding) -> Iterator[tuple[str, str]]:
    yield "seen", finding.seen
    if finding.expected:
        yield "expected", finding.expected
    yield "why", finding.rule.why
    if finding.fix:
        yield "fix", finding.fix
    yield "more", finding.rule.docs
