"""The content of the status ConfigMap, in the form of 1.30 and later (clusterstate/api/types.go)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import yaml

from sandbox.autoscaler.aws import Group
from sandbox.autoscaler.nodes import Node

SIGNATURE = "written by sandbox-autoscaler, the sandbox's stand-in for Cluster Autoscaler"


def group_status(group: Group, nodes: Sequence[Node], candidates: int, error: str) -> Mapping[str, Any]:
    """Return the entry of one group; ``error`` is the failure for which it is backed off."""
    counts = _counts(nodes, len(group.instances) - len(nodes))
    sizes = {"cloudProviderTarget": group.target, "minSize": group.min_size, "maxSize": group.max_size}
    scale_up: dict[str, Any] = {"status": "NoActivity"}
    if error:
        scale_up = {"status": "Backoff", "backoffInfo": {"errorCode": "cloudProviderError", "errorMessage": error}}
    elif group.target > sum(node.ready for node in nodes):
        scale_up = {"status": "InProgress"}
    health = {"status": "Healthy", "nodeCounts": counts, **sizes}
    return {"name": group.name, "health": health, "scaleUp": scale_up, "scaleDown": _scale_down(candidates)}


def running(nodes: Sequence[Node], groups: Sequence[Mapping[str, Any]], now: datetime) -> str:
    """Return the status after a loop."""
    unregistered = sum(group["health"]["nodeCounts"]["unregistered"] for group in groups)
    grows = any(group["scaleUp"]["status"] == "InProgress" for group in groups)
    cluster = {
        "health": {"status": "Healthy", "nodeCounts": _counts(nodes, unregistered)},
        "scaleUp": {"status": "InProgress" if grows else "NoActivity"},
        "scaleDown": _scale_down(sum(group["scaleDown"].get("candidates", 0) for group in groups)),
    }
    return document("Running", now, clusterWide=cluster, nodeGroups=groups)


def document(phase: str, now: datetime, **more: Any) -> str:
    """Return a status; one of the phase ``Initializing`` has nothing more."""
    fields = {"time": timestamp(now), "autoscalerStatus": phase, "message": SIGNATURE, **more}
    return str(yaml.safe_dump(fields, sort_keys=False))


def timestamp(now: datetime) -> str:
    """Return a time as Go prints it, for the annotation ``cluster-autoscaler.kubernetes.io/last-updated``."""
    return now.strftime("%Y-%m-%d %H:%M:%S.%f000 +0000 UTC")


def _counts(nodes: Sequence[Node], unregistered: int) -> Mapping[str, Any]:
    leaving = sum(node.being_deleted for node in nodes)
    ready = sum(node.ready and not node.being_deleted for node in nodes)
    unready = {"total": len(nodes) - ready - leaving, "resourceUnready": 0}
    registered = {"total": len(nodes), "ready": ready, "notStarted": 0, "beingDeleted": leaving, "unready": unready}
    return {"registered": registered, "longUnregistered": 0, "unregistered": unregistered}


def _scale_down(candidates: int) -> Mapping[str, Any]:
    return {"status": "CandidatesPresent", "candidates": candidates} if candidates else {"status": "NoCandidates"}
