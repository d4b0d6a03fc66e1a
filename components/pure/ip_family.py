"""What an EKS cluster needs whose pods have IPv6 addresses ("Learn about IPv6 addresses" of the EKS user guide)."""

from collections.abc import Mapping
from typing import Any

from .faults import Fault

IPV4 = "ipv4"
IPV6 = "ipv6"
FAMILIES = (IPV4, IPV6)


def of_cluster(found: Mapping[str, Any]) -> str:
    """Return the family of a cluster as ``getCluster`` of the AWS provider describes it; empty if it names none."""
    configs = found.get("kubernetesNetworkConfigs") or [{}]
    return str(configs[0].get("ipFamily", ""))


def live_faults(path: str, live: str, requested: str) -> list[Fault]:
    """Find another family than a live cluster has: EKS sets it at creation, and a change replaces the cluster.

    ``ip_family`` is ForceNew in terraform-provider-aws internal/service/eks/cluster.go.

    Args:
        path: Where the family is given.
        live: Family of the cluster; empty if AWS does not name it.
        requested: The family that the program wants.
    """
    if not live or live == requested:
        return []
    expected = f"{live}, as the cluster was created: EKS cannot change it"
    return [Fault(path, f"{requested}, and the cluster has {live}", expected)]
