"""Exchange a token for credentials, with the calls that the pod's SDK and the Pod Identity agent make."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import boto3
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from ..readings import Unreadable
from .secrets import Secret, hide

SESSION_NAME = "ca-doctor"
"""Name of the session by web identity; the SDK in the pod chooses another."""

POD_IDENTITY_AUDIENCE = "pods.eks.amazonaws.com"

WEB_IDENTITY = "sts:AssumeRoleWithWebIdentity"
POD_IDENTITY = "eks-auth:AssumeRoleForPodIdentity"
_CONFIG = Config(connect_timeout=5, read_timeout=30, retries={"mode": "standard", "total_max_attempts": 3})
_READERS_FAULT = "is not authorized to perform: eks-auth:"
_UNANSWERED = frozenset({"InternalFailure", "InternalServerException", "ServiceUnavailable", "ThrottlingException"})


@dataclass(frozen=True)
class Session:
    """Temporary credentials and their identity.

    Attributes:
        arn: The assumed role with the session, ``arn:aws:sts::...:assumed-role/ROLE/SESSION``.
        expires_at: When they expire.
    """

    arn: str
    expires_at: datetime
    access_key_id: Secret
    secret_access_key: Secret
    session_token: Secret

    @property
    def name(self) -> str:
        """Name of the session."""
        return self.arn.rpartition("/")[2]


@dataclass(frozen=True)
class Refused:
    """AWS rejected the call; it would reject the pod's call, too."""

    call: str
    code: str
    message: str


def by_web_identity(region: str, role_arn: str, token: Secret) -> Session | Refused | Unreadable:
    """IRSA: an unsigned call, so the answer depends only on the token and the role, not on your credentials."""
    client = boto3.Session(region_name=region).client("sts", config=_CONFIG.merge(Config(signature_version=UNSIGNED)))

    def call() -> Session:
        answer = client.assume_role_with_web_identity(
            RoleArn=role_arn, RoleSessionName=SESSION_NAME, WebIdentityToken=token.value
        )
        keys = answer["Credentials"]
        return Session(
            answer["AssumedRoleUser"]["Arn"],
            keys["Expiration"],
            Secret(keys["AccessKeyId"]),
            Secret(keys["SecretAccessKey"]),
            Secret(keys["SessionToken"]),
        )

    return _attempt(WEB_IDENTITY, call, token)


def by_pod_identity(region: str, cluster: str, token: Secret) -> Session | Refused | Unreadable:
    """EKS Pod Identity: the agent signs this call as its node; here you sign it, and need the same right."""
    client = boto3.Session(region_name=region).client("eks-auth", config=_CONFIG)

    def call() -> Session:
        answer = client.assume_role_for_pod_identity(clusterName=cluster, token=token.value)
        keys = answer["credentials"]
        return Session(
            answer["assumedRoleUser"]["arn"],
            keys["expiration"],
            Secret(keys["accessKeyId"]),
            Secret(keys["secretAccessKey"]),
            Secret(keys["sessionToken"]),
        )

    return _attempt(POD_IDENTITY, call, token)


def session_client(session: Session, service: str, region: str) -> Any:
    """Return a boto3 client with the session's credentials."""
    return boto3.Session(
        aws_access_key_id=session.access_key_id.value,
        aws_secret_access_key=session.secret_access_key.value,
        aws_session_token=session.session_token.value,
        region_name=region,
    ).client(service, config=_CONFIG)  # type: ignore[call-overload]


def _attempt(name: str, call: Callable[[], Session], token: Secret) -> Session | Refused | Unreadable:
    try:
        return call()
    except ClientError as error:
        answer = error.response.get("Error", {})
        code, message = str(answer.get("Code", "")), hide(str(answer.get("Message", "")), token)
        if _READERS_FAULT in message:
            return Unreadable(name, True, message)
        if code in _UNANSWERED:
            return Unreadable(name, False, f"{code}: {message}")
        return Refused(name, code, message)
    except BotoCoreError as error:
        return Unreadable(name, False, hide(str(error), token))
