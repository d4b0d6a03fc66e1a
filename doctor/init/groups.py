"""The groups to adopt, with what Cluster Autoscaler must know of their nodes to scale them from zero."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .._shared import discovery, startup_taints, validation
from ..arguments import (
    DISCOVERY_FLAG,
    Arguments,
    Discovery,
    StaticGroup,
    parse_arguments,
    parse_discovery,
    parse_static_groups,
)
from ..case import tagged_owners
from ..facts import AutoScalingGroup, NodeGroup, Taint
from ..readings import Unreadable
from ..templates import DELETION_CANDIDATE, TO_BE_DELETED, is_derived, tagged_labels, tagged_taints
from .document import Entry, Item
from .facts import Found, Installed, LiveNode

_READY = ("ACTIVE", "UPDATING", "DEGRADED")
_NODE_GROUP_TAG = "eks:nodegroup-name"
_EKSCTL_CLUSTER = "alpha.eksctl.io/cluster-name"
_OWNER_OF_TAGS: Mapping[str, str] = {
    "aws:cloudformation:stack-name": "CloudFormation",
    "terraform": "Terraform",
    "managed-by": "another tool",
    "managedby": "another tool",
    "pulumi:project": "another Pulumi program",
}
"""Tags by which a group's maker is recognized, in lower case."""

_KUBELETS_OWN = ("kubernetes.io", "k8s.io", "k8s.aws", "eks.amazonaws.com", "k8s.amazonaws.com", "eksctl.io")
"""Domains of labels that Kubernetes, EKS and their agents set, except below ``node.kubernetes.io``."""

_OPTION_PREFIX = discovery.option_key("")
_RESOURCE_PREFIX = discovery.resource_key("")


@dataclass(frozen=True)
class Groups:
    """The groups as entries of the settings.

    Attributes:
        entries: ``existingNodeGroups`` and ``autoScalingGroups``.
        notes: What could not be adopted or will be different.
        names: Names of the adopted groups, for the screen.
    """

    entries: tuple[Entry, ...]
    notes: tuple[str, ...]
    names: tuple[str, ...]


def adopted_groups(found: Found) -> Groups:
    """Describe every group of the cluster that the program can adopt."""
    notes: list[str] = []
    groups = () if isinstance(found.groups, Unreadable) else found.groups
    by_name = {group.name: group for group in groups}
    nodes = () if isinstance(found.nodes, Unreadable) else found.nodes
    managed: Sequence[NodeGroup] = () if isinstance(found.node_groups, Unreadable) else found.node_groups
    scope = _Scope.of(found)
    existing, own = [], []
    for node_group in managed:
        if why := _unfit(node_group):
            notes.append(f"The managed node group {node_group.name} is left out: {why}.")
            continue
        existing.append(_managed(node_group, by_name.get(node_group.groups[0]), nodes, scope))
    theirs = {name for group in managed for name in group.groups}
    for group in groups:
        if group.name in theirs or _NODE_GROUP_TAG in group.tags or not _belongs(group, found, nodes, scope):
            continue
        if faults := validation.asg_name("", group.name):
            notes.append(f"An Auto Scaling group is left out: got {faults[0].got}; expected {faults[0].expected}.")
            continue
        own.append(_self_managed(group, nodes, scope, found.cluster.name))
    notes += _absent(scope, by_name)
    if not managed and not own and not isinstance(found.node_groups, Unreadable):
        notes.append("The cluster has no group of nodes that Cluster Autoscaler could scale.")
    entries = [
        *([Entry("existingNodeGroups", existing, (_EXISTING,))] if existing else []),
        *([Entry("autoScalingGroups", own, (_OWN,))] if own else []),
    ]
    names = [item.value["name"] for item in (*existing, *own) if not item.disabled]
    return Groups(tuple(entries), tuple(notes), tuple(names))


_EXISTING = (
    "Existing managed node groups. The program tags their Auto Scaling groups and changes nothing else. The labels, "
    "taints and resources of a group are its node template, which Cluster Autoscaler uses while the group is empty."
)
_OWN = "Self-managed Auto Scaling groups. The program tags them and changes nothing else."


@dataclass(frozen=True)
class _Scope:
    """What the autoscaler that runs now manages.

    Attributes:
        runs: Whether there is one.
        discovery: How it discovers groups; without tags when it discovers none.
        listed: Groups that its command line lists.
    """

    runs: bool
    discovery: Discovery
    listed: Mapping[str, StaticGroup]

    @classmethod
    def of(cls, found: Found) -> "_Scope":
        if not isinstance(found.installed, Installed):
            # Without an autoscaler, the tags show which groups are intended for one.
            return cls(False, Discovery(dict.fromkeys(discovery.discovery_tags(found.cluster.name))), {})
        given: Arguments = parse_arguments(found.installed.deployment.arguments)
        listed, _ = parse_static_groups(given.values.get("nodes", ()))
        return cls(True, parse_discovery(given.values.get(DISCOVERY_FLAG, ())), {group.name: group for group in listed})

    def manages(self, group: AutoScalingGroup) -> bool:
        """Whether the group is scaled today, or is intended to be."""
        return group.name in self.listed or self.discovery.finds(group.tags)


def has_managed_groups(found: Found) -> bool:
    """Whether a managed node group is adopted."""
    return not isinstance(found.node_groups, Unreadable) and any(not _unfit(group) for group in found.node_groups)


def _unfit(group: NodeGroup) -> str:
    if not group.groups:
        return f"it is {group.status} and has no Auto Scaling group"
    if group.status not in _READY:
        return f"it is {group.status}"
    faults = validation.node_group_name("", group.name)
    return f"got the name {group.name}; expected {faults[0].expected}" if faults else ""


def _belongs(group: AutoScalingGroup, found: Found, nodes: Iterable[LiveNode], scope: _Scope) -> bool:
    """Whether a self-managed group is of this cluster: by its tags, by its nodes, or by the command line."""
    cluster = found.cluster.name
    owners = tagged_owners(group.tags) | {group.tags.get(_EKSCTL_CLUSTER, cluster)}
    tagged = cluster in tagged_owners(group.tags) or group.tags.get(_EKSCTL_CLUSTER) == cluster
    joined = bool(_of_group(group, nodes))
    return group.name in scope.listed or joined or (tagged and owners == {cluster})


def _managed(node_group: NodeGroup, group: AutoScalingGroup | None, nodes: Iterable[LiveNode], scope: _Scope) -> Item:
    living = _of_group(group, nodes) if group else []
    comments = []
    labels = {**(tagged_labels(group) if group else {}), **node_group.labels}
    taints = [*node_group.taints, *(tagged_taints(group) if group else ())]
    resources = _resources(group, living, node_group.disk_gib)
    value, dropped = _described(node_group.name, group, labels, taints, resources, eks=True)
    if group is None:
        comments.append(f"Its Auto Scaling group {node_group.groups[0]} could not be read.")
    else:
        comments.append(f"{_sizes(group)}; Auto Scaling group {group.name}.")
        comments += _bounds(group, scope, node_group.name)
        if scope.runs and not scope.manages(group):
            comments.append(
                "The running autoscaler does not manage this group. The program's autoscaler will, because EKS adds "
                "the discovery tags to every managed node group. To keep the size of the group, set its minSize equal "
                "to its maxSize."
            )
    return Item(value, (*comments, *dropped))


def _self_managed(group: AutoScalingGroup, nodes: Iterable[LiveNode], scope: _Scope, cluster: str) -> Item:
    living = _of_group(group, nodes)
    labels = {**_common_labels(living), **tagged_labels(group)}
    taints = [*tagged_taints(group), *_common_taints(living)]
    value, dropped = _described(group.name, group, labels, taints, _resources(group, living, None), eks=False)
    comments = [f"{_sizes(group)}.", *_bounds(group, scope, "")]
    disabled = not scope.manages(group)
    if disabled:
        comments.append(
            "Left out because Cluster Autoscaler does not manage this group today. If you enable it, Cluster "
            "Autoscaler may add and remove its nodes."
        )
    if group.unit != "instances":
        comments.append(f"Its sizes count {group.unit}; Cluster Autoscaler reads them as numbers of nodes.")
    if owner := _owner(group):
        comments.append(
            f"{owner} may manage the tags of this group. If it does, add these tags there and remove the group here: "
            f"{', '.join(discovery.discovery_tags(cluster))}."
        )
    return Item(value, (*comments, *dropped), disabled)


def _sizes(group: AutoScalingGroup) -> str:
    return f"minSize {group.min}, maxSize {group.max}, desired capacity {group.desired}"


def _owner(group: AutoScalingGroup) -> str:
    keys = {key.lower() for key in group.tags}
    return next((owner for key, owner in _OWNER_OF_TAGS.items() if key in keys), "")


def _bounds(group: AutoScalingGroup, scope: _Scope, node_group: str) -> list[str]:
    """The comment on a group with other bounds in ``--nodes``."""
    listed = scope.listed.get(group.name)
    if listed is None or (listed.min, listed.max) == (group.min, group.max):
        return []
    limits = f"--nodes gives this group minSize {listed.min} and maxSize {listed.max}, not its own sizes. "
    if node_group:
        return [limits + f"To keep the limits, set them on the node group: minSize={listed.min}, maxSize={listed.max}."]
    return [limits + f"To keep the limits, set MinSize={listed.min} and MaxSize={listed.max} on the group."]


# --- what a node offers -----------------------------------------------------------------------------------------------


def _of_group(group: AutoScalingGroup, nodes: Iterable[LiveNode]) -> list[LiveNode]:
    instances = {instance.id for instance in group.instances}
    return [node for node in nodes if node.instance_id in instances]


def _common_labels(living: Sequence[LiveNode]) -> dict[str, str]:
    """Labels that every node of a group has with one value, without those that Cluster Autoscaler or EKS sets."""
    if not living:
        return {}
    first, *others = living
    return {
        key: value
        for key, value in first.labels.items()
        if _is_pools(key)
        and value not in (first.name, first.instance_id)
        and all(node.labels.get(key) == value for node in others)
    }


def _is_pools(label: str) -> bool:
    domain, slash, _ = label.rpartition("/")
    if is_derived(label):
        return False
    if domain == "node.kubernetes.io":
        return True
    return not slash or not any(domain == each or domain.endswith(f".{each}") for each in _KUBELETS_OWN)


def _common_taints(living: Sequence[LiveNode]) -> list[Taint]:
    """Taints that every node of a group keeps."""
    if not living:
        return []
    first, *others = living
    return [
        taint
        for taint in first.taints
        if not taint.key.startswith(("node.kubernetes.io/", "node.cloudprovider.kubernetes.io/"))
        and taint.key not in (TO_BE_DELETED, DELETION_CANDIDATE)
        and all(taint in node.taints for node in others)
    ]


def _resources(group: AutoScalingGroup | None, living: Sequence[LiveNode], disk_gib: int | None) -> dict[str, str]:
    """Ephemeral storage and extended resources of a node.

    Cluster Autoscaler takes the quantities of the tags for allocatable (aws_manager.go, buildNodeFromTemplate), so a
    living node's allocatable has precedence over the size of its disk.
    """
    tags = group.tags if group else {}
    tagged = {
        key.removeprefix(_RESOURCE_PREFIX): value for key, value in tags.items() if key.startswith(_RESOURCE_PREFIX)
    }
    disk = {} if disk_gib is None else {"ephemeral-storage": f"{disk_gib}Gi"}
    offered: dict[str, str] = {}
    if living:
        first, *others = living
        offered = {
            key: quantity
            for key, quantity in first.allocatable.items()
            if (key == "ephemeral-storage" or "/" in key)
            and quantity != "0"
            and all(node.allocatable.get(key, "0") != "0" for node in others)
        }
    return {**disk, **offered, **tagged}


def _described(
    name: str,
    group: AutoScalingGroup | None,
    labels: Mapping[str, str],
    taints: Sequence[Taint],
    resources: Mapping[str, str],
    *,
    eks: bool,
) -> tuple[dict[str, Any], list[str]]:
    """The settings of one group, and what of it they cannot hold."""
    tags = group.tags if group else {}
    options = {key.removeprefix(_OPTION_PREFIX): value for key, value in tags.items() if key.startswith(_OPTION_PREFIX)}
    free = discovery.MAX_TAGS - len(discovery.discovery_tags("")) - (discovery.EKS_OWN_TAGS if eks else 0)
    # Other tags of the group count towards the quota of AWS as well.
    own = {key for key in tags if key.startswith(f"{discovery.PREFIX}/") or (eks and _is_of_eks(key))}
    free -= len(set(tags) - own)
    dropped: list[str] = []
    value: dict[str, Any] = {"name": name}
    kept_taints: list[dict[str, str]] = []
    for taint in taints:
        fault = _taint_fault(taint, kept_taints, free)
        if fault is None:
            kept_taints.append(_taint(taint))
            free -= 0 if startup_taints.is_startup(_as_taint(taint)) else 1
        elif fault:
            dropped.append(f"The taint {taint.key}={taint.value}:{taint.effect} is not kept: {fault}.")
    parts = (("labels", labels, discovery.label_key), ("resources", resources, discovery.resource_key))
    kept: dict[str, dict[str, str]] = {}
    for kind, given, key_of in parts:
        for key, text in given.items():
            if fault_text := _fault(kind, key, text, key_of(key), free):
                dropped.append(f"{kind.capitalize()[:-1]} {key}={text} is not kept: {fault_text}.")
                continue
            kept.setdefault(kind, {})[key] = text
            free -= 1
    for option, text in options.items():
        faults = discovery.autoscaling_option_faults({option: text})
        if faults or free < 1:
            why = f"expected {faults[0].expected}" if faults else _QUOTA
            dropped.append(f"The autoscaling option {option}={text} is not kept: {why}.")
            continue
        kept.setdefault("autoscalingOptions", {})[option] = text
        free -= 1
    if "labels" in kept:
        value["labels"] = kept["labels"]
    if kept_taints:
        value["taints"] = kept_taints
    return {**value, **{key: kept[key] for key in ("resources", "autoscalingOptions") if key in kept}}, dropped


_QUOTA = f"AWS allows {discovery.MAX_TAGS} tags on an Auto Scaling group"


def _is_of_eks(key: str) -> bool:
    return key.startswith(("eks:", "kubernetes.io/cluster/"))


def _fault(kind: str, key: str, text: str, tag_key: str, free: int) -> str:
    checks = (
        validation.labels("", {key: text})
        if kind == "labels"
        else [*validation.qualified_name("", key), *validation.quantity("", text)]
    )
    faults = [*checks, *validation.tag("", tag_key, text)]
    if faults:
        return f"got {faults[0].got}; expected {faults[0].expected}"
    return _QUOTA if free < 1 else ""


def _taint_fault(taint: Taint, kept: Sequence[Mapping[str, str]], free: int) -> str | None:
    """Why a taint is not kept; empty for one that is kept already, None for one that is to be kept."""
    if _taint(taint) in kept:
        return ""
    faults = [
        *validation.taints("", [_as_taint(taint)]),
        *validation.tag("", discovery.taint_key(taint.key), discovery.taint_value(_as_taint(taint))),
    ]
    if faults:
        return f"got {faults[0].got}; expected {faults[0].expected}"
    if any(each["key"] == taint.key for each in kept):
        return "tags can advertise one effect of a key"
    return _QUOTA if free < 1 else None


def _as_taint(taint: Taint) -> discovery.Taint:
    return {"key": taint.key, "value": taint.value, "effect": taint.effect}


def _taint(taint: Taint) -> dict[str, str]:
    value = {"value": taint.value} if taint.value else {}
    return {"key": taint.key, **value, "effect": taint.effect}


def _absent(scope: _Scope, by_name: Mapping[str, AutoScalingGroup]) -> list[str]:
    return [
        f"--nodes lists {name}, an Auto Scaling group that was not found."
        for name in scope.listed
        if name not in by_name
    ]
