"""The person at the keyboard: IAM user ``sandbox`` with AdministratorAccess, and its credentials file."""

from __future__ import annotations

import configparser
from pathlib import Path

from ministack.core.responses import request_scope
from ministack.services import iam

from sandbox.aws.query_protocol import Response
from sandbox.layout import ACCOUNT_ID, REGION, USER_NAME, write_atomically

_ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"


def bootstrap(credentials: Path) -> None:
    """Makes sure that the user exists and that ``credentials`` holds an active access key of it.

    Doing it again changes nothing. A lost file, or a file whose key is not known any more, gets a new key, and the
    user's older keys end.

    Args:
        credentials: AWS shared credentials file, profile ``default``; written with mode 600.
    """
    with request_scope(ACCOUNT_ID, REGION):
        if USER_NAME not in iam._users:
            _succeed(iam._create_user({"UserName": USER_NAME}))
        if _ADMINISTRATOR not in iam._users[USER_NAME]["AttachedPolicies"]:
            _succeed(iam._attach_user_policy({"UserName": USER_NAME, "PolicyArn": _ADMINISTRATOR}))
        keys = {key_id: key for key_id, key in iam._access_keys.items() if key["UserName"] == USER_NAME}
        if not _holds_one_of(credentials, {key_id: key["SecretAccessKey"] for key_id, key in keys.items()}):
            for key_id in keys:
                _succeed(iam._delete_access_key({"UserName": USER_NAME, "AccessKeyId": key_id}))
            _write(credentials)


def _write(credentials: Path) -> None:
    _succeed(iam._create_access_key({"UserName": USER_NAME}))
    key_id, key = next((key_id, key) for key_id, key in iam._access_keys.items() if key["UserName"] == USER_NAME)
    write_atomically(
        credentials,
        "# IAM user of the sandbox's emulated AWS. Worthless anywhere else.\n"
        f"[default]\naws_access_key_id = {key_id}\naws_secret_access_key = {key['SecretAccessKey']}\n",
    )


def _holds_one_of(credentials: Path, keys: dict[str, str]) -> bool:
    parser = configparser.ConfigParser()
    try:
        parser.read(credentials)
    except configparser.Error:
        return False
    section = parser["default"] if parser.has_section("default") else {}
    return section.get("aws_secret_access_key", "") == keys.get(section.get("aws_access_key_id", ""))


def _succeed(response: Response) -> None:
    status, _headers, body = response
    assert status == 200, body
