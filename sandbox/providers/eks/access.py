"""Who may use the cluster: access entries.

Imitates pulumi-eks nodejs/eks/cluster/cluster.ts, ``createAccessEntries`` in ``createCore``, as of v4.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pulumi
import pulumi_aws as aws


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
