"""A Grafana dashboard of Cluster Autoscaler, in Grafana's classic JSON model (schema version 39, since Grafana 10.4).

The metrics are those of kubernetes/autoscaler at 1.36.1: ``metrics/metrics.go``, ``cloudprovider/aws/aws_metrics.go``.
"""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

UID = "eks-cluster-autoscaler"
FILE = "cluster-autoscaler.json"
COLUMNS = 2
_WIDTH, _HEIGHT = 24 // COLUMNS, 8
_DATA_SOURCE = {"type": "prometheus", "uid": "${datasource}"}


class Panel(NamedTuple):
    """One graph.

    Attributes:
        title: Its title.
        unit: Unit of Grafana: ``short``, ``s``, ``bytes``, ``bool_yes_no``.
        queries: PromQL by legend.
        description: What the reader must know of the figures.
    """

    title: str
    unit: str
    queries: dict[str, str]
    description: str = ""


def _max(series: str, by: str = "") -> str:
    return f"max by ({by}) ({series})" if by else f"max({series})"


def _increase(series: str, by: str) -> str:
    return f"sum by ({by}) (increase({series}[$__rate_interval]))"


PANELS = (
    Panel("Nodes", "short", {"{{state}}": _max("cluster_autoscaler_nodes_count", "state")}),
    Panel(
        "Pending pods",
        "short",
        {"{{type}}": _max("cluster_autoscaler_unschedulable_pods_count", "type")},
        "Pods that the scheduler could not place when the last loop began.",
    ),
    Panel(
        "Nodes added and removed",
        "short",
        {
            "added": "sum(increase(cluster_autoscaler_scaled_up_nodes_total[$__rate_interval]))",
            "removed: {{reason}}": _increase("cluster_autoscaler_scaled_down_nodes_total", "reason"),
        },
    ),
    Panel(
        "Failed scale-ups", "short", {"{{reason}}": _increase("cluster_autoscaler_failed_scale_ups_total", "reason")}
    ),
    Panel(
        "Unneeded nodes",
        "short",
        {
            "unneeded": _max("cluster_autoscaler_unneeded_nodes_count"),
            "scale-down in cooldown": _max("cluster_autoscaler_scale_down_in_cooldown"),
            "being deleted": _max("cluster_autoscaler_pending_node_deletions"),
        },
    ),
    Panel(
        "Unremovable nodes",
        "short",
        {"reason {{reason}}": _max("cluster_autoscaler_unremovable_nodes_count", "reason")},
        "The reason is the number of a constant (UnremovableReason in simulator/cluster.go). At 1.33.6 and 1.36.1, 11 "
        "is NotUnderutilized, 14 NoPlaceToMovePods and 15 BlockedByPod. When a reason no longer applies, it keeps its "
        "last figure. For one node, use: python -m doctor explain node.",
    ),
    Panel(
        "Safe to autoscale",
        "bool_yes_no",
        {"safe": _max("cluster_autoscaler_cluster_safe_to_autoscale")},
    ),
    Panel(
        "Time since the last loop",
        "s",
        {"{{activity}}": f"time() - {_max('cluster_autoscaler_last_activity', 'activity')}"},
    ),
    Panel(
        "Duration of a loop",
        "s",
        {
            f"p{quantile}": f"histogram_quantile(0.{quantile}, sum by (le) "
            '(rate(cluster_autoscaler_function_duration_seconds_bucket{function="main"}[$__rate_interval])))'
            for quantile in (50, 99)
        },
    ),
    Panel("Errors", "short", {"{{type}}": _increase("cluster_autoscaler_errors_total", "type")}),
    Panel(
        "AWS calls",
        "short",
        {
            "{{endpoint}} {{status}}": _increase(
                "cluster_autoscaler_aws_request_duration_seconds_count", "endpoint, status"
            )
        },
    ),
    Panel(
        "Evicted pods",
        "short",
        {"{{eviction_result}}": _increase("cluster_autoscaler_evicted_pods_total", "eviction_result")},
    ),
)


def document() -> str:
    """Return the dashboard as JSON."""
    return json.dumps(
        {
            "uid": UID,
            "title": "Cluster Autoscaler",
            "tags": ["kubernetes", "autoscaling"],
            "schemaVersion": 39,
            "editable": True,
            "refresh": "1m",
            "time": {"from": "now-6h", "to": "now"},
            "annotations": {"list": []},
            "templating": {
                "list": [{"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus"}]
            },
            "panels": list(_panels()),
        },
        indent=2,
    )


def _panels() -> Iterator[dict[str, Any]]:
    for index, panel in enumerate(PANELS):
        row, column = divmod(index, COLUMNS)
        yield {
            "id": index + 1,
            "type": "timeseries",
            "title": panel.title,
            "description": panel.description,
            "datasource": _DATA_SOURCE,
            "gridPos": {"x": column * _WIDTH, "y": row * _HEIGHT, "w": _WIDTH, "h": _HEIGHT},
            "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0}, "overrides": []},
            "options": {
                "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": []},
                "tooltip": {"mode": "multi", "sort": "desc"},
            },
            "targets": [
                {"refId": chr(ord("A") + n), "datasource": _DATA_SOURCE, "expr": query, "legendFormat": legend}
                for n, (legend, query) in enumerate(panel.queries.items())
            ],
        }
