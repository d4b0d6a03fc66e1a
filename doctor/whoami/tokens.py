"""A service account's token: requested as the kubelet requests it, and read without a check of its signature."""

import base64
import binascii
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ..changes import ChangingKubernetes
from ..readings import Reading, Unreadable
from .secrets import Secret

SECONDS = 600
"""Lifetime of the token: the shortest that Kubernetes issues, because the doctor uses it at once."""


@dataclass(frozen=True)
class Claims:
    """The claims of a token.

    Attributes:
        expires_at: When it expires; None without that claim.
        pod: The pod that it is bound to; empty if it is bound to none.
    """

    issuer: str
    subject: str
    audiences: tuple[str, ...]
    expires_at: datetime | None
    pod: str = ""


class TokenFormatError(ValueError):
    """It is not a JSON Web Token. The message never quotes it."""


def parse_claims(token: Secret) -> Claims:
    """Return the claims of a token. The doctor does not verify the signature; AWS does.

    Raises:
        TokenFormatError: If it is not a JSON Web Token.
    """
    parts = token.value.split(".")
    try:
        if len(parts) != 3:
            raise TokenFormatError(f"the token has {len(parts)} parts; expected 3, header.claims.signature")
        padded = parts[1].encode("ascii") + b"=" * (-len(parts[1]) % 4)
        claims = json.loads(base64.urlsafe_b64decode(padded))
    except (binascii.Error, UnicodeError, json.JSONDecodeError, RecursionError):
        raise TokenFormatError("the claims of the token are not JSON in base64url") from None
    if not isinstance(claims, dict):
        raise TokenFormatError("the claims of the token are not a JSON object")
    return _claims(claims)


def _claims(claims: dict[str, Any]) -> Claims:
    audiences = claims.get("aud", ())
    kubernetes = claims.get("kubernetes.io")
    pod = kubernetes.get("pod") if isinstance(kubernetes, dict) else None
    return Claims(
        issuer=str(claims.get("iss", "")),
        subject=str(claims.get("sub", "")),
        audiences=(audiences,) if isinstance(audiences, str) else tuple(map(str, _listed(audiences))),
        expires_at=_moment(claims.get("exp")),
        pod=str(pod.get("name", "")) if isinstance(pod, dict) else "",
    )


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _moment(seconds: Any) -> datetime | None:
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        return None
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def request_token(
    kubernetes: ChangingKubernetes, namespace: str, account: str, audience: str, pod: str = ""
) -> Reading[Secret]:
    """Request a token of a service account, bound to a pod if there is one, like the tokens in pods.

    Nothing is created: the API server signs the token and stores nothing.
    """
    specification: dict[str, Any] = {"audiences": [audience], "expirationSeconds": SECONDS}
    if pod:
        specification["boundObjectRef"] = {"apiVersion": "v1", "kind": "Pod", "name": pod}
    path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token"
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": specification}
    answer = kubernetes.create(path, body)
    if isinstance(answer, Unreadable):
        return answer
    token = (answer.get("status") or {}).get("token")
    if not isinstance(token, str) or not token:
        return Unreadable(f"create serviceaccounts/{account}/token in {namespace}", False, "the answer has no token")
    return Secret(token)
