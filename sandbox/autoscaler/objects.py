"""What the decisions need to know of pods and nodes, read from the objects of the Kubernetes API."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from kubernetes.utils.quantity import parse_quantity

Json = Mapping[str, Any]
Resources = Mapping[str, Decimal]

ANNOTATIONS = "cluster-autoscaler.kubernetes.io/"
TO_BE_DELETED = "ToBeDeletedByClusterAutoscaler"
_MIRROR = "kubernetes.io/config.mirror"


@dataclass(frozen=True)
class Taint:
    """A taint of a node."""

    key: str
    value: str
    effect: str


@dataclass(frozen=True)
class Node:
    """A node, living or imagined.

    Attributes:
        instance: ID of its EC2 instance; empty for an imagined node.
        allocatable: What pods may ask for in all; ``pods`` among it.
        ready: Its condition ``Ready`` is ``True``.
        created: When it joined.
    """

    name: str
    labels: Mapping[str, str] = field(default_factory=dict)
    taints: tuple[Taint, ...] = ()
    allocatable: Resources = field(default_factory=dict)
    instance: str = ""
    annotations: Mapping[str, str] = field(default_factory=dict)
    unschedulable: bool = False
    ready: bool = True
    created: datetime | None = None

    @classmethod
    def of(cls, json: Json) -> Node:
        """Reads a ``v1.Node``."""
        metadata, spec, status = json["metadata"], json.get("spec", {}), json.get("status", {})
        return cls(
            name=metadata["name"],
            labels=metadata.get("labels", {}),
            taints=tuple(Taint(t["key"], t.get("value", ""), t["effect"]) for t in spec.get("taints", ())),
            allocatable=quantities(status.get("allocatable", {})),
            instance=spec.get("providerID", "").rpartition("/")[2],
            annotations=metadata.get("annotations", {}),
            unschedulable=spec.get("unschedulable", False),
            ready=any(c["type"] == "Ready" and c["status"] == "True" for c in status.get("conditions", ())),
            created=_time(metadata),
        )

    @property
    def being_deleted(self) -> bool:
        """Whether the autoscaler has marked it for deletion."""
        return any(taint.key == TO_BE_DELETED for taint in self.taints)


@dataclass(frozen=True)
class Pod:
    """A pod, or one that a DaemonSet would make.

    Attributes:
        node: Name of the node that it is bound to; empty while there is none.
        owner: Kind of its controller; empty when it has none.
        requests: Its effective requests; ``pods`` among them.
        affinity: Terms of its required node affinity, any of which must hold; none: no such demand.
        local_volumes: Names of its volumes whose data would be lost by a move.
        unsupported: Demands on its place that the stand-in cannot judge, by the name of their field.
    """

    name: str
    namespace: str = "default"
    uid: str = ""
    node: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    created: datetime | None = None
    owner: str = ""
    requests: Resources = field(default_factory=lambda: {"pods": Decimal(1)})
    node_selector: Mapping[str, str] = field(default_factory=dict)
    affinity: tuple[Json, ...] = ()
    tolerations: tuple[Json, ...] = ()
    priority: int = 0
    local_volumes: frozenset[str] = frozenset()
    unsupported: tuple[str, ...] = ()
    terminating: bool = False
    unschedulable: bool = False
    finished: bool = False

    @classmethod
    def of(cls, json: Json) -> Pod:
        """Reads a ``v1.Pod``."""
        metadata, status = json["metadata"], json.get("status", {})
        return cls(
            name=metadata["name"],
            namespace=metadata["namespace"],
            uid=metadata.get("uid", ""),
            annotations=metadata.get("annotations", {}),
            created=_time(metadata),
            owner=next((owner["kind"] for owner in metadata.get("ownerReferences", ()) if owner.get("controller")), ""),
            terminating="deletionTimestamp" in metadata,
            unschedulable=any(
                condition["type"] == "PodScheduled"
                and condition["status"] == "False"
                and condition.get("reason") == "Unschedulable"
                for condition in status.get("conditions", ())
            ),
            finished=status.get("phase") in ("Succeeded", "Failed"),
            labels=metadata.get("labels", {}),
            **_of_spec(json["spec"]),
        )

    @classmethod
    def of_daemon_set(cls, json: Json) -> Pod:
        """The pod that a ``v1.DaemonSet`` would put on a node that fits it."""
        metadata, template = json["metadata"], json["spec"]["template"]
        fields = _of_spec(template["spec"]) | {"owner": "DaemonSet", "namespace": metadata["namespace"]}
        return cls(name=metadata["name"], labels=template["metadata"].get("labels", {}), **fields)

    @property
    def key(self) -> str:
        """``namespace/name``."""
        return f"{self.namespace}/{self.name}"

    @property
    def is_mirror(self) -> bool:
        """Whether it only shows a static pod of a kubelet."""
        return _MIRROR in self.annotations

    @property
    def stays_with_its_node(self) -> bool:
        """Whether it comes and goes with its node, so that it never stands in the way of a removal."""
        return self.owner == "DaemonSet" or self.is_mirror


def quantities(amounts: Mapping[str, str | int]) -> dict[str, Decimal]:
    """Kubernetes quantities (``100m``, ``1Gi``) as numbers."""
    return {name: parse_quantity(amount) for name, amount in amounts.items()}  # type: ignore[no-untyped-call]


def total(parts: Iterable[Resources]) -> dict[str, Decimal]:
    """The sum of resources."""
    result: dict[str, Decimal] = {}
    for part in parts:
        for name, amount in part.items():
            result[name] = result.get(name, Decimal(0)) + amount
    return result


def _time(metadata: Json) -> datetime | None:
    created = metadata.get("creationTimestamp")
    return datetime.fromisoformat(created) if created else None


def _of_spec(spec: Json) -> dict[str, Any]:
    """The fields of a pod that its ``spec`` decides."""
    affinity = spec.get("affinity", {})
    required = affinity.get("nodeAffinity", {}).get("requiredDuringSchedulingIgnoredDuringExecution", {})
    volumes = spec.get("volumes", ())
    return {
        "node": spec.get("nodeName", ""),
        "requests": _effective_requests(spec),
        "node_selector": spec.get("nodeSelector", {}),
        "affinity": tuple(required.get("nodeSelectorTerms", ())),
        "tolerations": tuple(spec.get("tolerations", ())),
        "priority": spec.get("priority", 0),
        "local_volumes": frozenset(volume["name"] for volume in volumes if _is_local(volume)),
        "unsupported": tuple(_unsupported(spec)),
    }


def _effective_requests(spec: Json) -> dict[str, Decimal]:
    """Containers and sidecars together, or an init container with the sidecars before it, whichever is more."""
    steady = total(_requests(container) for container in spec["containers"])
    sidecars: dict[str, Decimal] = {}
    peak: dict[str, Decimal] = {}
    for container in spec.get("initContainers", ()):
        needed = total((sidecars, _requests(container)))
        peak = {name: max(peak.get(name, Decimal(0)), needed.get(name, Decimal(0))) for name in {*peak, *needed}}
        if container.get("restartPolicy") == "Always":
            sidecars = needed
    steady = total((steady, sidecars))
    most = {name: max(steady.get(name, Decimal(0)), peak.get(name, Decimal(0))) for name in {*steady, *peak}}
    return total((most, quantities(spec.get("overhead", {})), {"pods": Decimal(1)}))


def _requests(container: Json) -> dict[str, Decimal]:
    return quantities(container.get("resources", {}).get("requests", {}))


def _is_local(volume: Json) -> bool:
    return "hostPath" in volume or ("emptyDir" in volume and (volume["emptyDir"] or {}).get("medium") != "Memory")


def _unsupported(spec: Json) -> Iterable[str]:
    required = "requiredDuringSchedulingIgnoredDuringExecution"
    for kind in ("podAffinity", "podAntiAffinity"):
        if spec.get("affinity", {}).get(kind, {}).get(required):
            yield f"affinity.{kind}"
    if any(spread.get("whenUnsatisfiable") == "DoNotSchedule" for spread in spec.get("topologySpreadConstraints", ())):
        yield "topologySpreadConstraints"
    if any("persistentVolumeClaim" in volume or "ephemeral" in volume for volume in spec.get("volumes", ())):
        yield "volumes.persistentVolumeClaim"
    if spec.get("resourceClaims"):
        yield "resourceClaims"
    if any(port.get("hostPort") for container in spec["containers"] for port in container.get("ports", ())):
        yield "containers.ports.hostPort"
