"""Whether a pod fits a node: the scheduler's own filters, as far as labels, taints, resources and volumes decide."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import cached_property

from ..stress.capacity import Resources
from ..templates import REPELLING, tolerates
from .workload import Machine, Workload

HOSTNAME = "kubernetes.io/hostname"
ZONE = "topology.kubernetes.io/zone"


@dataclass(frozen=True)
class Occupied:
    """A node and the pods on it."""

    machine: Machine
    pods: tuple[Workload, ...] = ()

    @cached_property
    def free(self) -> Resources:
        """CPU, memory and pods that are left."""
        return self.machine.allocatable - sum((pod.requests for pod in self.pods), Resources())

    def free_extended(self, name: str) -> Decimal:
        """Amount of an extended resource that is left."""
        used = sum((pod.extended.get(name, Decimal()) for pod in self.pods), Decimal())
        return self.machine.extended.get(name, Decimal()) - used

    def with_pod(self, pod: Workload) -> "Occupied":
        """The node with one more pod."""
        return replace(self, pods=(*self.pods, pod))


@dataclass(frozen=True)
class Surroundings:
    """What placing a pod depends on in addition to the node.

    Attributes:
        nodes: Every node with its pods.
        claim_zones: Zones in which the volume of a claim is, by ``namespace/claim``; without an entry it is anywhere.
    """

    nodes: tuple[Occupied, ...] = ()
    claim_zones: Mapping[str, frozenset[str]] = field(default_factory=dict)


def misfits(pod: Workload, node: Occupied, surroundings: Surroundings) -> list[str]:
    """Return every reason why the scheduler would not place a pod on a node; empty if it would."""
    machine = node.machine
    found = [
        *_unmatched(pod, machine.labels),
        *_repelling(pod, machine),
        *_lacking(pod, node),
        *_wrong_zone(pod, machine.labels, surroundings.claim_zones),
        *_too_close(pod, machine.labels, surroundings.nodes),
    ]
    return ["the node is cordoned", *found] if machine.unschedulable else found


def _unmatched(pod: Workload, labels: Mapping[str, str]) -> list[str]:
    found = [
        f"label {key} is {labels[key]}, not {value}" if key in labels else f"label {key}={value} is missing"
        for key, value in pod.node_selector.items()
        if labels.get(key) != value
    ]
    terms = pod.node_terms
    # A term without expressions matches no node (`nodeaffinity.go`, `isEmptyNodeSelectorTerm`).
    if terms and not any(term and all(each.holds(labels) for each in term) for term in terms):
        found.append("node affinity: " + " or ".join(", ".join(map(str, term)) or "nothing" for term in terms))
    return found


def _repelling(pod: Workload, machine: Machine) -> list[str]:
    return [
        f"taint {taint.key}={taint.value}:{taint.effect} is not tolerated"
        for taint in machine.taints
        if taint.effect in REPELLING and not any(tolerates(each, taint) for each in pod.tolerations)
    ]


def _lacking(pod: Workload, node: Occupied) -> list[str]:
    free, wanted = node.free, pod.requests
    found = []
    if wanted.cpu > free.cpu:
        found.append(f"CPU: requests {wanted.cpu}m, {max(free.cpu, 0)}m free")
    if wanted.memory > free.memory:
        found.append(f"memory: requests {mebibytes(wanted.memory)}, {mebibytes(free.memory)} free")
    if free.pods < 1:
        found.append(f"pods: all {node.machine.allocatable.pods} are in use")
    for name, amount in pod.extended.items():
        if amount > node.free_extended(name):
            found.append(f"{name}: requests {amount}, {max(node.free_extended(name), Decimal())} free")
    return found


def _wrong_zone(pod: Workload, labels: Mapping[str, str], claim_zones: Mapping[str, frozenset[str]]) -> Iterable[str]:
    zone = labels.get(ZONE)
    for claim in pod.claims:
        zones = claim_zones.get(f"{pod.namespace}/{claim}")
        if zones and zone and zone not in zones:
            yield f"volume of claim {claim} is in {' or '.join(sorted(zones))}, the node is in {zone}"


def _too_close(pod: Workload, labels: Mapping[str, str], nodes: Sequence[Occupied]) -> Iterable[str]:
    for apart in pod.separations:
        domain = labels.get(apart.topology)
        if domain is None:
            continue
        others = [
            other.id
            for each in nodes
            if each.machine.labels.get(apart.topology) == domain
            for other in each.pods
            if other.id != pod.id and apart.concerns(other)
        ]
        if others:
            yield f"pod anti-affinity: {others[0]} has the same {apart.topology}"


def placed_elsewhere(
    pods: Iterable[Workload], source: str, surroundings: Surroundings, excluded: Collection[str] = ()
) -> dict[str, str]:
    """Return the pods that fit no other node, each with the reason of the node that comes nearest.

    Largest first, as the scheduler has no fixed order and the largest is the hardest to place
    (`simulator/scheduling/hinting_simulator.go` tries them in the order of the node).

    Args:
        pods: Pods of the node that would be removed.
        source: Name of that node.
        surroundings: The cluster.
        excluded: Further nodes that accept no pods.
    """
    nodes = [each for each in surroundings.nodes if each.machine.name != source and each.machine.name not in excluded]
    homeless: dict[str, str] = {}
    for pod in sorted(pods, key=lambda each: (-each.requests.cpu, -each.requests.memory, each.id)):
        around = replace(surroundings, nodes=tuple(nodes))
        reasons = [misfits(pod, node, around) for node in nodes]
        place = next((index for index, found in enumerate(reasons) if not found), None)
        if place is not None:
            nodes[place] = nodes[place].with_pod(pod)
        else:
            nearest = min(reasons, key=len, default=["there is no other node"])
            homeless[pod.id] = "; ".join(nearest)
    return homeless


def mebibytes(amount: int) -> str:
    """``512Mi`` for a number of bytes."""
    return f"{amount / 2**20:.0f}Mi"
