"""The environments that are measured: as they ship, and grown."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import yaml

from sandbox.layout import PROJECT
from sandbox.stacks import PROJECT_NAME

CHART = PROJECT / "sandbox" / "chart" / "cluster-autoscaler"

Document = dict[str, Any]


def dev_like(cluster: str, chart: Path = CHART) -> Document:
    """``Pulumi.dev.yaml`` on another cluster, with a chart that needs no network."""
    document: Document = yaml.safe_load((PROJECT / "Pulumi.dev.yaml").read_text())
    config = document["config"]
    config[f"{PROJECT_NAME}:cluster"] = {"name": cluster}
    config[f"{PROJECT_NAME}:autoscaler"]["chart"] = {"location": str(chart)}
    return document


def adopting() -> Document:
    """``Pulumi.adopt.yaml``, which takes over a cluster and its one node group."""
    document: Document = yaml.safe_load((PROJECT / "Pulumi.adopt.yaml").read_text())
    return document


def with_groups(document: Document, count: int) -> Document:
    """The same with ``count`` node groups of one kind, all empty: what is measured is the stack, not its nodes."""
    grown = copy.deepcopy(document)
    grown["config"][f"{PROJECT_NAME}:nodeGroups"] = [
        {"name": f"group-{number:03}", "minSize": 0, "maxSize": 3, "labels": {"workload": f"work-{number:03}"}}
        for number in range(1, count + 1)
    ]
    return grown
