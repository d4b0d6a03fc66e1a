"""Turns `pulumi preview --json` (on stdin) into the Markdown that a reviewer reads on a pull request.

Anything replaced or deleted is told first and loudly: that is what a reviewer must not miss.
"""

import json
import sys
from collections.abc import Iterable
from typing import Any, NamedTuple

LOUD = ("replace", "delete")
SIGNS = {"create": "+", "update": "~", "replace": "±", "delete": "-", "import": "=", "refresh": "↻"}
_PARTS_OF_A_REPLACEMENT = ("create-replacement", "delete-replaced", "discard-replaced", "same")


class Change(NamedTuple):
    """One resource that a preview would change."""

    operation: str
    type: str
    name: str
    properties: tuple[str, ...]


def changes(preview: dict[str, Any]) -> list[Change]:
    """What the preview would change, the loud ones first, then in the order of the plan."""
    found = []
    for step in preview.get("steps", []):
        if step["op"] in _PARTS_OF_A_REPLACEMENT:
            continue
        _, _, types, name = step["urn"].split("::", 3)
        properties = step.get("replaceReasons") or step.get("diffReasons") or sorted(step.get("detailedDiff") or {})
        found.append(Change(step["op"], types.split("$")[-1], name, tuple(properties)))
    return sorted(found, key=lambda change: change.operation not in LOUD)


def report(stack: str, preview: dict[str, Any]) -> str:
    """The Markdown of one stack's preview."""
    found = changes(preview)
    lines = [f"## Preview of `{stack}`", ""]
    if not found:
        return "\n".join([*lines, "No change."]) + "\n"
    loud = [change for change in found if change.operation in LOUD]
    if loud:
        lines += [
            "> [!CAUTION]",
            f"> **{len(loud)} of these changes destroy something:** " + _names(loud),
            "",
        ]
    lines += [", ".join(f"{count} to {operation}" for operation, count in _counts(found)) + ".", ""]
    lines += ["| | resource | type | because of |", "| --- | --- | --- | --- |"]
    for change in found:
        what = f"**{change.operation}**" if change.operation in LOUD else change.operation
        because = ", ".join(f"`{name}`" for name in change.properties) or "-"
        lines.append(f"| {SIGNS.get(change.operation, '?')} {what} | `{change.name}` | `{change.type}` | {because} |")
    return "\n".join([*lines, *_diagnostics(preview)]) + "\n"


def _names(found: Iterable[Change]) -> str:
    return ", ".join(f"`{change.name}` ({change.operation})" for change in found)


def _counts(found: Iterable[Change]) -> list[tuple[str, int]]:
    counts: dict[str, int] = {}
    for change in found:
        counts[change.operation] = counts.get(change.operation, 0) + 1
    return list(counts.items())


def _diagnostics(preview: dict[str, Any]) -> list[str]:
    told = [entry for entry in preview.get("diagnostics", []) if entry.get("severity") in ("warning", "error")]
    return ["", *(f"- **{entry['severity']}**: {entry['message'].strip()}" for entry in told)] if told else []


def main() -> int:
    """Read a preview from stdin, print its report; exit code 2 when it is no preview."""
    stack = sys.argv[1] if len(sys.argv) > 1 else "stack"
    try:
        preview = json.load(sys.stdin)
        print(report(stack, preview), end="")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        print(f"preview_report: got no `pulumi preview --json` on stdin ({error!r})", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
