"""Prints the least-privilege IAM policy of the role that deploys a stack: `python -m scripts.deploy_policy prod`.

With ``--preview``, that of a role that only previews it, also with ``--refresh``.
"""

import argparse
import json
import sys
from pathlib import Path

import yaml

import settings
from components.errors import FaultsError
from scripts.deploy_policy.document import MAX_LENGTH, document

PROJECT = "eks-cluster-autoscaler"


def read(file: Path) -> settings.Settings:
    """Read the settings of an environment's file.

    Raises:
        FaultsError: They are not valid.
    """
    config = (yaml.safe_load(file.read_text(encoding="utf-8")) or {}).get("config") or {}
    own = {key.removeprefix(f"{PROJECT}:"): value for key, value in config.items() if key.startswith(f"{PROJECT}:")}
    return settings.parse({key: value if isinstance(value, str) else json.dumps(value) for key, value in own.items()})


def main(arguments: list[str] | None = None) -> int:
    """Print the policy.

    Returns:
        0; 2 with one line on stderr when there is no such environment, or its settings do not suffice.
    """
    parser = argparse.ArgumentParser(prog="python -m scripts.deploy_policy", description=__doc__)
    parser.add_argument("stack", help="name of the environment: reads Pulumi.<stack>.yaml")
    parser.add_argument("--preview", action="store_true", help="what a preview needs, and no more")
    parser.add_argument("--account", help="ID of the account. Defaults to accountId of the environment")
    parser.add_argument("--folder", type=Path, default=Path(), help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    file = given.folder / f"Pulumi.{given.stack}.yaml"
    try:
        found = read(file)
    except FileNotFoundError:
        return _refuse(f"got the stack {given.stack!r}; expected one with a file {file.name}")
    except FaultsError as error:
        return _refuse(str(error))
    account = given.account or found["account_id"]
    if not account:
        return _refuse(f"{file.name} names no account; expected accountId in it, or --account")
    made = document(found, account, write=not given.preview)
    length = len(json.dumps(made, separators=(",", ":")))
    if length > MAX_LENGTH:
        print(
            f"The policy has {length} characters; a managed policy may have {MAX_LENGTH}. Make it an inline policy of "
            "the role: these may have 10240.",
            file=sys.stderr,
        )
    print(json.dumps(made, indent=2))
    return 0


def _refuse(message: str) -> int:
    print(message, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
