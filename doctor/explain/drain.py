"""Which pods keep a node: the rules of `simulator/drainability/rules` of Cluster Autoscaler, in its order."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from .options import ScaleDownOptions
from .workload import Budget, Workload

SAFE_TO_EVICT = "cluster-autoscaler.kubernetes.io/safe-to-evict"
SAFE_VOLUMES = "cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes"
_REPLICATED = frozenset({"ReplicationController", "Job", "ReplicaSet", "StatefulSet"})
_LONG_TERMINATING = timedelta(seconds=30)


@dataclass(frozen=True)
class Blocker:
    """A pod that keeps its node.

    Attributes:
        pod: Namespace and name.
        rule: Reason in the words of Cluster Autoscaler's `BlockingPodReason` (`utils/drain/drain.go`).
        reason: What blocks the move, as a sentence.
        unblock: What would let the pod be moved.
    """

    pod: str
    rule: str
    reason: str
    unblock: str


def blocker(pod: Workload, options: ScaleDownOptions, budgets: Sequence[Budget], now: datetime) -> Blocker | None:
    """Return why a pod may not be moved from its node, or None if it may."""
    if pod.is_mirror or _is_long_terminating(pod, now) or pod.is_daemon:
        return None
    if pod.annotations.get(SAFE_TO_EVICT) == "true" or _is_terminal(pod):
        return None
    covering = [budget for budget in budgets if budget.covers(pod)]
    annotate = f"kubectl --namespace {pod.namespace} annotate pod {pod.name} --overwrite {SAFE_TO_EVICT}=true"
    if not _is_replicated(pod, options):
        kind = f"controlled by a {pod.owner[0]}" if pod.owner[0] else "without a controller"
        return Blocker(pod.id, "NotReplicated", f"The pod is {kind}: nothing creates it again elsewhere.", annotate)
    if options.skip_system_pods and pod.namespace == "kube-system" and not covering and not _is_old(pod, options, now):
        return Blocker(
            pod.id,
            "UnmovableKubeSystemPod",
            "The pod is in kube-system and has no PodDisruptionBudget.",
            "create a PodDisruptionBudget for it, or set --skip-nodes-with-system-pods=false",
        )
    if pod.annotations.get(SAFE_TO_EVICT) == "false":
        return Blocker(
            pod.id,
            "NotSafeToEvictAnnotation",
            f"The pod has the annotation {SAFE_TO_EVICT}: false.",
            f"remove the annotation {SAFE_TO_EVICT} from its pod template",
        )
    volumes = _blocking_volumes(pod)
    if options.skip_local_storage and volumes:
        return Blocker(
            pod.id,
            "LocalStorageRequested",
            f"The pod has local storage: {', '.join(volumes)}.",
            f"annotate its pod template with {SAFE_VOLUMES}={','.join(volumes)}, "
            "or set --skip-nodes-with-local-storage=false",
        )
    spent = next((budget for budget in covering if budget.disruptions_allowed < 1), None)
    if spent:
        return Blocker(
            pod.id,
            "NotEnoughPdb",
            f"The PodDisruptionBudget {spent.namespace}/{spent.name} allows no disruption now.",
            f"run more ready replicas than the budget demands, or relax it: "
            f"kubectl --namespace {spent.namespace} describe poddisruptionbudget {spent.name}",
        )
    return None


def blockers(
    pods: Iterable[Workload], options: ScaleDownOptions, budgets: Sequence[Budget], now: datetime
) -> list[Blocker]:
    """Return every pod that keeps a node, by name."""
    found = [blocker(pod, options, budgets, now) for pod in sorted(pods, key=lambda pod: pod.id)]
    return [each for each in found if each]


def moves(pod: Workload, now: datetime) -> bool:
    """Return whether a pod must move to another node when its node is removed."""
    return not (pod.is_mirror or pod.is_daemon or _is_long_terminating(pod, now) or _is_terminal(pod))


def _is_replicated(pod: Workload, options: ScaleDownOptions) -> bool:
    kind = pod.owner[0]
    return bool(kind) and (kind in _REPLICATED or not options.skip_custom_controllers)


def _is_old(pod: Workload, options: ScaleDownOptions, now: datetime) -> bool:
    """`rules/system/rule.go`, `isBspPassedDisruptionTimeout`."""
    if options.system_pod_timeout is None or pod.created_at is None:
        return False
    return now > pod.created_at + timedelta(seconds=options.system_pod_timeout)


def _is_terminal(pod: Workload) -> bool:
    if pod.phase == "Failed":
        return True
    return pod.phase == "Succeeded" and pod.restart_policy in ("Never", "OnFailure")


def _is_long_terminating(pod: Workload, now: datetime) -> bool:
    if pod.deleted_at is None:
        return False
    return pod.deleted_at + timedelta(seconds=pod.grace_seconds) + _LONG_TERMINATING < now


def _blocking_volumes(pod: Workload) -> list[str]:
    safe = set(pod.annotations.get(SAFE_VOLUMES, "").split(","))
    return [name for name in pod.local_volumes if name not in safe]
