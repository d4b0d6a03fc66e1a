"""Why a node is not removed: utilization, the pods that keep it, the size of its group, and delays."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum

from ..case import Case
from ..facts import AutoScalingGroup
from ..owners import owner_of
from ..stress.capacity import Resources
from ..templates import DELETION_CANDIDATE, TO_BE_DELETED
from . import drain
from .fit import Occupied, Surroundings, placed_elsewhere
from .options import ScaleDownOptions, scale_down_options
from .reserved import is_reserved
from .workload import Budget, Machine, Workload

GPU_LABEL = "k8s.amazonaws.com/accelerator"
"""Label of nodes that the AWS provider treats as nodes with GPUs (`aws_cloud_provider.go`, `GPULabel`)."""
GPU_RESOURCE = "nvidia.com/gpu"
TYPE_LABEL = "node.kubernetes.io/instance-type"
SCALE_DOWN_DISABLED = "cluster-autoscaler.kubernetes.io/scale-down-disabled"
_HOURS_A_MONTH = 730
_RESERVED = "The autoscaler keeps this capacity free for a CapacityBuffer, and it"


class Verdict(StrEnum):
    """What happens to a node."""

    NEEDED = "needed"
    BLOCKED = "blocked"
    WAITING = "waiting"
    REMOVABLE = "removable"
    LEAVING = "leaving"
    FIXED = "not autoscaled"


@dataclass(frozen=True)
class Reason:
    """One reason why a node stays.

    Attributes:
        rule: Its name: the one that Cluster Autoscaler uses in its log and metrics where it has one.
        text: The reason as a sentence.
        unblock: What would remove the reason; empty if only time or load does.
        pod: The pod that it is about; empty if it is about the node.
        owner: The workload of that pod, such as ``Deployment shop/api``; empty if it has no controller.
    """

    rule: str
    text: str
    unblock: str = ""
    pod: str = ""
    owner: str = ""


@dataclass(frozen=True)
class Utilization:
    """Requests of a node's pods as a share of what is allocatable, as `simulator/utilization/info.go` counts them.

    Attributes:
        resource: The resource that counts: the highest of CPU and memory, or the GPU.
        share: 0 to 1, or more.
        threshold: At or below it the node is a candidate for removal.
        shares: Share by resource.
    """

    resource: str
    share: float
    threshold: float
    shares: Mapping[str, float]


@dataclass(frozen=True)
class NodeAnswer:
    """What keeps one node, if anything does.

    Attributes:
        group: Its Auto Scaling Group; empty if the autoscaler knows none.
        reasons: Every reason, in the order of Cluster Autoscaler.
        monthly: What the node costs a month, in the currency of the given price; None without a price.
    """

    node: str
    verdict: Verdict
    group: str = ""
    instance_type: str = ""
    utilization: Utilization | None = None
    reasons: tuple[Reason, ...] = ()
    monthly: Decimal | None = None


def explain_nodes(
    case: Case,
    surroundings: Surroundings,
    budgets: Sequence[Budget],
    prices: Mapping[str, Decimal] | None = None,
) -> list[NodeAnswer]:
    """Return an answer for every node, the most expensive first, then the largest.

    Args:
        case: Groups, command line and events of the autoscaler.
        surroundings: Nodes with their pods and those that CapacityBuffers reserve, and the zones of volumes.
        budgets: Every PodDisruptionBudget.
        prices: Price of an hour by instance type.
    """
    answers = [_explain(case, node, surroundings, budgets, prices or {}) for node in surroundings.nodes]
    size = {node.machine.name: node.machine.allocatable.cpu for node in surroundings.nodes}
    return sorted(answers, key=lambda each: (-(each.monthly or Decimal()), -size[each.node], each.node))


def _explain(
    case: Case,
    node: Occupied,
    surroundings: Surroundings,
    budgets: Sequence[Budget],
    prices: Mapping[str, Decimal],
) -> NodeAnswer:
    machine = node.machine
    group = _group(case, machine)
    kind = machine.labels.get(TYPE_LABEL, "")
    monthly = prices[kind] * _HOURS_A_MONTH if kind in prices else None
    if group is None:
        reason = Reason("NotAutoscaled", "No discovered Auto Scaling Group has the node's instance.")
        return NodeAnswer(machine.name, Verdict.FIXED, "", kind, None, (reason,), monthly)
    options = scale_down_options(case.arguments, group.tags, case.minor)
    used = utilization(node, options)
    leaving = next((taint for taint in machine.taints if taint.key == TO_BE_DELETED), None)
    if leaving:
        reason = Reason("CurrentlyBeingDeleted", f"The autoscaler set {TO_BE_DELETED}: the node is being drained.")
        return NodeAnswer(machine.name, Verdict.LEAVING, group.name, kind, used, (reason,), monthly)
    needed = _needed(node, used, options)
    kept = _kept(case, node, surroundings, budgets, options)
    sized = _sized(case, group)
    running = _running(case, machine, options)
    verdict = (
        Verdict.NEEDED
        if needed
        else Verdict.BLOCKED
        if kept or sized
        else Verdict.WAITING
        if running
        else Verdict.REMOVABLE
    )
    return NodeAnswer(machine.name, verdict, group.name, kind, used, (*needed, *kept, *sized, *running), monthly)


def _group(case: Case, machine: Machine) -> AutoScalingGroup | None:
    return next(
        (group for group in case.discovered if any(each.id == machine.instance_id for each in group.instances)), None
    )


def utilization(node: Occupied, options: ScaleDownOptions) -> Utilization | None:
    """Return how much of a node its pods request; None if the node reports no allocatable resources.

    Of a node with GPUs only these count; one whose GPU is not ready counts as empty (`Calculate`).
    """
    if GPU_LABEL in node.machine.labels:
        offered = node.machine.extended.get(GPU_RESOURCE, Decimal())
        asked = sum((pod.extended.get(GPU_RESOURCE, Decimal()) for pod in node.pods), Decimal())
        share = float(asked / offered) if offered else 0.0
        return Utilization(GPU_RESOURCE, share, options.gpu_utilization_threshold, {GPU_RESOURCE: share})
    offered_cpu, offered_memory = node.machine.allocatable.cpu, node.machine.allocatable.memory
    if not offered_cpu or not offered_memory:
        return None
    left_out = [pod for pod in node.pods if _is_left_out(pod, options)]
    counted = [pod for pod in node.pods if not _is_left_out(pod, options)]
    total = sum((pod.requests for pod in counted), Resources())
    daemons = sum((pod.requests for pod in left_out), Resources())
    shares = {
        "cpu": total.cpu / max(offered_cpu - daemons.cpu, 1),
        "memory": total.memory / max(offered_memory - daemons.memory, 1),
    }
    resource = "cpu" if shares["cpu"] > shares["memory"] else "memory"
    return Utilization(resource, shares[resource], options.utilization_threshold, shares)


def _is_left_out(pod: Workload, options: ScaleDownOptions) -> bool:
    return (options.ignore_daemons and pod.is_daemon) or (options.ignore_mirror_pods and pod.is_mirror)


def _needed(node: Occupied, used: Utilization | None, options: ScaleDownOptions) -> list[Reason]:
    machine = node.machine
    found = []
    if not options.enabled:
        found.append(Reason("ScaleDownDisabled", "Scale-down is off: --scale-down-enabled=false.", "remove the flag"))
    if machine.annotations.get(SCALE_DOWN_DISABLED) == "true":
        found.append(
            Reason(
                "ScaleDownDisabledAnnotation",
                f"The node has the annotation {SCALE_DOWN_DISABLED}: true.",
                f"kubectl annotate node {machine.name} {SCALE_DOWN_DISABLED}-",
            )
        )
    if used is None:
        found.append(Reason("UnexpectedError", "The node does not report allocatable CPU and memory."))
    elif used.share > used.threshold:
        buffers = sorted({_owner(pod) for pod in node.pods if is_reserved(pod)})
        requesting = f"Pods and the {' and the '.join(buffers)}" if buffers else "Pods"
        found.append(
            Reason(
                "NotUnderutilized",
                f"{requesting} request {used.share:.0%} of its {used.resource}; a node is a candidate for removal at "
                f"{used.threshold:.0%} or less.",
                f"lower the requests of its pods{', or the replicas of the buffer' if buffers else ''}, or raise "
                "--scale-down-utilization-threshold",
            )
        )
    return found


def _kept(
    case: Case,
    node: Occupied,
    surroundings: Surroundings,
    budgets: Sequence[Budget],
    options: ScaleDownOptions,
) -> list[Reason]:
    now = case.snapshot.taken_at
    blocking = drain.blockers(node.pods, options, budgets, now)
    owners = {pod.id: _owner(pod) for pod in node.pods}
    reserved = {pod.id for pod in node.pods if is_reserved(pod)}
    found = [Reason(each.rule, each.reason, each.unblock, each.pod, owners[each.pod]) for each in blocking]
    moving = [pod for pod in node.pods if drain.moves(pod, now)]
    going = [
        each.machine.name
        for each in surroundings.nodes
        if any(taint.key == TO_BE_DELETED for taint in each.machine.taints)
    ]
    homeless = placed_elsewhere(moving, node.machine.name, surroundings, going)
    found += [
        Reason(
            "NoPlaceToMovePods",
            f"{_RESERVED if pod in reserved else 'The pod'} fits no other node. Nearest: {reason}.",
            f"lower {'the replicas of the buffer' if pod in reserved else 'its requests'}, or free capacity on another "
            "node that it may use",
            pod,
            owners[pod],
        )
        for pod, reason in homeless.items()
    ]
    return found


def _owner(pod: Workload) -> str:
    return owner_of(pod.namespace, pod.owner, pod.labels)


def _sized(case: Case, group: AutoScalingGroup) -> list[Reason]:
    static = {each.name: each.min for each in case.static_groups}
    least = static.get(group.name, group.min)
    leaving = sum(
        any(taint.key == TO_BE_DELETED for taint in node.taints)
        for node in case.nodes
        if any(each.id == node.instance_id for each in group.instances)
    )
    if group.desired - leaving > least:
        return []
    return [
        Reason(
            "NodeGroupMinSizeReached",
            f"The group {group.name} has {group.desired} {'node' if group.desired == 1 else 'nodes'}, "
            f"and its minSize is {least}.",
            "lower the minSize of the group",
        )
    ]


def _running(case: Case, machine: Machine, options: ScaleDownOptions) -> list[Reason]:
    now = case.snapshot.taken_at
    found = []
    candidate = next(
        (taint for taint in machine.taints if taint.key == DELETION_CANDIDATE and taint.value.isdigit()), None
    )
    limit = options.unneeded_seconds if machine.ready else options.unready_seconds
    unneeded = now.timestamp() - int(candidate.value) if candidate else 0
    if unneeded < limit:
        so_far = f"unneeded for {_time(unneeded)} of {_time(limit)}" if candidate else "not yet marked as unneeded"
        found.append(Reason("NotUnneededLongEnough", f"The node is {so_far} (--scale-down-unneeded-time)."))
    added = max(
        (event.at for event in case.recent_events if event.reason == "TriggeredScaleUp" and event.at), default=None
    )
    if added and added + timedelta(seconds=options.delay_after_add_seconds) > now:
        ago = (now - added).total_seconds()
        found.append(
            Reason(
                "ScaleDownCooldown",
                f"A scale-up was triggered {_time(ago)} ago; scale-down pauses for "
                f"{_time(options.delay_after_add_seconds)} after one (--scale-down-delay-after-add).",
            )
        )
    elif case.counted.in_cooldown:
        # `isScaleDownInCooldown` (`static_autoscaler.go`): also while pods are pending that a new node will take.
        found.append(
            Reason(
                "ScaleDownCooldown",
                "Scale-down pauses after a scale-up, a removal, or a removal that failed (--scale-down-delay-after-*): "
                "the autoscaler reports scale_down_in_cooldown in its metrics.",
            )
        )
    return found


def _time(seconds: float) -> str:
    whole = int(seconds)
    if whole < 120:
        return f"{whole}s"
    minutes, rest = divmod(whole, 60)
    return f"{minutes}m{rest}s" if rest else f"{minutes}m"
