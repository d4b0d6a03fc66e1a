"""Alerts about Cluster Autoscaler: few, and quiet unless a human must act.

Metrics and labels are those of kubernetes/autoscaler at 1.36.1: ``metrics/metrics.go`` and
``cloudprovider/aws/aws_metrics.go``. Standby pods export zeros, because a gauge without labels is exported as
soon as it is registered, so every expression takes the highest value or the sum of all pods.

There is no alert on ``unremovable_nodes_count``: its value for a reason stays when the reason is gone
(``core/static_autoscaler.go``, ``countsByReason``), so it would go on about a node that was removed long ago.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

GROUP = "cluster-autoscaler"

DENIED = ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "ExpiredToken", "InvalidClientTokenId")
"""Error codes of AWS that stay until an engineer changes a policy, a trust or a credential."""
THROTTLED = ("Throttling", "ThrottlingException", "RequestLimitExceeded", "TooManyRequestsException")
"""Error codes by which AWS limits the rate of calls (botocore: ``retries/standard.py``, ``_THROTTLED_ERROR_CODES``)."""


class Alert(NamedTuple):
    """One alert.

    Attributes:
        name: Name of the alert.
        expression: PromQL that yields a series for each thing that is wrong.
        hold: How long it must hold before the alert fires.
        severity: ``critical`` if nothing scales until an engineer acts, else ``warning``.
        summary: What is wrong, in one line.
        description: What it means.
        runbook: Page and anchor in ``docs/doctor``.
    """

    name: str
    expression: str
    hold: str
    severity: str
    summary: str
    description: str
    runbook: str


def _of_all_pods(function: str, series: str) -> str:
    return f"{function} without (instance, pod) ({series})"


def _failures(codes: Iterable[str]) -> str:
    status = "|".join(codes)
    series = f'cluster_autoscaler_aws_request_duration_seconds_count{{status=~"{status}"}}'
    return _of_all_pods("sum", f"increase({series}[15m])")


_LAST_LOOP = 'cluster_autoscaler_last_activity{activity="main"}'

ALERTS = (
    Alert(
        "ClusterAutoscalerInactive",
        f"time() - {_of_all_pods('max', _LAST_LOOP)} > 600 or absent({_LAST_LOOP})",
        "10m",
        "critical",
        "The main loop of Cluster Autoscaler does not run.",
        "No pod has started a loop for 10 minutes, or Prometheus does not scrape the leader. Nothing scales.",
        "autoscaler.md#fresh",
    ),
    Alert(
        "ClusterAutoscalerUnsafe",
        f"{_of_all_pods('max', 'cluster_autoscaler_cluster_safe_to_autoscale')} == 0",
        "15m",
        "critical",
        "Cluster Autoscaler considers the cluster too unhealthy to scale.",
        "Too many nodes are not ready. Cluster Autoscaler adds and removes no node until they are.",
        "autoscaler.md#health",
    ),
    Alert(
        "ClusterAutoscalerErrors",
        f"{_of_all_pods('sum', 'increase(cluster_autoscaler_errors_total[15m])')} > 5",
        "15m",
        "warning",
        "Loops of Cluster Autoscaler end with errors of type {{ $labels.type }}.",
        "{{ $value | humanize }} loops failed in 15 minutes. A loop that fails adds and removes no node.",
        "autoscaler.md#recurring-error",
    ),
    Alert(
        "ClusterAutoscalerScaleUpFails",
        "sum without (instance, pod, gpu_resource_name, gpu_name, dra_drivers) "
        "(increase(cluster_autoscaler_failed_scale_ups_total[1h])) > 2",
        "15m",
        "warning",
        "Scale-ups fail: {{ $labels.reason }}.",
        "{{ $value | humanize }} scale-ups failed in an hour. Pods stay pending while the group is in backoff.",
        "groups.md#launching",
    ),
    Alert(
        "ClusterAutoscalerAccessDenied",
        f"{_failures(DENIED)} > 2",
        "5m",
        "critical",
        "AWS denies {{ $labels.endpoint }} to Cluster Autoscaler: {{ $labels.status }}.",
        "AWS denied {{ $value | humanize }} calls in 15 minutes. The role, its trust or its policy changed.",
        "permissions.md#reads",
    ),
    Alert(
        "ClusterAutoscalerThrottled",
        f"{_failures(THROTTLED)} > 10",
        "30m",
        "warning",
        "AWS throttles {{ $labels.endpoint }} of Cluster Autoscaler: {{ $labels.status }}.",
        "AWS rejected {{ $value | humanize }} calls in 15 minutes. The account shares the limit with other callers.",
        "autoscaler.md#throttled",
    ),
    Alert(
        "ClusterAutoscalerNodesNotRemoved",
        f"{_of_all_pods('max', 'cluster_autoscaler_unneeded_nodes_count')} > 0",
        "4h",
        "warning",
        "Nodes have been unneeded for hours and are not removed.",
        "There have been unneeded nodes at every moment of 4 hours; there are {{ $value }} now. They cost money.",
        "autoscaler.md#scale-down",
    ),
)
"""Every alert. An unneeded node is one whose group is above its minSize (``pre_filtering_processor.go``)."""


def rule_group(runbooks: str) -> dict[str, Any]:
    """Return the group of rules, as a PrometheusRule and a file of rules hold it.

    Args:
        runbooks: URL of the folder that holds the doctor's pages.
    """
    return {
        "name": GROUP,
        "rules": [
            {
                "alert": alert.name,
                "expr": alert.expression,
                "for": alert.hold,
                "labels": {"severity": alert.severity},
                "annotations": {
                    "summary": alert.summary,
                    "description": alert.description,
                    "runbook_url": f"{runbooks.rstrip('/')}/{alert.runbook}",
                },
            }
            for alert in ALERTS
        ],
    }
