"""docs/troubleshooting.md: what a user sees and where its cause is explained, by the doctor's rules and their pages."""

import re
from pathlib import Path

from doctor.checks import all_rules
from doctor.findings import Link, Rule

ROOT = Path(__file__).parents[2]

HEAD = """\
# Troubleshooting, by symptom

First ask the doctor, which looks for all of these and names the one that is the cause:

```sh test_documented_commands
python -m doctor check --cluster series-api --region us-east-1
```

No doctor at hand? Look for what you see. Every line leads to the cause and to the command that mends it. `make pages`
writes this page from the doctor's rules and [their pages](doctor/README.md).
"""

TITLES = {
    Link.POD: "The autoscaler's pod",
    Link.SERVICE_ACCOUNT: "Its credentials",
    Link.ROLE: "Its role",
    Link.PERMISSIONS: "Its permissions",
    Link.GROUPS: "Groups and nodes",
    Link.AUTOSCALER: "Its loop",
    Link.WAITING_PODS: "Pods that wait",
}


def page() -> str:
    """The whole page."""
    lines = [HEAD]
    for link, title in TITLES.items():
        lines += [f"## {title}", "", "| you see | what is wrong with |", "| --- | --- |"]
        lines += [_row(rule) for rule in all_rules() if rule.link == link]
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def _row(rule: Rule) -> str:
    target = rule.docs.removeprefix("docs/")
    return f"| {_symptom(rule)} | [{rule.title}]({target}) |"


def _symptom(rule: Rule) -> str:
    """What the rule's section says one sees."""
    text = (ROOT / f"docs/doctor/{rule.link}.md").read_text()
    section = text.partition(f'<a id="{rule.name}"></a>\n')[2].partition("<a id=")[0]
    found = re.search(r"\*\*You see\*\*: (.*?)(?:\n\n|\Z)", section, re.DOTALL)
    if not found:
        raise ValueError(f"docs/doctor/{rule.link}.md: got no 'You see' for {rule.name}; expected one in its section")
    # Links within a doctor's page are relative to its folder.
    seen = re.sub(r"\]\((#[^)]*)\)", rf"](doctor/{rule.link}.md\1)", " ".join(found[1].split()))
    return re.sub(r"\]\((?!doctor/|http)([^)]*)\)", r"](doctor/\1)", seen).replace("|", r"\|")
