"""Trying pods on nodes: a picture of the cluster in which pods can be placed without consequence."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from sandbox.autoscaler.objects import Node, Pod, Resources, total
from sandbox.autoscaler.predicates import misfits


class Simulation:
    """Nodes with what is asked for on each. Deterministic: nodes keep their order, pods go to the first that fits."""

    def __init__(self, nodes: Iterable[Node], pods: Iterable[Pod]) -> None:
        """Starts with the bound ``pods`` on their ``nodes``; finished pods hold nothing."""
        self._nodes = {node.name: node for node in nodes}
        self._used: dict[str, dict[str, Decimal]] = {name: {} for name in self._nodes}
        for pod in pods:
            if pod.node in self._nodes and not pod.finished:
                self._use(pod.node, pod.requests)

    def add(self, node: Node, overhead: Resources | None = None) -> None:
        """Adds a node on which ``overhead`` is in use from the start."""
        self._nodes[node.name] = node
        self._used[node.name] = dict(overhead or {})

    def place(self, pod: Pod) -> str | None:
        """Puts the pod on the first node that it fits and names it; ``None`` when it fits none."""
        for name, node in self._nodes.items():
            if not misfits(pod, node, self._used[name]):
                self._use(name, pod.requests)
                return name
        return None

    def without(self, name: str) -> Simulation:
        """The same picture without a node, to be changed apart."""
        twin = Simulation((), ())
        twin._nodes = {other: node for other, node in self._nodes.items() if other != name}
        twin._used = {other: dict(used) for other, used in self._used.items() if other != name}
        return twin

    def _use(self, name: str, requests: Resources) -> None:
        self._used[name] = total((self._used[name], requests))


@dataclass(frozen=True)
class Estimate:
    """How many new nodes of one kind some pods need, and which of the pods they would take."""

    nodes: int
    pods: tuple[Pod, ...]


def estimate(pods: Sequence[Pod], template: Node, overhead: Resources, limit: int) -> Estimate:
    """Packs pods, the biggest first, into as few new nodes as first-fit finds.

    Args:
        pods: Each of which fits a node of this kind that holds the overhead alone.
        template: The kind of node.
        overhead: What DaemonSets ask for on each such node.
        limit: No more new nodes than this.
    """
    simulation = Simulation((), ())
    count, placed = 0, []
    for pod in sorted(pods, key=lambda pod: _size(pod, template), reverse=True):
        if simulation.place(pod) is None:
            if count == limit:
                continue
            simulation.add(replace(template, name=f"{template.name}-{count}"), overhead)
            count += 1
            simulation.place(pod)
        placed.append(pod)
    return Estimate(count, tuple(placed))


def daemon_overhead(template: Node, daemons: Iterable[Pod]) -> dict[str, Decimal]:
    """What the DaemonSets' pods ask for on a node of this kind."""
    return total(pod.requests for pod in daemons if not misfits(pod, template, {}))


def _size(pod: Pod, template: Node) -> Decimal:
    """Share of the node's processor and memory that the pod takes."""
    shares = (
        pod.requests.get(resource, Decimal(0)) / template.allocatable[resource]
        for resource in ("cpu", "memory")
        if template.allocatable.get(resource)
    )
    return sum(shares, Decimal(0))
