"""Size the pods so that at least one does not fit, and few new nodes are needed."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from ..case import Case
from ..errors import CannotCheckError
from ..facts import AutoScalingGroup, PendingPod, Toleration
from ..templates import Template, refusals, template
from .capacity import NodeCapacity, Resources

DEFAULT_REPLICAS = 10
DEFAULT_MEMORY = 16 * 1024**2
SMALLEST_CPU = 10
"""Millicores: a smaller pod uses almost nothing of a node but its number of pods."""

MOST_PODS = 100
MOST_NODES = 3
"""The most that runs without ``--yes``."""

_GUARDED_PREFIXES = ("kube-", "amazon-", "aws-", "eks-")


@dataclass(frozen=True)
class Wanted:
    """The request.

    Attributes:
        replicas: Number of pods; None to choose.
        cpu: Millicores of each; None to choose.
        memory: Bytes of each.
        confirmed: Whether the user accepts the risks.
    """

    namespace: str = "default"
    image: str = "registry.k8s.io/pause:3.10"
    replicas: int | None = None
    cpu: int | None = None
    memory: int = DEFAULT_MEMORY
    selector: Mapping[str, str] = field(default_factory=dict)
    tolerations: tuple[Toleration, ...] = ()
    confirmed: bool = False

    def pod(self) -> PendingPod:
        """Return such a pod as labels and taints concern it."""
        return PendingPod(
            self.namespace,
            "stress",
            datetime.now(UTC),
            labels_wanted=self.selector,
            tolerations=self.tolerations,
        )


@dataclass(frozen=True)
class GroupCapacity:
    """A group that may get new nodes for these pods.

    Attributes:
        more: How many nodes it can still add.
        fresh: What a new node of it has for these pods; None if the group has no node to learn it from.
    """

    name: str
    more: int
    fresh: Resources | None = None


@dataclass(frozen=True)
class Plan:
    """What the test runs.

    Attributes:
        pod: The request of each pod.
        fits: How many of them fit now.
        new_nodes: How many new nodes they need; None if the size of a new node is unknown.
        groups: The groups that may add them.
    """

    wanted: Wanted
    replicas: int
    pod: Resources
    fits: int
    new_nodes: int | None
    groups: tuple[GroupCapacity, ...]


class PlanError(CannotCheckError):
    """No useful test is possible, or it is risky."""


def accepting(case: Case, pod: PendingPod) -> list[AutoScalingGroup]:
    """Return the discovered groups whose nodes accept a pod, as far as labels and taints decide."""
    return [
        group
        for group in case.discovered_own
        if not refusals(template(group, case.managed.get(group.name), case.nodes), pod)
    ]


def eligible(
    case: Case, wanted: Wanted, found: Iterable[NodeCapacity]
) -> tuple[list[NodeCapacity], list[GroupCapacity]]:
    """Return the ready nodes that accept such pods, and the groups that can add one."""
    pod = wanted.pod()
    by_name = {capacity.name: capacity for capacity in found}
    usable = [
        by_name[node.name]
        for node in case.nodes
        if node.name in by_name and node.ready and not refusals(Template(node.labels, node.taints), pod)
    ]
    groups = []
    for group in accepting(case, pod):
        instances = {instance.id for instance in group.instances}
        living = [by_name[node.name] for node in case.nodes if node.instance_id in instances and node.name in by_name]
        sizes = [capacity.allocatable - capacity.daemons for capacity in living]
        fresh = min(sizes, key=lambda size: size.cpu) if sizes else None
        groups.append(GroupCapacity(group.name, max(0, group.max - group.desired), fresh))
    return usable, groups


def make_plan(wanted: Wanted, nodes: Sequence[NodeCapacity], groups: Sequence[GroupCapacity]) -> Plan:
    """Size the pods.

    Raises:
        PlanError: If no group accepts such pods or can grow, or if the pods all fit, or fit nowhere.
    """
    if not groups:
        raise PlanError(
            "No discovered group accepts such pods: it has a taint that they do not tolerate, or lacks a label of the "
            "node selector. Expected --node-selector and --toleration that fit one; see: ca-doctor check"
        )
    open_groups = tuple(group for group in groups if group.more > 0)
    if not open_groups:
        names = ", ".join(group.name for group in groups)
        raise PlanError(
            f"Every group that accepts such pods is at its maxSize: {names}. Raise the maxSize of one first."
        )
    if wanted.cpu is not None:
        return _with_size(wanted, wanted.cpu, nodes, open_groups)
    if wanted.replicas is not None:
        return _with_count(wanted, wanted.replicas, nodes, open_groups)
    # If many equal nodes are idle, few large pods need many nodes; more and smaller pods need fewer.
    plans = []
    for count in range(DEFAULT_REPLICAS, MOST_PODS + 1):
        try:
            plans.append(_with_count(wanted, count, nodes, open_groups))
        except PlanError:
            continue
        if plans[-1].new_nodes in (None, 1):
            break
    if not plans:
        return _with_count(wanted, MOST_PODS, nodes, open_groups)
    return min(plans, key=lambda plan: (plan.new_nodes or 0, plan.replicas))


def _with_size(wanted: Wanted, cpu: int, nodes: Sequence[NodeCapacity], groups: tuple[GroupCapacity, ...]) -> Plan:
    pod = Resources(cpu, wanted.memory, 1)
    fits = _fits(pod, nodes)
    count = wanted.replicas if wanted.replicas is not None else max(DEFAULT_REPLICAS, fits + 1)
    if count <= fits:
        raise PlanError(
            f"All {count} pods of {cpu}m fit now ({fits} would), so no node would be added. Expected more "
            f"than {fits} replicas, a larger --cpu, or a --node-selector that names fewer nodes."
        )
    if not any(group.fresh is None or group.fresh.holds(pod) for group in groups):
        raise PlanError(f"A pod of {_words(pod)} fits on no new node of {_names(groups)}; expected smaller requests.")
    return _plan(wanted, count, pod, fits, groups)


def _with_count(wanted: Wanted, count: int, nodes: Sequence[NodeCapacity], groups: tuple[GroupCapacity, ...]) -> Plan:
    """Find the smallest size at which not all of ``count`` pods fit."""
    fresh = [group.fresh.cpu for group in groups if group.fresh]
    largest = max(fresh, default=max((capacity.allocatable.cpu for capacity in nodes), default=0) + 1)
    low, high = SMALLEST_CPU, max(SMALLEST_CPU, largest)
    if _fits(Resources(high, wanted.memory, 1), nodes) >= count:
        minimum = _fits(Resources(high, wanted.memory, 1), nodes) + 1
        raise PlanError(
            f"All of {count} pods fit now, even if each requests a whole new node ({high}m). Expected at least "
            f"{minimum} replicas, or a --node-selector that selects fewer nodes."
        )
    while low < high:
        middle = (low + high) // 2
        if _fits(Resources(middle, wanted.memory, 1), nodes) < count:
            high = middle
        else:
            low = middle + 1
    pod = Resources(low, wanted.memory, 1)
    if not any(group.fresh is None or group.fresh.holds(pod) for group in groups):
        raise PlanError(f"A pod of {_words(pod)} fits on no new node of {_names(groups)}; expected a smaller --memory.")
    return _plan(wanted, count, pod, _fits(pod, nodes), groups)


def _fits(pod: Resources, nodes: Sequence[NodeCapacity]) -> int:
    return sum(capacity.free.holds(pod) for capacity in nodes)


def _plan(wanted: Wanted, count: int, pod: Resources, fits: int, groups: tuple[GroupCapacity, ...]) -> Plan:
    held = [group.fresh.holds(pod) for group in groups if group.fresh and group.fresh.holds(pod)]
    new_nodes = -(-(count - fits) // min(held)) if held else None
    capacity = sum(group.more for group in groups)
    if new_nodes is not None and new_nodes > capacity:
        raise PlanError(
            f"{count} pods of {_words(pod)} need {new_nodes} new nodes; {_names(groups)} can add {capacity}. Expected "
            "fewer --replicas, or smaller requests."
        )
    return Plan(wanted, count, pod, fits, new_nodes, groups)


def dangers(plan: Plan, autoscaler_namespace: str) -> list[str]:
    """Return the risks that need ``--yes``."""
    found = []
    namespace = plan.wanted.namespace
    if namespace == autoscaler_namespace or namespace.startswith(_GUARDED_PREFIXES):
        found.append(f"the namespace {namespace} belongs to the cluster itself; expected another namespace")
    if plan.replicas > MOST_PODS:
        found.append(f"{plan.replicas} pods; expected at most {MOST_PODS}")
    capacity = sum(group.more for group in plan.groups)
    nodes = plan.new_nodes if plan.new_nodes is not None else min(capacity, plan.replicas - plan.fits)
    if nodes > MOST_NODES:
        more = "" if plan.new_nodes is not None else "up to "
        found.append(f"{more}{nodes} new nodes, which cost money; expected at most {MOST_NODES}")
    return found


def refuse_dangers(plan: Plan, autoscaler_namespace: str) -> None:
    """Stop unless the user accepts the risks.

    Raises:
        PlanError: With every risk.
    """
    found = dangers(plan, autoscaler_namespace)
    if found and not plan.wanted.confirmed:
        raise PlanError(f"Refusing a risky run: {'; '.join(found)}. Pass --yes to run it anyway.")


def _words(pod: Resources) -> str:
    return f"{pod.cpu}m CPU and {pod.memory // 1024**2}Mi"


def _names(groups: Iterable[GroupCapacity]) -> str:
    return ", ".join(group.name for group in groups)
