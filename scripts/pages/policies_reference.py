"""The reference of the policy pack: a section for each of its rules."""

import json
from collections.abc import Iterator

from pulumi_policy import Policy, StackValidationPolicy

from policies.rules import RULES

from .markdown import escaped

HEAD = """\
# Rules of the policy pack

The [policy pack](../policies/README.md) has its own page: how to run it, how to configure it, and what it cannot see.
`make pages` writes this page from the rules.
"""


def page() -> str:
    """Return the page as Markdown."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield HEAD
    yield "| rule | level | severity | judges |"
    yield "|---|---|---|---|"
    for rule in RULES:
        level, severity = rule.enforcement_level, rule.severity
        judged = "the whole stack" if isinstance(rule, StackValidationPolicy) else "one resource"
        yield f"| [{rule.name}](#{rule.name}) | {level and level.value} | {severity and severity.value} | {judged} |"
    for rule in RULES:
        yield from _section(rule)


def _section(rule: Policy) -> Iterator[str]:
    yield ""
    yield f"## {rule.name}"
    yield ""
    yield escaped(rule.description)
    yield ""
    yield f"**Fix.** {escaped(rule.remediation_steps or '')}"
    if rule.config_schema:
        yield ""
        yield "| setting | default | meaning |"
        yield "|---|---|---|"
        for name, setting in rule.config_schema.properties.items():
            choices = f" One of {', '.join(setting['enum'])}." if "enum" in setting else ""
            yield f"| `{name}` | `{json.dumps(setting['default'])}` | {escaped(setting['description'])}{choices} |"
