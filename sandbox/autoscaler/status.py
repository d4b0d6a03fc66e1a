"""The content of the status ConfigMap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import yaml

from sandbox.autoscaler.groups import Group

SIGNATURE = "written by sandbox-autoscaler, the sandbox's stand-in for Cluster Autoscaler"


@dataclass(frozen=True)
class Counts:
    """Nodes of a group or of the cluster; ``unregistered`` are instances that have not joined as nodes."""

    ready: int = 0
    unready: int = 0
    being_deleted: int = 0
    unregistered: int = 0

    @property
    def registered(self) -> int:
        """Nodes of every kind."""
        return self.ready + self.unready + self.being_deleted


@dataclass(frozen=True)
class GroupStatus:
    """What the status tells of one group; ``error`` is that of the failure it is backed off for."""

    group: Group
    counts: Counts
    candidates: int
    error: str = ""

    @property
    def scale_up(self) -> str:
        """The condition of its growth."""
        if self.error:
            return "Backoff"
        return "InProgress" if self.group.target > self.counts.registered else "NoActivity"


@dataclass(frozen=True)
class ClusterStatus:
    """What a loop found."""

    healthy: bool
    counts: Counts
    groups: Sequence[GroupStatus]

    @property
    def candidates(self) -> int:
        """Nodes that could be removed."""
        return sum(status.candidates for status in self.groups)

    @property
    def scale_up(self) -> str:
        """The condition of the cluster's growth."""
        return "InProgress" if any(status.scale_up == "InProgress" for status in self.groups) else "NoActivity"


class Transitions:
    """Since when each condition has been what it is."""

    def __init__(self) -> None:
        self._since: dict[str, tuple[str, datetime]] = {}

    def since(self, condition: str, value: str, now: datetime) -> datetime:
        """Notes the present value of a condition and returns when it took it."""
        if self._since.get(condition, ("", now))[0] != value:
            self._since[condition] = (value, now)
        return self._since[condition][1]


def timestamp(now: datetime) -> str:
    """A time as Go prints it, for the annotation ``cluster-autoscaler.kubernetes.io/last-updated``."""
    return now.strftime("%Y-%m-%d %H:%M:%S.%f000 +0000 UTC")


def initializing(now: datetime, as_yaml: bool) -> str:
    """The status before the first loop."""
    if not as_yaml:
        return f"Cluster-autoscaler status at {timestamp(now)}:\nInitializing ({SIGNATURE})"
    return _dump({"time": timestamp(now), "autoscalerStatus": "Initializing", "message": SIGNATURE})


def running(status: ClusterStatus, transitions: Transitions, now: datetime, as_yaml: bool) -> str:
    """The status after a loop: YAML as written since 1.30, or the text that releases before wrote."""
    render = _as_yaml if as_yaml else _as_text
    return render(status, transitions, now)


def _as_yaml(status: ClusterStatus, transitions: Transitions, now: datetime) -> str:
    def condition(name: str, value: str, **more: Any) -> dict[str, Any]:
        since = transitions.since(name, value, now)
        return {"status": value, **more, "lastProbeTime": _iso(now), "lastTransitionTime": _iso(since)}

    def scale_down(name: str, candidates: int) -> dict[str, Any]:
        return condition(name, _candidates(candidates), **({"candidates": candidates} if candidates else {}))

    def group(its: GroupStatus) -> dict[str, Any]:
        name = its.group.name
        sizes = {"cloudProviderTarget": its.group.target, "minSize": its.group.min_size, "maxSize": its.group.max_size}
        backoff = {"backoffInfo": {"errorCode": "cloudProviderError", "errorMessage": its.error}} if its.error else {}
        return {
            "name": name,
            "health": condition(f"{name}/health", "Healthy", nodeCounts=_node_counts(its.counts), **sizes),
            "scaleUp": condition(f"{name}/scaleUp", its.scale_up, **backoff),
            "scaleDown": scale_down(f"{name}/scaleDown", its.candidates),
        }

    return _dump(
        {
            "time": timestamp(now),
            "autoscalerStatus": "Running",
            "message": SIGNATURE,
            "clusterWide": {
                "health": condition("health", _health(status), nodeCounts=_node_counts(status.counts)),
                "scaleUp": condition("scaleUp", status.scale_up),
                "scaleDown": scale_down("scaleDown", status.candidates),
            },
            "nodeGroups": [group(its) for its in status.groups],
        }
    )


def _as_text(status: ClusterStatus, transitions: Transitions, now: datetime) -> str:
    def condition(name: str, title: str, value: str, detail: str) -> list[str]:
        since = transitions.since(name, value, now)
        return [
            f"  {title + ':':12}{value}{detail}",
            f"              LastProbeTime:      {timestamp(now)}",
            f"              LastTransitionTime: {timestamp(since)}",
        ]

    lines = [f"Cluster-autoscaler status at {timestamp(now)}:", SIGNATURE, "Cluster-wide:"]
    lines += condition("health", "Health", _health(status), f" ({_text_counts(status.counts)})")
    lines += condition("scaleUp", "ScaleUp", status.scale_up, f" ({_text_counts(status.counts, short=True)})")
    lines += condition("scaleDown", "ScaleDown", _candidates(status.candidates), f" (candidates={status.candidates})")
    lines += ["", "NodeGroups:"]
    for its in status.groups:
        group, name = its.group, its.group.name
        sizes = f"cloudProviderTarget={group.target} (minSize={group.min_size}, maxSize={group.max_size})"
        lines.append(f"  Name:        {name}")
        lines += condition(f"{name}/health", "Health", "Healthy", f" ({_text_counts(its.counts)} {sizes})")
        lines += condition(
            f"{name}/scaleUp",
            "ScaleUp",
            its.scale_up,
            f" (ready={its.counts.ready} cloudProviderTarget={group.target})",
        )
        lines += condition(
            f"{name}/scaleDown", "ScaleDown", _candidates(its.candidates), f" (candidates={its.candidates})"
        )
        lines.append("")
    return "\n".join(lines)


def _node_counts(counts: Counts) -> dict[str, Any]:
    return {
        "registered": {
            "total": counts.registered,
            "ready": counts.ready,
            "notStarted": 0,
            "suspended": 0,
            "beingDeleted": counts.being_deleted,
            "unready": {"total": counts.unready, "resourceUnready": 0},
        },
        "longUnregistered": 0,
        "unregistered": counts.unregistered,
    }


def _text_counts(counts: Counts, short: bool = False) -> str:
    if short:
        return f"ready={counts.ready} registered={counts.registered}"
    return (
        f"ready={counts.ready} unready={counts.unready} (resourceUnready=0) notStarted=0 longNotStarted=0 "
        f"registered={counts.registered} longUnregistered=0"
    )


def _health(status: ClusterStatus) -> str:
    return "Healthy" if status.healthy else "Unhealthy"


def _candidates(number: int) -> str:
    return "CandidatesPresent" if number else "NoCandidates"


def _iso(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _dump(document: dict[str, Any]) -> str:
    text: str = yaml.safe_dump(document, sort_keys=False)
    return text
