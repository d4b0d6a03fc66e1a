"""Last link: each pod that waits, the groups that were considered for it, and why each was refused."""

from collections.abc import Iterator, Sequence
from datetime import timedelta

from ..case import Case, broken
from ..facts import WaitingPod
from ..findings import Finding, Link, RuleBook
from ..readings import Unreadable
from ..templates import refusals
from .wording import some

BOOK = RuleBook(Link.WAITING_PODS)

PLACED = BOOK.rule(
    "placed", "Every pod has a node, or a node is being added", "Scheduled pods are the purpose of the whole chain."
)
CONSIDERED = BOOK.rule(
    "considered",
    "The autoscaler considered every pending pod",
    "The autoscaler skips pods of other schedulers, of very low priority, or with a scale-up delay.",
)
FITS = BOOK.rule(
    "fits",
    "Some group fits every pending pod",
    "A pod that fits no group's nodes stays pending: no scale-up helps it.",
)

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
"""Broken rules and links that stand behind a reason of the autoscaler."""


def check(case: Case, earlier: Sequence[Finding]) -> Iterator[Finding]:
    """Look at each pod that the scheduler could not place."""
    pods = case.snapshot.kubernetes.waiting_pods
    if isinstance(pods, Unreadable):
        yield PLACED.unread(pods)
        return
    if isinstance(case.snapshot.kubernetes.events, Unreadable):
        yield CONSIDERED.unread(case.snapshot.kubernetes.events)
        return
    if not pods:
        yield PLACED.ok("No pod is pending.")
    for pod in pods:
        yield _judge(case, pod, earlier)


def _judge(case: Case, pod: WaitingPod, earlier: Sequence[Finding]) -> Finding:
    name = f"{pod.namespace}/{pod.name}"
    events = sorted(case.events_of(pod), key=lambda event: event.at or case.snapshot.taken_at)
    said = [event for event in events if event.reason in ("TriggeredScaleUp", "NotTriggerScaleUp")]
    upstream = broken(earlier, *_UPSTREAM) or ([] if case.is_running else broken(earlier, "autoscaler"))
    if said and said[-1].reason == "TriggeredScaleUp":
        stalled = broken(earlier, "groups.launching", "groups.joining", "groups.processes")
        return PLACED.after(stalled) if stalled else PLACED.ok(f"{name}: {said[-1].message}")
    if upstream:
        return PLACED.after(upstream)
    if not said:
        return _unconsidered(case, pod, earlier)
    message = said[-1].message
    causes = [cause for reason, ids in _CAUSES.items() if reason in message for cause in broken(earlier, *ids)]
    causes += broken(earlier, "groups.zones") if "volume node affinity conflict" in pod.message else []
    if causes:
        return PLACED.after(causes)
    return FITS.broken(
        f"{name}: {pod.message} Autoscaler: {message} {_by_group(case, pod)}".strip(),
        "a group whose nodes have the capacity and labels that the pod asks for, and taints that it tolerates",
        _mend(case, pod, message),
    )


def _unconsidered(case: Case, pod: WaitingPod, earlier: Sequence[Finding]) -> Finding:
    name = f"{pod.namespace}/{pod.name}"
    if case.snapshot.taken_at - pod.since < _PATIENCE:
        return PLACED.ok(f"{name} has been pending for less than two minutes.")
    causes = broken(earlier, "groups.tags", "groups.labels", "autoscaler")
    if causes:
        return PLACED.after(causes)
    return CONSIDERED.warning(
        f"{name} is pending, and the autoscaler has not reported on it. Scheduler: {pod.message or '(nothing)'}",
        "an event TriggeredScaleUp or NotTriggerScaleUp",
        f"kubectl --namespace {pod.namespace} describe pod {pod.name}"
        "   # check schedulerName, priority and the annotation pod-scale-up-delay",
    )


def _by_group(case: Case, pod: WaitingPod) -> str:
    """The reason of each group, as far as labels, taints and sizes tell."""
    reasons = []
    for group in case.discovered_own:
        known = refusals(case.templates[group.name], pod)
        known += [f"at its maxSize {group.max}"] if group.desired >= group.max else []
        reasons.append(f"{group.name}: {', '.join(known) or 'an instance of its type is too small'}")
    return f"By group: {some(reasons, 10)}." if reasons else "No group was considered."


def _mend(case: Case, pod: WaitingPod, message: str) -> str:
    if "max total nodes in cluster reached" in message:
        return case.mender.flag("max-nodes-total", "0")
    if "exceeded quota" in message or "max cluster" in message:
        return case.mender.flag("cores-total", "0:320000")
    edit = f"kubectl --namespace {pod.namespace} describe pod {pod.name}"
    if pod.labels_wanted and "node affinity/selector" in message:
        labels = ", ".join(f"{label}={value}" for label, value in pod.labels_wanted.items())
        return f"{edit}   # remove the node selector, or add a node group with the labels {labels}"
    return f"{edit}   # lower the requests, add a node group with larger instances, or tolerate its taints"
