"""Why no node is added for a pod: what each group's next node would offer, and what the pod requests."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal

from .._shared import discovery, durations
from ..case import Case
from ..facts import AutoScalingGroup
from ..readings import Unreadable
from ..stress.capacity import Resources, quantity
from ..templates import Template, is_derived
from .fit import Occupied, Surroundings, mebibytes, misfits
from .workload import Machine, Workload

PODS_FROM_ZERO = 110
"""Pods of the node template of an empty group (`aws_manager.go`, `buildNodeFromTemplate`)."""

KUBE_PROXY = Workload("kube-system", "kube-proxy", requests=Resources(cpu=100, pods=1))
"""The static pod that the AWS provider puts on the node template of an empty group (`cloudprovider/utils.go`,
`BuildKubeProxy`), whether or not kube-proxy runs as a DaemonSet."""

_SETTLES = timedelta(minutes=1)
"""Until then a ready node is not the pattern of its group (`mixed_nodeinfos_processor.go`, `stabilizationDelay`)."""

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
        if own:
            node, source = own, "the autoscaler (/snapshotz)"
        else:
            node, source = node_template(case, group, pod, surroundings, daemons, types)
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
        reasons.append(": ".join(filter(None, ("the group is in backoff", status.error, _launch_error(case, group)))))
    suspended = sorted(group.suspended & {"Launch"})
    if suspended:
        reasons.append("the process Launch of the group is suspended")
    capacity = _capacity(node) if known else "unknown: its instance type could not be read"
    return GroupAnswer(group.name, source, capacity, tuple(reasons))


def _launch_error(case: Case, group: AutoScalingGroup) -> str:
    """The newest error of AWS: the autoscaler itself only reports that instances are missing."""
    launches = case.snapshot.aws.failed_launches
    known = () if isinstance(launches, Unreadable) else launches
    newest = max((each for each in known if each.group == group.name), key=lambda each: each.at, default=None)
    return newest.message if newest else ""


def node_template(
    case: Case,
    group: AutoScalingGroup,
    pod: Workload,
    surroundings: Surroundings,
    daemons: Sequence[Workload],
    types: Mapping[str, InstanceType],
) -> tuple[Occupied, str]:
    """Return the node that a group would add with the pods that every node has, and the source of what is known of it.

    Like Cluster Autoscaler (`mixed_nodeinfos_processor.go`), this takes a node of the group as the pattern, with its
    pods of DaemonSets and its static pods. Without a node that was ready for a minute it takes the instance type and
    tags of the group, with nothing reserved, 110 pods, a static kube-proxy, and every DaemonSet that fits. Labels that
    the autoscaler works out by itself are not known here; the ones that the pod selects are taken as present.
    """
    instances = {each.id for each in group.instances}
    living = [each for each in surroundings.nodes if each.machine.instance_id in instances]
    settled = case.snapshot.taken_at - _SETTLES
    example = next((each for each in living if (each.machine.ready_since or settled) <= settled), None)
    if example:
        return _like(example, case.templates[group.name]), f"its node {example.machine.name}"
    machine, source = _from_tags(case, group, pod, types)
    if living and not machine.allocatable.cpu:
        return _like(living[0], case.templates[group.name]), f"its node {living[0].machine.name}"
    alone = replace(surroundings, nodes=())
    fitting = (each for each in daemons if not misfits(each, Occupied(machine), alone))
    return Occupied(machine, (KUBE_PROXY, *fitting)), source


def _like(example: Occupied, template: Template) -> Occupied:
    machine = replace(
        example.machine,
        name=f"new-{example.machine.name}",
        instance_id="",
        taints=template.taints,
        unschedulable=False,
        ready=True,
    )
    return Occupied(machine, tuple(each for each in example.pods if each.is_daemon or each.is_mirror))


def _from_tags(
    case: Case, group: AutoScalingGroup, pod: Workload, types: Mapping[str, InstanceType]
) -> tuple[Machine, str]:
    template = case.templates[group.name]
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
    offered, used = node.machine.allocatable, sum((pod.requests for pod in node.pods), Resources())
    free = node.free
    return (
        f"{free.cpu}m CPU ({offered.cpu}m less {used.cpu}m of DaemonSets and static pods), "
        f"{mebibytes(free.memory)} memory ({mebibytes(offered.memory)} less {mebibytes(used.memory)}), "
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
    return f"{nearest.group} is closest; remove: {'; '.join(nearest.reasons)}"
