"""Why no node is added for a pod: what each group's next node would offer, and what the pod requests."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal

from .._shared import discovery, durations
from ..case import Case
from ..facts import AutoScalingGroup
from ..stress.capacity import Resources, quantity
from ..templates import is_derived
from .fit import Occupied, Surroundings, mebibytes, misfits
from .workload import Machine, Workload

PODS_FROM_ZERO = 110
"""Pods of the node template of an empty group (`aws_manager.go`, `buildNodeFromTemplate`)."""

_SCALE_UP_DELAY = "cluster-autoscaler.kubernetes.io/pod-scale-up-delay"


@dataclass(frozen=True)
class InstanceType:
    """The size of an instance type, from EC2: millicores, bytes, and GPUs by resource."""

    cpu: int
    memory: int
    gpus: int = 0


@dataclass(frozen=True)
class GroupAnswer:
    """Why one group gets no node for the pod; no reason where it would.

    Attributes:
        source: What the node template comes from: a node of the group, or its instance type and tags.
        capacity: What its next node offers after DaemonSets, as text.
    """

    group: str
    source: str
    capacity: str
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class PodAnswer:
    """Why a pod has no node.

    Attributes:
        requests: What it requests, as text.
        reasons: Reasons of the pod or of the autoscaler, independent of the groups.
        groups: Every group of the cluster.
        change: The smallest change that would help; empty if nothing keeps the pod from getting a node.
    """

    pod: str
    requests: str
    reasons: tuple[str, ...]
    groups: tuple[GroupAnswer, ...]
    change: str

    @property
    def helped_by(self) -> tuple[str, ...]:
        """Groups whose new node would fit the pod."""
        return tuple(each.group for each in self.groups if not each.reasons)


def explain_pod(
    case: Case,
    pod: Workload,
    surroundings: Surroundings,
    daemons: Sequence[Workload],
    types: Mapping[str, InstanceType],
    templates: Mapping[str, Occupied] | None = None,
) -> PodAnswer:
    """Return why no node is added for a pod.

    Args:
        case: Groups, command line, status and events of the autoscaler.
        pod: The pod.
        surroundings: Nodes with their pods, and the zones of volumes.
        daemons: A pod of every DaemonSet, as its template makes it.
        types: Sizes of the instance types of empty groups, from EC2.
        templates: The autoscaler's own node template of each group, as far as it gives them.
    """
    reasons = _of_pod(case, pod, surroundings)
    groups = []
    for group in case.discovered_own:
        own = (templates or {}).get(group.name)
        node, source = (
            (own, "the autoscaler (/snapshotz)") if own else _expected(case, group, pod, surroundings, daemons, types)
        )
        groups.append(_of_group(case, group, pod, node, source, surroundings))
    groups += [
        GroupAnswer(group.name, "", "", ("the autoscaler does not discover the group: its tags do not match",))
        for group in case.own_groups
        if group not in case.discovered
    ]
    return PodAnswer(pod.id, _amounts(pod), tuple(reasons), tuple(groups), _change(reasons, groups))


def _of_pod(case: Case, pod: Workload, surroundings: Surroundings) -> list[str]:
    if pod.node:
        return [f"the pod is on the node {pod.node}"]
    found = []
    fitting = [node.machine.name for node in surroundings.nodes if not misfits(pod, node, surroundings)]
    if fitting:
        found.append(f"the pod fits the node {fitting[0]} now: the scheduler ({pod.scheduler}) has yet to place it")
    cutoff = _whole((case.arguments.values.get("expendable-pods-priority-cutoff") or ("-10",))[-1], -10)
    if pod.priority < cutoff:
        found.append(f"the priority {pod.priority} is below --expendable-pods-priority-cutoff={cutoff}")
    delay = max(
        durations.seconds(text) or 0.0
        for text in (
            (case.arguments.values.get("new-pod-scale-up-delay") or ("0s",))[-1],
            pod.annotations.get(_SCALE_UP_DELAY, "0s"),
        )
    )
    if pod.created_at and pod.created_at + timedelta(seconds=delay) > case.snapshot.taken_at:
        found.append(f"the pod is younger than its scale-up delay of {delay:.0f}s")
    if case.deployment is None:
        found.append("no Deployment of Cluster Autoscaler runs in the cluster")
    elif not case.is_running:
        found.append("the main loop of the autoscaler is not running: `ca-doctor check` shows why")
    limit = _whole((case.arguments.values.get("max-nodes-total") or ("0",))[-1], 0)
    if limit and len(surroundings.nodes) >= limit:
        found.append(f"the cluster has {len(surroundings.nodes)} nodes, and --max-nodes-total={limit}")
    return found


def _expected(
    case: Case,
    group: AutoScalingGroup,
    pod: Workload,
    surroundings: Surroundings,
    daemons: Sequence[Workload],
    types: Mapping[str, InstanceType],
) -> tuple[Occupied, str]:
    """The next node of a group with its DaemonSets, and the source of what is known of it."""
    machine, source = node_template(case, group, pod, surroundings, types)
    alone = replace(surroundings, nodes=())
    return Occupied(machine, tuple(each for each in daemons if not misfits(each, Occupied(machine), alone))), source


def _of_group(
    case: Case, group: AutoScalingGroup, pod: Workload, node: Occupied, source: str, surroundings: Surroundings
) -> GroupAnswer:
    machine, alone = node.machine, replace(surroundings, nodes=())
    # The size of an unknown type is no reason: then labels and taints alone decide.
    known = machine.allocatable.cpu > 0
    reasons = [each for each in misfits(pod, node, alone) if known or not each.startswith(("CPU:", "memory:", "pods:"))]
    static = {each.name: each.max for each in case.static_groups}
    limit = min(group.max, static.get(group.name, group.max))
    if group.desired >= limit:
        reasons.append(f"the group is at its maxSize of {limit}")
    if group.desired == 0 and not case.arguments.is_true("scale-up-from-zero", default=True):
        reasons.append("the group is empty, and --scale-up-from-zero=false")
    status = next((each for each in case.status.groups if each.name == group.name), None) if case.status else None
    if status and status.scale_up == "Backoff":
        reasons.append(f"the group is in backoff{f': {status.error}' if status.error else ''}")
    suspended = sorted(group.suspended & {"Launch"})
    if suspended:
        reasons.append("the process Launch of the group is suspended")
    capacity = _capacity(node) if known else "unknown: its instance type could not be read"
    return GroupAnswer(group.name, source, capacity, tuple(reasons))


def node_template(
    case: Case, group: AutoScalingGroup, pod: Workload, surroundings: Surroundings, types: Mapping[str, InstanceType]
) -> tuple[Machine, str]:
    """Return the node that a group would add, and the source of what is known of it.

    Like Cluster Autoscaler (`nodeinfosprovider`), this takes a node of the group as the pattern; without one, its
    instance type and tags, with nothing reserved and 110 pods. Labels that the autoscaler works out by itself are not
    known here; the ones that the pod selects are taken as present.
    """
    instances = {each.id for each in group.instances}
    template = case.templates[group.name]
    living = next((each.machine for each in surroundings.nodes if each.machine.instance_id in instances), None)
    if living:
        pattern = replace(
            living, name=f"new-{group.name}", instance_id="", taints=template.taints, unschedulable=False, ready=True
        )
        return pattern, f"its node {living.name}"
    managed = case.managed.get(group.name)
    named = (managed.instance_types if managed else ()) or group.instance_types
    kind = next((name for name in named if name in types), "")
    size = types.get(kind)
    prefix = discovery.resource_key("")
    tagged = {key.removeprefix(prefix): _amount(value) for key, value in group.tags.items() if key.startswith(prefix)}
    extended = {name: amount for name, amount in tagged.items() if name not in ("cpu", "memory", "pods")}
    if size and size.gpus:
        extended.setdefault("nvidia.com/gpu", Decimal(size.gpus))
    believed = {key: value for key, value in pod.node_selector.items() if is_derived(key)}
    labels = {**believed, **template.labels}
    allocatable = Resources(size.cpu, size.memory, int(tagged.get("pods", PODS_FROM_ZERO))) if size else Resources()
    machine = Machine(
        name=f"new-{group.name}",
        labels={**labels, "node.kubernetes.io/instance-type": kind} if kind else labels,
        taints=template.taints,
        allocatable=allocatable,
        extended=extended,
    )
    return machine, f"its instance type {kind} and its tags" if kind else "its tags"


def _amount(text: str) -> Decimal:
    try:
        return quantity(text)
    except ValueError:
        return Decimal()


def _whole(text: str, default: int) -> int:
    try:
        return int(text)
    except ValueError:
        return default


def _amounts(pod: Workload) -> str:
    extended = "".join(f", {amount} {name}" for name, amount in pod.extended.items())
    return f"{pod.requests.cpu}m CPU, {mebibytes(pod.requests.memory)} memory{extended}"


def _capacity(node: Occupied) -> str:
    offered, daemons = node.machine.allocatable, sum((pod.requests for pod in node.pods), Resources())
    free = node.free
    return (
        f"{free.cpu}m CPU ({offered.cpu}m less {daemons.cpu}m of {len(node.pods)} DaemonSets), "
        f"{mebibytes(free.memory)} memory ({mebibytes(offered.memory)} less {mebibytes(daemons.memory)}), "
        f"{free.pods} pods"
    )


def _change(reasons: Sequence[str], groups: Sequence[GroupAnswer]) -> str:
    if reasons:
        return f"first of all: {reasons[0]}"
    if any(not each.reasons for each in groups):
        return ""
    if not groups:
        return "tag an Auto Scaling Group of the cluster for discovery, or create a node group"
    nearest = min(groups, key=lambda each: len(each.reasons))
    return f"{nearest.group} comes nearest; take away: {'; '.join(nearest.reasons)}"
