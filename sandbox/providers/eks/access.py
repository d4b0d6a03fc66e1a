"""Who may use the cluster: access entries, and the older ConfigMap ``aws-auth``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
import pulumi_aws as aws
import pulumi_kubernetes as kubernetes
import yaml


def access_entries(
    name: str, cluster: aws.eks.Cluster, entries: Mapping[str, Mapping[str, Any]], parent: pulumi.Resource
) -> list[aws.eks.AccessEntry]:
    """The access entries, and under each the policies it is associated with."""
    return [_access_entry(f"{name}-{key}", cluster, entry, parent) for key, entry in entries.items()]


def _access_entry(
    name: str, cluster: aws.eks.Cluster, given: Mapping[str, Any], parent: pulumi.Resource
) -> aws.eks.AccessEntry:
    entry = aws.eks.AccessEntry(
        name,
        cluster_name=cluster.name,
        principal_arn=given["principalArn"],
        kubernetes_groups=given.get("kubernetesGroups"),
        tags=given.get("tags"),
        type=given.get("type"),
        user_name=given.get("username"),
        opts=pulumi.ResourceOptions(parent=parent, depends_on=[cluster]),
    )
    for key, association in (given.get("accessPolicies") or {}).items():
        aws.eks.AccessPolicyAssociation(
            f"{name}-{key}",
            cluster_name=cluster.name,
            principal_arn=given["principalArn"],
            policy_arn=association["policyArn"],
            access_scope=association["accessScope"],
            opts=pulumi.ResourceOptions(parent=entry, depends_on=[entry]),
        )
    return entry


def node_access_config_map(
    name: str, roles: Sequence[aws.iam.Role], provider: kubernetes.Provider, parent: pulumi.Resource
) -> kubernetes.core.v1.ConfigMap:
    """``aws-auth``: lets instances of these roles join as nodes. The sandbox's clusters do not read it."""
    return kubernetes.core.v1.ConfigMap(
        f"{name}-nodeAccess",
        immutable=False,
        metadata={
            "name": "aws-auth",
            "namespace": "kube-system",
            "annotations": {"pulumi.com/patchForce": "true"},
        },
        data={"mapRoles": pulumi.Output.all(*(role.arn for role in roles)).apply(_node_mappings)},
        opts=pulumi.ResourceOptions(parent=parent, provider=provider),
    )


def _node_mappings(arns: Sequence[str]) -> str:
    groups = ["system:bootstrappers", "system:nodes"]
    mappings = [{"rolearn": arn, "username": "system:node:{{EC2PrivateDNSName}}", "groups": groups} for arn in arns]
    dumped: str = yaml.safe_dump(mappings, sort_keys=False)
    return dumped
