"""Short ways to make the parts of a cluster, in the API's own form."""

from datetime import UTC, datetime
from typing import Any

from sandbox import versions
from sandbox.autoscaler.aws import Group
from sandbox.autoscaler.flags import Options, parse
from sandbox.autoscaler.nodes import Node, Pod

_TABLE = versions.rows("cluster-autoscaler.tsv")
NEWEST_IMAGE = f"v{_TABLE[-1]['newest']}"
"""Tag of the newest release that the stand-in emulates."""
NEWEST = int(_TABLE[-1]["minor"].partition(".")[2])
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
UNSCHEDULABLE = {"conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}]}


def options(*arguments: str) -> Options:
    return parse(arguments, NEWEST)[0]


def pod(name: str = "pod", cpu: str = "100m", waits: bool = False, metadata: Any = None, **spec: Any) -> Pod:
    requests = {"cpu": cpu, "memory": "10Mi"}
    return Pod.of(
        {
            "metadata": {"name": name, "namespace": "default", "uid": name, **(metadata or {})},
            "spec": {"containers": [{"name": "app", "resources": {"requests": requests}}], **spec},
            "status": UNSCHEDULABLE if waits else {},
        }
    )


def node(name: str = "node", cpu: str = "2", pods: str = "10", **spec: Any) -> Node:
    labels, ready = spec.pop("labels", {}), spec.pop("ready", "True")
    return Node.of(
        {
            "metadata": {"name": name, "labels": labels},
            "spec": {"providerID": f"aws:///us-east-1a/i-{name}", **spec},
            "status": {
                "allocatable": {"cpu": cpu, "memory": "4Gi", "pods": pods},
                "conditions": [{"type": "Ready", "status": ready}],
            },
        }
    )


def group(name: str = "group", size: int = 1, **fields: Any) -> Group:
    return Group(**{"name": name, "min_size": 0, "max_size": 10, "target": size, "zones": ("us-east-1a",), **fields})
