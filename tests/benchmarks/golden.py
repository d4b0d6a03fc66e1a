"""The recorded counts: what CI guards, for seconds prove nothing on a machine that others share."""

import json
import os
from pathlib import Path

FILE = Path(__file__).parent / "counts.json"


def assert_recorded(name, counted):
    """Hold counts against the recorded ones; ``make counts`` records them again."""
    recorded = json.loads(FILE.read_text()) if FILE.exists() else {}
    if os.environ.get("UPDATE_SNAPSHOTS"):
        recorded[name] = counted
        FILE.write_text(json.dumps(recorded, indent=2, sort_keys=True) + "\n")
    assert counted == recorded.get(name), f"{name} changed; make counts, and review the difference: each one costs"
