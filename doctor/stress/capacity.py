"""The free capacity of nodes: what is allocatable, less what their pods request."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from ..changes import OWN_LABEL, OWN_VALUE
from ..clients import Json

_ENDED = ("Succeeded", "Failed")


@dataclass(frozen=True)
class Resources:
    """An amount of what pods request of a node.

    Attributes:
        cpu: Millicores.
        memory: Bytes.
        pods: Number of pods.
    """

    cpu: int = 0
    memory: int = 0
    pods: int = 0

    def __add__(self, other: "Resources") -> "Resources":
        """Return the sum."""
        return Resources(self.cpu + other.cpu, self.memory + other.memory, self.pods + other.pods)

    def __sub__(self, other: "Resources") -> "Resources":
        """Return the difference, never below 0."""
        return Resources(
            max(0, self.cpu - other.cpu), max(0, self.memory - other.memory), max(0, self.pods - other.pods)
        )

    def holds(self, one: "Resources") -> int:
        """Return how many pods of one size it holds."""
        sizes = ((self.cpu, one.cpu), (self.memory, one.memory), (self.pods, 1))
        return min(have // each for have, each in sizes if each > 0)


@dataclass(frozen=True)
class NodeCapacity:
    """One node.

    Attributes:
        allocatable: What pods can request.
        requested: What the pods on it request.
        daemons: The part of that which pods of DaemonSets request: a new node has them, too.
        stress_pods: How many pods of the stress test are on it.
        leaving: How many pods on it are being deleted; they count until they are gone.
    """

    name: str
    allocatable: Resources
    requested: Resources = Resources()
    daemons: Resources = Resources()
    stress_pods: int = 0
    leaving: int = 0

    @property
    def free(self) -> Resources:
        """What is free."""
        return self.allocatable - self.requested


def quantity(text: object) -> Decimal:
    """Parse a Kubernetes quantity, ``250m`` or ``16Mi``.

    Raises:
        ValueError: If it is not a quantity, or negative.
    """
    from kubernetes.utils import quantity as quantities

    library: Any = quantities
    try:
        value = Decimal(library.parse_quantity(str(text)))
    except (ValueError, ArithmeticError):
        raise ValueError(f"got {text!r}; expected a quantity such as 250m, 2 or 64Mi") from None
    if not value.is_finite() or value < 0:
        raise ValueError(f"got {text!r}; expected a quantity of 0 or more")
    return value


def resources(amounts: Json) -> Resources:
    """Convert amounts by name, as Kubernetes writes them; fractions are rounded up."""
    cpu, memory, pods = (quantity(amounts.get(name, 0)) for name in ("cpu", "memory", "pods"))
    return Resources(math.ceil(cpu * 1000), math.ceil(memory), int(pods))


def request_of(pod_spec: Json) -> Resources:
    """Return what a pod requests: its containers together, or its largest init container, and its overhead."""
    containers = [_asked(each) for each in pod_spec.get("containers") or ()]
    inits = pod_spec.get("initContainers") or ()
    containers += [_asked(each) for each in inits if each.get("restartPolicy") == "Always"]
    together = sum(containers, Resources())
    largest = [_asked(each) for each in inits if each.get("restartPolicy") != "Always"]
    overhead = resources(pod_spec.get("overhead") or {})
    return Resources(
        max(together.cpu, *(each.cpu for each in largest), 0) + overhead.cpu,
        max(together.memory, *(each.memory for each in largest), 0) + overhead.memory,
        1,
    )


def _asked(container: Json) -> Resources:
    given = container.get("resources") or {}
    return resources({**(given.get("limits") or {}), **(given.get("requests") or {})})


def capacities(nodes: Iterable[Json], pods: Iterable[Json]) -> list[NodeCapacity]:
    """Return the capacity of each node, from nodes and pods as Kubernetes lists them."""
    by_node: dict[str, list[Json]] = {}
    for pod in pods:
        if (pod.get("status") or {}).get("phase") not in _ENDED:
            by_node.setdefault(pod["spec"].get("nodeName") or "", []).append(pod)
    return [_capacity(node, by_node.get(node["metadata"]["name"], [])) for node in nodes]


def _capacity(node: Json, pods: list[Json]) -> NodeCapacity:
    return NodeCapacity(
        name=node["metadata"]["name"],
        allocatable=resources((node.get("status") or {}).get("allocatable") or {}),
        requested=_total(pods),
        daemons=_total(pod for pod in pods if _is_daemon(pod)),
        stress_pods=sum((pod["metadata"].get("labels") or {}).get(OWN_LABEL) == OWN_VALUE for pod in pods),
        leaving=sum("deletionTimestamp" in pod["metadata"] for pod in pods),
    )


def _total(pods: Iterable[Json]) -> Resources:
    return sum((request_of(pod["spec"]) for pod in pods), Resources())


def _is_daemon(pod: Json) -> bool:
    owners: list[dict[str, Any]] = pod["metadata"].get("ownerReferences") or []
    return any(owner.get("kind") in ("DaemonSet", "Node") for owner in owners)
