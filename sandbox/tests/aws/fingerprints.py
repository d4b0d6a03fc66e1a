"""What ministack has at each place that the sandbox hooks, as fingerprints of its source.

A new ministack that changes one of them fails a test. Read the change, fix the hook if it must be fixed, then record
the new fingerprints: ``python -m sandbox.tests.aws.fingerprints``.
"""

from __future__ import annotations

import hashlib
import inspect
import json
from pathlib import Path
from typing import Any

from sandbox.aws.hooking import Hook
from sandbox.aws.hooks import HOOKS

RECORDED = Path(__file__).with_name("fingerprints.json")

ABSENT = "absent"


def fingerprint(original: Any) -> str:
    """The fingerprint of a function's source, of a table's keys, or of nothing."""
    if original is None:
        return ABSENT
    text = inspect.getsource(original) if inspect.isroutine(original) else repr(sorted(map(str, original)))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def first_hooks() -> dict[str, Hook]:
    """The hooks by label; where two sit in one place, the first, which meets ministack's own function."""
    return {hook.label: hook for hook in reversed(HOOKS)}


if __name__ == "__main__":
    found = {label: fingerprint(hook.original()) for label, hook in sorted(first_hooks().items())}
    RECORDED.write_text(json.dumps(found, indent=2) + "\n")
