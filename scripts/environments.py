"""Prints the environments for CI, made from the Pulumi.*.yaml files, as outputs of a GitHub step.

Without an argument: `matrix=`, all environments by name. With `--stages`: `stage-1=`, `stage-2=`, ..., as ordered in
`.github/deploy-order`. Environments of the sandbox (account 123456789012) are left out. Needs nothing
but Python.
"""

import argparse
import json
import re
import sys
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ORDER = Path(".github") / "deploy-order"
MAX_STAGES = 4
"""Jobs that `deploy.yml` has for stages."""
SANDBOX_ACCOUNT = "123456789012"

_KEY = re.compile(r"""^\s+eks-cluster-autoscaler:(region|accountId):\s*["']?([^"'#\s]+)""", re.MULTILINE)

Environment = dict[str, str]


def environments(folder: Path) -> list[Environment]:
    """Return stack and region of each environment, by name.

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


def stages(folder: Path) -> list[list[Environment]]:
    """Return the environments of each stage, in the order in which they are deployed.

    Raises:
        ValueError: An environment is in no stage or in two, or a stage names one that does not exist.
    """
    by_name = {environment["stack"]: environment for environment in environments(folder)}
    lines = (line.partition("#")[0].split() for line in (folder / ORDER).read_text(encoding="utf-8").splitlines())
    ordered = [names for names in lines if names]
    named = [name for names in ordered for name in names]
    for name in named:
        if name not in by_name:
            raise ValueError(f"{ORDER}: got {name}; expected one of {', '.join(by_name)}, or a file Pulumi.{name}.yaml")
        if named.count(name) > 1:
            raise ValueError(f"{ORDER}: got {name} twice; expected each environment once")
    if missing := [name for name in by_name if name not in named]:
        raise ValueError(f"{ORDER}: got no {', '.join(missing)}; expected every environment. Add it to a line.")
    if len(ordered) > MAX_STAGES:
        raise ValueError(
            f"{ORDER}: got {len(ordered)} stages; expected {MAX_STAGES} or fewer. Put environments into one line, or "
            "add a job to deploy.yml and raise MAX_STAGES in scripts/environments.py."
        )
    return [[by_name[name] for name in names] for names in ordered]


def _matrix(found: Iterable[Environment]) -> str:
    return json.dumps({"include": list(found)})


def main(arguments: list[str], folder: Path = ROOT) -> int:
    """Print the outputs; exit code 1 and one line when a file cannot be used."""
    parser = argparse.ArgumentParser(prog="python3 scripts/environments.py", description=__doc__)
    parser.add_argument("--stages", action="store_true", help="print the stages instead of the matrix")
    given = parser.parse_args(arguments)
    try:
        if given.stages:
            for number, stage in enumerate(stages(folder), start=1):
                print(f"stage-{number}={_matrix(stage)}")
        else:
            print(f"matrix={_matrix(environments(folder))}")
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
