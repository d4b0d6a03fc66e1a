"""Nodes and pods as far as decisions need them, and the scheduler's rules on whether a pod fits a node."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from kubernetes.utils.quantity import parse_quantity

Json = Mapping[str, Any]
Resources = Mapping[str, Decimal]

TO_BE_DELETED = "ToBeDeletedByClusterAutoscaler"


@dataclass(frozen=True)
class Node:
    """A node, living or imagined (then without ``instance``); taints as in the API."""

    name: str
    labels: Mapping[str, str] = field(default_factory=dict)
    taints: tuple[Json, ...] = ()
    allocatable: Resources = field(default_factory=dict)
    instance: str = ""
    unschedulable: bool = False
    ready: bool = True

    @classmethod
    def of(cls, json: Json) -> Node:
        """Read a ``v1.Node``."""
        spec, status = json.get("spec", {}), json.get("status", {})
        return cls(
            name=json["metadata"]["name"],
            labels=json["metadata"].get("labels", {}),
            taints=tuple(spec.get("taints", ())),
            allocatable=quantities(status.get("allocatable", {})),
            instance=spec.get("providerID", "").rpartition("/")[2],
            unschedulable=spec.get("unschedulable", False),
            ready=any(c["type"] == "Ready" and c["status"] == "True" for c in status.get("conditions", ())),
        )

    @property
    def being_deleted(self) -> bool:
        """Whether the autoscaler has marked it for deletion."""
        return any(taint["key"] == TO_BE_DELETED for taint in self.taints)


@dataclass(frozen=True)
class Pod:
    """A pod, or the one that a DaemonSet would put on a node; metadata and spec as in the API.

    It ``waits`` when the scheduler found no node for it, and ``stays`` when it is created and deleted with its node.
    """

    metadata: Json
    spec: Json
    requests: Resources
    node: str = ""
    waits: bool = False
    stays: bool = False

    @classmethod
    def of(cls, json: Json) -> Pod:
        """Read a ``v1.Pod``."""
        metadata, spec = json["metadata"], json["spec"]
        owners = [owner["kind"] for owner in metadata.get("ownerReferences", ()) if owner.get("controller")]
        stays = "DaemonSet" in owners or "kubernetes.io/config.mirror" in metadata.get("annotations", {})
        reasons = [c.get("reason") for c in json.get("status", {}).get("conditions", ()) if c["status"] == "False"]
        waits = "Unschedulable" in reasons and not (spec.get("nodeName") or stays or "deletionTimestamp" in metadata)
        return cls(metadata, spec, _requests(spec), spec.get("nodeName", ""), waits, stays)

    def is_expendable(self, cutoff: int) -> bool:
        """Return whether its priority is below the cutoff (core/utils/expendable.go, IsExpendablePod)."""
        priority: int | None = self.spec.get("priority")
        return priority is not None and priority < cutoff

    @classmethod
    def of_daemon_set(cls, json: Json) -> Pod:
        """Return the pod that a ``v1.DaemonSet`` would put on a node."""
        spec = json["spec"]["template"]["spec"]
        return cls(json["metadata"], spec, _requests(spec), stays=True)

    @property
    def key(self) -> str:
        """``namespace/name``."""
        return f"{self.metadata['namespace']}/{self.metadata['name']}"


class Simulation:
    """Nodes with what is requested on each; pods go to the first node that fits."""

    def __init__(self, nodes: Iterable[Node] = (), pods: Iterable[Pod] = ()) -> None:
        self._nodes: dict[str, tuple[Node, Resources]] = {node.name: (node, {}) for node in nodes}
        for pod in pods:
            if pod.node in self._nodes:
                self._use(pod.node, pod.requests)

    def add(self, template: Node, number: int, overhead: Resources) -> None:
        """Add a node on which ``overhead`` is requested from the start."""
        name = f"{template.name}-{number}"
        self._nodes[name] = (replace(template, name=name), overhead)

    def place(self, pod: Pod) -> bool:
        """Put the pod on the first node that it fits; whether there is one."""
        for name, (node, used) in self._nodes.items():
            if not misfits(pod, node, used):
                self._use(name, pod.requests)
                return True
        return False

    def _use(self, name: str, requests: Resources) -> None:
        node, used = self._nodes[name]
        self._nodes[name] = (node, total((used, requests)))


def estimate(pods: Sequence[Pod], template: Node, overhead: Resources) -> int:
    """Return how many new nodes hold the pods, each of which fits an empty one (BinpackingNodeEstimator)."""
    simulation, count = Simulation(), 0
    for pod in sorted(pods, key=lambda pod: _share(pod.requests, template), reverse=True):
        if not simulation.place(pod):
            simulation.add(template, count, overhead)
            count += 1
            simulation.place(pod)
    return count


def waste(pods: Sequence[Pod], template: Node, count: int) -> Decimal:
    """Return the unused share of CPU and memory of the new nodes (expander/waste)."""
    return 2 - _share(total(pod.requests for pod in pods), template) / count


def misfits(pod: Pod, node: Node, used: Resources) -> list[str]:
    """Return why the pod cannot run on the node, in the scheduler's words; empty when it can."""
    reasons = [f"{kind}: not simulated by the sandbox's stand-in" for kind in _unsupported(pod.spec)]
    if node.unschedulable:
        reasons.append("node(s) were unschedulable")
    if any(not _tolerated(taint, pod.spec.get("tolerations", ())) for taint in node.taints):
        reasons.append("node(s) had untolerated taint(s)")
    if not pod.spec.get("nodeSelector", {}).items() <= node.labels.items():
        reasons.append("node(s) didn't match Pod's node affinity/selector")
    for resource, amount in pod.requests.items():
        if amount > node.allocatable.get(resource, Decimal(0)) - used.get(resource, Decimal(0)):
            reasons.append("Too many pods" if resource == "pods" else f"Insufficient {resource}")
    return reasons


def quantities(amounts: Mapping[str, str | int]) -> dict[str, Decimal]:
    """Return Kubernetes quantities (``100m``, ``1Gi``) as numbers."""
    return {name: parse_quantity(amount) for name, amount in amounts.items()}  # type: ignore[no-untyped-call]


def total(parts: Iterable[Resources]) -> dict[str, Decimal]:
    """Return the sum of resources."""
    result: dict[str, Decimal] = {}
    for part in parts:
        for name, amount in part.items():
            result[name] = result.get(name, Decimal(0)) + amount
    return result


def _share(requests: Resources, node: Node) -> Decimal:
    """Return the requested shares of the node's CPU and memory, added."""
    parts = (requests.get(name, Decimal(0)) / node.allocatable[name] for name in ("cpu", "memory"))
    return sum(parts, Decimal(0))


def _requests(spec: Json) -> dict[str, Decimal]:
    """Return what all containers request together, init containers among them: stricter than the scheduler."""
    containers = (*spec["containers"], *spec.get("initContainers", ()))
    each = (quantities(container.get("resources", {}).get("requests", {})) for container in containers)
    return total((*each, {"pods": Decimal(1)}))


def _tolerated(taint: Json, tolerations: Iterable[Json]) -> bool:
    if taint["effect"] == "PreferNoSchedule":
        return True
    for one in tolerations:
        if one.get("effect", taint["effect"]) != taint["effect"] or one.get("key", taint["key"]) != taint["key"]:
            continue
        if one.get("operator") == "Exists" or ("key" in one and one.get("value", "") == taint.get("value", "")):
            return True
    return False


def _unsupported(spec: Json) -> list[str]:
    """Return the demands on a place that the stand-in cannot judge, by the name of their field."""
    required, spreads = "requiredDuringSchedulingIgnoredDuringExecution", spec.get("topologySpreadConstraints", ())
    found = [kind for kind, terms in spec.get("affinity", {}).items() if required in terms]
    found += ["topologySpread" for each in spreads if each.get("whenUnsatisfiable") == "DoNotSchedule"]
    found += [kind for each in spec.get("volumes", ()) for kind in {"persistentVolumeClaim", "ephemeral"} & each.keys()]
    found += ["hostPort" for one in spec["containers"] for port in one.get("ports", ()) if "hostPort" in port]
    return found + ["resourceClaims"] * bool(spec.get("resourceClaims"))
