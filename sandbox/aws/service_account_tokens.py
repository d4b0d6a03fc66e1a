"""Kubernetes service-account tokens: verified against the key set that their cluster's control plane reported."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jwt

from sandbox.aws.hooks import eks_clusters

ALGORITHMS = ("RS256", "RS384", "RS512", "ES256", "ES384", "ES512")


class InvalidToken(Exception):
    """The token proves nothing; the message contains the reason."""


class ExpiredToken(InvalidToken):
    """The token was good, but its time is over."""


@dataclass(frozen=True)
class ServiceAccountToken:
    """A verified token.

    Attributes:
        issuer: Its ``iss``: a cluster's OIDC issuer URL.
        subject: Its ``sub``: ``system:serviceaccount:<namespace>:<name>``.
        audiences: Its ``aud``, always as a list.
        claims: All claims.
        cluster: ministack's record of the cluster that issued it.
    """

    issuer: str
    subject: str
    audiences: tuple[str, ...]
    claims: dict[str, Any]
    cluster: dict[str, Any]


def issuer_of(token: str) -> str:
    """The ``iss`` that a token claims, unverified: good only to find out whose key must verify it.

    Raises:
        InvalidToken: It is no JSON web token.
    """
    try:
        return str(jwt.decode(token, options={"verify_signature": False}).get("iss", ""))
    except jwt.InvalidTokenError as error:
        raise InvalidToken("The ID Token provided is not a valid JWT.") from error


def verify(token: str) -> ServiceAccountToken:
    """Checks signature and expiry; whom the token is for (``aud``) is the caller's to check.

    Raises:
        ExpiredToken: Its ``exp`` has passed.
        InvalidToken: Malformed, from an unknown issuer, or not signed by a key of its cluster.
    """
    issuer = issuer_of(token)
    cluster = eks_clusters.by_issuer(issuer)
    if cluster is None or "_jwks" not in cluster:
        raise InvalidToken(f"Couldn't retrieve verification key from your identity provider {issuer}")
    try:
        claims = jwt.decode(
            token,
            _key(token, cluster["_jwks"]),
            algorithms=list(ALGORITHMS),
            options={"verify_aud": False, "require": ["exp", "sub", "aud"]},
        )
    except jwt.ExpiredSignatureError as error:
        raise ExpiredToken("Token expired") from error
    except (jwt.InvalidTokenError, jwt.PyJWKError) as error:
        raise InvalidToken(f"The ID Token provided is not a valid JWT: {error}") from error
    audience = claims["aud"]
    audiences = (audience,) if isinstance(audience, str) else tuple(audience)
    return ServiceAccountToken(issuer, claims["sub"], audiences, claims, cluster)


def _key(token: str, jwks: dict[str, Any]) -> Any:
    key_id = jwt.get_unverified_header(token).get("kid")
    for key in jwt.PyJWKSet.from_dict(jwks).keys:
        if key.key_id == key_id:
            return key.key
    raise jwt.InvalidTokenError(f"no key '{key_id}' in the key set of the issuer")
