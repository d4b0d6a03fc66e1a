"""Temporary credentials of a role, for those who may have them."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ministack.services import iam, sts


@dataclass(frozen=True)
class RoleCredentials:
    """A role session's credentials.

    Attributes:
        access_key_id: Key id, ``ASIA...``.
        secret_access_key: Secret key.
        session_token: Session token.
        expiration: When they end, in seconds since the epoch.
        arn: ARN of the session.
        role_id: AWS's id of the role and session.
    """

    access_key_id: str
    secret_access_key: str
    session_token: str
    expiration: int
    arn: str
    role_id: str


def issue(
    role: Mapping[str, Any], session_name: str, seconds: int, tags: Mapping[str, str] | None = None
) -> RoleCredentials:
    """Opens a session of a role; whether the caller may have it was decided before.

    Args:
        role: ministack's record of the role.
        session_name: Name of the session, the last part of its ARN.
        seconds: How long it lasts.
        tags: Session tags; policies see them as ``aws:PrincipalTag``.
    """
    account = role["Arn"].split(":")[4]
    credentials = RoleCredentials(
        access_key_id=iam._gen_session_access_key(),
        secret_access_key=iam._gen_secret(),
        session_token=iam._gen_session_token(),
        expiration=int(time.time()) + seconds,
        arn=f"arn:aws:sts::{account}:assumed-role/{role['RoleName']}/{session_name}",
        role_id=f"{role['RoleId']}:{session_name}",
    )
    sts.register_session(
        credentials.access_key_id,
        {
            "Arn": credentials.arn,
            "UserId": credentials.role_id,
            "SecretAccessKey": credentials.secret_access_key,
            "SessionToken": credentials.session_token,
            "Expiration": credentials.expiration,
            "AccountId": account,
            "PrincipalType": "AssumedRole",
            "SessionTags": [{"Key": key, "Value": value} for key, value in (tags or {}).items()],
        },
    )
    return credentials
