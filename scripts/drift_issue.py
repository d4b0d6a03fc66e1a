"""Keeps one issue about drift: opens it, brings it up to date, and closes it when nothing is left.

    python3 scripts/drift_issue.py REPORTS RUN_URL

REPORTS is a folder with one Markdown file per environment, which `drift.yml` made: `<environment>.md` for one that
drifted or is broken, `<environment>.ok.md` for one without drift. Needs Python and the program gh with a
token that may write issues.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

LABEL = "drift"
"""The label by which the issue is found again."""
TITLE = "Drift: environments differ from the program"
LARGEST = 60_000
"""Characters of a body; GitHub refuses more than 65,536."""


def body(folder: Path, run: str) -> str:
    """Return the text of the issue; empty if no environment has drifted.

    Args:
        folder: The reports.
        run: Address of the workflow's run.
    """
    wrong = [file for file in sorted(folder.glob("*.md")) if not file.name.endswith(".ok.md")]
    if not wrong:
        return ""
    good = sorted(file.name.removesuffix(".ok.md") for file in folder.glob("*.ok.md"))
    head = f"The nightly check found differences. The newest run: {run}\n"
    tail = f"\nWithout drift: {', '.join(good)}.\n" if good else ""
    parts = [f"\n## {file.stem}\n\n{file.read_text(encoding='utf-8').strip()}\n" for file in wrong]
    space = LARGEST - len(head) - len(tail)
    text = "".join(parts)
    if len(text) > space:
        each = space // len(parts)
        text = "".join(part if len(part) <= each else _cut(part, each) for part in parts)
    return head + text + tail


def _cut(part: str, length: int) -> str:
    """The start of a report, cut between two lines, with what was open in it closed."""
    kept = part[: length - 100].rpartition("\n")[0]
    closed = "\n\n</details>" * (kept.count("<details>") - kept.count("</details>"))
    return f"{kept}{closed}\n\nThe report is longer: see the run.\n"


def keep(text: str, run: str) -> None:
    """Open, update or close the issue.

    Args:
        text: The text of the issue; empty to close it.
        run: Address of the workflow's run.
    """
    listed = json.loads(_gh("issue", "list", "--label", LABEL, "--state", "open", "--json", "number"))
    number = str(min(each["number"] for each in listed)) if listed else ""
    if text and number:
        _gh("issue", "edit", number, "--body-file", "-", given=text)
    elif text:
        _gh("label", "create", LABEL, "--force", "--description", "Environments differ from the program")
        _gh("issue", "create", "--title", TITLE, "--label", LABEL, "--body-file", "-", given=text)
    elif number:
        _gh("issue", "close", number, "--comment", f"No environment has drifted: {run}")


def _gh(*words: str, given: str = "") -> str:
    done = subprocess.run(["gh", *words], input=given, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"gh {' '.join(words[:2])}: {done.stderr.strip()}")
    return done.stdout


def main(arguments: list[str]) -> int:
    """Keep the issue of the reports."""
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(prog="python3 scripts/drift_issue.py", description=__doc__, formatter_class=form)
    parser.add_argument("reports", type=Path, metavar="REPORTS", help="folder with a Markdown file per environment")
    parser.add_argument("run", metavar="RUN_URL", help="address of the run that wrote them, for the issue")
    given = parser.parse_args(arguments)
    keep(body(given.reports, given.run), given.run)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
