"""Node templates: what Cluster Autoscaler knows of the future nodes of a group."""

from collections.abc import Mapping
from dataclasses import dataclass

from ._shared import compatibility, discovery, versions
from .facts import AutoScalingGroup, Node, NodeGroup, PendingPod, Taint, Toleration

REPELLING = ("NoSchedule", "NoExecute")
TO_BE_DELETED = "ToBeDeletedByClusterAutoscaler"
DELETION_CANDIDATE = "DeletionCandidateOfClusterAutoscaler"
"""Taints that Cluster Autoscaler sets on a node that it removes, or may remove (`utils/taints/taints.go`)."""

_DERIVED = frozenset(
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
"""Labels that the autoscaler derives from the instance type, or reads from EKS; unknown here."""


@dataclass(frozen=True)
class Template:
    """The labels and taints of a future node."""

    labels: Mapping[str, str]
    taints: tuple[Taint, ...]


def tagged_labels(group: AutoScalingGroup) -> dict[str, str]:
    """Return the labels that a group's node-template tags advertise."""
    prefix = discovery.label_key("")
    return {key.removeprefix(prefix): value for key, value in group.tags.items() if key.startswith(prefix)}


def tagged_taints(group: AutoScalingGroup) -> tuple[Taint, ...]:
    """Return the taints that a group's node-template tags advertise; like the autoscaler, ignore misspelled ones."""
    parsed = [discovery.parse_taint(key, value) for key, value in group.tags.items()]
    return tuple(Taint(taint["key"], taint.get("value", ""), taint["effect"]) for taint in parsed if taint)


def wanted_tags(node_group: NodeGroup) -> dict[str, str]:
    """Return the node-template tags that describe a managed node group."""
    return discovery.node_template_tags(
        node_group.labels,
        [{"key": taint.key, "value": taint.value, "effect": taint.effect} for taint in node_group.taints],
    )


def lacking_tags(group: AutoScalingGroup, node_group: NodeGroup) -> dict[str, str]:
    """Return the node-template tags that a group lacks, or has with another value."""
    return {key: value for key, value in wanted_tags(node_group).items() if group.tags.get(key) != value}


def unread_taints(group: AutoScalingGroup, node_group: NodeGroup, minor: versions.Minor | None) -> tuple[Taint, ...]:
    """Return the taints of a managed node group that this Cluster Autoscaler does not see from zero.

    Before 1.31 it keeps EKS' spelling of the effect, which the scheduler does not know; every version drops a taint
    without a value. A node-template tag helps in both cases.
    """
    misread = minor is not None and minor < compatibility.MANAGED_TAINTS_FLOOR
    advertised = tagged_taints(group)
    return tuple(
        taint
        for taint in node_group.taints
        if taint.effect in REPELLING and (misread or not taint.value) and taint not in advertised
    )


def template(group: AutoScalingGroup, node_group: NodeGroup | None, nodes: tuple[Node, ...]) -> Template:
    """Return the node template of a group: from its nodes, or else from EKS and its tags."""
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


def refusals(node: Template, pod: PendingPod) -> list[str]:
    """Return why a pod does not fit such a node, as far as labels and taints decide."""
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
    """Return whether such a node has a label; labels that the autoscaler derives count as matching."""
    return (label not in node.labels and is_derived(label)) or node.labels.get(label) == value


def is_derived(label: str) -> bool:
    """Return whether the autoscaler derives a label or reads it from EKS, so that it is unknown here."""
    return label in _DERIVED or label.startswith(_OF_EKS)


def tolerates(toleration: Toleration, taint: Taint) -> bool:
    """Return whether a toleration tolerates a taint (Kubernetes' own rule)."""
    if toleration.effect and toleration.effect != taint.effect:
        return False
    if toleration.key and toleration.key != taint.key:
        return False
    if toleration.operator == "Exists":
        return True
    return bool(toleration.key) and toleration.value == taint.value
