"""Whether a pod fits a node: the part of the Kubernetes scheduler's rules that the stand-in knows, in its words."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from sandbox.autoscaler.objects import Json, Node, Pod, Resources, Taint

_NOT_TOLERATED_BY_SCHEDULER = ("NoSchedule", "NoExecute")


def misfits(pod: Pod, node: Node, used: Resources) -> list[str]:
    """Why the pod cannot run on the node; empty when it can.

    Args:
        pod: The pod.
        node: The node.
        used: What the node's pods ask for already.
    """
    reasons = [f"{field}: not judged by the sandbox's stand-in" for field in pod.unsupported]
    if node.unschedulable:
        reasons.append("node(s) were unschedulable")
    taint = untolerated(pod, node)
    if taint:
        reasons.append(f"node(s) had untolerated taint {{{taint.key}: {taint.value}}}")
    if not _selected(pod, node):
        reasons.append("node(s) didn't match Pod's node affinity/selector")
    for resource, amount in pod.requests.items():
        if amount > node.allocatable.get(resource, Decimal(0)) - used.get(resource, Decimal(0)):
            reasons.append("Too many pods" if resource == "pods" else f"Insufficient {resource}")
    return reasons


def untolerated(pod: Pod, node: Node) -> Taint | None:
    """The first taint of the node that keeps the pod away."""
    for taint in node.taints:
        hinders = taint.effect in _NOT_TOLERATED_BY_SCHEDULER
        if hinders and not any(_tolerates(toleration, taint) for toleration in pod.tolerations):
            return taint
    return None


def labels_match(selector: Json, labels: Mapping[str, str]) -> bool:
    """Whether a label selector (``matchLabels`` and ``matchExpressions``, ANDed) holds; the empty one always does."""
    return selector.get("matchLabels", {}).items() <= labels.items() and all(
        _expression_holds(expression, labels) for expression in selector.get("matchExpressions", ())
    )


def _tolerates(toleration: Json, taint: Taint) -> bool:
    key, effect = toleration.get("key", ""), toleration.get("effect", "")
    if (effect and effect != taint.effect) or (key and key != taint.key):
        return False
    if toleration.get("operator", "Equal") == "Exists":
        return True
    return bool(key) and toleration.get("value", "") == taint.value


def _selected(pod: Pod, node: Node) -> bool:
    """Node selector and required node affinity together; terms are ORed, their expressions ANDed."""
    if any(node.labels.get(key) != value for key, value in pod.node_selector.items()):
        return False
    return not pod.affinity or any(_term_holds(term, node) for term in pod.affinity)


def _term_holds(term: Json, node: Node) -> bool:
    expressions = term.get("matchExpressions", ())
    names = term.get("matchFields", ())
    # A term without any demand matches no node.
    return bool(expressions or names) and all(
        [
            *(_expression_holds(expression, node.labels) for expression in expressions),
            *(_expression_holds(expression, {"metadata.name": node.name}) for expression in names),
        ]
    )


def _expression_holds(expression: Json, labels: Mapping[str, str]) -> bool:
    value, values = labels.get(expression["key"]), expression.get("values", [])
    match expression["operator"]:
        case "In":
            return value in values
        case "NotIn":
            return value not in values
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
        case "Gt" | "Lt" as operator:
            if value is None or not value.lstrip("-").isdigit():
                return False
            return int(value) > int(values[0]) if operator == "Gt" else int(value) < int(values[0])
    return False
