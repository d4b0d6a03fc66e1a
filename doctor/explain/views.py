"""The answers as text and as JSON."""

import json
from collections.abc import Hashable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from ..fixes import command_of
from ..owners import alike, without_name
from ..rendering.wrapping import fit
from .addition import PodAnswer
from .removal import NodeAnswer, Reason, Verdict

SCHEMA_VERSION = 1
"""Raised when a field changes its meaning or is removed; new fields may be added without."""

UNBLOCK = "to unblock: "

_WORDS = {
    Verdict.NEEDED: "stays: it is needed",
    Verdict.BLOCKED: "stays: its removal is blocked",
    Verdict.WAITING: "is removed after the delays below",
    Verdict.REMOVABLE: "is removed next: nothing blocks it",
    Verdict.LEAVING: "is being removed",
    Verdict.FIXED: "stays: it is not autoscaled",
}


def nodes_text(answers: Sequence[NodeAnswer], cluster: str, counted: Mapping[str, int] | None = None) -> str:
    """Return the answers as text: a summary, then each node with every reason and what would remove it.

    Args:
        answers: One for each node.
        cluster: Name of the cluster.
        counted: Nodes that the autoscaler counts as unremovable, by reason.
    """
    lines = [_nodes_summary(answers, cluster)]
    if counted:
        reasons = ", ".join(f"{reason} {count}" for reason, count in counted.items())
        # `UpdateUnremovableNodesCount` sets the reasons of this loop only (`metrics/metrics.go`).
        lines.append(f"The autoscaler's own count (/metrics; a reason that is gone keeps its last number): {reasons}.")
    for answer in answers:
        used = answer.utilization
        share = f", {used.share:.0%} of its {used.resource} requested" if used else ""
        cost = f", {answer.monthly:.2f} a month" if answer.monthly is not None else ""
        kind = f" ({answer.instance_type})" if answer.instance_type else ""
        lines += ["", f"{answer.node}{kind} {_WORDS[answer.verdict]}{share}{cost}"]
        for similar in alike(answer.reasons, _key):
            first = similar[0]
            lines.append(f"  {first.rule}: {_subject(similar)}{first.text}")
            if first.unblock:
                lines.append(f"    {UNBLOCK}{first.unblock}")
    return "\n".join(lines) + "\n"


def fitted(text: str, width: int | None) -> Iterator[str]:
    """Yield the lines of an answer, wrapped at words for a terminal; a command stays on one line.

    Args:
        text: The answer as text.
        width: Columns of the terminal; None where nothing is wrapped.
    """
    for line in text.splitlines():
        indentation = len(line) - len(line.lstrip())
        is_command = bool(command_of(line.strip().removeprefix(UNBLOCK)))
        yield from fit(line, None if is_command else width, indentation + 2)


def _key(reason: Reason) -> Hashable | None:
    """What is the same for the pods of a workload; a command that names a pod is for that pod only."""
    text = without_name(reason.text, reason.pod)
    return (reason.rule, text, reason.unblock, reason.owner) if reason.owner else None


def _subject(reasons: Sequence[Reason]) -> str:
    first = reasons[0]
    if len(reasons) > 1:
        return f"{len(reasons)} pods of {first.owner}, such as {first.pod}: "
    return f"{first.pod}: " if first.pod else ""


def _nodes_summary(answers: Sequence[NodeAnswer], cluster: str) -> str:
    counts = [(verdict, sum(each.verdict is verdict for each in answers)) for verdict in Verdict]
    words = ", ".join(f"{count} {verdict}" for verdict, count in counts if count)
    blocked = [each.monthly for each in answers if each.verdict is Verdict.BLOCKED and each.monthly is not None]
    cost = f" The blocked nodes cost {sum(blocked, Decimal()):.2f} a month." if blocked else ""
    nodes = "1 node" if len(answers) == 1 else f"{len(answers)} nodes"
    return f"{cluster}: {nodes}{f' ({words})' if words else ''}.{cost}"


def pod_text(answer: PodAnswer) -> str:
    """Return the answer as text: the pod, each group with what its next node offers, and the smallest change."""
    lines = [f"{answer.pod} requests {answer.requests}."]
    lines += [f"  {reason[0].upper()}{reason[1:]}." for reason in answer.reasons]
    for group in answer.groups:
        verdict = "does not help" if group.reasons else "would fit the pod"
        lines += ["", f"{group.group}: a new node {verdict}"]
        if group.capacity:
            lines.append(f"  offers: {group.capacity}; known from {group.source}")
        lines += [f"  {reason}" for reason in group.reasons]
    if answer.change:
        lines += ["", f"Smallest change: {answer.change}."]
    elif answer.helped_by:
        lines += ["", f"The autoscaler can add a node of {' or '.join(answer.helped_by)}."]
    return "\n".join(lines) + "\n"


def nodes_document(answers: Sequence[NodeAnswer], cluster: str, counted: Mapping[str, int] | None = None) -> str:
    """Return the answers as JSON."""
    return _json(
        {
            "schemaVersion": SCHEMA_VERSION,
            "cluster": cluster,
            "nodes": [_node(each) for each in answers],
            "counted": dict(counted or {}),
        }
    )


def _node(answer: NodeAnswer) -> dict[str, Any]:
    used = answer.utilization
    shares = used and {
        "resource": used.resource,
        "share": round(used.share, 4),
        "threshold": used.threshold,
        "shares": {name: round(share, 4) for name, share in used.shares.items()},
    }
    return {
        "node": answer.node,
        "verdict": answer.verdict.value,
        "group": answer.group,
        "instanceType": answer.instance_type,
        "monthly": None if answer.monthly is None else str(answer.monthly),
        "utilization": shares,
        "reasons": [
            {
                "rule": each.rule,
                "pod": each.pod,
                "owner": each.owner,
                "reason": each.text,
                "unblock": each.unblock,
            }
            for each in answer.reasons
        ],
    }


def pod_document(answer: PodAnswer) -> str:
    """Return the answer as JSON."""
    return _json(
        {
            "schemaVersion": SCHEMA_VERSION,
            "pod": answer.pod,
            "requests": answer.requests,
            "reasons": list(answer.reasons),
            "groups": [
                {"group": each.group, "source": each.source, "capacity": each.capacity, "reasons": list(each.reasons)}
                for each in answer.groups
            ],
            "change": answer.change,
        }
    )


def _json(document: Any) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
