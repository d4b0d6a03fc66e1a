"""The committed figures, a section for each part: parts can be measured again one by one."""

from __future__ import annotations

import json
from typing import Any

from sandbox.layout import PROJECT

FOLDER = PROJECT / "docs" / "benchmarks"
FILE = FOLDER / "figures.json"


def load() -> dict[str, Any]:
    """All sections so far, by part."""
    found: dict[str, Any] = json.loads(FILE.read_text()) if FILE.exists() else {}
    return found


def save(part: str, taken: dict[str, Any], figures: dict[str, Any]) -> None:
    """Replace one part's section; what a part measures only on demand stays from the last time that it did."""
    sections = load()
    kept = sections.get(part, {}).get("figures", {})
    sections[part] = {"taken": taken, "figures": {**kept, **figures}}
    FOLDER.mkdir(parents=True, exist_ok=True)
    FILE.write_text(json.dumps(sections, indent=1) + "\n")
