"""Prints the least-privilege IAM policy of the role that deploys a stack: `python -m scripts.deploy_policy prod`.

With ``--preview``, that of a role that only previews it, also with ``--refresh``.
"""

import argparse
import json
import re
import sys
from pathlib import Path

from components.errors import FaultsError
from scripts.deploy_policy.document import MAX_LENGTH, document
from scripts.deploy_policy.reading import read


def main(arguments: list[str] | None = None) -> int:
    """Print the policy.

    Returns:
        0; 2 with the errors on stderr when there is no such environment, or its settings do not suffice.
    """
    parser = argparse.ArgumentParser(prog="python -m scripts.deploy_policy", description=__doc__)
    parser.add_argument("stack", help="name of the environment: reads Pulumi.<stack>.yaml")
    parser.add_argument("--preview", action="store_true", help="what a preview needs, and no more")
    parser.add_argument(
        "--account", type=_account, metavar="ID", help="ID of the account. Defaults to accountId of the environment"
    )
    parser.add_argument("--folder", type=Path, default=Path(), help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    file = given.folder / f"Pulumi.{given.stack}.yaml"
    try:
        found = read(file, without_account=given.account is not None)
    except FileNotFoundError:
        return _refuse(f"got the stack {given.stack!r}; expected one with a file {file.name}")
    except FaultsError as error:
        return _refuse(str(error))
    account = given.account or found["account_id"]
    if not account:
        return _refuse(f"{file.name}: accountId: got nothing; expected the ID of the account, here or by --account")
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


def _account(text: str) -> str:
    if not re.fullmatch(r"[0-9]{12}", text):
        raise argparse.ArgumentTypeError(f"got {text!r}; expected an AWS account ID of twelve digits")
    return text


def _refuse(message: str) -> int:
    print(message, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
