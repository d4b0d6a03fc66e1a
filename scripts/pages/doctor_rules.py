"""docs/doctor/<link>.md and docs/troubleshooting.md: every rule of the doctor, by its link and by what a user sees."""

import re
import textwrap
from collections.abc import Iterator

from doctor.findings import Rule, RuleBook
from doctor.rules import BOOKS

from .markdown import escaped

WIDTH = 120

TROUBLESHOOTING = """\
# Troubleshooting, by symptom

First run the doctor. It checks every rule below and names the one that is broken:

```sh test_documented_commands
python -m doctor check --cluster series-api --region us-east-1
```

Without the doctor, find what you see. Each line leads to the cause and its fix. `make pages` generates this page from
the [doctor's rules](doctor/README.md).
"""


def link_page(book: RuleBook) -> str:
    """Return the page of one link."""
    lines = [
        f"# {book.heading}",
        "",
        *_wrapped(book.intro),
        "",
        f"These are the rules of `ca-doctor check` for the link `{book.link}`. `make pages` generates this page from "
        "the "
        "rules.",
        "[All links](README.md).",
    ]
    for rule in book.rules:
        lines += ["", *_section(rule)]
    return "\n".join(lines) + "\n"


def troubleshooting() -> str:
    """Return the page of symptoms."""
    lines = [TROUBLESHOOTING]
    for book in BOOKS:
        lines += [f"## {book.heading}", "", "| you see | rule that is broken |", "| --- | --- |"]
        lines += [_row(rule) for rule in book.rules]
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def _section(rule: Rule) -> Iterator[str]:
    yield from (f'<a id="{rule.name}"></a>', "", f"## {rule.title} (`{rule.id}`)", "")
    yield from _wrapped(rule.why)
    yield from ("", *_wrapped(f"**You see**: {rule.you_see}"))
    yield from ("", *_wrapped(f"**Fix**: {rule.how_to_fix}"))


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(escaped(text), WIDTH, break_long_words=False, break_on_hyphens=False)


def _row(rule: Rule) -> str:
    # Links within a rule's text are relative to the page of its link.
    seen = re.sub(r"\]\((#[^)]*)\)", rf"](doctor/{rule.link}.md\1)", escaped(rule.you_see)).replace("|", r"\|")
    return f"| {seen} | [{rule.title}]({rule.docs.removeprefix('docs/')}) |"
