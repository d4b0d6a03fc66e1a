"""AssumeRoleWithWebIdentity as AWS does it (IRSA): signature, expiry, registered provider, audience, trust policy."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs

from ministack.core.iam_evaluator import EvalContext, evaluate_trust_policy
from ministack.core.responses import request_scope
from ministack.services import iam, sts

from sandbox.aws import sessions
from sandbox.aws.errors import ApiError
from sandbox.aws.hooking import Hook, wrap
from sandbox.aws.hooks.iam_oidc_providers import host_and_path
from sandbox.aws.hooks.iam_propagation import is_known
from sandbox.aws.query_protocol import Params, Response, parse, render
from sandbox.aws.service_account_tokens import (
    ExpiredToken,
    InvalidToken,
    ServiceAccountToken,
    issuer_of,
    verify,
)

_ACTION = "AssumeRoleWithWebIdentity"

_MIN_SECONDS = 900


async def handle_request(original: Any, method: str, path: str, headers: Any, body: bytes, query: Any) -> Response:
    """Answers AssumeRoleWithWebIdentity; the other STS actions are ministack's."""
    params = parse({**query, **parse_qs(body.decode())} if method == "POST" else query)
    if params.get("Action") != _ACTION:
        response: Response = await original(method, path, headers, body, query)
        return response
    try:
        inner = render(assume_role(params), "member")
    except ApiError as error:
        refused: Response = sts._error(error.status, error.code, render(error.message, ""), ns="sts")
        return refused
    answer: Response = sts._xml(200, f"{_ACTION}Response", f"<{_ACTION}Result>{inner}</{_ACTION}Result>", ns="sts")
    return answer


def assume_role(params: Params) -> Params:
    """Credentials of ``RoleArn`` for the holder of ``WebIdentityToken``.

    Raises:
        ApiError: In STS's words: the token is bad or expired, its provider or audience is not registered, or the
            role's trust policy does not take it.
    """
    role_arn = params.get("RoleArn", "")
    seconds = int(params.get("DurationSeconds", 3600))
    if seconds < _MIN_SECONDS:
        raise ApiError("ValidationError", f"DurationSeconds is {seconds}, expected at least {_MIN_SECONDS}")
    parts = role_arn.split(":")
    if len(parts) != 6 or not parts[5].startswith("role/"):
        raise ApiError("ValidationError", f"{role_arn} is invalid")
    account = parts[4]
    with request_scope(account, sts.get_region()):
        provider, token = _verified(params.get("WebIdentityToken", ""))
        role = iam._roles.get(role_arn.rsplit("/", 1)[-1])
        if role is None or not is_known(role_arn) or not _is_trusted(role, token, provider["Arn"], account):
            raise ApiError("AccessDenied", f"Not authorized to perform sts:{_ACTION}", 403)
        if seconds > role["MaxSessionDuration"]:
            raise ApiError(
                "ValidationError", "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
            )
        credentials = sessions.issue(role, params.get("RoleSessionName", ""), seconds)
    return {
        "Credentials": {
            "AccessKeyId": credentials.access_key_id,
            "SecretAccessKey": credentials.secret_access_key,
            "SessionToken": credentials.session_token,
            "Expiration": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(credentials.expiration)),
        },
        "SubjectFromWebIdentityToken": token.subject,
        "AssumedRoleUser": {"AssumedRoleId": credentials.role_id, "Arn": credentials.arn},
        "Provider": provider["Arn"],
        "Audience": token.audiences[0],
    }


def _verified(text: str) -> tuple[Mapping[str, Any], ServiceAccountToken]:
    """The registered provider of a token, and the token, once nothing about it is in doubt but the role's trust."""
    try:
        provider = _registered_provider(issuer_of(text))
        token = verify(text)
    except ExpiredToken as error:
        raise ApiError("ExpiredTokenException", str(error)) from error
    except InvalidToken as error:
        raise ApiError("InvalidIdentityToken", str(error)) from error
    if not set(token.audiences) & set(provider["ClientIDList"]):
        raise ApiError("InvalidIdentityToken", "Incorrect token audience")
    return provider, token


def _registered_provider(issuer: str) -> Mapping[str, Any]:
    for provider in iam._oidc_providers.values():
        if provider["Url"] == host_and_path(issuer):
            found: Mapping[str, Any] = provider
            return found
    raise InvalidToken(f"No OpenIDConnect provider found in your account for {issuer}")


def _is_trusted(role: Mapping[str, Any], token: ServiceAccountToken, provider_arn: str, account: str) -> bool:
    host = host_and_path(token.issuer)
    # A Kubernetes token lists its audiences; STS offers the policy the one of them that is a single value.
    audience: Any = token.audiences[0] if len(token.audiences) == 1 else list(token.audiences)
    context = EvalContext(
        principal_arn=provider_arn,
        principal_type="WebIdentityUser",
        principal_account=account,
        action=f"sts:{_ACTION}",
        resource_arn=role["Arn"],
        region=sts.get_region(),
        service_context={f"{host}:sub".lower(): token.subject, f"{host}:aud".lower(): audience},
    )
    return bool(evaluate_trust_policy(role["AssumeRolePolicyDocument"], provider_arn, context))


HOOKS: tuple[Hook, ...] = (wrap(sts, "handle_request", handle_request),)
