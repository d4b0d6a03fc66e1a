"""EKS add-ons: the known ones in their versions; ministack takes any name and knows no versions."""

from __future__ import annotations

import json
from typing import Any

from ministack.services import eks

from sandbox.aws.hooking import Hook, wrap
from sandbox.aws.hooks.eks_api import Call, Json, Route, find_cluster, invalid
from sandbox.aws.hooks.eks_updates import record
from sandbox.aws.kubernetes_versions import ADDONS, MINORS, AddonKind, addon, check_minor
from sandbox.aws.query_protocol import Response


def describe_addon_versions(call: Call) -> Json:
    """DescribeAddonVersions, by name and Kubernetes version; the sandbox has one version of each for each minor."""
    names, versions = call.query.get("addonName"), call.query.get("kubernetesVersion")
    minors = [check_minor(version) for version in versions] if versions else list(MINORS)
    kinds = [addon(name) for name in names] if names else list(ADDONS.values())
    return {"addons": [_described(kind, minors) for kind in kinds]}


def _described(kind: AddonKind, minors: list[str]) -> Json:
    offered = dict.fromkeys(kind.version_for(minor) for minor in minors)
    return {
        "addonName": kind.name,
        "type": kind.kind,
        "owner": "aws",
        "publisher": "eks",
        "addonVersions": [
            {
                "addonVersion": version,
                "architecture": ["amd64", "arm64"],
                "compatibilities": [
                    {"clusterVersion": minor, "platformVersions": ["*"], "defaultVersion": True}
                    for minor in minors
                    if kind.version_for(minor) == version
                ],
                "requiresConfiguration": False,
                "requiresIamPermissions": False,
            }
            for version in offered
        ],
    }


def create_addon(original: Any, cluster_name: str, body: Json) -> Response:
    """CreateAddon of a known add-on, by default in the version for the cluster."""
    cluster = find_cluster(cluster_name)
    version = _check_version(body["addonName"], body.get("addonVersion"), cluster)
    response: Response = original(cluster_name, {**body, "addonVersion": version})
    return response


def describe_addon(original: Any, cluster_name: str, addon_name: str) -> Response:
    """DescribeAddon: CoreDNS, which is a Deployment, is DEGRADED while the cluster has no node.

    EKS reports it with the issue InsufficientNumberOfReplicas (EKS API reference, AddonIssue); DaemonSets need no node.
    """
    status, headers, body = original(cluster_name, addon_name)
    if addon_name != "coredns" or status != 200 or _has_nodes(cluster_name):
        return status, headers, body
    issue = {"code": "InsufficientNumberOfReplicas", "message": "The add-on is unhealthy: no node", "resourceIds": []}
    degraded = {**json.loads(body)["addon"], "status": "DEGRADED", "health": {"issues": [issue]}}
    answer: Response = eks._json_resp(200, {"addon": degraded})
    return answer


def _has_nodes(cluster_name: str) -> bool:
    groups = [group for key, group in eks._nodegroups.items() if key.startswith(f"{cluster_name}/")]
    return any(group["scalingConfig"]["desiredSize"] > 0 for group in groups)


def update_addon(original: Any, cluster_name: str, addon_name: str, body: Json) -> Response:
    """UpdateAddon, remembered for DescribeUpdate."""
    cluster = find_cluster(cluster_name)
    if "addonVersion" in body:
        _check_version(addon_name, body["addonVersion"], cluster)
    response: Response = original(cluster_name, addon_name, body)
    if response[0] != 200:
        return response
    params = {name[0].upper() + name[1:]: value for name, value in body.items() if name != "clientRequestToken"}
    answer: Response = eks._json_resp(200, record(cluster, "AddonUpdate", params, owner=addon_name))
    return answer


def _check_version(name: str, version: str | None, cluster: Json) -> str:
    offered = addon(name).version_for(cluster["version"])
    if version not in (None, offered):
        raise invalid(
            f"Addon version specified is not supported: {name} {version} on Kubernetes {cluster['version']}, "
            f"expected {offered}"
        )
    return offered


ROUTES = (Route("GET", "/addons/supported-versions", describe_addon_versions),)

HOOKS: tuple[Hook, ...] = (
    wrap(eks, "_create_addon", create_addon),
    wrap(eks, "_describe_addon", describe_addon),
    wrap(eks, "_update_addon", update_addon),
)
