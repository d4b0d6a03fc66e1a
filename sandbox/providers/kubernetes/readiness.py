"""When an object does what it was made for, for the kinds that the stand-in waits for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def missing_for_ready(live: Mapping[str, Any]) -> str | None:
    """What a live object still lacks, in words; None when it is ready, or is of a kind that is not waited for.

    The rules are those of ``kubectl rollout status`` (Deployment, StatefulSet, DaemonSet) and of the condition
    ``Established`` (CustomResourceDefinition).
    """
    kind, spec, status = live.get("kind"), live.get("spec") or {}, live.get("status") or {}
    if kind == "CustomResourceDefinition":
        return None if _condition(status, "Established").get("status") == "True" else "it is not yet established"
    if kind not in ("DaemonSet", "Deployment", "StatefulSet"):
        return None
    if status.get("observedGeneration", 0) < live["metadata"].get("generation", 0):
        return "its controller has not seen it yet"
    if kind == "DaemonSet":
        wanted = status.get("desiredNumberScheduled", 0)
        updated, available = status.get("updatedNumberScheduled", 0), status.get("numberAvailable", 0)
    else:
        wanted = spec.get("replicas", 1)
        updated, available = status.get("updatedReplicas", 0), status.get("availableReplicas", 0)
    if updated >= wanted and available >= wanted and status.get("replicas", 0) <= updated:
        return None
    why = _condition(status, "Available").get("message") or _condition(status, "Progressing").get("message")
    return f"{updated} of {wanted} pods are up to date, {available} available" + (f" ({why})" if why else "")


def _condition(status: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found: Mapping[str, Any]
    for found in status.get("conditions") or []:
        if found.get("type") == name:
            return found
    return {}
