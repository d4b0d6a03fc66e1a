"""Sixth link: the autoscaler's loop runs over its groups, and reaches Kubernetes and AWS."""

import re
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from .. import symptoms
from ..case import Case, broken
from ..facts import Lease, Taint
from ..findings import Finding
from ..readings import Unreadable
from ..rules import autoscaler as rules
from ..status import INITIALIZING, STALE_AFTER, AutoscalerStatus
from ..templates import DELETION_CANDIDATE, TO_BE_DELETED, refusals
from .wording import number, some

_UPSTREAM = (
    "pod",
    "service-account",
    "role",
    "permissions",
    "autoscaler.aws-unreachable",
    "autoscaler.dns",
    "autoscaler.tls-intercepted",
    "autoscaler.proxy",
    "autoscaler.api-server-unreachable",
)
_YOUNG = timedelta(minutes=3)
_STUCK = timedelta(minutes=10)
_LEASE_EXPIRES = timedelta(minutes=1)
_UNREMOVABLE = re.compile(r"[Nn]ode (?P<node>\S+) cannot be removed: (?P<reason>.*)")
_BY_TEMPLATE = ("node affinity/selector", "untolerated taint")
_LOCAL_STORAGE, _SYSTEM_POD, _BUDGET = "local storage present", "kube-system pod present", "disruption budget"


def check(case: Case, earlier: Sequence[Finding]) -> Iterator[Finding]:
    """Check the process, its status and its log."""
    upstream = broken(earlier, *_UPSTREAM)
    if case.deployment is None or (upstream and not case.is_running):
        unread = case.snapshot.kubernetes.deployments
        yield rules.PROCESS.unread(unread) if isinstance(unread, Unreadable) else rules.PROCESS.after(upstream)
        return
    process = _process(case)
    yield process
    if process.status == "broken":
        yield rules.STATUS.after([process])
        return
    yield from _leader(case)
    yield from _status(case, earlier)
    if not broken(earlier, "permissions.node-groups"):
        yield from _cached_templates(case)
    yield _recurring(case, earlier)
    yield _scale_down(case)
    yield from _leftover_taints(case)


def _process(case: Case) -> Finding:
    pods = case.snapshot.kubernetes.pods
    if isinstance(pods, Unreadable):
        return rules.PROCESS.unread(pods)
    if any(pod.ready for pod in pods) and not any(pod.waiting == "CrashLoopBackOff" for pod in pods):
        return rules.PROCESS.ok(f"Ready pods of the autoscaler: {sum(pod.ready for pod in pods)} of {len(pods)}.")
    seen = "; ".join(
        f"Pod {pod.name} is in {pod.waiting or pod.phase}, after "
        f"{number(pod.restarts, 'restart')}{f', last exit {pod.ended}' * bool(pod.ended)}"
        for pod in pods
    )
    return rules.PROCESS.broken(
        f"{seen or 'The Deployment has no pods'}.", "a pod that is ready", case.fixer.read_previous_log()
    )


def _leader(case: Case) -> Iterator[Finding]:
    lease = case.snapshot.kubernetes.lease
    if not case.arguments.is_true("leader-elect", default=True):
        return
    if isinstance(lease, Unreadable):
        yield rules.LEADER.unread(lease)
    elif lease is None:
        yield rules.LEADER.broken(
            "The lease of the autoscaler has no holder.", "one of the autoscaler's pods", case.fixer.restart()
        )
    else:
        yield _leads(case, lease)


def _leads(case: Case, lease: Lease) -> Finding:
    names = [pod.name for pod in case.pods]
    age = case.snapshot.taken_at - lease.renewed_at if lease.renewed_at else None
    is_known = any(lease.holder.startswith(name) for name in names)
    is_own = lease.holder.startswith(f"{case.fixer.deployment}-")
    if is_own and not is_known and age is not None and age <= _LEASE_EXPIRES:
        return rules.LEADER.ok(f"The leader {lease.holder} is a pod that a rollout has just replaced.")
    if case.pods and not is_known:
        return rules.LEADER.broken(
            f"The holder of the lease is {lease.holder or 'empty'}, which is not a pod of this Deployment.",
            " or ".join(names),
            "Find the other autoscaler and remove it: kubectl get pods --all-namespaces --output wide | grep "
            "autoscaler",
        )
    if age and age > _LEASE_EXPIRES:
        return rules.LEADER.broken(
            f"The leader {lease.holder} last renewed its lease {_ago(age)} ago.",
            "a renewal every 2 seconds",
            case.fixer.restart(),
        )
    return rules.LEADER.ok(f"The pod {lease.holder} is the leader.")


def _status(case: Case, earlier: Sequence[Finding]) -> Iterator[Finding]:
    if not case.arguments.is_true("write-status-configmap", default=True):
        return
    config_map = case.snapshot.kubernetes.status
    if isinstance(config_map, Unreadable):
        yield rules.STATUS.unread(config_map)
        return
    if config_map is None:
        yield rules.STATUS.broken(
            "The status ConfigMap of the autoscaler does not exist.", "a status ConfigMap", case.fixer.read_log()
        )
        return
    status = case.status
    if status is None:
        yield rules.STATUS.warning(
            f"The doctor cannot parse the status: {config_map.data.get('status', '')[:80]!r}.",
            "YAML (since 1.30), or the older free text",
            case.fixer.restart(),
        )
        return
    yield rules.STATUS.ok(f"The autoscaler's status is {status.phase}, with {number(len(status.groups), 'group')}.")
    age = case.snapshot.taken_at - status.written_at if status.written_at else timedelta()
    if status.phase == INITIALIZING:
        yield _initializing(case, age)
        return
    yield rules.INITIALIZING.ok("Initialization finished.")
    if age > STALE_AFTER:
        yield rules.FRESH.broken(
            f"The autoscaler's status is {_ago(age)} old.", "a status of the last 3 minutes", case.fixer.restart()
        )
        return
    yield rules.FRESH.ok(f"The autoscaler's status is {_ago(age)} old.")
    yield from _node_groups(case, status, earlier)
    yield from _backoff(case, status, earlier)
    yield _health(status)


def _initializing(case: Case, age: timedelta) -> Finding:
    started = [pod.started_at for pod in case.pods if pod.started_at]
    up: timedelta = case.snapshot.taken_at - min(started) if started else age
    if min(up, age) < _YOUNG:
        return rules.INITIALIZING.ok(f"The autoscaler started {_ago(up)} ago.")
    return rules.INITIALIZING.broken(
        f"The autoscaler's status has been Initializing for {_ago(age)}.",
        "a status of Running within two minutes",
        f"{case.fixer.read_log()}   # search for: is forbidden",
    )


def _node_groups(case: Case, status: AutoscalerStatus, earlier: Sequence[Finding]) -> Iterator[Finding]:
    listed = {group.name for group in status.groups}
    expected = {group.name for group in case.discovered}
    unread = case.snapshot.aws.groups
    if isinstance(unread, Unreadable):
        yield rules.NODE_GROUPS.unread(unread)
        return
    if not listed:
        causes = broken(earlier, "groups.tags", "pod.discovery-flag", "pod.region", "permissions.reads")
        if causes:
            yield rules.NODE_GROUPS.after(causes)
        else:
            yield rules.NODE_GROUPS.broken(
                "The autoscaler manages no group.",
                f"a status that lists {some(sorted(expected))}",
                case.fixer.restart(),
            )
    elif expected - listed:
        yield rules.NODE_GROUPS.warning(
            f"The autoscaler's status does not list {some(sorted(expected - listed))}.",
            "every group with the tags, a minute after they are set",
            case.fixer.restart(),
        )
    else:
        yield rules.NODE_GROUPS.ok(f"The autoscaler manages {some(sorted(listed))}.")


def _backoff(case: Case, status: AutoscalerStatus, earlier: Sequence[Finding]) -> Iterator[Finding]:
    backed_off = [group for group in status.groups if group.scale_up == "Backoff"]
    if not backed_off:
        yield rules.BACKOFF.ok("No group is in backoff.")
        return
    causes = broken(earlier, "permissions", "groups.launching", "groups.joining", "groups.processes", "groups.health")
    if causes:
        yield rules.BACKOFF.after(causes)
        return
    for group in backed_off:
        yield rules.BACKOFF.broken(
            f"The group {group.name} is in backoff{f': {group.error}' if group.error else ''}.",
            "successful scale-ups",
            case.fixer.read_activities(group.name),
        )


def _health(status: AutoscalerStatus) -> Finding:
    unhealthy = [group.name for group in status.groups if group.health == "Unhealthy"]
    nodes = "Repair or remove the nodes that are not ready: kubectl get nodes"
    if status.cluster.health == "Unhealthy":
        return rules.HEALTH.broken(
            f"The autoscaler considers the cluster unhealthy. Ready nodes: {status.cluster.ready} of "
            f"{status.cluster.registered}.",
            "at most 45% unready nodes (--max-total-unready-percentage), or 3 (--ok-total-unready-count)",
            nodes,
        )
    if unhealthy:
        return rules.HEALTH.warning(
            f"The autoscaler considers these groups unhealthy: {some(unhealthy)}.", "ready nodes in every group", nodes
        )
    return rules.HEALTH.ok(f"Ready nodes: {status.cluster.ready} of {status.cluster.registered}.")


def _cached_templates(case: Case) -> Iterator[Finding]:
    """An empty group that a pod fits by its current labels, and that the autoscaler rejects by its cached ones."""
    if not case.is_running or isinstance(case.snapshot.kubernetes.pending_pods, Unreadable):
        return
    for pod in case.pending:
        refused = [event.message for event in case.events_of(pod) if event.reason == "NotTriggerScaleUp"]
        by_template = [message for message in refused if any(words in message for words in _BY_TEMPLATE)]
        fitting = [
            group.name
            for group in case.discovered_own
            if group.desired == 0 < group.max and not refusals(case.templates[group.name], pod)
        ]
        if by_template and fitting and pod.labels_wanted:
            yield rules.CACHED.broken(
                f"The pod {pod.namespace}/{pod.name} fits the current node template of {fitting[0]}, but the "
                "autoscaler "
                "rejects the group because of its labels or taints.",
                "a scale-up by the current node template",
                case.fixer.restart(),
            )
            return
    yield rules.CACHED.ok("No empty group rejects a pod that fits its current node template.")


def _scale_down(case: Case) -> Finding:
    if isinstance(case.snapshot.kubernetes.logs, Unreadable):
        return rules.SCALE_DOWN.unread(case.snapshot.kubernetes.logs)
    spans: dict[tuple[str, str], list[datetime]] = {}
    for line in case.recent_logs:
        match = _UNREMOVABLE.search(line.text)
        if match and line.at:
            spans.setdefault((match["node"], match["reason"]), []).append(line.at)
    stuck = [
        (node, reason)
        for (node, reason), moments in spans.items()
        if max(moments) - min(moments) >= _STUCK and _unblock(case, reason)
    ]
    if not stuck:
        return rules.SCALE_DOWN.ok("No pod kept an unneeded node for long.")
    node, reason = stuck[0]
    others = f" (and {number(len(stuck) - 1, 'more node')})" if len(stuck) > 1 else ""
    return rules.SCALE_DOWN.warning(
        f"The autoscaler does not remove the node {node}{others}: {reason}.",
        "nodes that can be drained",
        _unblock(case, reason),
    )


def _recurring(case: Case, earlier: Sequence[Finding]) -> Finding:
    if isinstance(case.snapshot.kubernetes.logs, Unreadable):
        return rules.RECURRING.unread(case.snapshot.kubernetes.logs)
    errors = symptoms.recurring_errors(case)
    if not errors:
        return rules.RECURRING.ok("The autoscaler's recent log has no recurring error.")
    causes = broken(earlier)
    if causes:
        return rules.RECURRING.after(causes)
    worst = errors[0]
    return rules.RECURRING.broken(
        f"The autoscaler logged this error {worst.count} times recently ({worst.site}): "
        f"{symptoms.shortened(worst.text)}",
        "iterations without an error",
        case.fixer.read_log(),
    )


def _leftover_taints(case: Case) -> Iterator[Finding]:
    """Taints that carry the Unix time at which they were set (`utils/taints/taints.go` of Cluster Autoscaler).

    A running autoscaler keeps `DeletionCandidateOfClusterAutoscaler` on a node for as long as no pod needs the node.
    """
    nodes = case.snapshot.kubernetes.nodes
    if isinstance(nodes, Unreadable):
        yield rules.LEFTOVER_TAINTS.unread(nodes)
        return
    left = [
        (node.name, taint.key)
        for node in nodes
        for taint in node.taints
        if taint.key in _SCALE_DOWN_TAINTS and taint.value.isdigit() and _is_left(case, taint)
    ]
    if not left:
        yield rules.LEFTOVER_TAINTS.ok("No node has a taint of an old scale-down.")
    for name, key in left:
        yield rules.LEFTOVER_TAINTS.warning(
            f"The node {name} has had the taint {key} for more than {_LEFT_AFTER.seconds // 60} minutes.",
            "no such taint on a node that stays",
            case.fixer.remove_taint(name, key),
        )


_SCALE_DOWN_TAINTS = (TO_BE_DELETED, DELETION_CANDIDATE)
_LEFT_AFTER = timedelta(minutes=30)
"""Draining and terminating take `--max-graceful-termination-sec` (10 minutes) and a few more at most."""


def _is_left(case: Case, taint: Taint) -> bool:
    age = case.snapshot.taken_at.timestamp() - int(taint.value)
    return age > _LEFT_AFTER.total_seconds() and (taint.key == TO_BE_DELETED or not case.is_running)


def _unblock(case: Case, reason: str) -> str:
    """How to let the autoscaler remove a node; empty for a reason that a user chose, such as safe-to-evict."""
    if _LOCAL_STORAGE in reason:
        return case.fixer.flag("skip-nodes-with-local-storage", "false")
    if _SYSTEM_POD in reason:
        return case.fixer.flag("skip-nodes-with-system-pods", "false")
    if _BUDGET in reason:
        return "Allow a disruption in the PodDisruptionBudget: kubectl get poddisruptionbudgets --all-namespaces"
    return ""


def _ago(age: timedelta) -> str:
    seconds = max(0, int(age.total_seconds()))
    if seconds < 120:
        return f"{seconds} seconds"
    return f"{seconds // 60} minutes" if seconds < 7200 else f"{seconds // 3600} hours"
