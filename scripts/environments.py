"""Prints the matrix of environments for CI, made from the Pulumi.*.yaml files: a new file needs no workflow edit.

Environments of the sandbox (account 123456789012, which nobody has) are left out. Needs nothing but Python.
"""

import json
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SANDBOX_ACCOUNT = "123456789012"

_KEY = re.compile(r"""^\s+eks-cluster-autoscaler:(region|accountId):\s*["']?([^"'#\s]+)""", re.MULTILINE)


def environments(folder: Path) -> list[dict[str, str]]:
    """Stack and region of each environment, by name.

    Raises:
        ValueError: A file names no region.
    """
    found = []
    for path in sorted(folder.glob("Pulumi.*.yaml")):
        stack = path.name.removeprefix("Pulumi.").removesuffix(".yaml")
        known = dict(_KEY.findall(path.read_text(encoding="utf-8")))
        if known.get("accountId") == SANDBOX_ACCOUNT:
            continue
        if "region" not in known:
            raise ValueError(f"{path.name}: got no region; expected eks-cluster-autoscaler:region under config")
        found.append({"stack": stack, "region": known["region"]})
    return found


def main() -> int:
    """Print the matrix; exit code 1 and one line when a file cannot be used."""
    try:
        print(json.dumps({"include": environments(ROOT)}))
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
