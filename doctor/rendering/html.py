"""The report as one HTML page that needs nothing from outside: to be kept, mailed, or attached to a ticket."""

from html import escape

from ..findings import Finding, Link, Report, Status
from ..fixes import command_of
from .document import VERDICTS
from .grouping import grouped
from .text import details, link_numbers, summary, to_fix

_STYLE = """
:root { color-scheme: light dark; --text: #1b1f24; --page: #ffffff; --panel: #f6f8fa; --line: #d0d7de;
  --ok: #116329; --warning: #7d4e00; --broken: #a40e26; --not-reached: #6639ba; }
@media (prefers-color-scheme: dark) { :root { --text: #e6edf3; --page: #0d1117; --panel: #161b22; --line: #3d444d;
  --ok: #56d364; --warning: #e3b341; --broken: #ff7b72; --not-reached: #d2a8ff; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem 1rem 3rem; max-width: 60rem; color: var(--text); background: var(--page);
  font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.25rem; margin-top: 2rem; } h3 { font-size: 1rem; margin: 0 0 .5rem; }
table { width: 100%; border-collapse: collapse; }
th { white-space: nowrap; }
caption { text-align: left; padding-bottom: .5rem; }
th, td { padding: .35rem .75rem .35rem 0; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; }
article { margin: 1rem 0; padding: 1rem; background: var(--panel); border: 1px solid var(--line);
  border-left: .3rem solid currentColor; border-radius: .4rem; }
article > * { color: var(--text); }
dl { display: grid; grid-template-columns: 5rem 1fr; gap: .35rem 1rem; margin: 0; }
dt { font-weight: 600; } dd { margin: 0; }
pre { margin: 0; white-space: pre-wrap; } code { font: .9rem/1.5 ui-monospace, monospace; }
.status { font-weight: 600; white-space: nowrap; }
.ok { color: var(--ok); } .warning { color: var(--warning); } .broken { color: var(--broken); }
.not-reached { color: var(--not-reached); }
@media (max-width: 40rem) { dl { grid-template-columns: 1fr; } dd { margin-bottom: .5rem; } }
"""


def page(report: Report) -> str:
    """Return the report as HTML: the links, every finding that needs a fix, and every check.

    Every text is escaped, and the page loads nothing: its policy forbids it.
    """
    report = grouped(report)
    title = f"{report.cluster}: {VERDICTS[report.exit_code].replace('-', ' ')}"
    return "\n".join(
        (
            "<!DOCTYPE html>",
            '<html lang="en">',
            "<head>",
            '<meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            """<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">""",
            '<meta name="referrer" content="no-referrer">',
            f"<title>{escape(title)}</title>",
            f"<style>{_STYLE}</style>",
            "</head>",
            "<body>",
            "<main>",
            f"<h1>{escape(title)}</h1>",
            f"<p>{escape(summary(report))}</p>",
            f"<p>Checked at <time>{escape(report.taken_at.isoformat(timespec='seconds'))}</time>.</p>",
            *([f'<p class="warning">{escape(report.notice)}</p>'] if report.notice else []),
            *_links(report),
            *_fixes(report),
            *_everything(report),
            "</main>",
            "</body>",
            "</html>",
            "",
        )
    )


def _links(report: Report) -> list[str]:
    rows = []
    for link in Link:
        skipped = link in report.skipped
        status = "left out" if skipped else _status(report.verdict(link))
        rows.append(
            f'<tr><th scope="row">{link}</th><td>{status}</td>'
            f"<td>{'--skip' if skipped else escape(link_numbers(report, link))}</td></tr>"
        )
    head = '<tr><th scope="col">Link</th><th scope="col">Status</th><th scope="col">Checks</th></tr>'
    return [
        "<h2>Links</h2>",
        "<table>",
        "<caption>The chain from the autoscaler's pod to its nodes, in order.</caption>",
        f"<thead>{head}</thead>",
        f"<tbody>{''.join(rows)}</tbody>",
        "</table>",
    ]


def _fixes(report: Report) -> list[str]:
    found = to_fix(report)
    lines = ["<h2>To fix</h2>"] + ([] if found else ["<p>Nothing.</p>"])
    for number, finding in enumerate(found, 1):
        lines += [
            f'<article class="{finding.status}" aria-labelledby="finding-{number}">',
            f'<h3 id="finding-{number}">{_status(finding.status)} {escape(finding.rule.id)}: '
            f"{escape(finding.rule.title)}</h3>",
            "<dl>",
            *(f"<dt>{name}</dt><dd>{_value(name, value)}</dd>" for name, value in details(finding)),
            "</dl>",
            "</article>",
        ]
    return lines


def _value(name: str, value: str) -> str:
    is_command = name == "fix" and command_of(value)
    return f"<pre><code>{escape(value)}</code></pre>" if is_command else escape(value)


def _everything(report: Report) -> list[str]:
    head = '<tr><th scope="col">Status</th><th scope="col">Check</th><th scope="col">Seen</th></tr>'
    return [
        "<h2>Every check</h2>",
        "<table>",
        "<caption>What was seen, check by check.</caption>",
        f"<thead>{head}</thead>",
        f"<tbody>{''.join(_row(finding) for link in Link for finding in report.of(link))}</tbody>",
        "</table>",
    ]


def _row(finding: Finding) -> str:
    return (
        f'<tr><td>{_status(finding.status)}</td><th scope="row">{escape(finding.rule.id)}</th>'
        f"<td>{escape(finding.seen)}</td></tr>"
    )


def _status(status: Status) -> str:
    return f'<span class="status {status}">{status.replace("-", " ")}</span>'
