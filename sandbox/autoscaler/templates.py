"""The node that a group would add: copied from one that it has, or built from its launch template and tags.

After cloudprovider/aws/aws_manager.go (buildNodeFromTemplate), aws_wrapper.go (getManagedNodegroupInfo) and
utils/taints/taints.go (SanitizeTaints). Upstream sanitizes both kinds of templates (simulator/node_info_utils.go,
createSanitizedNode), so startup taints never keep an empty group from growing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from sandbox.autoscaler.aws import Aws, Group
from sandbox.autoscaler.flags import Options
from sandbox.autoscaler.nodes import TO_BE_DELETED, Json, Node, quantities
from sandbox.aws.instance_types import catalog

_EFFECTS = {"NO_SCHEDULE": "NoSchedule", "NO_EXECUTE": "NoExecute", "PREFER_NO_SCHEDULE": "PreferNoSchedule"}
_PASSING_PREFIXES = tuple(f"{kind}-taint.cluster-autoscaler.kubernetes.io/" for kind in ("startup", "status", "ignore"))
_STATES = "not-ready unreachable unschedulable memory-pressure disk-pressure network-unavailable pid-pressure"
_PASSING = {
    TO_BE_DELETED,
    "DeletionCandidateOfClusterAutoscaler",
    "NodeWithImpairedVolumes",
    "node.cloudprovider.kubernetes.io/uninitialized",
    "node.cloudprovider.kubernetes.io/shutdown",
    *(f"node.kubernetes.io/{state}" for state in _STATES.split()),
}


def template(group: Group, nodes: Sequence[Node], aws: Aws, options: Options) -> Node:
    """Return the node that the group would add: by the first of ``nodes`` that is usable, else by what AWS knows."""
    name = f"template-node-for-{group.name}"
    example = next((node for node in nodes if node.ready and not (node.being_deleted or node.unschedulable)), None)
    found = example or _from_aws(group, aws)
    # What tags promise is added to what a node reports, such as a device plugin's resource.
    allocatable = quantities(_tagged(group.tags, "resources")) | dict(found.allocatable)
    passing = {*options.startup_taint, *options.status_taint, *_PASSING}
    taints = (t for t in found.taints if t["key"] not in passing and not t["key"].startswith(_PASSING_PREFIXES))
    labels = {**found.labels, "kubernetes.io/hostname": name}
    return replace(found, name=name, instance="", labels=labels, taints=tuple(taints), allocatable=allocatable)


def _from_aws(group: Group, aws: Aws) -> Node:
    """Return the template of a group without a usable node: 110 pods, all of the machine's memory, Linux."""
    kind, zone = catalog()[aws.instance_type(group)], group.zones[0]
    labels = {
        "kubernetes.io/arch": "arm64" if kind.architecture == "arm64" else "amd64",
        "kubernetes.io/os": "linux",
        "node.kubernetes.io/instance-type": kind.name,
        "topology.kubernetes.io/region": zone[:-1],
        "topology.kubernetes.io/zone": zone,
        "topology.ebs.csi.aws.com/zone": zone,
    }
    labels |= _tagged(group.tags, "label")
    labels |= {key.removeprefix("eks:"): value for key, value in group.tags.items() if key.startswith("eks:")}
    cluster, owner = labels.get("cluster-name"), labels.get("nodegroup-name")
    managed = aws.managed_node_group(cluster, owner) if cluster and owner else {}
    resources = _tagged(group.tags, "resources") | _tagged(managed.get("tags") or {}, "resources")
    cpu, memory = Decimal(kind.vcpus), Decimal(kind.memory_mib) * 1024**2
    allocatable = {"pods": Decimal(110), "cpu": cpu, "memory": memory, "nvidia.com/gpu": Decimal(kind.gpus)}
    return Node(
        name="",
        labels=labels | _managed_labels(managed),
        taints=(*_tagged_taints(group.tags), *_managed_taints(managed)),
        allocatable=allocatable | quantities(resources),
    )


def _tagged(tags: Mapping[str, str], kind: str) -> dict[str, str]:
    prefix = f"k8s.io/cluster-autoscaler/node-template/{kind}/"
    return {key.removeprefix(prefix): value for key, value in tags.items() if key.startswith(prefix)}


def _tagged_taints(tags: Mapping[str, str]) -> Iterator[Json]:
    """Yield taints from tags ``<value>:<effect>``; a tag in another form is ignored in silence."""
    for key, text in _tagged(tags, "taint").items():
        if match := re.fullmatch(f"(.*?):({'|'.join(_EFFECTS.values())})", text):
            yield {"key": key, "value": match[1], "effect": match[2]}


def _managed_labels(managed: Mapping[str, Any]) -> dict[str, str]:
    names = {"amiType": "amiType", "diskSize": "diskSize", "k8sVersion": "version"}
    names |= {"eks.amazonaws.com/capacityType": "capacityType", "eks.amazonaws.com/nodegroup": "nodegroupName"}
    return {key: str(managed[name]) for key, name in names.items() if managed.get(name)} | dict(
        managed.get("labels") or {}
    )


def _managed_taints(managed: Mapping[str, Any]) -> Iterator[Json]:
    """Yield the taints that EKS knows; one without a value is dropped."""
    for taint in managed.get("taints") or ():
        if taint.get("value") is not None:
            yield {"key": taint["key"], "value": taint["value"], "effect": _EFFECTS[taint["effect"]]}
