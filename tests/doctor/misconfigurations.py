"""The known misconfigurations of Cluster Autoscaler on EKS, and the rules that name each of them.

Collected from the issues of kubernetes/autoscaler, eksctl, terraform-aws-eks and others.
"""

from collections.abc import Mapping
from typing import NamedTuple


class Misconfiguration(NamedTuple):
    """One of them.

    Attributes:
        title: What is wrong.
        rules: Ids of the rules that name it: the cause first.
    """

    title: str
    rules: tuple[str, ...]


KNOWN: Mapping[int, Misconfiguration] = {
    1: Misconfiguration(
        "The role has no policy, or the pod does not use its role",
        ("permissions.reads", "service-account.injected", "service-account.source", "service-account.role-in-use"),
    ),
    2: Misconfiguration("The trust policy names another service account", ("role.trust-subject",)),
    3: Misconfiguration(
        "IAM has no OIDC provider for the cluster's issuer",
        ("role.oidc-provider", "role.oidc-audience", "role.trust-issuer"),
    ),
    4: Misconfiguration(
        "The pod cannot reach the node's credentials", ("service-account.hop-limit", "service-account.no-credentials")
    ),
    5: Misconfiguration("Pod Identity with an AWS SDK that rejects it", ("service-account.pod-identity-version",)),
    6: Misconfiguration("The region is missing or wrong", ("pod.region",)),
    7: Misconfiguration("The role may not list instance types", ("permissions.reads",)),
    8: Misconfiguration("The pod cannot reach AWS", ("autoscaler.aws-unreachable",)),
    9: Misconfiguration("The role may not read launch templates", ("permissions.reads",)),
    10: Misconfiguration("The autoscaler does not know the instance type", ("groups.instance-type-unknown",)),
    11: Misconfiguration(
        "A discovery tag is missing, or the flag names another", ("groups.tags", "pod.discovery-flag")
    ),
    12: Misconfiguration(
        "The labels of an empty group are not advertised",
        ("groups.labels", "groups.windows", "permissions.node-groups"),
    ),
    13: Misconfiguration("The role may not read managed node groups", ("permissions.node-groups",)),
    14: Misconfiguration("The taints of an empty group are not advertised", ("groups.taints",)),
    15: Misconfiguration("The node template of an empty group is out of date", ("autoscaler.cached-template",)),
    16: Misconfiguration("A group is at its maxSize", ("groups.headroom",)),
    17: Misconfiguration("The role may not change groups", ("permissions.writes",)),
    18: Misconfiguration("The autoscaler may not list volume attachments", ("pod.rbac",)),
    19: Misconfiguration("The autoscaler may not list resource claims", ("pod.rbac",)),
    20: Misconfiguration("A volume is in a zone where the group launches no node", ("groups.zones",)),
    21: Misconfiguration("The autoscaler does not consider the groups similar", ("pod.balancing",)),
    22: Misconfiguration("A pod that cannot be moved keeps its node", ("autoscaler.scale-down",)),
    23: Misconfiguration(
        "Instances do not launch, or do not join", ("groups.joining", "groups.launching", "groups.health")
    ),
    24: Misconfiguration("The autoscaler does not read the priorities", ("autoscaler.priorities", "pod.flags")),
    25: Misconfiguration("This version does not have the flag", ("pod.flags",)),
    26: Misconfiguration("The pod cannot reach the API server", ("autoscaler.api-server-unreachable",)),
    27: Misconfiguration("The autoscaler is OOM-killed", ("pod.memory",)),
    28: Misconfiguration("Helm cannot render or apply the release", ("pod.release",)),
    29: Misconfiguration("AWS throttles the autoscaler", ("autoscaler.throttled",)),
}
