"""The known misconfigurations of Cluster Autoscaler on EKS, and the rules that name each of them.

Collected from the issues of kubernetes/autoscaler, eksctl, terraform-aws-eks and others.
"""

from collections.abc import Mapping
from typing import NamedTuple


class Misconfiguration(NamedTuple):
    """One of them.

    Attributes:
        title: What is wrong.
        rules: Ids of the rules that name it: the cause first, then what the log says of it.
    """

    title: str
    rules: tuple[str, ...]


KNOWN: Mapping[int, Misconfiguration] = {
    1: Misconfiguration(
        "The role has no policy, or the pod does not use its role",
        (
            "permissions.reads",
            "service-account.injected",
            "service-account.source",
            "service-account.role-in-use",
            "permissions.listing-denied",
        ),
    ),
    2: Misconfiguration("The trust names another service account", ("role.trust-subject", "role.web-identity-refused")),
    3: Misconfiguration(
        "IAM has no OIDC provider for the cluster's issuer",
        ("role.oidc-provider", "role.oidc-audience", "role.trust-issuer", "role.provider-unknown"),
    ),
    4: Misconfiguration(
        "The pod cannot reach the node's credentials", ("service-account.hop-limit", "service-account.no-credentials")
    ),
    5: Misconfiguration(
        "Pod Identity with an AWS SDK that refuses it",
        ("service-account.pod-identity-version", "service-account.pod-identity-refused"),
    ),
    6: Misconfiguration("No region, or another one", ("pod.region", "pod.region-missing")),
    7: Misconfiguration("Instance types may not be listed", ("permissions.reads", "permissions.instance-types-denied")),
    8: Misconfiguration("AWS cannot be reached from the pod", ("autoscaler.aws-unreachable",)),
    9: Misconfiguration(
        "Launch templates may not be read", ("permissions.reads", "permissions.launch-template-denied")
    ),
    10: Misconfiguration("An instance type that it does not know", ("groups.instance-type-unknown",)),
    11: Misconfiguration("A tag is missing, or the flag asks for another", ("groups.tags", "pod.discovery-flag")),
    12: Misconfiguration(
        "The labels of an empty group are not announced", ("groups.labels", "groups.windows", "permissions.node-groups")
    ),
    13: Misconfiguration(
        "Managed node groups may not be read", ("permissions.node-groups", "permissions.node-group-denied")
    ),
    14: Misconfiguration("The taints of an empty group are not seen", ("groups.taints",)),
    15: Misconfiguration("The node template of an empty group is out of date", ("autoscaler.cached-template",)),
    16: Misconfiguration("A group is at its maxSize", ("groups.headroom",)),
    17: Misconfiguration("Groups may not be changed", ("permissions.writes", "permissions.scaling-denied")),
    18: Misconfiguration("Volume attachments may not be listed", ("pod.rbac", "pod.informer-forbidden")),
    19: Misconfiguration("Resource claims may not be listed", ("pod.rbac", "pod.informer-forbidden")),
    20: Misconfiguration("A volume is in a zone where the group launches nothing", ("groups.zones",)),
    21: Misconfiguration("Groups are not alike to it", ("pod.balancing", "pod.groups-not-similar")),
    22: Misconfiguration("A pod that may not be moved keeps its node", ("autoscaler.scale-down",)),
    23: Misconfiguration(
        "Instances do not launch, or do not join",
        ("groups.joining", "groups.launching", "groups.health", "groups.never-joined"),
    ),
    24: Misconfiguration(
        "The priorities are not read", ("autoscaler.priorities", "pod.flags", "autoscaler.priorities-ignored")
    ),
    25: Misconfiguration("A flag that this version does not have", ("pod.flags", "pod.flag-refused")),
    26: Misconfiguration("The API server cannot be reached from the pod", ("autoscaler.api-server-unreachable",)),
    27: Misconfiguration("It is killed for memory", ("pod.memory",)),
    28: Misconfiguration("Helm can not render or apply the release", ("pod.release", "pod.release-refused")),
    29: Misconfiguration("AWS throttles it", ("autoscaler.throttled",)),
}
