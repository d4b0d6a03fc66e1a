"""Spreading new nodes over groups that are alike (``--balance-similar-node-groups``)."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from sandbox.autoscaler.groups import Group
from sandbox.autoscaler.objects import Node
from sandbox.autoscaler.options import Options

_MEMORY_DIFFERENCE = Decimal("0.015")
_IGNORED_LABELS = frozenset(
    {
        "kubernetes.io/hostname",
        "failure-domain.beta.kubernetes.io/zone",
        "failure-domain.beta.kubernetes.io/region",
        "topology.kubernetes.io/zone",
        "topology.kubernetes.io/region",
        "beta.kubernetes.io/fluentd-ds-ready",
        "kops.k8s.io/instancegroup",
        "alpha.eksctl.io/instance-id",
        "alpha.eksctl.io/nodegroup-name",
        "eks.amazonaws.com/nodegroup",
        "k8s.amazonaws.com/eniConfig",
        "lifecycle",
        "topology.ebs.csi.aws.com/zone",
        "topology.k8s.aws/zone-id",
    }
)


def similar(one: Node, other: Node, options: Options) -> bool:
    """Whether two templates are so alike that their groups share the load.

    With ``--balancing-label`` only those labels are compared, and nothing else.
    """
    if options.balancing_label:
        return all(one.labels.get(label) == other.labels.get(label) for label in options.balancing_label)
    ignored = _IGNORED_LABELS.union(options.balancing_ignore_label)
    own, others = ({key: value for key, value in node.labels.items() if key not in ignored} for node in (one, other))
    return own == others and all(
        _close(resource, one.allocatable.get(resource), other.allocatable.get(resource))
        for resource in {*one.allocatable, *other.allocatable}
    )


def spread(groups: Sequence[Group], nodes: int) -> dict[str, int]:
    """New targets by name of group: each node goes to the smallest group with room; full groups are left out.

    The first group wins a tie. What does not fit into any group is dropped.
    """
    targets = {group.name: group.target for group in groups}
    for _ in range(nodes):
        open_groups = [group for group in groups if targets[group.name] < group.max_size]
        if not open_groups:
            break
        smallest = min(open_groups, key=lambda group: targets[group.name])
        targets[smallest.name] += 1
    return {group.name: targets[group.name] for group in groups if targets[group.name] > group.target}


def _close(resource: str, one: Decimal | None, other: Decimal | None) -> bool:
    if one is None or other is None or resource != "memory":
        return one == other
    return abs(one - other) <= _MEMORY_DIFFERENCE * max(one, other)
