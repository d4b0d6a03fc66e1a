"""Read the page ``/metrics`` of Cluster Autoscaler (`metrics/metrics.go`, `cloudprovider/aws/aws_metrics.go`)."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from ._shared import versions
from .facts import Metrics

SUCCESS = "success"
"""The outcome of a request to AWS that did not fail (`observeAWSRequest`)."""

_PREFIX = "cluster_autoscaler_"
_SAMPLE = re.compile(r"(?P<name>[a-zA-Z_:][\w:]*)(?:\{(?P<labels>.*)\})? +(?P<value>\S+)")
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
_ESCAPED = re.compile(r"\\(.)")

_REASONS = (
    "NoReason",
    "ScaleDownDisabledAnnotation",
    "ScaleDownUnreadyDisabled",
    "NotAutoscaled",
    "NotUnneededLongEnough",
    "NotUnreadyLongEnough",
    "NodeGroupMinSizeReached",
    "NodeGroupMaxDeletionCountReached",
    "AtomicScaleDownFailed",
    "MinimalResourceLimitExceeded",
    "CurrentlyBeingDeleted",
    "NotUnderutilized",
    "NotUnneededOtherReason",
    "RecentlyUnremovable",
    "NoPlaceToMovePods",
    "BlockedByPod",
    "UnexpectedError",
    "NoNodeInfo",
    "BlockedByOnCompletionPod",
)
"""`simulator/cluster.go`, `UnremovableReason`: the metric has its number, since the type has no String method."""
_SINCE_1_32 = ("NodeGroupMaxDeletionCountReached", "AtomicScaleDownFailed")
_NUMBERED_SINCE = (1, 28)
"""First minor whose numbers are known here."""


class Sample(NamedTuple):
    """One line of the page."""

    name: str
    labels: Mapping[str, str]
    value: float


def parse_metrics(page: str, pod: str, minor: versions.Minor | None) -> Metrics | None:
    """Return the counters of a page, or None if it is not a page of Cluster Autoscaler.

    Args:
        page: In the text format of Prometheus.
        pod: The pod that served it.
        minor: Minor version of the autoscaler, which decides the names of reasons.
    """
    lines = [line for line in page.splitlines() if _PREFIX in line and "_bucket{" not in line]
    samples = list(_samples(lines))
    if not samples:
        return None
    names = reason_names(minor)
    requests: dict[str, dict[str, int]] = {}
    for each in samples:
        if each.name == "aws_request_duration_seconds_count":
            outcomes = requests.setdefault(each.labels.get("endpoint", ""), {})
            outcomes[each.labels.get("status", "")] = int(each.value)
    unremovable = _by(samples, "unremovable_nodes_count", "reason")
    return Metrics(
        pod=pod,
        loops=_by(samples, "function_duration_seconds_count", "function").get("main", 0),
        errors=_by(samples, "errors_total", "type"),
        scaled_up=sum(int(each.value) for each in samples if each.name == "scaled_up_nodes_total"),
        failed_scale_ups=_by(samples, "failed_scale_ups_total", "reason"),
        unremovable={names.get(reason, reason): count for reason, count in unremovable.items()},
        in_cooldown=any(each.name == "scale_down_in_cooldown" and each.value == 1 for each in samples),
        aws_requests=requests,
        page="\n".join(lines) + "\n",
    )


def reason_names(minor: versions.Minor | None) -> Mapping[str, str]:
    """Return the name of each numbered reason of one version; empty where its numbers are not known."""
    if minor is None or minor < _NUMBERED_SINCE:
        return {}
    names = _REASONS if minor >= (1, 32) else [name for name in _REASONS if name not in _SINCE_1_32]
    return {str(number): name for number, name in enumerate(names)}


def _samples(lines: list[str]) -> Iterator[Sample]:
    for line in lines:
        match = _SAMPLE.fullmatch(line.strip())
        if match is None or not match["name"].startswith(_PREFIX):
            continue
        try:
            value = float(match["value"])
        except ValueError:
            continue
        if value == value and abs(value) != float("inf"):
            labels = {key: _ESCAPED.sub(r"\1", text) for key, text in _LABEL.findall(match["labels"] or "")}
            yield Sample(match["name"].removeprefix(_PREFIX), labels, value)


def _by(samples: list[Sample], name: str, label: str) -> dict[str, int]:
    """The values of one metric that are not zero, summed over its other labels."""
    found: Counter[str] = Counter()
    for each in samples:
        if each.name == name and each.value:
            found[each.labels.get(label, "")] += int(each.value)
    return dict(found)
