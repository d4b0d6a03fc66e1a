"""EKS access entries and policies: only for principals and policies that exist, with EKS's own user names."""

from __future__ import annotations

from typing import Any

from ministack.services import eks, iam

from sandbox.aws.errors import ApiError
from sandbox.aws.hooking import Hook, wrap
from sandbox.aws.hooks.eks_api import Json, find_cluster, invalid
from sandbox.aws.query_protocol import Response

_NODE_USER = "system:node:{{EC2PrivateDNSName}}"

POLICIES = {name: f"arn:aws:eks::aws:{eks._ACCESS_POLICY_ARN_PREFIX}{name}" for name in eks._ACCESS_POLICY_RULES}
"""ARNs of the known access policies by name."""


def ensure_node_entry(cluster: Json, role_arn: str) -> None:
    """Lets the nodes of a managed node group join, as EKS does by itself where the cluster has an access API."""
    key = eks._ae_key(cluster["name"], role_arn)
    if cluster["accessConfig"]["authenticationMode"] == "CONFIG_MAP" or key in eks._access_entries:
        return
    eks._access_entries[key] = eks._build_access_entry(cluster["name"], role_arn, {"type": "EC2_LINUX"})


def build_access_entry(original: Any, cluster_name: str, principal_arn: str, body: Json) -> Json:
    """An entry with the user name and groups that EKS gives it when none are asked for."""
    entry: Json = original(cluster_name, principal_arn, body)
    if entry["type"] == "EC2_LINUX":
        entry |= {"username": _NODE_USER, "kubernetesGroups": ["system:nodes"]}
    elif not entry["username"]:
        entry["username"] = _default_user(principal_arn)
    return entry


def _default_user(principal_arn: str) -> str:
    account, _, resource = principal_arn.split(":", 4)[4].partition(":")
    kind, _, name = resource.partition("/")
    if kind != "role":
        return principal_arn
    return f"arn:aws:sts::{account}:assumed-role/{name.rsplit('/', 1)[-1]}/{{{{SessionName}}}}"


def create_access_entry(original: Any, cluster_name: str, body: Json) -> Response:
    """CreateAccessEntry for an IAM user or role that exists."""
    require_access_api(find_cluster(cluster_name))
    principal = body.get("principalArn", "")
    arns = {record["Arn"] for record in (*iam._roles.values(), *iam._users.values())}
    if principal not in arns:
        raise invalid(f"The specified principalArn is invalid: no IAM user or role {principal}")
    response: Response = original(cluster_name, body)
    return response


def list_access_entries(original: Any, cluster_name: str, query: Json) -> Response:
    """ListAccessEntries, where the cluster has an access API."""
    require_access_api(find_cluster(cluster_name))
    response: Response = original(cluster_name, query)
    return response


def associate_access_policy(original: Any, cluster_name: str, principal_arn: str, body: Json) -> Response:
    """AssociateAccessPolicy of a policy that EKS has."""
    require_access_api(find_cluster(cluster_name))
    if body.get("policyArn") not in POLICIES.values():
        raise invalid(
            f"The policyArn parameter format is not valid: {body.get('policyArn')}, "
            f"expected one of {', '.join(POLICIES.values())}"
        )
    response: Response = original(cluster_name, principal_arn, body)
    return response


def require_access_api(cluster: Json) -> None:
    """Raises :class:`ApiError` where access is only a matter of the aws-auth ConfigMap."""
    if cluster["accessConfig"]["authenticationMode"] == "CONFIG_MAP":
        raise ApiError(
            "InvalidRequestException",
            "The cluster's authentication mode must be set to one of [API, API_AND_CONFIG_MAP] "
            "to perform this operation.",
        )


HOOKS: tuple[Hook, ...] = (
    wrap(eks, "_build_access_entry", build_access_entry),
    wrap(eks, "_create_access_entry", create_access_entry),
    wrap(eks, "_list_access_entries", list_access_entries),
    wrap(eks, "_associate_access_policy", associate_access_policy),
)
