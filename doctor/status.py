"""Parse the status that Cluster Autoscaler writes into its ConfigMap: YAML since 1.30, free text before.

Source of both forms: kubernetes/autoscaler, ``clusterstate/api`` and ``clusterstate/utils/status.go`` (1.26 to 1.36).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import yaml

# The loader in C if it exists: the status of hundreds of groups has ten thousand lines.
_LOADER = getattr(yaml, "CBaseLoader", yaml.BaseLoader)

INITIALIZING = "Initializing"
RUNNING = "Running"
LAST_UPDATED = "cluster-autoscaler.kubernetes.io/last-updated"
"""Annotation of the ConfigMap: when it was written, in Go's notation."""

STALE_AFTER = timedelta(minutes=3)
"""A status older than this means that the main loop has stopped (Cluster Autoscaler FAQ)."""

_GO_TIME = re.compile(r"(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d)(?:\.(\d+))?\s*(Z|[+-]\d\d:?\d\d)?")
_TEXT_HEADER = re.compile(r"Cluster-autoscaler status at (.*):\s*$")
_TEXT_CONDITION = re.compile(r"\s*(Name|Health|ScaleUp|ScaleDown):\s+(\S+)\s*(.*)")
_COUNT = re.compile(r"(\w+)=(\d+)")


class StatusFormatError(ValueError):
    """The text has neither of the two formats."""


@dataclass(frozen=True)
class GroupStatus:
    """The status of one node group, or of the whole cluster (then without name and sizes).

    Attributes:
        health: ``Healthy`` or ``Unhealthy``.
        scale_up: ``NoActivity``, ``Needed``, ``NotNeeded``, ``InProgress`` or ``Backoff``.
        error: Code and message of the failure that caused a ``Backoff``; empty before 1.30.
    """

    name: str = ""
    health: str = ""
    scale_up: str = ""
    scale_down: str = ""
    error: str = ""
    ready: int = 0
    registered: int = 0
    unregistered: int = 0
    long_unregistered: int = 0
    target: int = 0
    min: int = 0
    max: int = 0


@dataclass(frozen=True)
class AutoscalerStatus:
    """The whole status.

    Attributes:
        phase: ``Initializing`` or ``Running``.
        written_at: When it was written; None if the text does not show it.
    """

    phase: str
    written_at: datetime | None
    cluster: GroupStatus
    groups: tuple[GroupStatus, ...]


def parse_go_time(text: str) -> datetime | None:
    """Parse ``2023-11-24 04:28:19.546750398 +0000 UTC`` or RFC 3339; None for anything else."""
    match = _GO_TIME.match(text.strip())
    if match is None:
        return None
    day, clock, fraction, offset = match.groups()
    zone = "+0000" if offset in (None, "Z") else offset.replace(":", "")
    try:
        seconds = datetime.strptime(f"{day} {clock} {zone}", "%Y-%m-%d %H:%M:%S %z")
        return (seconds + timedelta(microseconds=int((fraction or "0").ljust(6, "0")[:6]))).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def parse_status(text: str) -> AutoscalerStatus:
    """Parse the value of the key ``status``.

    Raises:
        StatusFormatError: When it is in neither form.
    """
    lines = text.strip().splitlines()
    header = _TEXT_HEADER.match(lines[0]) if lines else None
    return _parse_text(header[1], lines[1:]) if header else _parse_yaml(text)


def _parse_text(written_at: str, lines: list[str]) -> AutoscalerStatus:
    conditions = [match.groups() for line in lines if (match := _TEXT_CONDITION.match(line))]
    statuses = [GroupStatus()]
    for kind, value, detail in conditions:
        if kind == "Name":
            statuses.append(GroupStatus(name=value))
        else:
            statuses[-1] = _with_condition(statuses[-1], kind, value, detail)
    return AutoscalerStatus(
        phase=RUNNING if conditions else INITIALIZING,
        written_at=parse_go_time(written_at),
        cluster=statuses[0],
        groups=tuple(statuses[1:]),
    )


def _with_condition(status: GroupStatus, kind: str, value: str, detail: str) -> GroupStatus:
    if kind == "ScaleUp":
        return replace(status, scale_up=value)
    if kind == "ScaleDown":
        return replace(status, scale_down=value)
    counts = {name: int(number) for name, number in _COUNT.findall(detail)}
    return replace(
        status,
        health=value,
        ready=counts.get("ready", 0),
        registered=counts.get("registered", 0),
        long_unregistered=counts.get("longUnregistered", 0),
        target=counts.get("cloudProviderTarget", 0),
        min=counts.get("minSize", 0),
        max=counts.get("maxSize", 0),
    )


def _parse_yaml(text: str) -> AutoscalerStatus:
    try:
        # The base loader leaves every scalar a string: no date or number in the text can make it fail.
        document = yaml.load(text, Loader=_LOADER)
    except (yaml.YAMLError, RecursionError) as error:
        raise StatusFormatError(f"neither free text nor YAML: {error}") from error
    if not isinstance(document, dict) or "autoscalerStatus" not in document:
        raise StatusFormatError("expected the key autoscalerStatus (Cluster Autoscaler 1.30 and later)")
    groups = document.get("nodeGroups")
    return AutoscalerStatus(
        phase=str(document["autoscalerStatus"]),
        written_at=parse_go_time(str(document.get("time", ""))),
        cluster=_group_status(_mapping(document.get("clusterWide"))),
        groups=tuple(_group_status(_mapping(group)) for group in groups) if isinstance(groups, list) else (),
    )


def _group_status(document: Mapping[str, Any]) -> GroupStatus:
    health = _mapping(document.get("health"))
    counts = _mapping(health.get("nodeCounts"))
    registered = _mapping(counts.get("registered"))
    scale_up = _mapping(document.get("scaleUp"))
    backoff = _mapping(scale_up.get("backoffInfo"))
    return GroupStatus(
        name=str(document.get("name", "")),
        health=str(health.get("status", "")),
        scale_up=str(scale_up.get("status", "")),
        scale_down=str(_mapping(document.get("scaleDown")).get("status", "")),
        error=": ".join(str(backoff[key]) for key in ("errorCode", "errorMessage") if backoff.get(key)),
        ready=_number(registered.get("ready")),
        registered=_number(registered.get("total")),
        unregistered=_number(counts.get("unregistered")),
        long_unregistered=_number(counts.get("longUnregistered")),
        target=_number(health.get("cloudProviderTarget")),
        min=_number(health.get("minSize")),
        max=_number(health.get("maxSize")),
    )


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _number(value: Any) -> int:
    return int(value) if isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,18}", value) else 0
