"""Wait until nodes and pods are steady: capacity that comes or goes during the test would decide its outcome."""

from collections.abc import Callable, Iterable

from ..case import Case
from ..templates import TO_BE_DELETED, Template, refusals
from .capacity import NodeCapacity
from .plan import Wanted, accepting
from .run import Clock

PATIENCE = 120.0
"""Seconds: an instance needs about that long to become a ready node."""

_POLL = 3.0
_UNTIL_READY = (
    "node.kubernetes.io/not-ready",
    "node.kubernetes.io/unreachable",
    "node.kubernetes.io/network-unavailable",
    "node.cloudprovider.kubernetes.io/uninitialized",
)
"""Taints that Kubernetes removes when a node becomes ready."""

_CORDONED = "node.kubernetes.io/unschedulable"
"""Taint of a cordoned node: the autoscaler cordons what it removes, by ``--cordon-node-before-terminating``."""

Read = Callable[[], tuple[Case, list[NodeCapacity]]]
"""Reads the cluster again."""


def unsteady(case: Case, wanted: Wanted, found: Iterable[NodeCapacity]) -> list[str]:
    """Return what comes or goes among the nodes and groups that accept such pods, in words; empty if nothing does."""
    pod = wanted.pod()
    leaving = {capacity.name: capacity.leaving for capacity in found}
    words = []
    for node in case.nodes:
        removed = any(taint.key == TO_BE_DELETED for taint in node.taints)
        passing = (*_UNTIL_READY, TO_BE_DELETED, _CORDONED) if removed else _UNTIL_READY
        lasting = tuple(taint for taint in node.taints if taint.key not in passing)
        if refusals(Template(node.labels, lasting), pod):
            continue
        if removed:
            words.append(f"the autoscaler removes the node {node.name}")
        elif not node.ready or lasting != node.taints:
            words.append(f"the node {node.name} is not ready")
        elif count := leaving.get(node.name):
            words.append(f"pods that are being deleted on {node.name}: {count}")
    registered = {node.instance_id for node in case.nodes}
    for group in accepting(case, pod):
        nodes = sum(instance.id in registered for instance in group.instances)
        if nodes != group.desired:
            words.append(f"{group.name} has {nodes} of {group.desired} nodes")
    return words


def when_steady(
    read: Read, wanted: Wanted, clock: Clock, show: Callable[[str], None]
) -> tuple[Case, list[NodeCapacity]]:
    """Return the cluster as soon as it is steady, or after ``PATIENCE`` as it is.

    Args:
        read: Reads the cluster.
        wanted: The pods; only nodes that accept them count.
        clock: The clock.
        show: Called with what it waits for, each time that it changes, and when it waits no longer.
    """
    until = clock.now() + PATIENCE
    shown: list[str] = []
    while True:
        case, found = read()
        words = unsteady(case, wanted, found)
        if not words:
            return case, found
        if clock.now() >= until:
            show(f"After {PATIENCE:.0f} s it is still so; the test goes on.")
            return case, found
        if words != shown:
            show(f"Waiting until the nodes are steady: {'; '.join(words)}.")
            shown = words
        clock.sleep(_POLL)
