"""The node that a group would add: taken from one that it has, or made up from its launch template and tags."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from sandbox.autoscaler.groups import Group, tags_of_kind
from sandbox.autoscaler.objects import TO_BE_DELETED, Node, Taint, quantities
from sandbox.autoscaler.options import Options
from sandbox.autoscaler.releases import Release

_HOSTNAME = "kubernetes.io/hostname"
_GPU = "nvidia.com/gpu"
_ASSUMED_PODS = Decimal(110)
_EKS_TAINT_EFFECTS = {
    "NO_SCHEDULE": "NoSchedule",
    "NO_EXECUTE": "NoExecute",
    "PREFER_NO_SCHEDULE": "PreferNoSchedule",
}
_STARTUP_TAINT_PREFIXES = (
    "startup-taint.cluster-autoscaler.kubernetes.io/",
    "status-taint.cluster-autoscaler.kubernetes.io/",
    "ignore-taint.cluster-autoscaler.kubernetes.io/",
)
# Taints that say how a node is, not what kind of node it is.
_CONDITION_TAINTS = (TO_BE_DELETED, "DeletionCandidateOfClusterAutoscaler")
_CONDITION_TAINT_PREFIX = "node.kubernetes.io/"


@dataclass(frozen=True)
class InstanceType:
    """What an EC2 instance type offers; memory in MiB."""

    name: str
    cpus: int
    memory: int
    gpus: int = 0
    architecture: str = "amd64"


@dataclass(frozen=True)
class ManagedNodeGroup:
    """What ``DescribeNodegroup`` tells of an EKS node group, as Cluster Autoscaler reads it."""

    labels: Mapping[str, str] = field(default_factory=dict)
    taints: tuple[Taint, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, description: Mapping[str, Any], release: Release) -> ManagedNodeGroup:
        """Reads the ``nodegroup`` of a ``DescribeNodegroup`` response.

        A taint without a value is dropped; releases before 1.31 take EKS's ``NO_SCHEDULE`` for an effect of that name,
        which keeps no pod away.
        """
        facts = {
            "amiType": description.get("amiType"),
            "diskSize": description.get("diskSize"),
            "k8sVersion": description.get("version"),
            "eks.amazonaws.com/capacityType": description.get("capacityType"),
            "eks.amazonaws.com/nodegroup": description.get("nodegroupName"),
        }
        effects = _EKS_TAINT_EFFECTS if release.translates_eks_taints else {}
        return cls(
            labels={key: str(value) for key, value in facts.items() if value is not None}
            | dict(description.get("labels") or {}),
            taints=tuple(
                Taint(taint["key"], taint["value"], effects.get(taint["effect"], taint["effect"]))
                for taint in description.get("taints") or ()
                if taint.get("value") is not None
            ),
            tags=description.get("tags") or {},
        )


def from_group(group: Group, kind: InstanceType, managed: ManagedNodeGroup | None) -> Node:
    """The template of a group that never had a good node in this process's life.

    Cluster Autoscaler's own guesses are kept: 110 pods, all of the machine's memory, Linux, the first zone.
    """
    zone = group.zones[0]
    name = f"template-node-for-{group.name}"
    managed = managed or ManagedNodeGroup()
    resources = group.template_tags("resources") | tags_of_kind(managed.tags, "resources")
    allocatable = {"pods": _ASSUMED_PODS, "cpu": Decimal(kind.cpus), "memory": Decimal(kind.memory) * 1024**2}
    if kind.gpus:
        allocatable[_GPU] = Decimal(kind.gpus)
    labels = {
        "kubernetes.io/arch": kind.architecture,
        "beta.kubernetes.io/arch": kind.architecture,
        "kubernetes.io/os": "linux",
        "beta.kubernetes.io/os": "linux",
        "node.kubernetes.io/instance-type": kind.name,
        "beta.kubernetes.io/instance-type": kind.name,
        "topology.kubernetes.io/region": zone[:-1],
        "failure-domain.beta.kubernetes.io/region": zone[:-1],
        "topology.kubernetes.io/zone": zone,
        "failure-domain.beta.kubernetes.io/zone": zone,
        "topology.ebs.csi.aws.com/zone": zone,
        _HOSTNAME: name,
    }
    of_eks = {key.removeprefix("eks:"): value for key, value in group.tags.items() if key.startswith("eks:")}
    return Node(
        name=name,
        labels=labels | group.template_tags("label") | of_eks | dict(managed.labels),
        taints=tuple(_tagged_taints(group.template_tags("taint"))) + managed.taints,
        allocatable=allocatable | quantities(resources),
    )


def from_node(group: Group, node: Node, options: Options) -> Node:
    """The template of a group by one of its living nodes, without what is this very node's own."""
    name = f"template-node-for-{group.name}"
    passing = {*options.startup_taint, *options.status_taint, *options.ignore_taint, *_CONDITION_TAINTS}
    return replace(
        node,
        name=name,
        instance="",
        labels={**node.labels, _HOSTNAME: name},
        taints=tuple(
            taint
            for taint in node.taints
            if taint.key not in passing
            and not taint.key.startswith((*_STARTUP_TAINT_PREFIXES, _CONDITION_TAINT_PREFIX))
        ),
        # What tags promise and the node does not (yet) report, such as a device plugin's resource.
        allocatable=quantities(group.template_tags("resources")) | dict(node.allocatable),
        unschedulable=False,
    )


def good_example(nodes: Sequence[Node]) -> Node | None:
    """The first node that may stand for its group: ready and not on its way out."""
    return next((node for node in nodes if node.ready and not node.being_deleted and not node.unschedulable), None)


def _tagged_taints(tags: Mapping[str, str]) -> list[Taint]:
    """Taints from tags ``<value>:<effect>``; what does not read so is ignored without a word."""
    taints = []
    for key, text in tags.items():
        value, colon, effect = text.rpartition(":")
        if colon and effect in _EKS_TAINT_EFFECTS.values():
            taints.append(Taint(key, value, effect))
    return taints
