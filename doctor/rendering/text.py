"""The report as text: plain for a terminal or a pipe, and Markdown for a pull request."""

from collections.abc import Iterator

from rich.console import Console
from rich.text import Text

from ..findings import ExitCode, Finding, Link, Report, Status
from ..fixes import command_of, lines_of
from .document import VERDICTS
from .grouping import grouped
from .wrapping import fit, labelled, screen_width

_STYLES = {Status.OK: "green", Status.WARNING: "yellow", Status.BROKEN: "bold red", Status.NOT_REACHED: "magenta"}
_MARKS = {
    Status.OK: "✅ ok",
    Status.WARNING: "⚠️ warning",
    Status.BROKEN: "❌ broken",
    Status.NOT_REACHED: "❔ not reached",
}
_INDENT = 13


def summary(report: Report) -> str:
    """Return one sentence with the verdict and the number of findings by status."""
    counts = {status: sum(finding.status is status for finding in report.findings) for status in Status}
    numbers = ", ".join(f"{count} {status.replace('-', ' ')}" for status, count in counts.items() if count)
    words = {
        ExitCode.HEALTHY: "every link holds",
        ExitCode.BROKEN: "the chain is broken",
        ExitCode.COULD_NOT_CHECK: "could not check everything",
    }[report.exit_code]
    left_out = f"; left out: {', '.join(report.skipped)}" if report.skipped else ""
    ignored = f"; ignored: {', '.join(report.ignored)}" if report.ignored else ""
    return f"{report.cluster} ({report.region}): {words} ({numbers or 'nothing checked'}{left_out}{ignored})."


def print_report(report: Report, console: Console, *, everything: bool = False) -> None:
    """Print the report: one line for each link, then every finding that needs a fix.

    On a terminal, text is wrapped at words, so that you can copy everything; a command is never
    wrapped by the doctor. In a pipe nothing is wrapped.

    Args:
        report: The report.
        console: Where to print; its width is used on a terminal only.
        everything: Whether to print every finding, including those that are ok.
    """
    for line in _lines(report, screen_width(console), everything=everything):
        console.print(line, soft_wrap=True, highlight=False, markup=False)


def plain(report: Report, *, everything: bool = False) -> str:
    """Return the report as lines of text, not wrapped."""
    return "\n".join(line.plain for line in _lines(report, None, everything=everything))


def _lines(report: Report, width: int | None, *, everything: bool) -> Iterator[Text]:
    report = grouped(report)
    yield from _paragraph(summary(report), "bold", width)
    if report.notice:
        yield from _paragraph(report.notice, "yellow", width)
    for link in Link:
        yield _link(report, link)
        if everything:
            for finding in report.of(link):
                yield from labelled(_status(finding.status), f"{finding.rule.id}: {finding.seen}", width)
    for finding in to_fix(report):
        yield Text()
        yield from labelled(_status(finding.status), f"{finding.rule.id}: {finding.rule.title}", width)
        for name, value in details(finding):
            label = Text(f"{name + ':':{_INDENT}}")
            if name == "fix":
                first, *others = lines_of(value)
                yield label.append(first)
                yield from (Text(f"{'':{_INDENT}}{each}") for each in others)
            else:
                yield from labelled(label, value, width)


def _link(report: Report, link: Link) -> Text:
    """One line: the verdict on a link and its number of checks."""
    if link in report.skipped:
        return Text(f"{'left out':{_INDENT}}{link:18}--skip")
    return _status(report.verdict(link)).append(f"{link:18}{link_numbers(report, link)}", "")


def link_numbers(report: Report, link: Link) -> str:
    """Return how many checks of a link have which status: ``5 ok, 1 broken``."""
    findings = report.of(link)
    counts = {status: sum(finding.status is status for finding in findings) for status in Status}
    numbers = ", ".join(f"{count} {status.replace('-', ' ')}" for status, count in counts.items() if count)
    return numbers or "nothing checked"


def _status(status: Status) -> Text:
    return Text().append(f"{status.replace('-', ' '):{_INDENT}}", _STYLES[status])


def _paragraph(text: str, style: str, width: int | None) -> Iterator[Text]:
    """A text without a label, wrapped at words."""
    for line in fit(text, width, 0):
        yield Text(line, style)


def markdown(report: Report, *, everything: bool = False) -> str:
    """Return the report as Markdown: the links as a table, then every finding that needs a fix.

    Args:
        report: The report.
        everything: Whether to list every check at the end, the ones that are ok included.
    """
    report = grouped(report)
    lines = [f"### {VERDICTS[report.exit_code].replace('-', ' ').capitalize()}: {summary(report)}", ""]
    lines += [report.notice, ""] if report.notice else []
    lines += ["| link | status | to fix |", "| --- | --- | --- |"]
    for link in Link:
        rules = ", ".join(f"`{each.rule.id}`" for each in report.of(link) if each.status is not Status.OK)
        status = "left out" if link in report.skipped else _MARKS[report.verdict(link)]
        lines.append(f"| {link} | {status} | {rules} |")
    for finding in to_fix(report):
        lines += ["", f"#### {_MARKS[finding.status]} `{finding.rule.id}`: {finding.rule.title}", ""]
        for name, value in details(finding):
            is_command = name == "fix" and command_of(value)
            lines.append(f"- {name}: {_fenced(value) if is_command else _prose(value)}")
    if everything:
        lines += ["", "<details><summary>Every check</summary>", "", "| check | status | seen |", "| --- | --- | --- |"]
        lines += [f"| `{each.rule.id}` | {_MARKS[each.status]} | {_cell(each.seen)} |" for each in report.findings]
        lines += ["", "</details>"]
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    """A text in a cell of a table, on one line."""
    return _prose(" ".join(text.split())).replace("|", "\\|")


def _prose(text: str) -> str:
    """A text that is never taken for HTML, nor for the mention of a person where it is posted."""
    return text.replace("<", "&lt;").replace("@", "@\N{ZERO WIDTH SPACE}")


def _fenced(command: str) -> str:
    ticks = "``" if "`" in command else "`"
    return f"{ticks}{command}{ticks}"


def to_fix(report: Report) -> list[Finding]:
    """Return the findings that need a fix, in the order of the chain."""
    return [finding for finding in report.findings if finding.status is not Status.OK]


def details(finding: Finding) -> Iterator[tuple[str, str]]:
    """Yield what is written of a finding, each part with its name."""
    yield "seen", finding.seen
    if finding.expected:
        yield "expected", finding.expected
    yield "why", finding.rule.why
    if finding.fix:
        yield "fix", finding.fix
    yield "more", finding.rule.docs
