"""What the nodes of a group will be like, as far as Cluster Autoscaler can know before there is one."""

from collections.abc import Mapping
from dataclasses import dataclass

from ._shared import compatibility, discovery, versions
from .facts import AutoScalingGroup, Node, NodeGroup, Taint, Toleration, WaitingPod

REPELLING = ("NoSchedule", "NoExecute")
TO_BE_DELETED = "ToBeDeletedByClusterAutoscaler"
DELETION_CANDIDATE = "DeletionCandidateOfClusterAutoscaler"
"""Taints that Cluster Autoscaler sets on a node that it removes, or may remove (`utils/taints/taints.go`)."""

_WORKED_OUT = frozenset(
    {
        "beta.kubernetes.io/arch",
        "beta.kubernetes.io/instance-type",
        "beta.kubernetes.io/os",
        "failure-domain.beta.kubernetes.io/region",
        "failure-domain.beta.kubernetes.io/zone",
        "kubernetes.io/arch",
        "kubernetes.io/hostname",
        "node.kubernetes.io/instance-type",
        "topology.ebs.csi.aws.com/zone",
        "topology.kubernetes.io/region",
    }
)
_OF_EKS = "eks.amazonaws.com/"
"""Labels of nodes to come that the autoscaler works out from the instance type, or is told by EKS; not known here."""


@dataclass(frozen=True)
class Template:
    """The labels and taints of a node to come."""

    labels: Mapping[str, str]
    taints: tuple[Taint, ...]


def tagged_labels(group: AutoScalingGroup) -> dict[str, str]:
    """The labels that a group's node-template tags announce."""
    prefix = discovery.label_key("")
    return {key.removeprefix(prefix): value for key, value in group.tags.items() if key.startswith(prefix)}


def tagged_taints(group: AutoScalingGroup) -> tuple[Taint, ...]:
    """The taints that a group's node-template tags announce; misspelled ones are ignored, as the autoscaler does."""
    parsed = [discovery.parse_taint(key, value) for key, value in group.tags.items()]
    return tuple(Taint(taint["key"], taint.get("value", ""), taint["effect"]) for taint in parsed if taint)


def wanted_tags(node_group: NodeGroup) -> dict[str, str]:
    """The node-template tags that describe a managed node group."""
    return discovery.node_template_tags(
        node_group.labels,
        [{"key": taint.key, "value": taint.value, "effect": taint.effect} for taint in node_group.taints],
    )


def lacking_tags(group: AutoScalingGroup, node_group: NodeGroup) -> dict[str, str]:
    """The node-template tags that a group lacks, or has with another value."""
    return {key: value for key, value in wanted_tags(node_group).items() if group.tags.get(key) != value}


def unread_taints(group: AutoScalingGroup, node_group: NodeGroup, minor: versions.Minor | None) -> tuple[Taint, ...]:
    """Taints of a managed node group that this Cluster Autoscaler does not see from zero: neither by EKS nor by tag.

    Before 1.31 it keeps EKS' own spelling of the effect, which is no taint to the scheduler; a taint without a value
    is dropped in every version.
    """
    misread = minor is not None and minor < compatibility.MANAGED_TAINTS_FLOOR
    announced = tagged_taints(group)
    return tuple(
        taint
        for taint in node_group.taints
        if taint.effect in REPELLING and (misread or not taint.value) and taint not in announced
    )


def template(group: AutoScalingGroup, node_group: NodeGroup | None, nodes: tuple[Node, ...]) -> Template:
    """What a new node of a group will be like: as its living nodes are, else as EKS and its tags say."""
    instances = {instance.id for instance in group.instances}
    living = next((node for node in nodes if node.instance_id in instances), None)
    if living:
        lasting = [taint for taint in living.taints if "cluster-autoscaler" not in taint.key.lower()]
        lasting = [taint for taint in lasting if not taint.key.startswith("node.kubernetes.io/")]
        return Template(living.labels, tuple(taint for taint in lasting if not taint.key.startswith("ToBeDeleted")))
    zone = group.zones[0] if group.zones else ""
    labels = {"kubernetes.io/os": "linux", "topology.kubernetes.io/zone": zone, **tagged_labels(group)}
    taints = tagged_taints(group)
    if node_group:
        labels |= {**node_group.labels, "eks.amazonaws.com/nodegroup": node_group.name}
        taints += tuple(taint for taint in node_group.taints if taint not in taints)
    return Template(labels, taints)


def refusals(node: Template, pod: WaitingPod) -> list[str]:
    """Why a pod cannot be placed on such a node, as far as labels and taints decide."""
    found = [
        f"label {label}={value}" if label not in node.labels else f"label {label} is {node.labels[label]}, not {value}"
        for label, value in pod.labels_wanted.items()
        if not has_label(node, label, value)
    ]
    found += [
        f"taint {taint.key}={taint.value}:{taint.effect}"
        for taint in node.taints
        if taint.effect in REPELLING and not any(tolerates(toleration, taint) for toleration in pod.tolerations)
    ]
    return found


def has_label(node: Template, label: str, value: str) -> bool:
    """Whether such a node has a label; labels that the autoscaler works out by itself are believed to fit."""
    return (label not in node.labels and is_believed(label)) or node.labels.get(label) == value


def is_believed(label: str) -> bool:
    """Whether the autoscaler works a label out by itself, or gets it from EKS, so that it is not known here."""
    return label in _WORKED_OUT or label.startswith(_OF_EKS)


def tolerates(toleration: Toleration, taint: Taint) -> bool:
    """Whether a toleration accepts a taint (Kubernetes' own rule)."""
    if toleration.effect and toleration.effect != taint.effect:
        return False
    if toleration.key and toleration.key != taint.key:
        return False
    if toleration.operator == "Exists":
        return True
    return bool(toleration.key) and toleration.value == taint.value
