"""Sixth link: the autoscaler's loop turns, over the groups that it should, and is heard by Kubernetes and AWS."""

import re
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from .. import symptoms
from ..case import Case, broken
from ..facts import Lease, Taint
from ..findings import Finding, Link, RuleBook
from ..readings import Unreadable
from ..status import INITIALIZING, STALE_AFTER, AutoscalerStatus
from ..templates import DELETION_CANDIDATE, TO_BE_DELETED, refusals
from .wording import number, some

BOOK = RuleBook(Link.AUTOSCALER)

PROCESS = BOOK.rule("process", "The autoscaler's process keeps running", "A process that keeps exiting scales nothing.")
STATUS = BOOK.rule(
    "status",
    "The autoscaler publishes its status",
    "The autoscaler writes a ConfigMap at its start and after every loop; without one it never started.",
)
INITIALIZING_RULE = BOOK.rule(
    "initializing",
    "The autoscaler finished its initialization",
    "From 1.33 on it waits for all its lists first: the pod is Running, and nothing is scaled.",
)
FRESH = BOOK.rule(
    "fresh", "The main loop is running", "A status older than three minutes means that the loop has stopped."
)
LEADER = BOOK.rule(
    "leader",
    "One of the autoscaler's pods is the leader",
    "Only the holder of the lease works; an unknown holder is another autoscaler.",
)
NODE_GROUPS = BOOK.rule(
    "node-groups",
    "The autoscaler manages the groups it should",
    "The autoscaler does not scale a group that its status does not list.",
)
BACKOFF = BOOK.rule(
    "backoff",
    "No group is in backoff",
    "After a failed scale-up the autoscaler skips a group for 5 minutes, then longer, up to 30.",
)
HEALTH = BOOK.rule(
    "health",
    "The autoscaler considers the cluster healthy",
    "With too many unready nodes the autoscaler stops scaling.",
)
CACHED = BOOK.rule(
    "cached-template",
    "The node templates of empty groups are up to date",
    "The autoscaler caches the template of a group's last node while it runs: new labels are not seen.",
)
RECURRING = BOOK.rule(
    "recurring-error",
    "No iteration of the main loop ends with an error",
    "When the loop ends early it scales nothing, while the pod is ready and its status is fresh.",
)
LEFTOVER_TAINTS = BOOK.rule(
    "leftover-taints",
    "No node keeps a taint of an unfinished scale-down",
    "Such a node takes no pods, and the autoscaler counts its capacity as gone.",
)
SCALE_DOWN = BOOK.rule(
    "scale-down",
    "Unneeded nodes can be removed",
    "One pod that the autoscaler may not move keeps a whole node.",
)

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
    """Look at the process, at what it says of itself, and at what it complains of."""
    upstream = broken(earlier, *_UPSTREAM)
    if case.deployment is None or (upstream and not case.is_running):
        unread = case.snapshot.kubernetes.deployments
        yield PROCESS.unread(unread) if isinstance(unread, Unreadable) else PROCESS.after(upstream)
        return
    process = _process(case)
    yield process
    if process.status == "broken":
        yield STATUS.after([process])
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
        return PROCESS.unread(pods)
    if any(pod.ready for pod in pods) and not any(pod.waiting == "CrashLoopBackOff" for pod in pods):
        return PROCESS.ok(f"{sum(pod.ready for pod in pods)} of {len(pods)} pods are ready.")
    seen = "; ".join(
        f"{pod.name} {pod.waiting or pod.phase}, {pod.restarts} restarts{f', last exit {pod.ended}' * bool(pod.ended)}"
        for pod in pods
    )
    return PROCESS.broken(f"{seen or 'The Deployment has no pods'}.", "a pod that is ready", case.mender.previous_log())


def _leader(case: Case) -> Iterator[Finding]:
    lease = case.snapshot.kubernetes.lease
    if not case.arguments.is_true("leader-elect", default=True):
        return
    if isinstance(lease, Unreadable):
        yield LEADER.unread(lease)
    elif lease is None:
        yield LEADER.broken("The lease has no holder.", "one of the autoscaler's pods", case.mender.restart())
    else:
        yield _leads(case, lease)


def _leads(case: Case, lease: Lease) -> Finding:
    names = [pod.name for pod in case.pods]
    if case.pods and not any(lease.holder.startswith(name) for name in names):
        return LEADER.broken(
            f"The lease is held by {lease.holder or 'nobody'}, which is not a pod of this Deployment.",
            " or ".join(names),
            "find the other autoscaler: kubectl get pods --all-namespaces --output wide | grep autoscaler",
        )
    age = case.snapshot.taken_at - lease.renewed_at if lease.renewed_at else None
    if age and age > _LEASE_EXPIRES:
        return LEADER.broken(
            f"The lease of {lease.holder} was renewed {_ago(age)} ago.", "every 2 seconds", case.mender.restart()
        )
    return LEADER.ok(f"{lease.holder} is the leader.")


def _status(case: Case, earlier: Sequence[Finding]) -> Iterator[Finding]:
    if not case.arguments.is_true("write-status-configmap", default=True):
        return
    config_map = case.snapshot.kubernetes.status
    if isinstance(config_map, Unreadable):
        yield STATUS.unread(config_map)
        return
    if config_map is None:
        yield STATUS.broken("The status ConfigMap does not exist.", "a status ConfigMap", case.mender.log())
        return
    status = case.status
    if status is None:
        yield STATUS.warning(
            f"The status cannot be read: {config_map.data.get('status', '')[:80]!r}.",
            "YAML (since 1.30) or the older free text",
            case.mender.restart(),
        )
        return
    yield STATUS.ok(f"The status is {status.phase}, with {number(len(status.groups), 'group')}.")
    age = case.snapshot.taken_at - status.written_at if status.written_at else timedelta()
    if status.phase == INITIALIZING:
        yield _initializing(case, age)
        return
    yield INITIALIZING_RULE.ok("Initialization finished.")
    if age > STALE_AFTER:
        yield FRESH.broken(f"The status is {_ago(age)} old.", "younger than 3 minutes", case.mender.restart())
        return
    yield FRESH.ok(f"The status is {_ago(age)} old.")
    yield from _node_groups(case, status, earlier)
    yield from _backoff(case, status, earlier)
    yield _health(status)


def _initializing(case: Case, age: timedelta) -> Finding:
    started = [pod.started_at for pod in case.pods if pod.started_at]
    up: timedelta = case.snapshot.taken_at - min(started) if started else age
    if min(up, age) < _YOUNG:
        return INITIALIZING_RULE.ok(f"The autoscaler started {_ago(up)} ago.")
    return INITIALIZING_RULE.broken(
        f"The status has been Initializing for {_ago(age)}.",
        "Running within a minute or two",
        f"{case.mender.log()}   # look for: is forbidden",
    )


def _node_groups(case: Case, status: AutoscalerStatus, earlier: Sequence[Finding]) -> Iterator[Finding]:
    listed = {group.name for group in status.groups}
    expected = {group.name for group in case.discovered}
    unread = case.snapshot.aws.groups
    if isinstance(unread, Unreadable):
        yield NODE_GROUPS.unread(unread)
        return
    if not listed:
        causes = broken(earlier, "groups.tags", "pod.discovery-flag", "pod.region", "permissions.reads")
        if causes:
            yield NODE_GROUPS.after(causes)
        else:
            yield NODE_GROUPS.broken("The autoscaler manages no group.", some(sorted(expected)), case.mender.restart())
    elif expected - listed:
        yield NODE_GROUPS.warning(
            f"The status does not list {some(sorted(expected - listed))}.",
            "every group with the tags, a minute after they are set",
            case.mender.restart(),
        )
    else:
        yield NODE_GROUPS.ok(f"The autoscaler manages {some(sorted(listed))}.")


def _backoff(case: Case, status: AutoscalerStatus, earlier: Sequence[Finding]) -> Iterator[Finding]:
    aside = [group for group in status.groups if group.scale_up == "Backoff"]
    if not aside:
        yield BACKOFF.ok("No group is in backoff.")
        return
    causes = broken(earlier, "permissions", "groups.launching", "groups.joining", "groups.processes", "groups.health")
    if causes:
        yield BACKOFF.after(causes)
        return
    for group in aside:
        yield BACKOFF.broken(
            f"{group.name} is in backoff{f': {group.error}' if group.error else ''}.",
            "successful scale-ups",
            case.mender.activities(group.name),
        )


def _health(status: AutoscalerStatus) -> Finding:
    unhealthy = [group.name for group in status.groups if group.health == "Unhealthy"]
    nodes = "kubectl get nodes   # then: kubectl describe node NODE"
    if status.cluster.health == "Unhealthy":
        return HEALTH.broken(
            f"The cluster is unhealthy: {status.cluster.ready} of {status.cluster.registered} nodes are ready.",
            "less than 45% unready (--max-total-unready-percentage), or 3 nodes (--ok-total-unready-count)",
            nodes,
        )
    if unhealthy:
        return HEALTH.warning(f"Unhealthy groups: {some(unhealthy)}.", "ready nodes in every group", nodes)
    return HEALTH.ok(f"{status.cluster.ready} of {status.cluster.registered} nodes are ready.")


def _cached_templates(case: Case) -> Iterator[Finding]:
    """An empty group that a pod would fit by its labels of today, and that the autoscaler refuses by those of old."""
    if not case.is_running or isinstance(case.snapshot.kubernetes.waiting_pods, Unreadable):
        return
    for pod in case.waiting:
        refused = [event.message for event in case.events_of(pod) if event.reason == "NotTriggerScaleUp"]
        by_template = [message for message in refused if any(words in message for words in _BY_TEMPLATE)]
        fitting = [
            group.name
            for group in case.discovered_own
            if group.desired == 0 < group.max and not refusals(case.templates[group.name], pod)
        ]
        if by_template and fitting and pod.labels_wanted:
            yield CACHED.broken(
                f"{pod.namespace}/{pod.name} fits the current node template of {fitting[0]}, and is rejected for its "
                "labels or taints.",
                "the current node template",
                case.mender.restart(),
            )
            return
    yield CACHED.ok("No empty group rejects a pod that fits its current node template.")


def _scale_down(case: Case) -> Finding:
    if isinstance(case.snapshot.kubernetes.logs, Unreadable):
        return SCALE_DOWN.unread(case.snapshot.kubernetes.logs)
    spans: dict[tuple[str, str], list[datetime]] = {}
    for line in case.recent_logs:
        match = _UNREMOVABLE.search(line.text)
        if match and line.at:
            spans.setdefault((match["node"], match["reason"]), []).append(line.at)
    stuck = [
        (node, reason)
        for (node, reason), moments in spans.items()
        if max(moments) - min(moments) >= _STUCK and _mend_blocked(case, reason)
    ]
    if not stuck:
        return SCALE_DOWN.ok("No unneeded node was kept by a pod that cannot be moved.")
    node, reason = stuck[0]
    others = f" (and {len(stuck) - 1} more nodes)" if len(stuck) > 1 else ""
    return SCALE_DOWN.warning(
        f"The node {node} is not removed{others}: {reason}.",
        "nodes that can be drained",
        _mend_blocked(case, reason),
    )


def _recurring(case: Case, earlier: Sequence[Finding]) -> Finding:
    if isinstance(case.snapshot.kubernetes.logs, Unreadable):
        return RECURRING.unread(case.snapshot.kubernetes.logs)
    errors = symptoms.recurring_errors(case)
    if not errors:
        return RECURRING.ok("The recent log has no recurring error.")
    causes = broken(earlier)
    if causes:
        return RECURRING.after(causes)
    worst = errors[0]
    return RECURRING.broken(
        f"Logged {worst.count} times recently at {worst.site}: {symptoms.shortened(worst.text)}",
        "iterations without an error",
        case.mender.log(),
    )


def _leftover_taints(case: Case) -> Iterator[Finding]:
    """Taints that carry the Unix time at which they were set (`utils/taints/taints.go` of Cluster Autoscaler).

    A running autoscaler keeps `DeletionCandidateOfClusterAutoscaler` on a node for as long as nobody needs it.
    """
    nodes = case.snapshot.kubernetes.nodes
    if isinstance(nodes, Unreadable):
        yield LEFTOVER_TAINTS.unread(nodes)
        return
    left = [
        (node.name, taint.key)
        for node in nodes
        for taint in node.taints
        if taint.key in _SCALE_DOWN_TAINTS and taint.value.isdigit() and _is_left(case, taint)
    ]
    if not left:
        yield LEFTOVER_TAINTS.ok(f"No such taint on {number(len(nodes), 'node')}.")
    for name, key in left:
        yield LEFTOVER_TAINTS.warning(
            f"The node {name} has had the taint {key} for more than {_LEFT_AFTER.seconds // 60} minutes.",
            "no such taint on a node that stays",
            f"kubectl taint node {name} {key}-",
        )


_SCALE_DOWN_TAINTS = (TO_BE_DELETED, DELETION_CANDIDATE)
_LEFT_AFTER = timedelta(minutes=30)
"""Draining and terminating take `--max-graceful-termination-sec` (10 minutes) and a few more at most."""


def _is_left(case: Case, taint: Taint) -> bool:
    age = case.snapshot.taken_at.timestamp() - int(taint.value)
    return age > _LEFT_AFTER.total_seconds() and (taint.key == TO_BE_DELETED or not case.is_running)


def _mend_blocked(case: Case, reason: str) -> str:
    """How to let a node go; empty for reasons that somebody chose, such as the annotation safe-to-evict."""
    if _LOCAL_STORAGE in reason:
        return case.mender.flag("skip-nodes-with-local-storage", "false")
    if _SYSTEM_POD in reason:
        return case.mender.flag("skip-nodes-with-system-pods", "false")
    if _BUDGET in reason:
        return "kubectl get poddisruptionbudgets --all-namespaces   # one that allows no disruption keeps the node"
    return ""


def _ago(age: timedelta) -> str:
    seconds = max(0, int(age.total_seconds()))
    if seconds < 120:
        return f"{seconds} seconds"
    return f"{seconds // 60} minutes" if seconds < 7200 else f"{seconds // 3600} hours"
