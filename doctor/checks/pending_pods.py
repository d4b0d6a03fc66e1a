"""Last link: each pending pod, the groups that were considered for it, and why each was rejected."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta

from ..case import Case, broken
from ..facts import PendingPod
from ..findings import Finding, Status
from ..readings import Unreadable
from ..rules import pending_pods as rules
from ..templates import DELETION_CANDIDATE, TO_BE_DELETED, refusals
from .wording import some

_PATIENCE = timedelta(minutes=2)
_UPSTREAM = ("pod", "service-account", "role", "permissions")
_CAUSES = {
    "max node group size reached": ("groups.headroom",),
    "in backoff after failed scale-up": ("autoscaler.backoff", "groups.launching", "groups.joining", "permissions"),
    "not ready for scale-up": ("autoscaler", "groups", "permissions"),
    "volume node affinity conflict": ("groups.zones",),
    "node affinity/selector": (
        "groups.labels",
        "autoscaler.cached-template",
        "permissions.node-groups",
        "groups.windows",
    ),
    "untolerated taint": ("groups.taints", "autoscaler.cached-template"),
}
"""Broken rules and links that cause a reason of the autoscaler."""


def check(case: Case, earlier: Sequence[Finding]) -> Iterator[Finding]:
    """Check each pod that the scheduler could not place."""
    pods = case.snapshot.kubernetes.pending_pods
    if isinstance(pods, Unreadable):
        yield rules.PLACED.unread(pods)
        return
    if isinstance(case.snapshot.kubernetes.events, Unreadable):
        yield rules.CONSIDERED.unread(case.snapshot.kubernetes.events)
        return
    if not pods:
        yield rules.PLACED.ok("No pod is pending.")
    for pod in pods:
        yield replace(_judge(case, pod, earlier), pod=f"{pod.namespace}/{pod.name}", owner=pod.owner)


def _judge(case: Case, pod: PendingPod, earlier: Sequence[Finding]) -> Finding:
    name = f"{pod.namespace}/{pod.name}"
    events = sorted(case.events_of(pod), key=lambda event: event.at or case.snapshot.taken_at)
    reports = [event for event in events if event.reason in ("TriggeredScaleUp", "NotTriggerScaleUp")]
    upstream = broken(earlier, *_UPSTREAM) or ([] if case.is_running else broken(earlier, "autoscaler"))
    if reports and reports[-1].reason == "TriggeredScaleUp":
        stalled = broken(earlier, "groups.launching", "groups.joining", "groups.processes")
        return (
            rules.PLACED.after(stalled)
            if stalled
            else rules.PLACED.ok(f"The pod {name} gets a node: {reports[-1].message}")
        )
    if upstream:
        return rules.PLACED.after(upstream)
    if not reports:
        return _unconsidered(case, pod, earlier)
    message = reports[-1].message
    causes = [cause for reason, ids in _CAUSES.items() if reason in message for cause in broken(earlier, *ids)]
    causes += _warned(pod, earlier)
    causes += broken(earlier, "groups.zones") if "volume node affinity conflict" in pod.message else []
    if causes:
        return rules.PLACED.after(causes)
    return rules.FITS.broken(
        f"The pod {name} is pending: {pod.message} Autoscaler: {message} {_by_group(case, pod)}".strip(),
        "a group whose nodes have the capacity and labels that the pod needs, and taints that it tolerates",
        _fix(case, pod, message),
    )


def _unconsidered(case: Case, pod: PendingPod, earlier: Sequence[Finding]) -> Finding:
    name = f"{pod.namespace}/{pod.name}"
    if case.snapshot.taken_at - pod.since < _PATIENCE:
        return rules.PLACED.ok(f"The pod {name} has been pending for less than two minutes.")
    causes = broken(earlier, "groups.tags", "groups.labels", "autoscaler") + _warned(pod, earlier)
    if causes:
        return rules.PLACED.after(causes)
    return rules.CONSIDERED.warning(
        f"The pod {name} is pending, and no event of the autoscaler names it. Scheduler: "
        f"{pod.message or '(no message)'}",
        "an event TriggeredScaleUp or NotTriggerScaleUp",
        f"Check schedulerName, priority and the annotation pod-scale-up-delay: {_describe(pod)}",
    )


def _warned(pod: PendingPod, earlier: Sequence[Finding]) -> list[Finding]:
    """The warnings that explain a pending pod: sizes that count weights, or the taint of an old scale-down."""
    tainted = any(taint in pod.message for taint in (TO_BE_DELETED, DELETION_CANDIDATE))
    ids = {"groups.weights", *({"autoscaler.leftover-taints"} if tainted else ())}
    return [finding for finding in earlier if finding.status is Status.WARNING and finding.rule.id in ids]


def _by_group(case: Case, pod: PendingPod) -> str:
    """The reason of each group, as far as labels, taints and sizes show it."""
    reasons = []
    for group in case.discovered_own:
        known = refusals(case.templates[group.name], pod)
        known += [f"at its maxSize {group.max}"] if group.desired >= group.max else []
        reasons.append(f"{group.name}: {', '.join(known) or 'an instance of its type is too small'}")
    return f"By group: {some(reasons, 10)}." if reasons else "No group was considered."


def _fix(case: Case, pod: PendingPod, message: str) -> str:
    if "max total nodes in cluster reached" in message:
        return case.fixer.flag("max-nodes-total", "0")
    if "exceeded quota" in message or "max cluster" in message:
        return case.fixer.flag("cores-total", "0:320000")
    if pod.labels_wanted and "node affinity/selector" in message:
        labels = ", ".join(f"{label}={value}" for label, value in pod.labels_wanted.items())
        return f"Remove the node selector, or add a node group with the labels {labels}: {_describe(pod)}"
    return f"Lower the requests, add a node group with larger instances, or tolerate its taints: {_describe(pod)}"


def _describe(pod: PendingPod) -> str:
    return f"kubectl --namespace {pod.namespace} describe pod {pod.name}"
