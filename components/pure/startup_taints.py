"""Taints that an agent removes from every new node: facts of nodes that start, not of the nodes to come.

Cluster Autoscaler must not believe that a node of an empty group keeps such a taint. It drops the taints of the flag
``--startup-taint``, and those with its own prefix, from nodes and from templates (``utils/taints/taints.go``,
``SanitizeTaints``; ``GetNodeInfoFromTemplate``). So they are not advertised by tags, and the flag gets their keys.
"""

from collections.abc import Iterable

from .discovery import Taint

OWN_PREFIX = "startup-taint.cluster-autoscaler.kubernetes.io/"
"""Cluster Autoscaler takes a taint with this prefix for a startup taint without any flag."""

KNOWN = frozenset(
    {
        "ebs.csi.aws.com/agent-not-ready",
        "efs.csi.aws.com/agent-not-ready",
        "fsx.csi.aws.com/agent-not-ready",
        "node.cilium.io/agent-not-ready",
        "node.cloudprovider.kubernetes.io/uninitialized",
    }
)
"""Taints of agents that remove them, by their own documentation."""


def is_startup(taint: Taint) -> bool:
    """Return whether an agent removes the taint after the node has started."""
    return taint.get("startup", taint["key"] in KNOWN or taint["key"].startswith(OWN_PREFIX))


def lasting(taints: Iterable[Taint]) -> list[Taint]:
    """Return the taints that a node keeps."""
    return [taint for taint in taints if not is_startup(taint)]


def flag_keys(taints: Iterable[Taint]) -> list[str]:
    """Return the keys for ``--startup-taint``, sorted."""
    return sorted({t["key"] for t in taints if is_startup(t) and not t["key"].startswith(OWN_PREFIX)})
