"""Nodes, pods and budgets as Kubernetes lists them, with what scheduling and draining depend on."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from ..clients import Json
from ..facts import Taint, Toleration
from ..gather.kubernetes import controller, moment, taints
from ..stress.capacity import Resources, quantity, request_of, resources

ENDED = ("Succeeded", "Failed")
_READINESS = ("Ready", "DiskPressure", "NetworkUnavailable")
"""Conditions whose last change is that of a node's readiness (`utils/kubernetes/ready.go`, `GetNodeReadiness`)."""
_ORDINARY = ("cpu", "memory", "pods", "ephemeral-storage")


@dataclass(frozen=True)
class Requirement:
    """One expression of a node affinity or a label selector: ``key In (a, b)``."""

    key: str
    operator: str
    values: tuple[str, ...] = ()

    def holds(self, labels: Mapping[str, str]) -> bool:
        """Whether labels satisfy it (`k8s.io/apimachinery/pkg/labels`, `Requirement.Matches`)."""
        value = labels.get(self.key)
        match self.operator:
            case "In":
                return value is not None and value in self.values
            case "NotIn":
                return value is None or value not in self.values
            case "Exists":
                return value is not None
            case "DoesNotExist":
                return value is None
            case "Gt" | "Lt" if value is not None and len(self.values) == 1:
                numbers = (value, self.values[0])
                if not all(each.lstrip("-").isdigit() for each in numbers):
                    return False
                return int(value) > int(numbers[1]) if self.operator == "Gt" else int(value) < int(numbers[1])
        return False

    def __str__(self) -> str:
        """In the usual notation: ``disk in (ssd, nvme)``."""
        return f"{self.key} {self.operator}" + (f" ({', '.join(self.values)})" if self.values else "")


@dataclass(frozen=True)
class Selector:
    """A label selector: all of its requirements must hold. Without any it selects everything."""

    requirements: tuple[Requirement, ...] = ()

    def selects(self, labels: Mapping[str, str]) -> bool:
        """Whether labels are selected."""
        return all(requirement.holds(labels) for requirement in self.requirements)


@dataclass(frozen=True)
class Separation:
    """A required pod anti-affinity: no other pod of the selector in the same topology domain.

    Attributes:
        namespaces: Where the other pods are; None for every namespace.
    """

    topology: str
    selector: Selector
    namespaces: frozenset[str] | None

    def concerns(self, pod: "Workload") -> bool:
        """Whether it keeps a pod away."""
        return (self.namespaces is None or pod.namespace in self.namespaces) and self.selector.selects(pod.labels)


@dataclass(frozen=True)
class Workload:
    """A pod.

    Attributes:
        owner: Kind and name of its controller; empty strings if it has none.
        requests: CPU, memory and one pod.
        extended: Extended resources that it requests, such as ``nvidia.com/gpu``.
        node_selector: Labels that its node must have.
        node_terms: Required node affinity: one of these terms must match; empty if there is none.
        claims: Persistent volume claims that it mounts.
        local_volumes: Names of its volumes on the node's disk.
    """

    namespace: str
    name: str
    node: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    owner: tuple[str, str] = ("", "")
    created_at: datetime | None = None
    deleted_at: datetime | None = None
    grace_seconds: int = 30
    phase: str = "Running"
    restart_policy: str = "Always"
    priority: int = 0
    scheduler: str = "default-scheduler"
    requests: Resources = field(default_factory=Resources)
    extended: Mapping[str, Decimal] = field(default_factory=dict)
    node_selector: Mapping[str, str] = field(default_factory=dict)
    node_terms: tuple[tuple[Requirement, ...], ...] = ()
    tolerations: tuple[Toleration, ...] = ()
    separations: tuple[Separation, ...] = ()
    claims: tuple[str, ...] = ()
    local_volumes: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """Namespace and name, ``shop/api-1``."""
        return f"{self.namespace}/{self.name}"

    @property
    def is_daemon(self) -> bool:
        """Whether a DaemonSet runs it (`utils/pod/pod.go`, `IsDaemonSetPod`)."""
        return self.owner[0] == "DaemonSet" or (
            self.annotations.get("cluster-autoscaler.kubernetes.io/daemonset-pod") == "true"
        )

    @property
    def is_mirror(self) -> bool:
        """Whether the kubelet runs it from a file (`utils/pod/pod.go`, `IsMirrorPod`)."""
        return "kubernetes.io/config.mirror" in self.annotations


@dataclass(frozen=True)
class Budget:
    """A PodDisruptionBudget; without a selector it protects no pod."""

    namespace: str
    name: str
    selector: Selector | None
    disruptions_allowed: int

    def covers(self, pod: Workload) -> bool:
        """Whether it protects a pod."""
        return self.selector is not None and self.namespace == pod.namespace and self.selector.selects(pod.labels)


@dataclass(frozen=True)
class Machine:
    """A node, or the node that a group would add.

    Attributes:
        allocatable: Its allocatable CPU, memory and pods.
        extended: Its allocatable extended resources.
        instance_id: Its EC2 instance; empty for a node that a group would add.
        ready_since: When its readiness last changed; None where that is not known.
    """

    name: str
    instance_id: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    taints: tuple[Taint, ...] = ()
    allocatable: Resources = field(default_factory=Resources)
    extended: Mapping[str, Decimal] = field(default_factory=dict)
    unschedulable: bool = False
    ready: bool = True
    ready_since: datetime | None = None


def read_pod(it: Json) -> Workload:
    """Return a pod from its JSON."""
    meta, spec, status = it["metadata"], it["spec"], it.get("status") or {}
    affinity = spec.get("affinity") or {}
    return Workload(
        namespace=meta.get("namespace") or "default",
        name=meta["name"],
        node=spec.get("nodeName") or "",
        labels=meta.get("labels") or {},
        annotations=meta.get("annotations") or {},
        owner=controller(meta),
        created_at=moment(meta.get("creationTimestamp")),
        deleted_at=moment(meta.get("deletionTimestamp")),
        grace_seconds=spec.get("terminationGracePeriodSeconds", 30) or 0,
        phase=status.get("phase") or "Pending",
        restart_policy=spec.get("restartPolicy") or "Always",
        priority=spec.get("priority") or 0,
        scheduler=spec.get("schedulerName") or "default-scheduler",
        requests=request_of(spec),
        extended=_extended_requests(spec),
        node_selector=spec.get("nodeSelector") or {},
        node_terms=_node_terms(affinity.get("nodeAffinity") or {}),
        tolerations=tuple(
            Toleration(
                each.get("key") or "",
                each.get("operator") or "Equal",
                each.get("value") or "",
                each.get("effect") or "",
            )
            for each in spec.get("tolerations") or ()
        ),
        separations=_separations(affinity.get("podAntiAffinity") or {}, meta.get("namespace") or "default"),
        claims=tuple(
            each["persistentVolumeClaim"]["claimName"]
            for each in spec.get("volumes") or ()
            if each.get("persistentVolumeClaim")
        ),
        local_volumes=tuple(each["name"] for each in spec.get("volumes") or () if _is_local(each)),
    )


def _is_local(volume: Json) -> bool:
    """`utils/drain/drain.go` of Cluster Autoscaler, `isLocalVolume`."""
    empty_dir = volume.get("emptyDir")
    return bool(volume.get("hostPath")) or (empty_dir is not None and empty_dir.get("medium") != "Memory")


def read_node(it: Json) -> Machine:
    """Return a node from its JSON."""
    meta, spec, status = it["metadata"], it.get("spec") or {}, it.get("status") or {}
    allocatable = status.get("allocatable") or {}
    conditions: dict[str, Json] = {each.get("type", ""): each for each in status.get("conditions") or ()}
    changes = [moment(conditions[name].get("lastTransitionTime")) for name in _READINESS if name in conditions]
    return Machine(
        name=meta["name"],
        instance_id=str(spec.get("providerID") or "").rpartition("/")[2],
        labels=meta.get("labels") or {},
        annotations=meta.get("annotations") or {},
        taints=taints(spec),
        allocatable=resources(allocatable),
        extended=_extended(allocatable),
        unschedulable=bool(spec.get("unschedulable")),
        ready=conditions.get("Ready", {}).get("status", "True") == "True",
        ready_since=max(filter(None, changes), default=None),
    )


def read_budget(it: Json) -> Budget:
    """Return a PodDisruptionBudget from its JSON."""
    spec, status = it.get("spec") or {}, it.get("status") or {}
    return Budget(
        namespace=it["metadata"].get("namespace") or "default",
        name=it["metadata"]["name"],
        selector=None if spec.get("selector") is None else _selector(spec["selector"]),
        disruptions_allowed=int(status.get("disruptionsAllowed") or 0),
    )


def _extended_requests(spec: Json) -> dict[str, Decimal]:
    total: dict[str, Decimal] = {}
    for container in spec.get("containers") or ():
        given = container.get("resources") or {}
        for name, amount in _extended({**(given.get("limits") or {}), **(given.get("requests") or {})}).items():
            total[name] = total.get(name, Decimal()) + amount
    return total


def _extended(amounts: Json) -> dict[str, Decimal]:
    return {
        name: quantity(amount)
        for name, amount in amounts.items()
        if name not in _ORDINARY and not name.startswith(("hugepages-", "attachable-volumes-"))
    }


def _node_terms(affinity: Json) -> tuple[tuple[Requirement, ...], ...]:
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution") or {}
    return tuple(_requirements(term.get("matchExpressions") or ()) for term in required.get("nodeSelectorTerms") or ())


def _separations(affinity: Json, namespace: str) -> tuple[Separation, ...]:
    return tuple(
        Separation(
            term.get("topologyKey", ""),
            _selector(term.get("labelSelector") or {}),
            # An empty selector is every namespace; which ones another selects is not known here.
            None if term.get("namespaceSelector") == {} else frozenset(term.get("namespaces") or (namespace,)),
        )
        for term in affinity.get("requiredDuringSchedulingIgnoredDuringExecution") or ()
    )


def _selector(given: Json) -> Selector:
    exact = tuple(Requirement(key, "In", (value,)) for key, value in (given.get("matchLabels") or {}).items())
    return Selector((*exact, *_requirements(given.get("matchExpressions") or ())))


def _requirements(expressions: Iterable[Mapping[str, Any]]) -> tuple[Requirement, ...]:
    return tuple(
        Requirement(each.get("key", ""), each.get("operator", ""), tuple(map(str, each.get("values") or ())))
        for each in expressions
    )
