"""What an edit does to the pods and nodes that run: moves that need an extra step."""

from collections.abc import Mapping
from typing import Any

from components.autoscaler_role import DEFAULT_NAMESPACE, DEFAULT_SERVICE_ACCOUNT, NODE_ROLE, POD_IDENTITY
from components.pure import iam
from settings.shapes import Settings

_ANOTHER_STACK = "take the old settings back, and create a stack for the other cluster: `pulumi stack init`."


def move_warnings(deployed: Mapping[str, Any], settings: Settings) -> list[str]:
    """Return what to change so that pods and nodes have credentials at each moment (docs/credentials.md).

    Args:
        deployed: Outputs of the last update of the stack; empty before the first.
        settings: What is deployed next.
    """
    before, after = deployed.get("credentialsMode"), settings["credentials"]
    found = [
        *_other_roles(deployed, settings),
        *_other_region(deployed, settings),
        *other_cluster(deployed, settings, settings["cluster"].get("name")),
    ]
    if before == after:
        return found
    if before == POD_IDENTITY:
        found += _kept_name(deployed, settings)
    if before == NODE_ROLE:
        found += _closed_nodes(settings)
        found += _policy_of_others(settings)
    if after == NODE_ROLE:
        found += _nodes_of_others(settings)
        found += _old_nodes(settings) if before else []
    return found


def other_cluster(deployed: Mapping[str, Any], settings: Settings, name: str | None) -> list[str]:
    """Return what happens to the cluster of the last update, if the stack moves to another one.

    Pulumi replaces what belongs to a cluster. The Kubernetes provider does so for its resources once the kubeconfig
    names another cluster (``DiffConfig`` in provider/pkg/provider/provider.go of pulumi-kubernetes), and the release is
    deleted before its successor exists, because its name is fixed.

    Args:
        deployed: Outputs of the last update of the stack; empty before the first.
        settings: What is deployed next.
        name: Name of the cluster, None if another stack gives it and it is not known yet.
    """
    old = deployed.get("clusterName")
    if not old or name in (None, old) or _other_region(deployed, settings):
        return []
    groups = list(deployed.get("nodeGroups") or ())
    created = {each["name"] for each in settings["auto_scaling_groups"] if "create" in each}
    others = {each["name"] for each in (*settings["existing_node_groups"], *settings["auto_scaling_groups"])} - created
    gone = [each["name"] for each in groups if each.get("managed") or each["name"] in created]
    untagged = [each["name"] for each in groups if each["name"] in others and each["name"] not in gone]
    found = (
        f"cluster: the stack moves from {old} to {name}. Cluster Autoscaler is removed from {old}, with its role, its "
        "policy and its Pod Identity association: no pending pod gets a node there until another autoscaler runs."
    )
    if gone:
        found += f" The groups {', '.join(gone)} of {old} are deleted, and their nodes are terminated."
    if untagged:
        found += f" The groups {', '.join(untagged)} of {old} lose their tags, except the two that EKS sets itself."
    return [f"{found} If this stack created {old}, the cluster is deleted too. To keep both, {_ANOTHER_STACK}"]


def _other_region(deployed: Mapping[str, Any], settings: Settings) -> list[str]:
    """Return why the stack cannot follow to another region.

    The AWS provider no longer replaces resources when its region changes (pulumi/pulumi-aws 5656).
    """
    region = deployed.get("region", settings["region"])
    if region == settings["region"]:
        return []
    return [
        f"region: this stack has its resources in {region}, and the AWS provider does not move them to "
        f"{settings['region']}. Run `pulumi destroy` with the old settings first. To keep both, {_ANOTHER_STACK}"
    ]


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
    """Name the groups whose pods get credentials only if another owner lets them: by launch template, by role."""
    tagged = _only_tagged(settings)
    groups = {
        "nodeGroups[].launchTemplate": [each["name"] for each in settings["node_groups"] if "launch_template" in each],
        "existingNodeGroups": [each["name"] for each in settings["existing_node_groups"]],
        "autoScalingGroups": tagged,
    }
    found = [
        f"{key}: the program does not set the metadata hop limit of {', '.join(names)}. With 1 the autoscaler's pods "
        "get no credentials there: their launch template must have 2 before this update."
        for key, names in groups.items()
        if names
    ]
    if tagged:
        found.append(
            f"autoScalingGroups: the program does not know the role of the nodes of {', '.join(tagged)}. The "
            "autoscaler's pods have no permissions there until you attach the policy of the output policyArn to it: "
            "keep the pods off these nodes by autoscaler.nodeSelector."
        )
    return found


def _policy_of_others(settings: Settings) -> list[str]:
    """Name the groups to whose role the user attached the policy: it gives every pod there the permissions still."""
    if not (tagged := _only_tagged(settings)):
        return []
    return [
        f"autoScalingGroups: if you attached the policy of the output policyArn to the role of the nodes of "
        f"{', '.join(tagged)}, detach it after this update. IAM does not delete a policy that is attached."
    ]


def _only_tagged(settings: Settings) -> list[str]:
    """Name the self-managed groups that exist, of which the program knows no more than the Auto Scaling group."""
    return [each["name"] for each in settings["auto_scaling_groups"] if "create" not in each]


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
