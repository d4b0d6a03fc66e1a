"""EKS Pod Identity: ``eks-auth`` AssumeRoleForPodIdentity, which ministack does not have at all."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ministack import app
from ministack.core import iam_actions, router
from ministack.core.iam_evaluator import EvalContext, evaluate_trust_policy
from ministack.services import eks, iam

from sandbox.aws import sessions
from sandbox.aws.errors import ApiError
from sandbox.aws.hooking import Hook, wrap
from sandbox.aws.hooks.eks_api import Call, Json, Route, find_cluster, invalid
from sandbox.aws.hooks.iam_propagation import is_known
from sandbox.aws.query_protocol import Response
from sandbox.aws.service_account_tokens import ExpiredToken, InvalidToken, ServiceAccountToken, verify

AUDIENCE = "pods.eks.amazonaws.com"
"""Audience of the tokens that the Pod Identity agent presents, and the service that roles must trust."""

_SESSION_SECONDS = 6 * 3600


async def handle_request(
    method: str, path: str, _headers: Mapping[str, str], body: bytes, _query: Mapping[str, Any]
) -> Response:
    """The whole ``eks-auth`` service: one operation."""
    values = Route("POST", "/clusters/{cluster}/assume-role-for-pod-identity", assume_role).match(method, path)
    response: Response
    try:
        if values is None:
            raise ApiError("InvalidRequestException", f"The sandbox's eks-auth has no operation for {method} {path}")
        response = eks._json_resp(200, assume_role(Call(values, json.loads(body or b"{}"))))
    except ApiError as error:
        response = eks._error(error.status, error.code, error.message)
    return response


def assume_role(call: Call) -> Json:
    """Credentials of the role that is associated with the service account of the presented token.

    Raises:
        ApiError: Bad or expired token, no association, or a role that does not trust Pod Identity for this pod.
    """
    cluster = find_cluster(call.path["cluster"])
    token = _verified(call.body.get("token", ""), cluster)
    pod = token.claims.get("kubernetes.io", {})
    association = _association(cluster, pod)
    if association.get("targetRoleArn"):
        raise ApiError("InvalidRequestException", "The sandbox's Pod Identity does not chain to a targetRoleArn")
    role = iam._roles.get(association["roleArn"].rsplit("/", 1)[-1])
    tags = {} if association["disableSessionTags"] else session_tags(cluster, pod)
    if role is None or not is_known(association["roleArn"]) or not _is_trusted(role, cluster, tags):
        raise ApiError(
            "AccessDeniedException",
            f"Unauthorized Exception! EKS does not have permissions to assume the associated role "
            f"{association['roleArn']}",
        )
    name = f"eks-{cluster['name']}-{pod.get('pod', {}).get('name', 'pod')}-{eks.new_uuid()}"[:64]
    credentials = sessions.issue(role, name, _SESSION_SECONDS, tags)
    return {
        "subject": {"namespace": pod["namespace"], "serviceAccount": pod["serviceaccount"]["name"]},
        "audience": AUDIENCE,
        "podIdentityAssociation": {
            "associationArn": association["associationArn"],
            "associationId": association["associationId"],
        },
        "assumedRoleUser": {"arn": credentials.arn, "assumeRoleId": credentials.role_id},
        "credentials": {
            "accessKeyId": credentials.access_key_id,
            "secretAccessKey": credentials.secret_access_key,
            "sessionToken": credentials.session_token,
            "expiration": credentials.expiration,
        },
    }


def create_association(original: Any, cluster_name: str, body: Json) -> Response:
    """CreatePodIdentityAssociation, of a role that EKS knows, for a service account that has none.

    The words of the refusal are those of EKS, with the ID of what exists (awslabs/crossplane-on-eks#168).
    """
    if not is_known(body.get("roleArn", "")):
        raise invalid("Role provided in the request does not exist.")
    if (existing := _of_account(cluster_name, body.get("namespace"), body.get("serviceAccount"))) is not None:
        raise ApiError("ResourceInUseException", f"Association already exists: {existing['associationId']}", 409)
    response: Response = original(cluster_name, body)
    return response


def _verified(text: str, cluster: Json) -> ServiceAccountToken:
    try:
        token = verify(text)
    except ExpiredToken as error:
        raise ApiError("ExpiredTokenException", str(error)) from error
    except InvalidToken as error:
        raise ApiError("InvalidTokenException", str(error)) from error
    if token.cluster["arn"] != cluster["arn"]:
        raise ApiError(
            "InvalidTokenException", f"The token was issued by {token.issuer}, not by cluster {cluster['name']}"
        )
    if AUDIENCE not in token.audiences:
        raise ApiError("InvalidTokenException", f"The token is for {', '.join(token.audiences)}, expected {AUDIENCE}")
    return token


def _association(cluster: Json, pod: Json) -> Json:
    namespace, account = pod.get("namespace"), pod.get("serviceaccount", {}).get("name")
    if (found := _of_account(cluster["name"], namespace, account)) is not None:
        return found
    raise ApiError(
        "ResourceNotFoundException",
        f"No EKS Pod Identity association for service account {account} in namespace {namespace} "
        f"of cluster {cluster['name']}",
        404,
    )


def _of_account(cluster_name: str, namespace: str | None, account: str | None) -> Json | None:
    """The association of a service account."""
    for key, association in eks._pod_identity_associations.items():
        ours = key.startswith(f"{cluster_name}\x00")
        if ours and (association["namespace"], association["serviceAccount"]) == (namespace, account):
            found: Json = association
            return found
    return None


def session_tags(cluster: Json, pod: Json) -> dict[str, str]:
    """The six session tags that EKS sets, from the cluster and the token's ``kubernetes.io`` claim."""
    return {
        "eks-cluster-arn": cluster["arn"],
        "eks-cluster-name": cluster["name"],
        "kubernetes-namespace": pod["namespace"],
        "kubernetes-service-account": pod["serviceaccount"]["name"],
        "kubernetes-pod-name": pod.get("pod", {}).get("name", ""),
        "kubernetes-pod-uid": pod.get("pod", {}).get("uid", ""),
    }


def _is_trusted(role: Json, cluster: Json, tags: dict[str, str]) -> bool:
    """Whether the role lets the Pod Identity service assume it and, if there are tags, tag the session."""
    trust = _statements_for_service(role["AssumeRolePolicyDocument"])
    account = role["Arn"].split(":")[4]
    context = {
        "aws:sourcearn": cluster["arn"],
        "aws:sourceaccount": cluster["arn"].split(":")[4],
        "aws:tagkeys": list(tags) or None,
        **{f"aws:requesttag/{name}": value for name, value in tags.items()},
    }
    return all(
        evaluate_trust_policy(
            trust,
            AUDIENCE,
            EvalContext(AUDIENCE, "Service", account, action, role["Arn"], eks.get_region(), service_context=context),
        )
        for action in ("sts:AssumeRole", *(["sts:TagSession"] if tags else []))
    )


def _statements_for_service(document: str) -> Json:
    """The statements of a trust policy that name the Pod Identity service, for the caller that is the service.

    ministack lets a ``Service`` principal match account roots only, so those statements are kept, and open to all.
    """
    statements = json.loads(document).get("Statement", [])
    named = [
        {**statement, "Principal": "*"}
        for statement in (statements if isinstance(statements, list) else [statements])
        if isinstance(statement.get("Principal"), dict)
        and AUDIENCE in _listed(statement["Principal"].get("Service", []))
    ]
    return {"Statement": named}


def _listed(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else value


def _register(table_owner: Any, table: str, value: Any) -> Hook:
    return Hook(table_owner, table, lambda _original: value, key="eks-auth", is_new=True)


HOOKS: tuple[Hook, ...] = (
    wrap(eks, "_create_pod_identity_association", create_association),
    _register(app, "SERVICE_HANDLERS", handle_request),
    _register(router, "SERVICE_PATTERNS", {"credential_scope": "eks-auth"}),
    _register(iam_actions, "SERVICE_TO_IAM_NAMESPACE", "eks-auth"),
    _register(iam_actions, "_BOTOCORE_SERVICE_MAP", ["eks-auth"]),
)
