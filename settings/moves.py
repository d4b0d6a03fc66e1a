"""What an edit does to the pods and nodes that run: moves that need an extra step."""

from collections.abc import Mapping
from typing import Any

from components.autoscaler_role import DEFAULT_NAMESPACE, DEFAULT_SERVICE_ACCOUNT, NODE_ROLE, POD_IDENTITY
from components.pure import iam
from settings.shapes import Settings


def move_warnings(deployed: Mapping[str, Any], settings: Settings) -> list[str]:
    """Return what to change so that pods and nodes have credentials at each moment (docs/credentials.md).

    Args:
        deployed: Outputs of the last update of the stack; empty before the first.
        settings: What is deployed next.
    """
    before, after = deployed.get("credentialsMode"), settings["credentials"]
    found = _other_roles(deployed, settings)
    if before == after:
        return found
    if before == POD_IDENTITY:
        found += _kept_name(deployed, settings)
    if before == NODE_ROLE:
        found += _closed_nodes(settings)
    if after == NODE_ROLE:
        found += _nodes_of_others(settings)
        found += _old_nodes(settings) if before else []
    return found


def _other_roles(deployed: Mapping[str, Any], settings: Settings) -> list[str]:
    """Name the self-managed groups that get another role: unlike EKS, Auto Scaling does not replace their nodes.

    A prefix that is removed is not seen: `pulumi:autonaming` of the stack may begin names in any way.
    """
    created = {each["name"] for each in settings["auto_scaling_groups"] if "create" in each}
    path, prefix = settings["role"].get("path", "/"), settings["role"].get("name_prefix", "")
    names = [
        each["name"]
        for each in deployed.get("nodeGroups") or ()
        if each.get("name") in created and not each.get("managed") and each.get("roleArn")
        if not iam.is_named(each["roleArn"], path, prefix)
    ]
    if not names:
        return []
    return [
        f"role: another path or namePrefix is another role for the nodes of {', '.join(names)}. Those that run keep "
        "the old role, and once it is deleted they lose the cluster. Keep both settings, or drain the nodes, remove "
        "the groups in one update, and add them in the next."
    ]


def _kept_name(deployed: Mapping[str, object], settings: Settings) -> list[str]:
    autoscaler = settings["autoscaler"]
    account = autoscaler.get("namespace", DEFAULT_NAMESPACE), autoscaler.get("service_account", DEFAULT_SERVICE_ACCOUNT)
    if account != (deployed.get("serviceAccountNamespace"), deployed.get("serviceAccountName")):
        return []
    return [
        f"autoscaler.serviceAccount: {account[1]} leaves podIdentity and keeps its name. EKS gives the new pods "
        "the credentials of the association, and none once it is gone. Change the name in the same update."
    ]


def _closed_nodes(settings: Settings) -> list[str]:
    """Name the groups that keep pods from the node role too early; your own launch template decides that itself."""
    groups = settings["node_groups"]
    closed = [each["name"] for each in groups if "launch_template" not in each and each.get("hop_limit", 1) == 1]
    found = []
    if closed:
        found.append(
            f"nodeGroups[].hopLimit: {', '.join(closed)} get nodes that keep pods from the node role before the new "
            "pods run, and the old pods lose their credentials. Set hopLimit: 2 for this update, and remove it in the "
            "next."
        )
    if own := [each["name"] for each in groups if "launch_template" in each]:
        found.append(
            f"nodeGroups[].launchTemplate: {', '.join(own)} have the metadata hop limit of their launch template. Keep "
            "it at 2 for this update, or the old pods lose their credentials, and name a version with 1 in the next."
        )
    return found


def _nodes_of_others(settings: Settings) -> list[str]:
    """Name the groups whose pods reach the node role only if a launch template of another owner lets them."""
    groups = {
        "nodeGroups[].launchTemplate": [each["name"] for each in settings["node_groups"] if "launch_template" in each],
        "existingNodeGroups": [each["name"] for each in settings["existing_node_groups"]],
    }
    return [
        f"{key}: the program does not set the metadata hop limit of {', '.join(names)}. With 1 the autoscaler's pods "
        "get no credentials there: their launch template must have 2 before this update."
        for key, names in groups.items()
        if names
    ]


def _old_nodes(settings: Settings) -> list[str]:
    """Name the self-managed groups whose nodes keep pods from the node role: a new hop limit reaches new nodes only."""
    names = [
        each["name"]
        for each in settings["auto_scaling_groups"]
        if "create" in each and "hop_limit" not in each["create"]
    ]
    if not names:
        return []
    return [
        f"autoScalingGroups[].create: nodes of {', '.join(names)} that run keep the metadata hop limit 1, with which "
        "the autoscaler's pods get no credentials there. Set hopLimit: 2, run `pulumi up`, replace these nodes, and "
        "then change credentials."
    ]
