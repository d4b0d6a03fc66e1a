"""Keeps the engine's state of a released version, for the test that no later version may lose or replace any of it.

``pulumi stack export --stack sandbox | python scripts/baseline.py`` (or ``make baseline``), once at each release.
"""

import argparse
import json
import shutil
import sys
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "tests" / "e2e" / "program" / "baselines"
SETTINGS = ROOT / "Pulumi.sandbox.yaml"
SECRET = "1b47061264138c4ac30d75fd1eb44270"
"""Marks a value as secret in the engine's state."""
MOMENTARY = {"created", "modified", "sourcePosition", "stackTrace"}


def reduced(state: dict[str, Any]) -> dict[str, Any]:
    """The state without when it was written and from which files of which machine, which would only differ.

    Raises:
        ValueError: It is no state of an engine, is empty, or holds a secret.
    """
    try:
        resources = state["deployment"]["resources"]
    except (KeyError, TypeError):
        raise ValueError("got no state of the engine; expected what `pulumi stack export` prints") from None
    if not resources:
        raise ValueError("got a stack without resources; deploy it first: make sandbox")
    if SECRET in json.dumps(state):
        raise ValueError("got a state with secrets; expected none, for it is committed")
    kept = [{key: each[key] for key in each if key not in MOMENTARY} for each in resources]
    return {**state, "deployment": {**state["deployment"], "resources": kept}}


def main(arguments: list[str]) -> int:
    """Write the baseline of the version at hand; exit code 1, and one line, when there is nothing to keep."""
    parser = argparse.ArgumentParser(prog="python scripts/baseline.py", description=__doc__)
    parser.parse_args(arguments)
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    try:
        state = reduced(json.load(sys.stdin))
    except ValueError as error:
        print(f"baseline: {error}", file=sys.stderr)
        return 1
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / f"{version}.json").write_text(json.dumps(state, indent=1) + "\n")
    # The settings that made it: those of the sandbox may change later.
    shutil.copy(SETTINGS, FOLDER / f"{version}.yaml")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
