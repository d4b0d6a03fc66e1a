"""Turns a preview (the engine's events on stdin) into the Markdown that a reviewer reads on a pull request.

    PULUMI_ENABLE_STREAMING_JSON_PREVIEW=true pulumi preview --json | python -m scripts.preview_report STACK

Plain ``--json`` lacks the policy pack's findings. Anything replaced or deleted is reported first
and loudly: that is what a reviewer must not miss.
"""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterable
from typing import Any, NamedTuple

from scripts import rendered_chart

LOUD = ("replace", "delete")
RETAINED = "delete[retain]"
"""The CLI's word for what leaves the stack and stays in the cloud."""
SIGNS = {"create": "+", "update": "~", "replace": "±", "delete": "-", RETAINED: "-", "import": "=", "refresh": "↻"}
_PARTS_OF_A_REPLACEMENT = ("create-replacement", "delete-replaced", "discard-replaced", "same", "read")
_MANDATORY = "mandatory"


class Change(NamedTuple):
    """One resource that a preview would change."""

    operation: str
    type: str
    name: str
    properties: tuple[str, ...]

    @property
    def title(self) -> str:
        """Short type and name: names alone repeat."""
        return f"{self.type.rsplit(':', 1)[-1]} {self.name}"


def changes(events: Iterable[dict[str, Any]]) -> list[Change]:
    """What the preview would change, the loud ones first, then by type and name: the engine's own order varies."""
    found = []
    for step in _steps(events):
        if step["op"] in _PARTS_OF_A_REPLACEMENT or not _is_in_the_cloud(step):
            continue
        _, _, types, name = step["urn"].split("::", 3)
        properties = sorted(step.get("keys") or step.get("detailedDiff") or step.get("diffs") or ())
        found.append(Change(_operation(step), types.split("$")[-1], name, tuple(properties)))
    return sorted(found, key=lambda change: (change.operation not in LOUD, change.type, change.name))


def report(stack: str, events: list[dict[str, Any]]) -> str:
    """The Markdown of one stack's preview."""
    found = changes(events)
    lines = [f"## Preview of `{stack}`", ""]
    loud = [change for change in found if change.operation in LOUD]
    if loud:
        named = ", ".join(f"`{change.title}` ({change.operation})" for change in loud)
        lines += ["> [!CAUTION]", f"> **{len(loud)} of these changes destroy something:** {named}", ""]
    lines += ["The preview failed." if _severity(events, "error") else _summary(found), ""]
    if found:
        lines += ["| | resource | type | because of |", "| --- | --- | --- | --- |", *map(_row, found), ""]
    lines += rendered_chart.report(_steps(events))
    lines += [f"- **{level}** {text}" for level, text in complaints(events)]
    return "\n".join(lines).rstrip() + "\n"


def complaints(events: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """Level and text of what the policy pack found, and of the program's errors and warnings."""
    policies = []
    for event in events:
        if rule := event.get("policyEvent"):
            name = rule.get("resourceUrn", "").rsplit("::", 1)[-1]
            policies.append((rule["enforcementLevel"], f"`{rule['policyName']}` on `{name}`: {_cell(rule['message'])}"))
    others = [(level, text) for level in ("error", "warning") for text in _severity(events, level)]
    return policies + others


def failed(events: list[dict[str, Any]]) -> bool:
    """Whether an update would be refused: an error, or a violation of a mandatory rule."""
    return any(level in ("error", _MANDATORY) for level, _ in complaints(events))


def _operation(step: dict[str, Any]) -> str:
    """What happens to a resource, in the words of the CLI: a deletion may leave it in the cloud."""
    retained = step["op"] == "delete" and (step.get("old") or {}).get("retainOnDelete")
    return RETAINED if retained else str(step["op"])


def _steps(events: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Metadata of each step that the engine plans."""
    planned = (event.get("resourcePreEvent", {}).get("metadata") for event in events)
    return [step for step in planned if step]


def _is_in_the_cloud(step: dict[str, Any]) -> bool:
    """Components only group what is."""
    return bool((step.get("new") or step.get("old") or {}).get("custom"))


def _summary(found: list[Change]) -> str:
    counts = Counter(change.operation for change in found)
    return ", ".join(f"{count} to {operation}" for operation, count in counts.items()) + "." if found else "No change."


def _row(change: Change) -> str:
    what = f"**{change.operation}**" if change.operation in LOUD else change.operation
    because = ", ".join(f"`{name}`" for name in change.properties) or "-"
    return f"| {SIGNS.get(change.operation, '?')} {what} | `{change.name}` | `{change.type}` | {because} |"


def _severity(events: list[dict[str, Any]], level: str) -> list[str]:
    diagnostics = [event["diagnosticEvent"] for event in events if "diagnosticEvent" in event]
    return [_cell(each["message"]) for each in diagnostics if each["severity"] == level]


def _cell(text: str) -> str:
    """Several lines as one of Markdown."""
    return "<br>".join(line.strip() for line in text.strip().removeprefix("error: ").splitlines())


def main(arguments: list[str]) -> int:
    """Read events from stdin, print the report.

    Returns:
        0; 1 when the update would be refused; 2 when there is no preview on stdin.
    """
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(prog="python -m scripts.preview_report", description=__doc__, formatter_class=form)
    parser.add_argument("stack", nargs="?", default="stack", help="name of the stack, for the heading")
    given = parser.parse_args(arguments)
    try:
        events = [json.loads(line) for line in sys.stdin if line.strip()]
        if not any("summaryEvent" in event or "diagnosticEvent" in event for event in events):
            raise ValueError("no event of the engine")
        print(report(given.stack, events), end="")
        return int(failed(events))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        print(f"preview_report: got no preview on stdin ({error}); is the stack deployed?", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
