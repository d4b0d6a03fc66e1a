"""Deciding which nodes are not needed any more, and which of them may go."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from sandbox.autoscaler.flags import duration
from sandbox.autoscaler.groups import Group
from sandbox.autoscaler.objects import ANNOTATIONS, Json, Node, Pod, total
from sandbox.autoscaler.options import Options
from sandbox.autoscaler.predicates import labels_match
from sandbox.autoscaler.simulation import Simulation

_SAFE = ANNOTATIONS + "safe-to-evict"
_SAFE_VOLUMES = ANNOTATIONS + "safe-to-evict-local-volumes"
_DISABLED = ANNOTATIONS + "scale-down-disabled"
_REPLICATED = frozenset({"ReplicationController", "ReplicaSet", "Job", "StatefulSet"})


@dataclass(frozen=True)
class Budget:
    """A PodDisruptionBudget: which pods it guards and how many of them may go now."""

    namespace: str
    selector: Json
    allowed: int

    @classmethod
    def of(cls, json: Json) -> Budget:
        """Reads a ``policy/v1`` object."""
        allowed = json.get("status", {}).get("disruptionsAllowed", 0)
        return cls(json["metadata"]["namespace"], json["spec"].get("selector") or {}, allowed)

    def guards(self, pod: Pod) -> bool:
        """Whether it speaks for the pod."""
        return pod.namespace == self.namespace and labels_match(self.selector, pod.labels)


@dataclass(frozen=True)
class Limits:
    """When a node of a group counts as unneeded: the flags, or the group's own tags; times in seconds.

    A tag that cannot be read leaves the flag's value.
    """

    utilization: float
    unneeded_time: float
    unready_time: float
    ignore_daemon_sets: bool

    @classmethod
    def of(cls, group: Group, options: Options) -> Limits:
        """The limits of a group."""
        return cls(
            _tagged(group, "scaledownutilizationthreshold", float, options.scale_down_utilization_threshold),
            _tagged(group, "scaledownunneededtime", duration, options.scale_down_unneeded_time),
            _tagged(group, "scaledownunreadytime", duration, options.scale_down_unready_time),
            bool(_tagged(group, "ignoredaemonsetsutilization", _truth, options.ignore_daemonsets_utilization)),
        )


@dataclass(frozen=True)
class Candidate:
    """A node that the cluster could do without.

    Attributes:
        evicted: Its pods that would have to move, each of which has a place elsewhere.
    """

    node: Node
    group: Group
    evicted: tuple[Pod, ...]


@dataclass(frozen=True)
class Assessment:
    """Every node of the groups: either a candidate, or the reason by its name why it cannot be removed."""

    candidates: tuple[Candidate, ...]
    blocked: Mapping[str, str]


def assess(
    nodes: Sequence[Node],
    pods: Sequence[Pod],
    group_of: Mapping[str, Group],
    budgets: Sequence[Budget],
    options: Options,
) -> Assessment:
    """Finds the nodes that are hardly used and whose pods would all find a place on the others.

    Candidates are found together: the place of one's pods is not given away twice, and a node that takes in the pods
    of another is no candidate itself. Empty nodes come first.

    Args:
        nodes: All of the cluster.
        pods: Those bound to nodes.
        group_of: The group of each node that has one, by the node's name.
        budgets: All of the cluster.
        options: The command line.
    """
    on = {node.name: [pod for pod in pods if pod.node == node.name and not pod.finished] for node in nodes}
    movable = {name: [pod for pod in its if not pod.stays_with_its_node] for name, its in on.items()}
    simulation = Simulation([node for node in nodes if node.ready and not node.being_deleted], pods)
    candidates: list[Candidate] = []
    blocked: dict[str, str] = {}
    hosts: set[str] = set()
    for node in sorted(nodes, key=lambda node: (len(movable[node.name]), node.name)):
        group = group_of.get(node.name)
        if group is None or node.being_deleted:
            continue
        reason = _blocked(node, on[node.name], movable[node.name], Limits.of(group, options), budgets, options)
        if not reason and node.name in hosts:
            reason = "it takes in the pods of another unneeded node"
        if not reason:
            trial = simulation.without(node.name)
            places = [trial.place(pod) for pod in movable[node.name]]
            if None in places:
                reason = f"can reschedule only {len(places) - places.count(None)} out of {len(places)} pods"
            else:
                simulation = trial
                hosts.update(place for place in places if place)
                candidates.append(Candidate(node, group, tuple(movable[node.name])))
        if reason:
            blocked[node.name] = reason
    return Assessment(tuple(candidates), blocked)


def due(
    candidates: Sequence[Candidate], unneeded_since: Mapping[str, datetime], now: datetime, options: Options
) -> tuple[list[Candidate], list[str]]:
    """The candidates that go in this loop, and what to say of those that only their group's minimum holds back.

    Args:
        candidates: Of :func:`assess`.
        unneeded_since: Since when each of them has been one without interruption, by node name.
        now: The present.
        options: The command line.
    """
    removed: Counter[str] = Counter()
    going: list[Candidate] = []
    held: list[str] = []
    drained = 0
    for candidate in candidates:
        node, group = candidate.node, candidate.group
        limits = Limits.of(group, options)
        wait = limits.unneeded_time if node.ready else limits.unready_time
        if now - unneeded_since[node.name] < timedelta(seconds=wait):
            continue
        size = group.target - removed[group.name]
        if size <= group.min_size:
            held.append(f"Skipping {node.name} - node group min size reached (current: {size}, min: {group.min_size})")
            continue
        if len(going) == options.max_scale_down_parallelism:
            break
        if candidate.evicted and drained == options.max_drain_parallelism:
            continue
        drained += bool(candidate.evicted)
        removed[group.name] += 1
        going.append(candidate)
    return going, held


def obstacle(pod: Pod, budgets: Iterable[Budget], options: Options) -> str:
    """Why the pod must not be evicted, in Cluster Autoscaler's words; empty when it may."""
    guards = [budget for budget in budgets if budget.guards(pod)]
    safe = pod.annotations.get(_SAFE)
    if safe == "false":
        return f"pod annotated as not safe to evict present: {pod.name}"
    if safe != "true":
        if not pod.owner or (options.skip_nodes_with_custom_controller_pods and pod.owner not in _REPLICATED):
            return f"{pod.key} is not replicated"
        if options.skip_nodes_with_system_pods and pod.namespace == "kube-system" and not guards:
            return f"non-daemonset, non-mirrored, non-pdb-assigned kube-system pod present: {pod.name}"
        excused = pod.annotations.get(_SAFE_VOLUMES, "").split(",")
        if options.skip_nodes_with_local_storage and pod.local_volumes.difference(excused):
            return f"pod with local storage present: {pod.name}"
    if any(budget.allowed < 1 for budget in guards):
        return f"not enough pod disruption budget to move {pod.key}"
    return ""


def utilization(node: Node, pods: Iterable[Pod], limits: Limits, options: Options) -> float:
    """The share of the node's processor or memory that its pods ask for, whichever is more."""
    counted = [
        pod.requests
        for pod in pods
        if not (limits.ignore_daemon_sets and pod.owner == "DaemonSet")
        and not (options.ignore_mirror_pods_utilization and pod.is_mirror)
    ]
    asked = total(counted)
    shares = [
        asked.get(resource, Decimal(0)) / node.allocatable[resource]
        for resource in ("cpu", "memory")
        if node.allocatable.get(resource)
    ]
    return float(max(shares, default=Decimal(0)))


def _blocked(
    node: Node, pods: Sequence[Pod], movable: Sequence[Pod], limits: Limits, budgets: Sequence[Budget], options: Options
) -> str:
    """Why the node cannot be removed whatever place there is elsewhere; empty when nothing of the kind is known."""
    if node.annotations.get(_DISABLED) == "true":
        return "scale down disabled annotation"
    if not node.ready:
        return "" if options.scale_down_unready_enabled else "node is not ready"
    used = utilization(node, pods, limits, options)
    if used >= limits.utilization:
        return f"utilization {used:.2f} is not below the threshold {limits.utilization:g}"
    return next(filter(None, (obstacle(pod, budgets, options) for pod in movable)), "")


def _tagged(group: Group, name: str, read: Callable[[str], float], otherwise: float) -> float:
    text = group.option(name)
    try:
        return otherwise if text is None else read(text)
    except ValueError:
        return otherwise


def _truth(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError(text)
    return text == "true"
