"""Short ways to say what a cluster looks like."""

from datetime import UTC, datetime
from typing import Any

from sandbox import versions
from sandbox.autoscaler.flags import parse
from sandbox.autoscaler.groups import Group
from sandbox.autoscaler.objects import Node, Pod, quantities
from sandbox.autoscaler.options import Options
from sandbox.autoscaler.releases import Release

NEWEST = Release.of_image("sandbox:v" + versions.rows("cluster-autoscaler.tsv")[-1]["newest"])
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def options(*arguments: str, release: Release = NEWEST) -> Options:
    return Options.of(parse(arguments, release))


def pod(name: str = "pod", cpu: str = "100m", **fields: Any) -> Pod:
    requests = quantities({"cpu": cpu, "memory": "10Mi", "pods": "1"})
    return Pod(**{"name": name, "uid": name, "owner": "ReplicaSet", "requests": requests, **fields})


def node(name: str = "node", cpu: str = "2", pods: str = "10", **fields: Any) -> Node:
    allocatable = quantities({"cpu": cpu, "memory": "4Gi", "pods": pods})
    return Node(**{"name": name, "instance": f"i-{name}", "allocatable": allocatable, **fields})


def group(name: str = "group", size: int = 1, **fields: Any) -> Group:
    return Group(**{"name": name, "min_size": 0, "max_size": 10, "target": size, "zones": ("us-east-1a",), **fields})
